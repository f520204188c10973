//! Functions that a `macro_rules!` macro generates from fragments of every kind.

#![deny(warnings)]
#![forbid(unsafe_code)]

use axum::http::StatusCode;
use axum::response::IntoResponse;
use streamgauge::instrument_endpoint;

macro_rules! whole {
    ($item:item) => {
        #[instrument_endpoint]
        $item
    };
}

whole! {
    async fn item(number: u32) -> u32 {
        number + 1
    }
}

macro_rules! from_parts {
    (
        $(#[$attribute:meta])*
        $visibility:vis $name:ident $path:literal ($($argument:pat => $type:ty),*)
        -> $reply:ty $body:block
    ) => {
        $(#[$attribute])*
        #[instrument_endpoint(endpoint = $path)]
        $visibility async fn $name($($argument: $type),*) -> $reply $body
    };
}

from_parts! {
    /// Kept.
    #[must_use = "kept too"]
    pub(crate) parts "/parts/{id}" ((a, b) => (u32, u32), mut text => String)
    -> Result<String, u32> {
        if a == b {
            return Err(a);
        }
        text.push('!');
        Ok(text)
    }
}

macro_rules! sync_from_parts {
    ($name:ident ($argument:ident: $type:ty) -> $reply:ty $body:block) => {
        #[instrument_endpoint]
        fn $name($argument: $type) -> $reply $body
    };
}

sync_from_parts!(shown(text: &str) -> &str { text });
sync_from_parts!(opaque(text: &'static str) -> impl IntoResponse { text });
sync_from_parts!(exit(code: i32) -> ! { std::process::exit(code) });

/// Passes the body through two macros, which adds two invisible groups around the body.
macro_rules! through_two_macros {
    ($name:ident $body:block) => {
        second_macro!($name $body);
    };
}

macro_rules! second_macro {
    ($name:ident $body:block) => {
        #[instrument_endpoint]
        fn $name() -> u32 $body
    };
}

through_two_macros!(wrapped { 7 });

/// Expression fragments keep their operator precedence.
macro_rules! product {
    ($name:ident: $left:expr, $right:expr) => {
        #[instrument_endpoint]
        async fn $name() -> u32 {
            $left * $right
        }
    };
}

product!(nine: 1 + 2, 1 + 2);

/// A local variable of the macro and an argument of the caller may have the same name.
macro_rules! hygienic {
    ($name:ident($argument:ident) $value:expr) => {
        #[instrument_endpoint]
        fn $name($argument: u32) -> u32 {
            let number = 100;
            number + $value
        }
    };
}

hygienic!(added(number) number * 2);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(item(1).await, 2);
        assert_eq!(parts((1, 1), String::new()).await, Err(1));
        assert_eq!(parts((1, 2), String::new()).await.unwrap(), "!");
        assert_eq!(nine().await, 9);
    });
    assert_eq!(shown("a"), "a");
    assert_eq!(opaque("a").into_response().status(), StatusCode::OK);
    assert_eq!(wrapped(), 7);
    assert_eq!(added(1), 102);
    exit(0);
}
