//! Methods in inherent implementations, in traits and in trait implementations.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::pin::Pin;
use std::sync::Arc;

use streamgauge::instrument_endpoint;

#[derive(Clone, Debug, PartialEq)]
struct Shelf<T> {
    items: Vec<T>,
}

impl<T: Clone + PartialEq> Shelf<T> {
    #[instrument_endpoint]
    fn new(items: Vec<T>) -> Self {
        Self { items }
    }

    #[instrument_endpoint]
    async fn try_new(items: Vec<T>) -> Result<Self, &'static str> {
        if items.is_empty() {
            return Err("empty");
        }
        Ok(Self { items })
    }

    #[instrument_endpoint(endpoint = "/shelf/first", method = "GET")]
    pub(crate) async fn first(&self) -> Option<&T> {
        self.items.first()
    }

    #[instrument_endpoint]
    fn last(&self) -> Option<&T> {
        self.items.last()
    }

    #[instrument_endpoint]
    async fn add(&mut self, item: T) {
        self.items.push(item);
    }

    #[instrument_endpoint]
    fn first_mut(&mut self) -> &mut T {
        &mut self.items[0]
    }

    #[instrument_endpoint]
    async fn last_mut(&mut self) -> Option<&mut T> {
        self.items.last_mut()
    }

    #[instrument_endpoint]
    async fn emptied(mut self) -> Self {
        self.items.clear();
        self
    }

    #[instrument_endpoint]
    fn emptied_now(mut self) -> Self {
        self.items.clear();
        self
    }

    #[instrument_endpoint]
    async fn into_items(self) -> Vec<T> {
        self.items
    }

    #[instrument_endpoint]
    fn boxed(self: Box<Self>) -> usize {
        self.items.len()
    }

    #[instrument_endpoint]
    async fn shared(self: Arc<Self>) -> usize {
        self.items.len()
    }

    #[instrument_endpoint]
    async fn pinned(mut self: Pin<&mut Self>, item: T) -> usize
    where
        T: Unpin,
    {
        self.items.push(item);
        self.items.len()
    }

    #[instrument_endpoint]
    fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
}

/// A type whose methods take `mut self` and change a part of it.
struct Counter {
    count: u32,
    label: String,
}

impl Counter {
    #[instrument_endpoint]
    fn replaced(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    #[instrument_endpoint]
    async fn relabelled(mut self, label: String) -> u32 {
        self.label = label;
        std::future::ready(()).await;
        let count = &self.count;
        *count
    }

    #[instrument_endpoint]
    async fn in_a_closure(mut self) -> String {
        let mut add = |count| self.count += count;
        add(1);
        add(2);
        std::future::ready(()).await;
        format!("{} {}", self.label, self.count)
    }
}

trait Open {
    const HINT: &'static str;

    fn open(&mut self) -> Result<&str, String>;

    #[instrument_endpoint]
    fn hint(&self) -> &'static str {
        Self::HINT
    }

    fn later(&self) -> impl Future<Output = &str> + Send;
}

struct Door(String);

impl Open for Door {
    const HINT: &'static str = "push";

    #[instrument_endpoint]
    fn open(&mut self) -> Result<&str, String> {
        self.0.push_str(Self::HINT);
        Ok(&self.0)
    }

    #[instrument_endpoint]
    async fn later(&self) -> &str {
        &self.0
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut shelf = Shelf::new(vec![1, 2]);
    assert_eq!(Shelf::<u8>::try_new(vec![]).await, Err("empty"));
    assert_eq!(shelf.first().await, Some(&1));
    assert_eq!(shelf.last(), Some(&2));
    shelf.add(3).await;
    *shelf.first_mut() = 4;
    *shelf.last_mut().await.unwrap() = 5;
    assert_eq!(shelf.iter().sum::<i32>(), 11);
    assert_eq!(Pin::new(&mut shelf).pinned(6).await, 4);
    assert_eq!(Box::new(shelf.clone()).boxed(), 4);
    assert_eq!(Arc::new(shelf.clone()).shared().await, 4);
    assert_eq!(shelf.clone().into_items().await, [4, 2, 5, 6]);
    assert_eq!(shelf.clone().emptied().await, shelf.emptied_now());

    let counter = Counter { count: 1, label: "a".to_owned() }.replaced(2);
    assert_eq!(counter.in_a_closure().await, "a 5");
    let counter = Counter { count: 1, label: "a".to_owned() };
    assert_eq!(counter.relabelled("b".to_owned()).await, 1);

    let mut door = Door(String::new());
    assert_eq!(door.hint(), "push");
    assert_eq!(door.open(), Ok("push"));
    assert_eq!(door.later().await, "push");
}
