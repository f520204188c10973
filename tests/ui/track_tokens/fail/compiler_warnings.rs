//! The compiler's warnings are the same, at the same code, for plain and annotated functions.

#![deny(warnings)]

use streamgauge::{Usage, track_tokens};

mod plain {
    use super::Usage;

    pub(super) fn unused_argument(argument: u32) -> Usage {
        Usage::new(1, 2)
    }

    pub(super) async fn unused_local() -> Usage {
        let local = 1;
        Usage::new(1, 2)
    }

    pub(super) fn unused_mut(mut number: u32) -> Usage {
        println!("{number}");
        Usage::new(1, 2)
    }

    pub(super) async fn unused_result() -> Usage {
        std::fs::remove_file("none");
        Usage::new(1, 2)
    }

    #[deprecated]
    pub(super) fn old() -> Usage {
        Usage::new(1, 2)
    }
}

mod annotated {
    use super::{Usage, track_tokens};

    #[track_tokens]
    pub(super) fn unused_argument(argument: u32) -> Usage {
        Usage::new(1, 2)
    }

    #[track_tokens]
    pub(super) async fn unused_local() -> Usage {
        let local = 1;
        Usage::new(1, 2)
    }

    #[track_tokens]
    pub(super) fn unused_mut(mut number: u32) -> Usage {
        println!("{number}");
        Usage::new(1, 2)
    }

    #[track_tokens]
    pub(super) async fn unused_result() -> Usage {
        std::fs::remove_file("none");
        Usage::new(1, 2)
    }

    #[track_tokens]
    #[deprecated]
    pub(super) fn old() -> Usage {
        Usage::new(1, 2)
    }
}

macro_rules! run {
    ($module:ident) => {
        let _ = $module::unused_argument(1);
        let _ = $module::unused_local().await;
        let _ = $module::unused_mut(1);
        let _ = $module::unused_result().await;
        let _ = $module::old();
    };
}

#[tokio::main]
async fn main() {
    run!(plain);
    run!(annotated);
}
