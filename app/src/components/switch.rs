//! What is on or off, and the button that changes it.

use super::{FormProblem, PostForm, Submission, use_live};
use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the button says, and what it does, for something that is on and for something that is off.
pub struct SwitchTexts {
    pub when_on: (&'static str, &'static str),
    pub when_off: (&'static str, &'static str),
}

/// A form that sends the id of what is switched, under its name, with what it is to be.
pub fn switch<F>((name, id): (&'static str, String), is_on: bool, texts: &SwitchTexts) -> AnyView
where
    F: ServerFn<Error = AppError> + DeserializeOwned + Serialize + Send + Sync + 'static,
{
    let action = Submission::<F>::new();
    let live = use_live();
    Effect::new(move |_| {
        if action.is_done() {
            live.bump();
        }
    });
    let (label, hint) = if is_on { texts.when_on } else { texts.when_off };
    view! {
        <PostForm to=action>
            <input type="hidden" name=name value=id />
            <input type="hidden" name="is_on" value=if is_on { "false" } else { "true" } />
            <FormProblem error=action.error() />
            <div class="actions start">
                <button type="submit" class="btn" disabled=move || action.is_pending().get()>
                    {label}
                </button>
                <span class="hint">{hint}</span>
            </div>
        </PostForm>
    }
    .into_any()
}
