//! Errors in the body are reported as without the attribute: once, and at the same location.

use streamgauge::instrument_endpoint;

struct Refusal;

#[instrument_endpoint]
async fn wrong_type() -> String {
    7
}

#[instrument_endpoint]
fn wrong_type_now(text: &str) -> Result<u32, String> {
    let number = text.len();
    Ok(number)
}

#[instrument_endpoint]
async fn wrong_return(flag: bool) -> Result<u32, String> {
    if flag {
        return "text";
    }
    Ok(1)
}

#[instrument_endpoint]
async fn no_value() -> u32 {
    std::future::ready(1).await;
}

#[instrument_endpoint]
fn no_value_now() -> u32 {}

#[instrument_endpoint]
async fn unit() {
    7
}

#[instrument_endpoint]
fn unit_now() {
    "text"
}

#[instrument_endpoint]
async fn wrong_error(text: &str) -> Result<u32, Refusal> {
    Ok(text.parse::<u32>()?)
}

#[instrument_endpoint]
fn no_result(text: &str) -> u32 {
    text.parse()?
}

#[instrument_endpoint]
async fn missing() -> u32 {
    absent + 1
}

#[instrument_endpoint]
fn not_displayed() -> impl std::fmt::Display {
    vec![1]
}

#[tokio::main]
async fn main() {
    wrong_type().await;
    let _ = wrong_type_now("");
    let _ = wrong_return(true).await;
    no_value().await;
    no_value_now();
    unit().await;
    unit_now();
    let _ = wrong_error("").await;
    no_result("");
    missing().await;
    println!("{}", not_displayed());
}
