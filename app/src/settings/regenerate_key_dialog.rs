//! Gives a key a new secret, after saying what that means, and shows the secret once.

use super::page::PAGE;
use super::server_fns::RegenerateKey;
use super::shown_key::ShownKeyDialog;
use crate::components::{Dialog, FormProblem, Loaded, ProblemNotice, error_of};
use domain::api_key::ApiKey;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

#[component]
pub fn RegenerateKeyDialog(key_resource: Loaded<Option<ApiKey>>) -> impl IntoView {
    let action = ServerAction::<RegenerateKey>::new();
    let is_made = Memo::new(move |_| action.value().with(|value| matches!(value, Some(Ok(_)))));
    move || {
        if is_made.get() {
            let shown =
                action.value().with_untracked(|value| value.as_ref().and_then(|made| made.as_ref().ok().cloned()));
            shown.map(|shown| view! { <ShownKeyDialog title="Your new secret" shown=shown /> }).into_any()
        } else {
            view! { <AskDialog action=action key_resource=key_resource /> }.into_any()
        }
    }
}

#[component]
fn AskDialog(action: ServerAction<RegenerateKey>, key_resource: Loaded<Option<ApiKey>>) -> impl IntoView {
    view! {
        <Dialog title="Regenerate API key" close_href=PAGE>
            <Suspense>
                {move || Suspend::new(async move {
                    match key_resource.await {
                        Ok(Some(key)) => view! { <AskForm action=action key=key /> }.into_any(),
                        Ok(None) => ().into_any(),
                        Err(error) => {
                            view! {
                                <div class="in">
                                    <ProblemNotice problem=error.problem />
                                </div>
                            }
                                .into_any()
                        }
                    }
                })}
            </Suspense>
        </Dialog>
    }
}

/// Posts to a plain route, for the same reason as the form that makes a key.
#[component]
fn AskForm(action: ServerAction<RegenerateKey>, key: ApiKey) -> impl IntoView {
    let key_id = key.id.to_string();
    let address = format!("/settings/keys/{key_id}/regenerate");
    let regenerate = move |event: SubmitEvent| {
        event.prevent_default();
        action.dispatch(RegenerateKey { key_id: key_id.clone() });
    };
    view! {
        <form method="post" action=address on:submit=regenerate>
            <div class="in stack">
                <FormProblem error=error_of(action) />
                <p>
                    <strong>{key.name}</strong>
                    " gets a new Consumer Secret. Programs that use the old one are refused from their next request on, until you give them the new one. The Consumer Key, the name and the usage stay."
                </p>
            </div>
            <footer>
                <a href=PAGE class="btn" data-noscroll>
                    "Cancel"
                </a>
                <button type="submit" class="btn primary" disabled=move || action.pending().get()>
                    "Regenerate"
                </button>
            </footer>
        </form>
    }
}
