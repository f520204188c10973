//! Unsafe and `extern` functions keep their qualifiers.

#![deny(warnings)]

use std::ffi::{CStr, c_char, c_int};

use futures_core::Stream;
use futures_util::{StreamExt, stream::iter};
use streamgauge::{Usage, instrument_endpoint, streaming_metrics, track_tokens};

#[instrument_endpoint]
unsafe fn first(numbers: *const u8) -> u8 {
    unsafe { *numbers }
}

#[instrument_endpoint]
async unsafe fn first_later(number: &u8) -> Option<u8> {
    let first = unsafe { first(number) };
    std::future::ready(first.checked_sub(1)?).await;
    Some(first)
}

#[instrument_endpoint]
unsafe extern "C" fn length(text: *const c_char) -> c_int {
    if text.is_null() {
        return -1;
    }
    let text = unsafe { CStr::from_ptr(text) };
    text.count_bytes().try_into().unwrap_or(c_int::MAX)
}

/// # Safety
///
/// None is needed.
#[instrument_endpoint]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn streamgauge_test_exported(number: c_int) -> c_int {
    number + 1
}

unsafe extern "C" {
    #[link_name = "streamgauge_test_exported"]
    fn imported(number: c_int) -> c_int;
}

#[track_tokens(model = "small")]
unsafe fn usage(input: *const u64) -> Usage {
    Usage::new(unsafe { *input }, 1)
}

#[streaming_metrics]
unsafe fn stream(numbers: *const u8, count: usize) -> impl Stream<Item = Vec<u8>> {
    let numbers = unsafe { std::slice::from_raw_parts(numbers, count) };
    iter(numbers.chunks(1).map(<[u8]>::to_vec))
}

unsafe trait Peek {
    unsafe fn peek(&self) -> u8;
}

unsafe impl Peek for *const u8 {
    #[instrument_endpoint]
    unsafe fn peek(&self) -> u8 {
        unsafe { **self }
    }
}

/// Every call needs its unsafe block: an unused block would be a warning, and warnings are denied.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let numbers = [1, 2];
    let function: unsafe fn(*const u8) -> u8 = first;
    assert_eq!(unsafe { function(numbers.as_ptr()) }, 1);
    assert_eq!(unsafe { first_later(&0).await }, None);
    assert_eq!(unsafe { first_later(&7).await }, Some(7));
    let function: unsafe extern "C" fn(*const c_char) -> c_int = length;
    assert_eq!(unsafe { function(c"abc".as_ptr()) }, 3);
    assert_eq!(unsafe { length(std::ptr::null()) }, -1);
    assert_eq!(unsafe { imported(1) }, 2);
    assert_eq!(unsafe { usage(&3) }, Usage::new(3, 1));
    assert_eq!(unsafe { stream(numbers.as_ptr(), 2) }.count().await, 2);
    assert_eq!(unsafe { (&raw const numbers[1]).peek() }, 2);
}
