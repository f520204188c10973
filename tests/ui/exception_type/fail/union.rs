//! The derive does not support unions, which have no variant to name.

use streamgauge::ExceptionType;

#[derive(ExceptionType)]
union Either {
    small: u8,
    large: u64,
}

fn main() {
    let _ = Either { small: 1 };
}
