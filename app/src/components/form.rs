//! What a form shows after its server function refused: messages beside their fields, everything else above the button.
//!
//! Everything here reads its signals with `try_`: a form that is on its way out of the page can still be told of a change
//! after its signals are gone, and must then stay quiet instead of stopping the whole page.

use super::problem_notice::ProblemNotice;
use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The error of the last attempt; `None` before the first and after a success.
pub fn error_of<S>(action: ServerAction<S>) -> Signal<Option<AppError>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    Signal::derive(move || {
        let error = action.value().try_with(|value| value.as_ref().and_then(|result| result.as_ref().err().cloned()));
        error.flatten()
    })
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
        problem.map(|problem| view! { <ProblemNotice problem=problem /> })
    }
}
