//! The expansion depends on no name in scope: not on the prelude, not on names that the user may
//! define, and not on the crate name if the crate is renamed.

#![deny(warnings)]
#![forbid(unsafe_code)]
#![allow(dead_code)]

extern crate core as streamgauge;
extern crate streamgauge as gauge;

mod reexport {
    pub(crate) use gauge as streamgauge;
}

mod std {}
mod core {}

struct Usage;
struct Option;
trait TokenUsage {}
trait TokenCount {}
trait LabelText {}

#[derive(gauge::TokenUsage)]
#[token_usage(crate = crate::reexport::streamgauge)]
struct Taken {
    #[token_usage(input)]
    usage: u32,
    #[token_usage(model)]
    model: &'static str,
    #[token_usage(nested)]
    nested: bare::Reply,
}

/// Inherent methods with the names of the trait's methods.
impl Taken {
    fn token_usage(&self) -> u8 {
        1
    }

    fn model(&self) -> u8 {
        2
    }
}

mod bare {
    #![no_implicit_prelude]

    #[derive(::gauge::TokenUsage)]
    #[token_usage(crate = ::gauge)]
    pub(crate) struct Reply {
        #[token_usage(output)]
        pub(crate) output: ::std::option::Option<u32>,
        #[token_usage(nested)]
        pub(crate) usage: ::std::option::Option<::gauge::Usage>,
    }
}

macro_rules! reply {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty = $role:ident),* }) => {
        $(#[$meta])*
        struct $name {
            $(#[token_usage($role)] $field: $type,)*
        }
    };
}

reply! {
    #[derive(gauge::TokenUsage)]
    #[token_usage(crate = gauge)]
    Made { first: u32 = input, second: ::std::option::Option<u32> = output }
}

fn main() {
    let nested = bare::Reply { output: None, usage: Some(gauge::Usage::new(1, 2)) };
    assert_eq!(gauge::TokenUsage::token_usage(&nested), Some(gauge::Usage::new(1, 2)));
    let taken = Taken { usage: 3, model: "small-1", nested };
    assert_eq!((taken.token_usage(), taken.model()), (1, 2));
    assert_eq!(gauge::TokenUsage::model(&taken), Some("small-1"));
    let made = Made { first: 1, second: Some(2) };
    assert_eq!(gauge::TokenUsage::token_usage(&made), Some(gauge::Usage::new(1, 2)));
}
