//! What a page loads from the server: the value of a server function, read once while the page is rendered and again
//! whenever its source changes.
//!
//! A `Resource` of Leptos is compiled anew for every type of value, source and function, and that was a quarter of what
//! the browser had to load. Here one resource serves all pages: it holds an [`Answer`], which does not know the type of
//! its value, and [`Loaded`] remembers it.

use crate::call::{Answer, PendingAnswer, ask};
use crate::error::AppError;
use leptos::prelude::*;
use leptos::server::codee::{Decoder, Encoder};
use leptos::server_fn::ServerFn;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, IntoFuture, ready};
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

impl<T: Serialize + 'static> Loaded<T> {
    /// Calls the function that `question` makes of what `source` says, and again whenever that changes.
    pub fn new<S, F>(
        source: impl Fn() -> S + Send + Sync + 'static,
        question: impl Fn(S) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: Clone + PartialEq + Send + Sync + 'static,
        F: ServerFn<Output = T, Error = AppError> + Serialize + 'static,
    {
        Self::start(source, move |source| ask(question(source)))
    }

    fn start<S>(
        source: impl Fn() -> S + Send + Sync + 'static,
        load: impl Fn(S) -> PendingAnswer + Send + Sync + 'static,
    ) -> Self
    where
        S: Clone + PartialEq + Send + Sync + 'static,
    {
        let source = Box::new(move || Source(Arc::new(source())));
        let load = Box::new(move |source: Source| -> PendingAnswer {
            match source.0.as_any().downcast_ref::<S>() {
                Some(source) => load(source.clone()),
                None => Box::pin(ready(Answer::none())),
            }
        });
        Self { resource: start(source, load), value: PhantomData }
    }
}

impl<T: 'static> Loaded<T> {
    /// A view that waits for the value and is made anew whenever that changes.
    ///
    /// A `Suspend` alone notices changes only from when it has been shown; what changed just before that it would miss.
    pub fn show(self, view: impl Future<Output = AnyView> + Send + 'static) -> AnyView {
        // On the server nothing is made anew, and what waits there for the view would hold a lock while it takes one of the
        // resource's, whose own task takes the two the other way round: both threads would stand still for ever.
        if cfg!(not(feature = "ssr")) {
            self.resource.track();
        }
        wait(Box::pin(view))
    }
}

impl<T: Serialize + 'static> Loaded<Option<T>> {
    /// As [`Loaded::new`], for a value of which the page shows all: beside a page that the server rendered it does not
    /// travel again, and the browser finds `None`. A view must then leave what stands there as it is, as `inner_html` does
    /// while a page comes alive. The source must not change on its own.
    pub fn shown<S, F>(
        source: impl Fn() -> S + Send + Sync + 'static,
        question: impl Fn(S) -> F + Send + Sync + 'static,
    ) -> Self
    where
        S: Clone + PartialEq + Send + Sync + 'static,
        F: ServerFn<Output = T, Error = AppError> + Serialize + 'static,
    {
        Self::start(source, move |source| {
            let asked = ask(question(source));
            Box::pin(async move { asked.await.some().shown() })
        })
    }

    /// As [`Loaded::new`], where `question` may have nothing to ask.
    pub fn maybe<S, F>(
        source: impl Fn() -> S + Send + Sync + 'static,
        question: impl Fn(S) -> Option<F> + Send + Sync + 'static,
    ) -> Self
    where
        S: Clone + PartialEq + Send + Sync + 'static,
        F: ServerFn<Output = T, Error = AppError> + Serialize + 'static,
    {
        Self::start(source, move |source| match question(source) {
            Some(function) => {
                let asked = ask(function);
                Box::pin(async move { asked.await.some() })
            }
            None => Box::pin(ready(Answer::none())),
        })
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for Loaded<T> {
    type Output = Result<T, AppError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.resource.await.open() })
    }
}

/// A value that the server knows before it renders, and that travels to the browser with the page.
///
/// # Errors
/// In the browser, when the page does not hold it.
pub fn shared<T: Serialize + DeserializeOwned>(known: impl FnOnce() -> Result<T, AppError>) -> Result<T, AppError> {
    SharedValue::<Answer, AnswerCodec>::new_with_encoding(|| Answer::of(&known())).into_inner().open()
}

/// Compiled once for all views.
fn wait(view: Pin<Box<dyn Future<Output = AnyView> + Send>>) -> AnyView {
    Suspend::new(view).into_any()
}

/// Compiled once for all pages.
fn start(
    source: Box<dyn Fn() -> Source + Send + Sync>,
    load: Box<dyn Fn(Source) -> PendingAnswer + Send + Sync>,
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

/// How an answer stands in the page.
struct AnswerCodec;

impl Encoder<Answer> for AnswerCodec {
    type Error = Infallible;
    type Encoded = Vec<u8>;

    fn encode(answer: &Answer) -> Result<Vec<u8>, Infallible> {
        Ok(answer.bytes().to_vec())
    }
}

impl Decoder<Answer> for AnswerCodec {
    type Error = Infallible;
    type Encoded = [u8];

    fn decode(bytes: &[u8]) -> Result<Answer, Infallible> {
        Ok(Answer::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_same_only_when_its_value_is() {
        let source = |value: &str| Source(Arc::new((value.to_owned(), 1_u64)));
        assert!(source("a") == source("a"));
        assert!(source("a") != source("b"));
        assert!(source("a") != Source(Arc::new(1_u64)));
    }
}
