//! Variants cannot be renamed.

use streamgauge::ExceptionType;

#[derive(ExceptionType)]
enum OrderError {
    #[exception_type(rename = "sold_out")]
    OutOfStock,
    Declined(#[exception_type] String),
}

fn main() {
    OrderError::OutOfStock.exception_type();
    OrderError::Declined(String::new()).exception_type();
}
