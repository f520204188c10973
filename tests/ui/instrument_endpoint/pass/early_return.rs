//! `?` and `return` end the function, and the request is still recorded.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::num::ParseIntError;

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
async fn parsed(text: &str) -> Result<u32, ParseIntError> {
    let number = text.trim().parse()?;
    if number == 0 {
        return Ok(1);
    }
    std::future::ready(()).await;
    Ok(number)
}

#[instrument_endpoint]
fn parsed_now(text: &str) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    let number: u32 = text.parse()?;
    if number == 0 {
        return Err("zero".into());
    }
    Ok(number)
}

#[instrument_endpoint]
fn found(numbers: &[u32], wanted: u32) -> Option<usize> {
    let first = numbers.first()?;
    if *first == wanted {
        return Some(0);
    }
    for (place, number) in numbers.iter().enumerate() {
        if *number == wanted {
            return Some(place);
        }
    }
    None
}

/// The last expression is a `return`, so the body's own type is `!`.
#[instrument_endpoint]
async fn only_returns() -> u32 {
    return 7;
}

#[instrument_endpoint]
fn only_returns_now(flag: bool) -> &'static str {
    if flag {
        return "yes";
    } else {
        return "no";
    }
}

/// A labelled loop and a labelled block that break with a value.
#[instrument_endpoint]
fn labelled(limit: u32) -> u32 {
    let found = 'outer: loop {
        for number in 0.. {
            if number * number > limit {
                break 'outer number;
            }
        }
    };
    'done: {
        if found > 3 {
            break 'done found;
        }
        0
    }
}

/// Returned values are coerced to the type in the signature.
#[instrument_endpoint]
async fn coerced(flag: bool) -> Box<dyn Fn(u32) -> u32 + Send> {
    if flag {
        return Box::new(|number| number + 1);
    }
    Box::new(|number| number + 2)
}

#[instrument_endpoint]
fn coerced_now(flag: bool) -> Result<Box<dyn Fn(u32) -> u32>, ()> {
    if flag {
        return Ok(Box::new(|number| number + 1));
    }
    Ok(Box::new(|number| number + 2))
}

/// Types in the body are inferred from the signature.
#[instrument_endpoint]
async fn inferred() -> Result<Vec<u8>, ()> {
    Ok(["1", "2"].into_iter().map(|text| text.parse().map_err(drop)).collect::<Result<_, _>>()?)
}

/// The borrowed local must be dropped after the temporary in the last expression.
#[instrument_endpoint]
fn last_expression() -> usize {
    let shared = std::cell::RefCell::new(vec![1, 2, 3]);
    shared.borrow().len()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(parsed(" 0 ").await, Ok(1));
    assert_eq!(parsed("4").await, Ok(4));
    assert!(parsed("four").await.is_err());
    assert_eq!(parsed_now("4").unwrap(), 4);
    assert_eq!(parsed_now("0").unwrap_err().to_string(), "zero");
    assert!(parsed_now("four").is_err());
    assert_eq!(found(&[], 3), None);
    assert_eq!(found(&[3, 4], 3), Some(0));
    assert_eq!(found(&[3, 4], 4), Some(1));
    assert_eq!(only_returns().await, 7);
    assert_eq!(only_returns_now(true), "yes");
    assert_eq!(labelled(20), 5);
    assert_eq!(coerced(true).await(1), 2);
    assert_eq!(coerced_now(false).unwrap()(1), 3);
    assert_eq!(inferred().await, Ok(vec![1, 2]));
    assert_eq!(last_expression(), 3);
}
