//! Patterns as arguments.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use streamgauge::instrument_endpoint;

#[derive(Clone)]
struct App {
    name: &'static str,
}

#[derive(Clone, Copy)]
struct Point {
    x: u32,
    y: u32,
}

#[instrument_endpoint]
async fn extractors(
    State(app): State<Arc<App>>,
    Path((kind, id)): Path<(String, u32)>,
    Json(mut values): Json<Vec<u32>>,
) -> String {
    values.push(id);
    format!("{} {kind} {values:?}", app.name)
}

#[instrument_endpoint]
fn tuples((a, b): (u32, u32), (c, (d, ..)): (u32, (u32, u8, u8))) -> u32 {
    a + b + c + d
}

#[instrument_endpoint]
async fn mutable(mut text: String, mut list: Vec<u8>) -> (String, Vec<u8>) {
    text.push('!');
    list.clear();
    (text, list)
}

#[instrument_endpoint]
fn mutable_now(mut number: u32, (mut a, b): (u32, u32)) -> u32 {
    number += 1;
    a += number;
    a + b
}

#[instrument_endpoint]
async fn ignored(_: String, _unused: Vec<u8>, (_, _b): (u8, u8)) -> u32 {
    1
}

#[instrument_endpoint]
fn ignored_now(_: String, _unused: Vec<u8>) -> u32 {
    1
}

#[instrument_endpoint]
async fn fields(Point { x, y: height }: Point, App { name, .. }: App) -> String {
    format!("{x} {height} {name}")
}

#[instrument_endpoint]
fn arrays([first, .., last]: [u32; 4], &deref: &u32, &mut ref mut place: &mut u32) -> u32 {
    *place += 1;
    first + last + deref + *place
}

#[instrument_endpoint]
async fn by_reference(ref text: String, ref mut count: u32) -> usize {
    *count += 1;
    text.len() + *count as usize
}

#[instrument_endpoint]
fn whole_and_part(whole @ Point { x, .. }: Point) -> u32 {
    whole.x + whole.y + x
}

#[instrument_endpoint]
async fn raw(r#type: u32, r#match: u32) -> u32 {
    r#type + r#match
}

/// The body shadows its argument.
#[instrument_endpoint]
fn shadowing(value: &str) -> usize {
    let value = value.trim();
    let value = value.len();
    value
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let app = State(Arc::new(App { name: "app" }));
    let path = Path(("item".to_owned(), 2));
    assert_eq!(extractors(app, path, Json(vec![1])).await, "app item [1, 2]");
    assert_eq!(tuples((1, 2), (3, (4, 0, 0))), 10);
    assert_eq!(mutable("a".to_owned(), vec![1]).await, ("a!".to_owned(), vec![]));
    assert_eq!(mutable_now(1, (2, 3)), 7);
    assert_eq!(ignored(String::new(), vec![], (1, 2)).await, 1);
    assert_eq!(ignored_now(String::new(), vec![]), 1);
    assert_eq!(fields(Point { x: 1, y: 2 }, App { name: "app" }).await, "1 2 app");
    let mut place = 4;
    assert_eq!(arrays([1, 0, 0, 2], &3, &mut place), 11);
    assert_eq!(place, 5);
    assert_eq!(by_reference("ab".to_owned(), 1).await, 4);
    assert_eq!(whole_and_part(Point { x: 1, y: 2 }), 4);
    assert_eq!(raw(1, 2).await, 3);
    assert_eq!(shadowing(" a "), 1);
}
