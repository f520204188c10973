//! Visibility and ABI of a function are kept, and a function may be declared anywhere.

use streamgauge::{Usage, instrument_endpoint, track_tokens};

use crate::event_log::pause;

mod outer {
    pub(crate) mod inner {
        use streamgauge::instrument_endpoint;

        #[instrument_endpoint]
        pub(in crate::qualifiers) fn in_path() -> u8 {
            1
        }

        #[instrument_endpoint]
        pub(super) async fn in_parent() -> u8 {
            in_self().await + 1
        }

        #[instrument_endpoint]
        async fn in_self() -> u8 {
            std::future::ready(1).await
        }

        #[instrument_endpoint]
        pub(crate) fn in_crate() -> u8 {
            3
        }
    }

    pub(crate) async fn in_parent() -> u8 {
        inner::in_parent().await
    }
}

plain_and_annotated! {
    pub(super) extern "C" fn of_c(number: u32) -> u32 {
        if number == 0 {
            return 1;
        }
        number * 2
    }

    pub(super) extern "C-unwind" fn unwinding(number: u8) -> u8 {
        assert_ne!(number, 0, "nothing");
        number
    }

    #[inline(never)]
    #[cold]
    pub(super) fn cold(text: &str) -> &str {
        text
    }
}

const OF_C: [extern "C" fn(u32) -> u32; 2] = [annotated::of_c, plain::of_c];
const UNWINDING: [extern "C-unwind" fn(u8) -> u8; 2] = [annotated::unwinding, plain::unwinding];

#[test]
fn abi_is_kept_in_the_function_pointer_type() {
    for number in [0, 7] {
        assert_eq!(OF_C[0](number), OF_C[1](number));
    }
    for number in [0, 7] {
        let call = |function: extern "C-unwind" fn(u8) -> u8| {
            std::panic::catch_unwind(|| function(number)).ok()
        };
        assert_eq!(call(UNWINDING[0]), call(UNWINDING[1]));
    }
    assert_same!(cold("a"));
}

#[tokio::test]
async fn visibility_is_kept() {
    assert_eq!(outer::inner::in_path(), 1);
    assert_eq!(outer::in_parent().await, 2);
    assert_eq!(outer::inner::in_crate(), 3);
}

/// Declares a function in a `const fn`; below are functions in constants, statics and functions.
const fn limit() -> fn(u8) -> u8 {
    #[instrument_endpoint]
    fn doubled(number: u8) -> u8 {
        number * 2
    }
    doubled
}

const HALVED: fn(u8) -> u8 = {
    #[instrument_endpoint]
    fn halved(number: u8) -> u8 {
        number / 2
    }
    halved
};

static SPENT: fn(u64) -> Usage = {
    #[track_tokens(model = "small")]
    fn spent(input: u64) -> Usage {
        Usage::new(input, 1)
    }
    spent
};

#[instrument_endpoint]
async fn nesting<T: Default + Copy + Send>(value: T) -> (T, u8) {
    #[instrument_endpoint]
    async fn nested<T: Default>(_other: T) -> T {
        pause().await;
        T::default()
    }

    struct Held<const N: u8>;

    impl<const N: u8> Held<N> {
        #[instrument_endpoint]
        fn held() -> u8 {
            N
        }
    }

    (nested(value).await, Held::<3>::held())
}

#[tokio::test]
async fn items_may_be_annotated_in_any_scope() {
    assert_eq!(limit()(2), 4);
    assert_eq!(HALVED(4), 2);
    assert_eq!(SPENT(4), Usage::new(4, 1));
    assert_eq!(nesting(7_u16).await, (0, 3));
    let closure = || {
        #[instrument_endpoint]
        fn in_a_closure() -> u8 {
            5
        }
        in_a_closure()
    };
    assert_eq!(closure(), 5);
}
