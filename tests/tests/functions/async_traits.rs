//! Annotated methods of `#[async_trait]` traits and their implementations.

use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use streamgauge::{Usage, instrument_endpoint};

use crate::event_log::pause;

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

/// An implementation that is written as `#[async_trait]` expands: methods return boxed futures.
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
async fn async_trait_objects_behave_as_the_plain_one() {
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
async fn async_trait_object_futures_can_be_spawned() {
    let model: Arc<dyn Model> = Arc::new(Annotated("m".to_owned()));
    let task = tokio::spawn(async move { model.ask("1").await });
    assert_eq!(task.await.expect("the task completes"), Ok("m1".to_owned()));
}

/// A trait with an annotated default method.
#[async_trait]
trait WithDefaultMethod: Sync {
    fn number(&self) -> u8;

    #[instrument_endpoint]
    async fn doubled(&self) -> u8 {
        pause().await;
        self.number() * 2
    }
}

#[async_trait]
impl WithDefaultMethod for u8 {
    fn number(&self) -> u8 {
        *self
    }
}

#[tokio::test]
async fn async_trait_default_method_can_be_annotated() {
    let object: &dyn WithDefaultMethod = &4;
    assert_eq!(object.doubled().await, 8);
}

#[async_trait(?Send)]
trait LocalTrait {
    async fn shared(&self, with: Rc<str>) -> Rc<str>;
}

struct LocalModel(Rc<str>);

#[async_trait(?Send)]
impl LocalTrait for LocalModel {
    #[instrument_endpoint]
    async fn shared(&self, with: Rc<str>) -> Rc<str> {
        let own = Rc::clone(&self.0);
        pause().await;
        format!("{own}{with}").into()
    }
}

#[tokio::test]
async fn async_trait_without_send_can_be_annotated() {
    let local: Box<dyn LocalTrait> = Box::new(LocalModel("a".into()));
    assert_eq!(&*local.shared("b".into()).await, "ab");
}

#[async_trait]
trait Parser {
    async fn parse(&self, text: &str) -> Result<u8, std::num::ParseIntError>;
}

/// `tracing::instrument` searches a method for the future that `#[async_trait]` has generated.
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
async fn async_trait_method_can_also_have_tracing_instrument() {
    for parser in [&Plain(String::new()) as &dyn Parser, &Annotated(String::new())] {
        assert_eq!(parser.parse("1").await, Ok(2));
        assert!(parser.parse("one").await.is_err());
    }
}
