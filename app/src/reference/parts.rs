//! Pieces of the reference that its pages share: an operation's address, an example to copy, and options.

use super::document::OperationLink;
use crate::components::CopyButton;
use crate::documents::server_fns::Choice;
use leptos::prelude::*;

/// `POST /api/v1/messages`
pub fn endpoint(link: &OperationLink) -> AnyView {
    let class = format!("method {}", link.method.to_ascii_lowercase());
    view! { <span class=class>{link.method.clone()}</span>" "<code>{link.path.clone()}</code> }.into_any()
}

/// Something to copy and run.
pub fn snippet(language: String, label: String, code: String) -> AnyView {
    view! {
        <div class="snippet">
            <CopyButton text=code.clone() label=format!("Copy the {label} example")/>
            <pre data-snippet=language tabindex="0"><code>{code}</code></pre>
        </div>
    }
    .into_any()
}

/// The options of a select, with one of them chosen.
pub fn options(choices: Vec<Choice>, chosen: &str) -> AnyView {
    let option = |choice: Choice| {
        let is_chosen = choice.id == chosen;
        view! { <option value=choice.id selected=is_chosen prop:selected=is_chosen>{choice.name}</option> }.into_any()
    };
    choices.into_iter().map(option).collect_view().into_any()
}
