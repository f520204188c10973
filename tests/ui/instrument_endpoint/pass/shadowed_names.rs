//! User-defined names that an expansion might rely on by mistake.

#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(dead_code, non_upper_case_globals, non_camel_case_types)]

use streamgauge::instrument_endpoint;

mod std {}
mod core {}
mod alloc {}
mod linkme {}
mod streamgauge_macros {}

#[derive(Debug, PartialEq)]
enum Result<T> {
    Ok(T),
}

#[derive(Debug, PartialEq)]
enum Option {
    Some,
    None,
}

use self::Option::{None, Some};
use self::Result::Ok;

struct Site;
struct Method;
struct Cow;
struct Reply;
struct Vec;
struct Box;
trait Into {}
trait FnOnce {}
trait Iterator {}
trait Future {}
trait Drop {}
trait Fn {}

const SITE: u8 = 1;
const SITES: u8 = 2;
const __SITE: u8 = 3;
const GUARD: u8 = 4;
const REPLY: u8 = 5;

fn call() -> u8 {
    6
}

fn start() -> u8 {
    call()
}

fn finish() -> u8 {
    start()
}

fn site() -> u8 {
    finish()
}

#[allow(unused_macros)]
macro_rules! site {
    ($($any:tt)*) => {
        compile_error!("not this one")
    };
}

#[allow(unused_macros)]
macro_rules! inspect {
    ($($any:tt)*) => {
        compile_error!("nor this one")
    };
}

#[allow(unused_macros)]
macro_rules! panic {
    ($($any:tt)*) => {
        compile_error!("nor the user's panic")
    };
}

/// A user-defined trait whose methods are implemented for every type.
#[allow(dead_code)]
trait Everything {
    fn record(&self) {}
    fn start(&self) {}
    fn finish(self)
    where
        Self: Sized,
    {
    }
    fn call(&self) {}
    fn map(&self) {}
    fn as_ref(&self) {}
    fn text(&self) {}
    fn status(&self) {}
    fn is_err(&self) -> u8 {
        8
    }
}

impl<T: ?Sized> Everything for T {}

#[instrument_endpoint(endpoint = "/all", method = "GET")]
async fn all<R>(other: R) -> (Result<R>, Option, [u8; 6]) {
    (Ok(other), Some, [SITE, SITES, __SITE, GUARD, REPLY, site()])
}

#[instrument_endpoint]
fn all_now() -> (Result<u8>, Option) {
    (Ok(SITE), None)
}

/// Arguments may have any name.
#[instrument_endpoint]
async fn arguments(guard: u8, reply: u8, value: u8, body: u8, site: u8) -> u8 {
    guard + reply + value + body + site
}

/// Arguments may have names that an expansion might use internally.
#[instrument_endpoint]
fn like_ours(__guard: u8, __reply: u8, __value: u8, __arg0: u8, __start: u8, __body: u8) -> u8 {
    __guard + __reply + __value + __arg0 + __start + __body
}

#[instrument_endpoint]
async fn like_ours_later(__guard: u8, __reply: u8, __future: u8, __site: u8) -> u8 {
    let __call = __guard + __reply;
    ::std::future::ready(()).await;
    __call + __future + __site
}

/// The function, its generics and the items in its body may have any name.
#[instrument_endpoint]
fn r#match<Site: Copy, const SITES: usize>(site: [Site; SITES]) -> ([Site; SITES], u8) {
    static SITE: u8 = 9;
    fn finish() -> u8 {
        SITE
    }
    (site, finish())
}

/// The expansion brings no trait into scope that a method call in the body could resolve to.
trait Shown {
    fn streamgauge_inspect(&self) -> u8 {
        7
    }
}

impl Shown for u8 {}

#[instrument_endpoint]
fn called(number: u8) -> u8 {
    number.streamgauge_inspect()
}

pub(crate) fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(like_ours_later(1, 2, 3, 4)), 10);
    assert_eq!(like_ours(1, 2, 3, 4, 5, 6), 21);
    assert_eq!(1_u8.is_err(), 8);
    let seen = runtime.block_on(async { (all('x').await, arguments(1, 2, 3, 4, 5).await) });
    assert_eq!(seen, ((Ok('x'), Some, [1, 2, 3, 4, 5, 6]), 15));
    assert_eq!(all_now(), (Ok(1), None));
    assert_eq!(r#match(['x']), (['x'], 9));
    assert_eq!(called(1), 7);
    let _ = (Site, Method, Cow, Reply, Vec, Box);
}
