//! Asks before a document is deleted: `/documents?delete=doc_…`.

use super::list_href;
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
    let filter = move || query.with_untracked(|query| query.get("chatbot").unwrap_or_default());
    view! { {move || id.get().is_some().then(|| dialog(delete, subject, filter()))} }.into_any()
}

/// The dialog stands outside of what is waited for, so that it goes at once when the address says so. `filter` is the
/// chatbot whose documents are listed behind it, and again afterwards.
fn dialog(delete: Submission<DeleteDocument>, subject: Loaded<Option<Document>>, filter: String) -> AnyView {
    view! {
        <Dialog title="Delete document" close_href=list_href(&filter)>
            <Suspense>
                {move || {
                    let filter = filter.clone();
                    subject.show(async move {
                        match subject.await {
                            Ok(Some(document)) => form(delete, document, filter),
                            Ok(None) => ().into_any(),
                            Err(error) => missing(error, &filter),
                        }
                    })
                }}
            </Suspense>
        </Dialog>
    }
    .into_any()
}

fn form(delete: Submission<DeleteDocument>, document: Document, filter: String) -> AnyView {
    let (error, back) = (delete.error(), list_href(&filter));
    view! {
        <PostForm to=delete>
            <input type="hidden" name="id" value=document.id.to_string()/>
            <input type="hidden" name="chatbot" value=filter/>
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

fn missing(error: AppError, filter: &str) -> AnyView {
    view! {
        <div class="in">{failure(error)}</div>
        <footer><a class="btn" href=list_href(filter)>"Close"</a></footer>
    }
    .into_any()
}
