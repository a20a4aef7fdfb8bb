//! Asks before a document is deleted: `/documents?delete=doc_…`.

use super::add_dialog::list_href;
use super::server_fns::{DeleteDocument, LoadDocument};
use crate::chatbots::parts::failure;
use crate::components::{Dialog, FormProblem, Loaded, PostForm, Submission};
use crate::error::AppError;
use domain::chatbot::Document;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn DeleteDialog(delete: Submission<DeleteDocument>) -> impl IntoView {
    let query = use_query_map();
    let id = Memo::new(move |_| query.with(|query| query.get("delete").filter(|id| !id.is_empty())));
    let subject = Loaded::maybe(move || id.get(), |id| id.map(|id| LoadDocument { id }));
    Effect::new(move |_| {
        if id.get().is_none() {
            delete.clear();
        }
    });
    let back = move || list_href(&query.with_untracked(|query| query.get("chatbot").unwrap_or_default()));
    view! { {move || id.get().is_some().then(|| dialog(delete, subject, back()))} }.into_any()
}

/// The dialog stands outside of what is waited for, so that it goes at once when the address says so.
fn dialog(delete: Submission<DeleteDocument>, subject: Loaded<Option<Document>>, back: String) -> AnyView {
    view! {
        <Dialog title="Delete document" close_href=back.clone()>
            <Suspense>
                {move || {
                    let back = back.clone();
                    subject.show(async move {
                        match subject.await {
                            Ok(Some(document)) => form(delete, document, back),
                            Ok(None) => ().into_any(),
                            Err(error) => missing(error, back),
                        }
                    })
                }}
            </Suspense>
        </Dialog>
    }
    .into_any()
}

fn form(delete: Submission<DeleteDocument>, document: Document, back: String) -> AnyView {
    let error = delete.error();
    view! {
        <PostForm to=delete>
            <input type="hidden" name="id" value=document.id.to_string()/>
            <div class="in">
                <FormProblem error/>
                <p>
                    <strong>{document.chatbot_name}</strong>
                    " will answer no more from "
                    <strong>{document.name}</strong>
                    "."
                </p>
            </div>
            <footer>
                <a class="btn" href=back>"Cancel"</a>
                <button class="btn danger" disabled=delete.is_pending()>"Delete document"</button>
            </footer>
        </PostForm>
    }
    .into_any()
}

fn missing(error: AppError, back: String) -> AnyView {
    view! {
        <div class="in">{failure(error)}</div>
        <footer><a class="btn" href=back>"Close"</a></footer>
    }
    .into_any()
}
