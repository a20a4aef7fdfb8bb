//! Forms that change something: how they are sent, and what they show after the server refused.
//!
//! Each is an ordinary form of a server function, and works when the browser itself sends it. Once the page is alive the
//! submission is taken over, so that the page stays and what was typed with it.
//!
//! Everything here reads its signals with `try_`: a form that is on its way out of the page can still be told of a change
//! after its signals are gone, and must then stay quiet instead of stopping the whole page.

use super::problem_notice::ProblemNotice;
use crate::call::{Answer, form_body, post};
use crate::error::AppError;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::ServerFnUrlError;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::ops::Deref;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{FormData, HtmlFormElement};

/// The way of a form to the server function `F`, and what came back the last time.
pub struct Submission<F> {
    sending: Sending,
    function: PhantomData<fn() -> F>,
}

impl<F> Clone for Submission<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Submission<F> {}

impl<F> Deref for Submission<F> {
    type Target = Sending;

    fn deref(&self) -> &Sending {
        &self.sending
    }
}

impl<F> From<Submission<F>> for Sending {
    fn from(submission: Submission<F>) -> Self {
        submission.sending
    }
}

impl<F: ServerFn<Error = AppError>> Submission<F> {
    /// Begins with the error of a form that was sent before the page was alive, if it was this one.
    pub fn new() -> Self {
        Self { sending: Sending::new(F::PATH), function: PhantomData }
    }

    /// What the server answered, when it did what it was asked. Follows further answers.
    pub fn value(self) -> Option<F::Output>
    where
        F::Output: DeserializeOwned,
    {
        self.sending.answer.try_with(|answer| answer.as_ref().and_then(|answer| answer.open().ok())).flatten()
    }
}

impl<F: ServerFn<Error = AppError>> Default for Submission<F> {
    fn default() -> Self {
        Self::new()
    }
}

/// A [`Submission`] that has forgotten what it calls.
#[derive(Clone, Copy)]
pub struct Sending {
    path: &'static str,
    is_pending: RwSignal<bool>,
    answer: RwSignal<Option<Answer>>,
    /// How many answers have come.
    version: RwSignal<usize>,
}

impl Sending {
    fn new(path: &'static str) -> Self {
        let early = refused_before(path).map(|error| Answer::of::<()>(&Err(error)));
        Self { path, is_pending: RwSignal::new(false), answer: RwSignal::new(early), version: RwSignal::new(0) }
    }

    pub fn is_pending(self) -> Signal<bool> {
        Signal::derive(move || self.is_pending.try_get().unwrap_or(false))
    }

    /// Grows with every answer, so that whatever an answer changes can follow it.
    pub fn version(self) -> usize {
        self.version.try_get().unwrap_or(0)
    }

    /// Whether the last answer was a value and no error.
    pub fn is_done(self) -> bool {
        self.answer.try_with(|answer| answer.as_ref().is_some_and(Answer::is_value)).unwrap_or(false)
    }

    /// The error of the last attempt; `None` before the first and after a success.
    pub fn error(self) -> Signal<Option<AppError>> {
        Signal::derive(move || self.answer.try_with(|answer| answer.as_ref().and_then(Answer::error)).flatten())
    }

    /// Forgets the last answer.
    pub fn clear(self) {
        if self.answer.try_with_untracked(Option::is_some) == Some(true) {
            self.answer.set(None);
        }
    }

    /// Sends the form of the event, unless one is on its way already.
    fn submit(self, event: &SubmitEvent, has_file: bool) {
        event.prevent_default();
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        if let Some(fields) = form.and_then(|form| FormData::new_with_form(&form).ok()) {
            self.send(form_body(&fields, has_file));
        }
    }

    fn send(self, body: JsValue) {
        if self.is_pending.get_untracked() {
            return;
        }
        self.is_pending.set(true);
        spawn_local(async move {
            let answer = post(self.path, body).await;
            // The signals are gone when the page was left while the answer was on its way.
            if self.is_pending.try_set(false).is_none() {
                self.answer.set(Some(answer));
                self.version.update(|version| *version += 1);
            }
        });
    }
}

/// The error of a form that was sent to the server function at `path` before the page was alive.
pub fn refused_before(path: &str) -> Option<AppError> {
    let error = use_context::<ServerActionError>().filter(|error| error.path() == path)?;
    Some(ServerFnUrlError::decode_err(error.err()))
}

/// A form whose submission goes to a server function.
#[component]
pub fn PostForm(
    #[prop(into)] to: Sending,
    /// Where the browser itself sends it; the server function's own path when left out.
    #[prop(into, optional)]
    action: Option<String>,
    #[prop(optional)] has_file: bool,
    children: Children,
) -> impl IntoView {
    let action = action.unwrap_or_else(|| to.path.to_owned());
    let encoding = has_file.then_some("multipart/form-data");
    view! {
        <form method="post" action=action enctype=encoding on:submit=move |event| to.submit(&event, has_file)>
            {children()}
        </form>
    }
}

/// The message for one field, for [`super::TextField`]'s `error`.
pub fn field_error(error: Signal<Option<AppError>>, field: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || {
        error.try_with(|error| error.as_ref().and_then(|error| error.field_message(field))).flatten()
    })
}

/// What was typed before the page was loaded anew, for a field's `value`.
pub fn typed(error: Signal<Option<AppError>>, field: &str) -> String {
    error.with_untracked(|error| error.as_ref().map(|error| error.typed(field)).unwrap_or_default())
}

/// A problem that is not about one field.
#[component]
pub fn FormProblem(error: Signal<Option<AppError>>) -> impl IntoView {
    move || {
        let problem = error.try_get().flatten().map(|error| error.problem).filter(|problem| problem.field.is_none());
        problem.map(|problem| view! { <ProblemNotice problem=problem /> }.into_any())
    }
}
