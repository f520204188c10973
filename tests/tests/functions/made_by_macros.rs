//! Functions that other macros make.

use streamgauge::instrument_endpoint;

use crate::log::pause;

/// A function from its parts, plain and annotated.
macro_rules! made {
    ($plain:ident $annotated:ident($argument:ident: $type:ty) -> $reply:ty $body:block) => {
        async fn $plain($argument: $type) -> $reply $body

        #[instrument_endpoint]
        async fn $annotated($argument: $type) -> $reply $body
    };
}

made!(plain_length annotated_length(text: &str) -> Result<usize, &'static str> {
    if text.is_empty() {
        return Err("empty");
    }
    pause().await;
    Ok(text.len())
});

/// An expression that is called keeps its extent.
macro_rules! calling {
    ($($name:ident: $function:expr, $sum:expr;)*) => {$(
        #[instrument_endpoint]
        fn $name() -> u8 {
            $function() * $sum
        }
    )*};
}

calling! {
    called: || 5, 1 + 1;
}

struct Held(u8);

macro_rules! method {
    ($name:ident($self:ident $(, $argument:ident: $type:ty)*) -> $reply:ty $body:block) => {
        impl Held {
            #[instrument_endpoint]
            fn $name(&$self $(, $argument: $type)*) -> $reply $body
        }
    };
}

method!(plus(self, number: u8) -> u8 {
    let own = self.0;
    own + number
});

#[tokio::test]
async fn a_body_given_as_a_block_is_the_body() {
    for text in ["", "abc"] {
        assert_eq!(annotated_length(text).await, plain_length(text).await);
    }
}

#[test]
fn an_expression_given_as_one_stays_one() {
    assert_eq!(called(), 10);
}

#[test]
fn self_may_be_given_too() {
    assert_eq!(Held(1).plus(2), 3);
}
