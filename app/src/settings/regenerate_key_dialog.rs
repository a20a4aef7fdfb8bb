//! Gives a key a new secret, after saying what that means, and shows the secret once.

use super::page::PAGE;
use super::server_fns::RegenerateKey;
use super::shown_key::ShownKeyDialog;
use crate::components::{Dialog, FormProblem, Loaded, PostForm, ProblemNotice, Submission};
use domain::api_key::{ApiKey, Overlap};
use leptos::prelude::*;

#[component]
pub fn RegenerateKeyDialog(key_resource: Loaded<Option<ApiKey>>) -> impl IntoView {
    let action = Submission::<RegenerateKey>::new();
    let is_made = Memo::new(move |_| action.is_done());
    move || {
        if is_made.get() {
            untrack(|| action.value())
                .map(|shown| view! { <ShownKeyDialog title="Your new secret" shown=shown /> })
                .into_any()
        } else {
            view! { <AskDialog action=action key_resource=key_resource /> }.into_any()
        }
    }
}

#[component]
fn AskDialog(action: Submission<RegenerateKey>, key_resource: Loaded<Option<ApiKey>>) -> impl IntoView {
    view! {
        <Dialog title="Regenerate API key" close_href=PAGE>
            <Suspense>
                {move || key_resource.show(async move {
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
fn AskForm(action: Submission<RegenerateKey>, key: ApiKey) -> impl IntoView {
    let key_id = key.id.to_string();
    let address = format!("/settings/keys/{key_id}/regenerate");
    view! {
        <PostForm to=action action=address>
            <input type="hidden" name="key_id" value=key_id />
            <div class="in stack">
                <FormProblem error=action.error() />
                <p>
                    <strong>{key.settings.name}</strong>
                    " gets a new Consumer Secret. The Consumer Key, the settings and the usage stay. Give the new secret to your programs while the old one still works."
                </p>
                <div class="field-group">
                    <label for="old-secret">"The old secret works for"</label>
                    <select id="old-secret" name="overlap">
                        {Overlap::ALL.into_iter().map(overlap_option).collect_view()}
                    </select>
                </div>
            </div>
            <footer>
                <a href=PAGE class="btn" data-noscroll>
                    "Cancel"
                </a>
                <button type="submit" class="btn primary" disabled=move || action.is_pending().get()>
                    "Regenerate"
                </button>
            </footer>
        </PostForm>
    }
}

fn overlap_option(overlap: Overlap) -> AnyView {
    view! { <option value=overlap.as_str()>{overlap.label()}</option> }.into_any()
}
