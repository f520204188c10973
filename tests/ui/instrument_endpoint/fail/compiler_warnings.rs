//! The compiler's warnings are the same, at the same code, for plain and annotated functions.

#![deny(warnings)]

use streamgauge::instrument_endpoint;

mod plain {
    pub(super) fn unused_arguments(first: u32, (second, _): (u32, u32)) {}

    pub(super) async fn unused_local() {
        let local = 1;
    }

    pub(super) fn unused_mut() -> u32 {
        let mut local = 1;
        local
    }

    pub(super) fn unused_assignment(mut number: u32) {
        number = 2;
    }

    pub(super) async fn unreachable() -> u32 {
        return 1;
        2
    }

    pub(super) fn unused_result() {
        std::fs::remove_file("none");
    }

    pub(super) async fn future_not_awaited() {
        unused_local();
    }

    pub(super) fn unused_label() {
        'label: loop {
            break;
        }
    }

    pub(super) fn unused_parentheses(number: u32) -> u32 {
        if (number > 1) { 1 } else { 2 }
    }

    #[deprecated]
    pub(super) fn old() {}

    pub(super) async fn deprecated() {
        old();
    }

    #[must_use]
    pub(super) fn required() -> u32 {
        1
    }

    pub(super) fn not_required() {
        required();
    }

    pub(super) fn wrong_Case() {}
}

mod annotated {
    use super::instrument_endpoint;

    #[instrument_endpoint]
    pub(super) fn unused_arguments(first: u32, (second, _): (u32, u32)) {}

    #[instrument_endpoint]
    pub(super) async fn unused_local() {
        let local = 1;
    }

    #[instrument_endpoint]
    pub(super) fn unused_mut() -> u32 {
        let mut local = 1;
        local
    }

    #[instrument_endpoint]
    pub(super) fn unused_assignment(mut number: u32) {
        number = 2;
    }

    #[instrument_endpoint]
    pub(super) async fn unreachable() -> u32 {
        return 1;
        2
    }

    #[instrument_endpoint]
    pub(super) fn unused_result() {
        std::fs::remove_file("none");
    }

    #[instrument_endpoint]
    pub(super) async fn future_not_awaited() {
        unused_local();
    }

    #[instrument_endpoint]
    pub(super) fn unused_label() {
        'label: loop {
            break;
        }
    }

    #[instrument_endpoint]
    pub(super) fn unused_parentheses(number: u32) -> u32 {
        if (number > 1) { 1 } else { 2 }
    }

    #[instrument_endpoint]
    #[deprecated]
    pub(super) fn old() {}

    #[instrument_endpoint]
    pub(super) async fn deprecated() {
        old();
    }

    #[instrument_endpoint]
    #[must_use]
    pub(super) fn required() -> u32 {
        1
    }

    #[instrument_endpoint]
    pub(super) fn not_required() {
        required();
    }

    #[instrument_endpoint]
    pub(super) fn wrong_Case() {}
}

macro_rules! run {
    ($module:ident) => {
        $module::unused_arguments(1, (2, 3));
        $module::unused_local().await;
        $module::unused_mut();
        $module::unused_assignment(1);
        $module::unreachable().await;
        $module::unused_result();
        $module::future_not_awaited().await;
        $module::unused_label();
        $module::unused_parentheses(1);
        $module::deprecated().await;
        $module::not_required();
        $module::wrong_Case();
    };
}

#[tokio::main]
async fn main() {
    run!(plain);
    run!(annotated);
}
