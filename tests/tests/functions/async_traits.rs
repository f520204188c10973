//! Traits made with `#[async_trait]`, whose methods and implementations are annotated in either order.

use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use streamgauge::{Usage, instrument_endpoint};

use crate::log::pause;

#[async_trait]
trait Model: Send + Sync {
    async fn ask(&self, question: &str) -> Result<String, String>;

    async fn learn(&mut self, fact: String) -> &str;

    async fn spent(&self) -> Usage;

    async fn described(&self) -> String {
        "plain".to_owned()
    }
}

macro_rules! model {
    ($name:ident $(, #[$attribute:meta])?) => {
        struct $name(String);

        #[async_trait]
        impl Model for $name {
            $(#[$attribute])?
            async fn ask(&self, question: &str) -> Result<String, String> {
                if question.is_empty() {
                    return Err(self.0.clone());
                }
                pause().await;
                let number: u8 = question.parse().map_err(|_| "no number")?;
                Ok(format!("{}{number}", self.0))
            }

            $(#[$attribute])?
            async fn learn(&mut self, fact: String) -> &str {
                pause().await;
                self.0 += &fact;
                &self.0
            }

            $(#[$attribute])?
            async fn spent(&self) -> Usage {
                pause().await;
                Usage::new(self.0.len() as u64, 1)
            }
        }
    };
}

model!(Plain);
model!(Annotated, #[instrument_endpoint]);

/// The attribute on the method as `#[async_trait]` has left it: not async, but returning a box.
struct Expanded(String);

impl Model for Expanded {
    #[instrument_endpoint]
    fn ask<'s, 'q, 'f>(
        &'s self,
        question: &'q str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'f>>
    where
        's: 'f,
        'q: 'f,
        Self: 'f,
    {
        Box::pin(async move { Plain(self.0.clone()).ask(question).await })
    }

    #[instrument_endpoint]
    fn learn<'s, 'f>(
        &'s mut self,
        fact: String,
    ) -> std::pin::Pin<Box<dyn Future<Output = &'s str> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            self.0 += &fact;
            self.0.as_str()
        })
    }

    #[instrument_endpoint]
    fn spent<'s, 'f>(&'s self) -> std::pin::Pin<Box<dyn Future<Output = Usage> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move { Usage::new(self.0.len() as u64, 1) })
    }
}

#[tokio::test]
async fn implementations_are_the_same_objects() {
    let models: [Box<dyn Model>; 3] = [
        Box::new(Plain("m".to_owned())),
        Box::new(Annotated("m".to_owned())),
        Box::new(Expanded("m".to_owned())),
    ];
    for mut model in models {
        assert_eq!(model.ask("").await, Err("m".to_owned()));
        assert_eq!(model.ask("one").await, Err("no number".to_owned()));
        assert_eq!(model.ask("1").await, Ok("m1".to_owned()));
        assert_eq!(model.learn("n".to_owned()).await, "mn");
        assert_eq!(model.spent().await, Usage::new(2, 1));
        assert_eq!(model.described().await, "plain");
    }
}

#[tokio::test]
async fn the_futures_of_objects_can_be_spawned() {
    let model: Arc<dyn Model> = Arc::new(Annotated("m".to_owned()));
    let task = tokio::spawn(async move { model.ask("1").await });
    assert_eq!(task.await.expect("the task completes"), Ok("m1".to_owned()));
}

/// Methods that a trait gives to its implementations, annotated in the trait.
#[async_trait]
trait Given: Sync {
    fn number(&self) -> u8;

    #[instrument_endpoint]
    async fn doubled(&self) -> u8 {
        pause().await;
        self.number() * 2
    }
}

#[async_trait]
impl Given for u8 {
    fn number(&self) -> u8 {
        *self
    }
}

#[tokio::test]
async fn a_default_method_is_annotated_in_its_trait() {
    let given: &dyn Given = &4;
    assert_eq!(given.doubled().await, 8);
}

#[async_trait(?Send)]
trait Local {
    async fn shared(&self, with: Rc<str>) -> Rc<str>;
}

struct Here(Rc<str>);

#[async_trait(?Send)]
impl Local for Here {
    #[instrument_endpoint]
    async fn shared(&self, with: Rc<str>) -> Rc<str> {
        let own = Rc::clone(&self.0);
        pause().await;
        format!("{own}{with}").into()
    }
}

#[tokio::test]
async fn a_local_trait_stays_local() {
    let local: Box<dyn Local> = Box::new(Here("a".into()));
    assert_eq!(&*local.shared("b".into()).await, "ab");
}

#[async_trait]
trait Parser {
    async fn parse(&self, text: &str) -> Result<u8, std::num::ParseIntError>;
}

/// Beside an attribute that looks for the future that an async trait's method ends with.
#[async_trait]
impl Parser for Plain {
    #[instrument_endpoint]
    #[tracing::instrument(skip(self), err)]
    async fn parse(&self, text: &str) -> Result<u8, std::num::ParseIntError> {
        Ok(text.parse::<u8>()? + 1)
    }
}

#[async_trait]
impl Parser for Annotated {
    #[tracing::instrument(skip(self), err)]
    #[instrument_endpoint]
    async fn parse(&self, text: &str) -> Result<u8, std::num::ParseIntError> {
        Ok(text.parse::<u8>()? + 1)
    }
}

#[tokio::test]
async fn a_method_is_traced_with_its_errors_above_and_below() {
    for parser in [&Plain(String::new()) as &dyn Parser, &Annotated(String::new())] {
        assert_eq!(parser.parse("1").await, Ok(2));
        assert!(parser.parse("one").await.is_err());
    }
}
