//! A mistake in the derive's attribute is reported once, although the trait is used elsewhere.

use streamgauge::ExceptionType;

#[derive(ExceptionType)]
#[exception_type(name = "other")]
enum Named {
    One,
}

#[derive(ExceptionType)]
#[exception_type(crate = "text")]
enum Text {
    One,
}

fn main() {
    Named::One.exception_type();
    Text::One.exception_type();
}
