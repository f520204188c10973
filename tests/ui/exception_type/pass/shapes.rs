//! The derive on enums and structs of every form.

#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(dead_code)]

use streamgauge::ExceptionType;

#[derive(ExceptionType)]
enum Each<'a, T: Copy, const N: usize>
where
    T: Into<u64>,
{
    Unit,
    Tuple(T, &'a str),
    Struct {
        items: [u8; N],
    },
    #[allow(non_camel_case_types)]
    r#type,
}

#[derive(ExceptionType)]
enum Never {}

#[derive(ExceptionType)]
struct Whole;

#[derive(ExceptionType)]
struct Wrapper<E>(E);

#[derive(Clone, Copy, ExceptionType)]
#[repr(u8)]
enum Numbered {
    First = 1,
    Second = 2,
}

pub(crate) fn main() {
    type Plain<'a> = Each<'a, u32, 2>;
    assert_eq!(Plain::Unit.exception_type(), "Unit");
    assert_eq!(Plain::Tuple(1, "a secret").exception_type(), "Tuple");
    assert_eq!(Plain::Struct { items: [1, 2] }.exception_type(), "Struct");
    assert_eq!(Plain::r#type.exception_type(), "type");
    assert_eq!(Whole.exception_type(), "Whole");
    assert_eq!(Wrapper("a secret").exception_type(), "Wrapper");
    assert_eq!(Numbered::Second.exception_type(), "Second");
    let boxed: Box<dyn ExceptionType> = Box::new(Numbered::First);
    assert_eq!(boxed.exception_type(), "First");
    let _: fn(&Never) -> &'static str = Never::exception_type;
}
