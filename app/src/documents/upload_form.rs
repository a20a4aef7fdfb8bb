//! Files to upload: several for a chatbot, or one in the place of a document. Files are dropped on the field or chosen in
//! it.
//!
//! The form is one that the browser itself can send. Once the page is alive each file is sent by itself, so that each says
//! how far it is, and what is refused of one says nothing of the others.

use crate::call::post;
use crate::error::sentence;
use leptos::ev::SubmitEvent;
use leptos::html::A;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{File, FormData, HtmlFormElement};

const ACCEPTED: &str = ".pdf,.docx,.html,.htm,.md,.markdown,.txt,.csv,.tsv";

/// A file on its way.
#[derive(Clone)]
struct Sent {
    name: String,
    /// Empty on its way, and else why it was refused, or that it was taken.
    outcome: String,
}

/// `field` is what the form says beside the files: the chatbot, or the document that is replaced.
pub(super) fn upload_form(field: AnyView, is_replacement: bool, close_href: String) -> AnyView {
    let sent = RwSignal::new(Vec::<Sent>::new());
    let is_sending = RwSignal::new(false);
    // The router follows its links; what is waited for cannot ask it for anything else.
    let leave = NodeRef::<A>::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let Some(fields) = form.and_then(|form| FormData::new_with_form(&form).ok()) else { return };
        if is_sending.get_untracked() {
            return;
        }
        is_sending.set(true);
        sent.set(Vec::new());
        spawn_local(async move {
            if send_all(fields, sent).await
                && let Some(Some(link)) = leave.try_get_untracked()
            {
                link.click();
            }
            let _gone = is_sending.try_set(false);
        });
    };
    let button = move || if is_sending.try_get() == Some(true) { "Uploading…" } else { "Upload" };
    view! {
        <form method="post" action="/documents/upload" enctype="multipart/form-data" on:submit=submit>
            <div class="in">
                {field}
                <div class="field-group">
                    <label for="file">{if is_replacement { "File" } else { "Files" }}</label>
                    <input id="file" class="drop" type="file" name="file" required multiple=!is_replacement accept=ACCEPTED
                        aria-describedby="file-hint"/>
                    <p class="hint" id="file-hint">
                        "Choose or drop PDF, DOCX, HTML, CSV, Markdown or plain text: up to 10 MiB, with up to 2 MiB of text"
                    </p>
                </div>
                <ul class="sent" aria-live="polite">
                    {move || sent.try_get().unwrap_or_default().into_iter().map(sent_view).collect_view()}
                </ul>
            </div>
            <footer>
                <a class="btn" href=close_href node_ref=leave>"Cancel"</a>
                <button class="btn primary" disabled=move || is_sending.try_get() == Some(true)>{button}</button>
            </footer>
        </form>
    }
    .into_any()
}

fn sent_view(Sent { name, outcome }: Sent) -> AnyView {
    let progress = outcome.is_empty().then(|| view! { <progress aria-label=name.clone()></progress> }.into_any());
    view! { <li>{name} " " {outcome} {progress}</li> }.into_any()
}

/// Sends the files one after the other; says whether all were taken.
async fn send_all(fields: FormData, sent: RwSignal<Vec<Sent>>) -> bool {
    let mut is_all = true;
    for file in fields.get_all("file") {
        // The same form each time, with another file in it.
        let _set = fields.set_with_blob("file", file.unchecked_ref());
        let name = file.unchecked_ref::<File>().name();
        sent.try_update(|sent| sent.push(Sent { name, outcome: String::new() }));
        let error = post("/documents/upload", fields.clone().into()).await.error();
        is_all &= error.is_none();
        let outcome = error.map_or_else(|| "Uploaded.".to_owned(), |error| sentence(&error.problem.detail));
        sent.try_update(|sent| sent.last_mut().map(|last| last.outcome = outcome));
    }
    is_all
}
