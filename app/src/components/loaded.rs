//! What a page loads from the server: the value of a server function, read once while the page is rendered and again
//! whenever its source changes.
//!
//! A `Resource` of Leptos is compiled anew for every type of value, source and function, and that was a quarter of what
//! the browser had to load. Here one resource serves all pages: it holds a value that has forgotten its type, and
//! [`Loaded`] remembers it.

use crate::error::AppError;
use domain::problem::ProblemCode;
use leptos::prelude::*;
use leptos::server::codee::{Decoder, Encoder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

/// A value on its way: `loaded.await` gives it, or the error of its server function.
pub struct Loaded<T> {
    resource: Resource<Answer, AnswerCodec>,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Loaded<T> {}

impl<T> Loaded<T>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Runs `load` with what `source` says, and again whenever that changes.
    pub fn new<S, F>(
        source: impl Fn() -> S + Send + Sync + 'static,
        load: impl Fn(S) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: Clone + PartialEq + Send + Sync + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let source = Box::new(move || Source(Arc::new(source())));
        let load = Box::new(move |source: Source| -> BoxedAnswer {
            let source = source.0.as_any().downcast_ref::<S>().cloned();
            let loading = source.map(&load);
            Box::pin(async move {
                match loading {
                    Some(loading) => Answer::of(loading.await),
                    None => Answer::Encoded(Arc::default()),
                }
            })
        });
        Self { resource: start(source, load), value: PhantomData }
    }
}

impl<T> IntoFuture for Loaded<T>
where
    T: Clone + DeserializeOwned + Send + Sync + 'static,
{
    type Output = Result<T, AppError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.resource.await.open() {
                Some(value) => value,
                None => Err(AppError::new(ProblemCode::InternalError)),
            }
        })
    }
}

type BoxedAnswer = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Compiled once for all pages.
fn start(
    source: Box<dyn Fn() -> Source + Send + Sync>,
    load: Box<dyn Fn(Source) -> BoxedAnswer + Send + Sync>,
) -> Resource<Answer, AnswerCodec> {
    Resource::new_with_options(source, load, false)
}

/// What a resource depends on, whatever its type.
#[derive(Clone)]
struct Source(Arc<dyn AnySource>);

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(other.0.as_any())
    }
}

trait AnySource: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn is_same(&self, other: &dyn Any) -> bool;
}

impl<S: PartialEq + Send + Sync + 'static> AnySource for S {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<S>() == Some(self)
    }
}

/// A `Result<T, AppError>`: as the page brought it to the browser, or as it was loaded here.
#[derive(Clone)]
enum Answer {
    Encoded(Arc<Vec<u8>>),
    Loaded(Arc<LoadedAnswer>),
}

struct LoadedAnswer {
    value: Box<dyn Any + Send + Sync>,
    /// Only the server writes values into a page.
    #[cfg(feature = "ssr")]
    encode: fn(&dyn Any) -> Vec<u8>,
}

impl Answer {
    fn of<T: Serialize + Send + Sync + 'static>(value: Result<T, AppError>) -> Self {
        Self::Loaded(Arc::new(LoadedAnswer {
            value: Box::new(value),
            #[cfg(feature = "ssr")]
            encode: |value| {
                let value = value.downcast_ref::<Result<T, AppError>>();
                value.and_then(|value| postcard::to_allocvec(value).ok()).unwrap_or_default()
            },
        }))
    }

    /// `None` when the page was made by a server of another version.
    fn open<T: Clone + DeserializeOwned + 'static>(&self) -> Option<Result<T, AppError>> {
        match self {
            Self::Encoded(bytes) => postcard::from_bytes(bytes).ok(),
            Self::Loaded(answer) => answer.value.downcast_ref().cloned(),
        }
    }
}

/// How an answer stands in the page.
struct AnswerCodec;

impl Encoder<Answer> for AnswerCodec {
    type Error = Infallible;
    type Encoded = Vec<u8>;

    fn encode(answer: &Answer) -> Result<Vec<u8>, Infallible> {
        Ok(match answer {
            Answer::Encoded(bytes) => bytes.to_vec(),
            #[cfg(feature = "ssr")]
            Answer::Loaded(answer) => (answer.encode)(answer.value.as_ref()),
            #[cfg(not(feature = "ssr"))]
            Answer::Loaded(_) => Vec::new(),
        })
    }
}

impl Decoder<Answer> for AnswerCodec {
    type Error = Infallible;
    type Encoded = [u8];

    fn decode(bytes: &[u8]) -> Result<Answer, Infallible> {
        Ok(Answer::Encoded(Arc::new(bytes.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "ssr")]
    #[test]
    fn a_value_and_an_error_read_back_on_the_other_side_of_the_page() {
        for value in [Ok(vec![Some("a".to_owned()), None]), Err(AppError::new(ProblemCode::NotFound))] {
            let encoded = AnswerCodec::encode(&Answer::of(value.clone())).unwrap();
            let read = AnswerCodec::decode(&encoded).unwrap();
            assert_eq!(read.open::<Vec<Option<String>>>(), Some(value.clone()));
            assert_eq!(Answer::of(value.clone()).open::<Vec<Option<String>>>(), Some(value));
        }
    }

    #[test]
    fn a_source_is_the_same_only_when_its_value_is() {
        let source = |value: &str| Source(Arc::new((value.to_owned(), 1_u64)));
        assert!(source("a") == source("a"));
        assert!(source("a") != source("b"));
        assert!(source("a") != Source(Arc::new(1_u64)));
    }
}
