//! Deletes a key once its name was typed, because whatever uses it stops working at that moment.

use super::page::PAGE;
use super::server_fns::DeleteKey;
use crate::components::{
    Dialog, FormProblem, Loaded, PostForm, ProblemNotice, Submission, TextField, field_error, typed, use_live,
};
use domain::api_key::ApiKey;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

#[component]
pub fn DeleteKeyDialog(key_resource: Loaded<Option<ApiKey>>) -> impl IntoView {
    let action = Submission::<DeleteKey>::new();
    let live = use_live();
    let navigate = use_navigate();
    Effect::new(move |_| {
        if action.is_done() {
            live.bump();
            navigate(PAGE, NavigateOptions { scroll: false, ..NavigateOptions::default() });
        }
    });
    view! {
        <Dialog title="Delete API key" close_href=PAGE>
            <Suspense>
                {move || key_resource.show(async move {
                    match key_resource.await {
                        Ok(Some(key)) => view! { <DeleteForm action=action key=key /> }.into_any(),
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

#[component]
fn DeleteForm(action: Submission<DeleteKey>, key: ApiKey) -> impl IntoView {
    let error = action.error();
    view! {
        <PostForm to=action>
            <div class="in stack">
                <FormProblem error=error />
                <p>
                    "Every program that uses " <strong>{key.settings.name.clone()}</strong>
                    " is refused from its next request on. This cannot be undone."
                </p>
                <input type="hidden" name="key_id" value=key.id.to_string() />
                <TextField
                    label=format!("Type {} to confirm", key.settings.name)
                    name="name"
                    required=true
                    autocomplete="off"
                    value=typed(error, "name")
                    error=field_error(error, "name")
                />
            </div>
            <footer>
                <a href=PAGE class="btn" data-noscroll>
                    "Cancel"
                </a>
                <button type="submit" class="btn danger" disabled=move || action.is_pending().get()>
                    "Delete"
                </button>
            </footer>
        </PostForm>
    }
}
