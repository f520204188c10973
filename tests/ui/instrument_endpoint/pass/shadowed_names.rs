//! Names of the user that an expansion might have counted on.

#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(non_upper_case_globals, non_camel_case_types)]

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
macro_rules! verdict {
    ($($any:tt)*) => {
        compile_error!("nor this one")
    };
}

#[instrument_endpoint(endpoint = "/all", method = "GET")]
async fn all<R>(other: R) -> (Result<R>, Option, [u8; 6]) {
    (Ok(other), Some, [SITE, SITES, __SITE, GUARD, REPLY, site()])
}

#[instrument_endpoint]
fn all_now() -> (Result<u8>, Option) {
    (Ok(SITE), None)
}

/// An argument may have any name too.
#[instrument_endpoint]
async fn arguments(guard: u8, reply: u8, value: u8, body: u8, site: u8) -> u8 {
    guard + reply + value + body + site
}

/// So may the function, its generics, and the items in its body.
#[instrument_endpoint]
fn r#match<Site: Copy, const SITES: usize>(site: [Site; SITES]) -> ([Site; SITES], u8) {
    static SITE: u8 = 9;
    fn finish() -> u8 {
        SITE
    }
    (site, finish())
}

/// A method call in the body finds no trait that it would not find without the attribute.
trait Shown {
    fn streamgauge_verdict(&self) -> u8 {
        7
    }
}

impl Shown for u8 {}

#[instrument_endpoint]
fn called(number: u8) -> u8 {
    number.streamgauge_verdict()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let seen = runtime.block_on(async { (all('x').await, arguments(1, 2, 3, 4, 5).await) });
    assert_eq!(seen, ((Ok('x'), Some, [1, 2, 3, 4, 5, 6]), 15));
    assert_eq!(all_now(), (Ok(1), None));
    assert_eq!(r#match(['x']), (['x'], 9));
    assert_eq!(called(1), 7);
    let _ = (Site, Method, Cow, Reply, Vec, Box);
}
