//! Errors of the borrow checker are reported as without the attribute.

use streamgauge::instrument_endpoint;

#[instrument_endpoint]
fn of_a_local() -> &'static str {
    let text = String::new();
    &text
}

#[instrument_endpoint]
async fn moved(text: String) -> (String, String) {
    (text, text)
}

#[instrument_endpoint]
fn not_mutable(numbers: Vec<u32>) -> Vec<u32> {
    numbers.push(1);
    numbers
}

#[instrument_endpoint]
fn other_lifetime<'a, 'b>(left: &'a str, right: &'b str) -> &'a str {
    if left.is_empty() { right } else { left }
}

#[instrument_endpoint]
async fn other_lifetime_later<'a, 'b>(left: &'a str, right: &'b str) -> &'a str {
    if left.is_empty() { right } else { left }
}

#[tokio::main]
async fn main() {
    of_a_local();
    moved(String::new()).await;
    not_mutable(vec![]);
    other_lifetime("", "");
    other_lifetime_later("", "").await;
}
