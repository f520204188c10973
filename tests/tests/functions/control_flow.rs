//! Control flow: labels, nested returns, and functions that never return.

#![expect(clippy::needless_return, clippy::never_loop, reason = "every kind of exit is under test")]

use std::panic::catch_unwind;

use crate::event_log::pause;

plain_and_annotated! {
    pub(super) fn labelled(grid: &[[i32; 2]]) -> Option<i32> {
        let found = 'rows: {
            'row: for row in grid {
                for cell in row {
                    if *cell < 0 {
                        continue 'row;
                    }
                    if *cell > 9 {
                        break 'rows Some(*cell);
                    }
                }
            }
            None
        };
        found.map(|cell| cell * 2)
    }

    pub(super) async fn labelled_later(limit: u32) -> u32 {
        let mut count = 0;
        '_body: loop {
            pause().await;
            loop {
                count += 1;
                if count == limit {
                    break '_body;
                }
                if count % 2 == 0 {
                    continue '_body;
                }
            }
        }
        count
    }

    pub(super) fn otherwise(text: Option<&str>) -> usize {
        let Some(text) = text else { return 0 };
        let [first, .., last] = text.as_bytes() else {
            return 1;
        };
        usize::from(*first) + usize::from(*last)
    }

    pub(super) async fn closures(numbers: &[i32]) -> Vec<Result<i32, &'static str>> {
        let checked = |number: i32| {
            if number < 0 {
                return Err("negative");
            }
            let half = || -> Result<i32, &'static str> {
                let half = (number % 2 == 0).then_some(number / 2).ok_or("odd")?;
                return Ok(half);
            };
            half()
        };
        let inner = async {
            if numbers.is_empty() {
                return Vec::new();
            }
            pause().await;
            numbers.iter().copied().map(checked).collect()
        };
        inner.await
    }

    pub(super) fn single_return(number: i32) -> i32 {
        return number;
    }

    pub(super) fn never(code: u8) -> ! {
        std::panic::panic_any(code)
    }

    pub(super) async fn never_later(code: u8) -> ! {
        pause().await;
        std::panic::panic_any(code)
    }

    pub(super) fn sometimes_never(code: u8) -> u8 {
        if code == 0 {
            plain::never(7)
        }
        match code {
            1 => unreachable!(),
            2 => loop {
                break code;
            },
            _ => std::process::id().try_into().unwrap_or(code),
        }
    }
}

fn panicked_with(run: impl FnOnce() + std::panic::UnwindSafe) -> u8 {
    *catch_unwind(run)
        .expect_err("the function panics")
        .downcast()
        .expect("the payload is a number")
}

#[tokio::test]
async fn labels_refer_to_the_same_loops() {
    for grid in [&[[-1, 20], [1, 12]][..], &[[1, 2]], &[]] {
        assert_same!(labelled(grid));
    }
    for limit in [1, 2, 5] {
        assert_same!(labelled_later(limit).await);
    }
}

#[test]
fn let_else_leaves_the_function() {
    for text in [None, Some(""), Some("ab")] {
        assert_same!(otherwise(text));
    }
}

#[tokio::test]
async fn return_in_a_closure_leaves_the_closure() {
    for numbers in [&[-1, 2, 3][..], &[]] {
        assert_same!(closures(numbers).await);
    }
    assert_same!(single_return(3));
}

#[test]
fn never_type_functions_panic_with_the_same_payload() {
    assert_eq!(panicked_with(|| annotated::never(3)), 3);
    assert_eq!(panicked_with(|| plain::never(3)), 3);
    let later = |future: fn() -> std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        panicked_with(move || block_on(future()))
    };
    assert_eq!(later(|| Box::pin(async { annotated::never_later(4).await })), 4);
    assert_eq!(later(|| Box::pin(async { plain::never_later(4).await })), 4);
    assert_eq!(panicked_with(|| _ = annotated::sometimes_never(0)), 7);
    assert_same!(sometimes_never(2));
}

fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime is built").block_on(future);
}

#[test]
fn function_without_a_return_type_may_end_in_a_panic() {
    #[streamgauge::instrument_endpoint]
    fn ends_in_a_panic() {
        std::panic::panic_any(5_u8);
    }
    assert_eq!(panicked_with(ends_in_a_panic), 5);
}
