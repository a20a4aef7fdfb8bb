//! Makes an API key and shows it once. The secret lives in the value of this dialog's action and nowhere else, so it is
//! gone from memory when the dialog closes.

use super::page::PAGE;
use super::server_fns::CreateKey;
use super::shown_key::ShownKeyDialog;
use crate::components::{Dialog, FormProblem, PostForm, Submission, TextField, field_error};
use leptos::prelude::*;

#[component]
pub fn NewKeyDialog() -> impl IntoView {
    let action = Submission::<CreateKey>::new();
    let is_made = Memo::new(move |_| action.is_done());
    move || {
        if is_made.get() {
            untrack(|| action.value())
                .map(|shown| view! { <ShownKeyDialog title="Your new API key" shown=shown /> })
                .into_any()
        } else {
            view! { <NameDialog action=action /> }.into_any()
        }
    }
}

/// The form posts to a plain route, which answers with a page that shows the key: a form that is sent before WebAssembly
/// has loaded must not lose the secret.
#[component]
fn NameDialog(action: Submission<CreateKey>) -> impl IntoView {
    let error = action.error();
    view! {
        <Dialog
            title="Generate API Key"
            lede="The key can be used for every chatbot of the account."
            close_href=PAGE
        >
            <PostForm to=action action="/settings/keys">
                <div class="in stack">
                    <FormProblem error=error />
                    <TextField
                        label="Name"
                        name="name"
                        required=true
                        maxlength=80
                        autocomplete="off"
                        autofocus=true
                        hint="Where you will use it, for example Production."
                        error=field_error(error, "name")
                    />
                </div>
                <footer>
                    <a href=PAGE class="btn" data-noscroll>
                        "Cancel"
                    </a>
                    <button type="submit" class="btn primary" disabled=move || action.is_pending().get()>
                        "Generate"
                    </button>
                </footer>
            </PostForm>
        </Dialog>
    }
}
