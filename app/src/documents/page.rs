//! The list of documents. The chatbot whose documents are shown stands in the URL.

use super::add_dialog::AddDialog;
use super::delete_dialog::DeleteDialog;
use super::get_form::GetForm;
use super::server_fns::{AddDocument, Choice, DeleteDocument, DocumentList, LoadDocuments, TryDocumentAgain};
use super::size_text;
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{
    EmptyState, FormProblem, Loaded, Moment, MomentKind, OpenDialog, PageHeading, PostForm, Submission, use_live,
};
use domain::chatbot::{Document, DocumentState};
use domain::problem::sentence;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn DocumentsPage() -> impl IntoView {
    let live = use_live();
    let query = use_query_map();
    let add = Submission::<AddDocument>::new();
    let again = Submission::<TryDocumentAgain>::new();
    let delete = Submission::<DeleteDocument>::new();
    let changes = move || add.version() + again.version() + delete.version();
    let chatbot =
        Memo::new(move |_| query.with(|query| query.get("chatbot").or_else(|| query.get("add")).unwrap_or_default()));
    let list = Loaded::new(move || (chatbot.get(), live.get(), changes()), |(chatbot, ..)| LoadDocuments { chatbot });
    view! {
        <PageHeading title="Documents" lede="Files and texts that your chatbots answer from."/>
        <FormProblem error=again.error()/>
        <Transition fallback=skeleton>
            {move || list.show(async move {
                match list.await {
                    Ok(list) => list_view(list, chatbot.get_untracked(), again),
                    Err(error) => view! {
                        {failure(error)}
                        <p><a href="/documents">"Show all documents"</a></p>
                    }
                    .into_any(),
                }
            })}
        </Transition>
        <AddDialog add/>
        <DeleteDialog delete/>
    }
    .into_any()
}

fn list_view(
    DocumentList { documents, chatbots, used }: DocumentList,
    chatbot: String,
    again: Submission<TryDocumentAgain>,
) -> AnyView {
    let is_filtered = !chatbot.is_empty();
    let has_chatbots = !chatbots.is_empty();
    let (add_value, filter) = (chatbot.clone(), chatbot.clone());
    view! {
        <div class="toolbar">
            <span class="chip num">{format!("{} of {}", used.used, used.limit)}</span>
            {has_chatbots.then(|| filter_form(chatbots, chatbot))}
            <span class="push">
                <OpenDialog href="/documents" name="add" value=add_value label="Add document" class="btn primary"/>
            </span>
        </div>
        {if documents.is_empty() { empty(is_filtered, has_chatbots) } else { table(documents, again, filter) }}
    }
    .into_any()
}

fn filter_form(chatbots: Vec<Choice>, chosen: String) -> AnyView {
    let options = chatbots.into_iter().map(move |Choice { id, name }| {
        let is_chosen = id == chosen;
        view! { <option value=id selected=is_chosen prop:selected=is_chosen>{name}</option> }.into_any()
    });
    view! {
        <GetForm href="/documents" fields=&["chatbot"]>
            <label for="filter-chatbot">"Chatbot"</label>
            <select id="filter-chatbot" name="chatbot">
                <option value="">"All chatbots"</option>
                {options.collect_view()}
            </select>
            <button class="btn">"Show"</button>
        </GetForm>
    }
    .into_any()
}

fn empty(is_filtered: bool, has_chatbots: bool) -> AnyView {
    let (title, text, link) = match (has_chatbots, is_filtered) {
        (false, _) => (
            "No documents yet",
            "Every document belongs to a chatbot, so make one first.",
            ("/chatbots?new", "New chatbot"),
        ),
        (true, true) => (
            "This chatbot has no documents",
            "Add the first one, and it can answer from it.",
            ("/documents", "Show all documents"),
        ),
        (true, false) => (
            "No documents yet",
            "Upload files, or paste the answers you give most often.",
            ("/documents?add", "Add document"),
        ),
    };
    view! { <EmptyState title><p>{text}</p><a href=link.0>{link.1}</a></EmptyState> }.into_any()
}

fn table(documents: Vec<Document>, again: Submission<TryDocumentAgain>, filter: String) -> AnyView {
    view! {
        <div class="card">
            <div class="table-wrap" tabindex="0" role="region" aria-label="Documents">
                <table class="documents">
                    <caption class="visually-hidden">"Documents, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Name"</th>
                            <th scope="col">"Chatbot"</th>
                            <th scope="col">"State"</th>
                            <th scope="col" class="r">"Size"</th>
                            <th scope="col" class="r">"Passages"</th>
                            <th scope="col">"Added"</th>
                            <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                        </tr>
                    </thead>
                    <tbody>{documents.into_iter().map(move |document| row(document, again, &filter)).collect_view()}</tbody>
                </table>
            </div>
        </div>
    }
    .into_any()
}

fn row(document: Document, again: Submission<TryDocumentAgain>, filter: &str) -> AnyView {
    let Document { id, chatbot_id, chatbot_name, name, state, size_bytes, passages, created_at, .. } = document;
    let (class, word) = match state {
        DocumentState::Waiting => ("chip", "Waiting"),
        DocumentState::Reading => ("chip", "Reading…"),
        DocumentState::Ready => ("chip ok", "Ready"),
        DocumentState::Failed { .. } => ("chip bad", "Failed"),
    };
    let id = id.to_string();
    let failed = if let DocumentState::Failed { reason } = state { Some(reason) } else { None };
    let (reason, try_again) = failed.map(|reason| (reason_view(&reason), try_again(id.clone(), again))).unzip();
    let button = |name: &str, label: &str| {
        let keep = ("chatbot", filter.to_owned());
        view! { <OpenDialog href="/documents" name value=id.clone() label class="btn quiet" keep/> }.into_any()
    };
    view! {
        <tr>
            <th scope="row" class="name">{name} {reason}</th>
            <td><a href=format!("/chatbots/{chatbot_id}")>{chatbot_name}</a></td>
            <td><span class=class>{word}</span></td>
            <td class="r num">{size_text(size_bytes)}</td>
            <td class="r num">{passages}</td>
            <td><Moment at=created_at kind=MomentKind::Date/></td>
            <td><div class="row-actions">{try_again} {button("replace", "Replace")} {button("delete", "Delete")}</div></td>
        </tr>
    }
    .into_any()
}

fn reason_view(reason: &str) -> AnyView {
    view! { <p class="error">{sentence(reason)}</p> }.into_any()
}

fn try_again(id: String, again: Submission<TryDocumentAgain>) -> AnyView {
    view! {
        <PostForm to=again>
            <input type="hidden" name="id" value=id/>
            <button class="btn quiet">"Try again"</button>
        </PostForm>
    }
    .into_any()
}
