//! A key at the one moment when its secret can be seen. The dialog does not close before somebody says that he has it.

use super::page::PAGE;
use crate::components::{CopyButton, Dialog, use_live};
use domain::api_key::ShownOnce;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

/// What the file with the two halves is called.
pub(super) const ENV_FILE_NAME: &str = "artiko.env";

#[component]
pub fn ShownKeyDialog(#[prop(into)] title: String, shown: ShownOnce) -> impl IntoView {
    let is_saved = RwSignal::new(false);
    let live = use_live();
    Effect::new(move |_| live.bump());
    let navigate = use_navigate();
    let done = move |_| navigate(PAGE, NavigateOptions { scroll: false, ..NavigateOptions::default() });
    let (name, key, secret) =
        (shown.key.settings.name.clone(), shown.key.consumer_key.to_string(), shown.secret.clone());
    let is_locked = Signal::derive(move || !is_saved.get());
    view! {
        <Dialog title=title lede=format!("{name} · created just now") close_href=PAGE is_locked=is_locked>
            <div class="in">
                <p class="notice warn">"The secret is shown only this once. Copy it to a safe place now."</p>
                {readable_field("consumer-key", "Consumer Key", key)}
                {readable_field("consumer-secret", "Consumer Secret", secret.expose().to_owned())}
                <label class="check">
                    <input type="checkbox" on:change=move |event| is_saved.set(event_target_checked(&event)) />
                    "I have saved the secret"
                </label>
            </div>
            <footer>
                <a class="btn first" download=ENV_FILE_NAME href=env_file_address(&shown)>
                    "Download .env"
                </a>
                <button type="button" class="btn primary" disabled=move || !is_saved.get() on:click=done>
                    "Done"
                </button>
            </footer>
        </Dialog>
    }
}

fn readable_field(id: &'static str, label: &'static str, value: String) -> AnyView {
    view! {
        <div class="field-group">
            <label for=id>{label}</label>
            <div class="field">
                <input id=id class="mono" readonly autocomplete="off" spellcheck="false" value=value.clone() />
                <CopyButton text=value label=format!("Copy the {label}") />
            </div>
        </div>
    }
    .into_any()
}

/// The file as an address that holds its own contents: it is read from the page's memory and is never sent anywhere.
pub(super) fn env_file_address(shown: &ShownOnce) -> String {
    format!("data:text/plain;charset=utf-8,{}", shown.env_file().replace('\n', "%0A"))
}
