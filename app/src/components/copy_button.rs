//! Copies a text. Before WebAssembly has loaded it does nothing; the text beside it can be selected.

use js_sys::futures::JsFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;

/// What the last press came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ready,
    Copied,
    Failed,
}

/// `label` says what is copied, for people who do not see what stands beside the button: "Copy the Consumer Key".
#[component]
pub fn CopyButton(#[prop(into)] text: String, #[prop(into)] label: String) -> impl IntoView {
    let outcome = RwSignal::new(Outcome::Ready);
    let copy = move |_| {
        let text = text.clone();
        spawn_local(async move {
            outcome.try_set(if write_to_clipboard(&text).await { Outcome::Copied } else { Outcome::Failed });
            let back = move || {
                outcome.try_set(Outcome::Ready);
            };
            set_timeout(back, Duration::from_secs(3));
        });
    };
    let word = move || match outcome.try_get().unwrap_or(Outcome::Ready) {
        Outcome::Ready => "Copy",
        Outcome::Copied => "Copied",
        Outcome::Failed => "Not copied",
    };
    let said = move || match outcome.try_get().unwrap_or(Outcome::Ready) {
        Outcome::Ready => "",
        Outcome::Copied => "Copied",
        Outcome::Failed => "It could not be copied; select the text instead",
    };
    view! {
        <button type="button" class="copy" aria-label=label on:click=copy>
            {word}
        </button>
        <span class="visually-hidden" role="status">
            {said}
        </span>
    }
}

/// The clipboard exists only on HTTPS and on localhost, and a browser may refuse it.
async fn write_to_clipboard(text: &str) -> bool {
    if !window().is_secure_context() {
        return false;
    }
    let promise = window().navigator().clipboard().write_text(text);
    JsFuture::from(promise).await.is_ok()
}
