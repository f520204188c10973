//! A union does not know what it holds.

use streamgauge::ExceptionType;

#[derive(ExceptionType)]
union Either {
    small: u8,
    large: u64,
}

fn main() {
    let _ = Either { small: 1 };
}
