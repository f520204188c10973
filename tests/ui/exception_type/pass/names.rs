//! The expansion depends on no name in scope: not on the prelude, not on names that the user may
//! define, and not on the crate name if the crate is renamed.

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
