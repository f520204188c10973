//! The expansion counts on no name: none of the prelude, none that the user has taken, and not its
//! own crate's where that is given another.

#![no_implicit_prelude]
#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(dead_code)]

extern crate core as streamgauge;
extern crate streamgauge as gauge;

mod std {}
mod core {}

trait ExceptionType {}

#[derive(gauge::ExceptionType)]
#[exception_type(crate = gauge)]
enum Taken {
    Option,
    Some(u8),
}

impl Taken {
    fn exception_type(&self) -> u8 {
        1
    }
}

fn main() {
    ::std::assert_eq!(gauge::ExceptionType::exception_type(&Taken::Some(1)), "Some");
    ::std::assert_eq!(Taken::Option.exception_type(), 1);
}
