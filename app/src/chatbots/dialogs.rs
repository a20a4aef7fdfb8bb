//! The dialogs of the list: make, rename and delete a chatbot. Which one is open stands in the URL.
//!
//! They load what they name on their own and not with the list, so that a list that refreshes itself never takes away
//! what somebody is typing.

use super::parts::{NAME_MAX, counted, failure};
use super::server_fns::{CreateChatbot, DeleteChatbot, RenameChatbot, load_chatbot};
use crate::components::{Dialog, FormProblem, TextField, error_of, field_error, typed};
use crate::error::AppError;
use domain::chatbot::Chatbot;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ChatbotDialogs(
    create: ServerAction<CreateChatbot>,
    rename: ServerAction<RenameChatbot>,
    delete: ServerAction<DeleteChatbot>,
) -> impl IntoView {
    let query = use_query_map();
    let is_new = Memo::new(move |_| query.with(|query| query.get_str("new").is_some()));
    let named = move |key: &'static str| query.with(|query| query.get(key).filter(|id| !id.is_empty()));
    let renamed_id = Memo::new(move |_| named("rename"));
    let deleted_id = Memo::new(move |_| named("delete"));
    let subject = Resource::new(
        move || renamed_id.get().or_else(|| deleted_id.get()),
        |id| async move {
            match id {
                Some(id) => load_chatbot(id).await.map(Some),
                None => Ok(None),
            }
        },
    );
    // A dialog that is opened again does not begin with the error of the last time.
    Effect::new(move |_| {
        if !is_new.get() {
            create.clear();
        }
        if renamed_id.get().is_none() {
            rename.clear();
        }
        if deleted_id.get().is_none() {
            delete.clear();
        }
    });
    view! {
        {move || is_new.get().then(|| new_dialog(create))}
        <Suspense>
            {move || Suspend::new(async move {
                let is_deleted = deleted_id.get_untracked().is_some();
                match subject.await {
                    Ok(None) => ().into_any(),
                    Ok(Some(chatbot)) if is_deleted => delete_dialog(delete, chatbot),
                    Ok(Some(chatbot)) => rename_dialog(rename, chatbot),
                    Err(error) => missing_dialog(error),
                }
            })}
        </Suspense>
    }
    .into_any()
}

fn new_dialog(create: ServerAction<CreateChatbot>) -> AnyView {
    let error = error_of(create);
    view! {
        <Dialog title="New chatbot" lede="Its id is what API calls and widgets name it by." close_href="/chatbots">
            <ActionForm action=create>
                <div class="in">
                    <FormProblem error/>
                    <TextField label="Name" name="name" value=typed(error, "name") error=field_error(error, "name") required=true
                        maxlength=NAME_MAX hint="For example Help centre"/>
                </div>
                <footer>
                    <a class="btn" href="/chatbots">"Cancel"</a>
                    <button class="btn primary" disabled=create.pending()>"Create chatbot"</button>
                </footer>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn rename_dialog(rename: ServerAction<RenameChatbot>, chatbot: Chatbot) -> AnyView {
    let error = error_of(rename);
    view! {
        <Dialog title="Rename chatbot" lede="Its id stays the same, so nothing that uses it has to change." close_href="/chatbots">
            <ActionForm action=rename>
                <input type="hidden" name="id" value=chatbot.id.to_string()/>
                <div class="in">
                    <FormProblem error/>
                    <TextField label="Name" name="name" value=chatbot.name error=field_error(error, "name")
                        required=true maxlength=NAME_MAX/>
                </div>
                <footer>
                    <a class="btn" href="/chatbots">"Cancel"</a>
                    <button class="btn primary" disabled=rename.pending()>"Rename"</button>
                </footer>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn delete_dialog(delete: ServerAction<DeleteChatbot>, chatbot: Chatbot) -> AnyView {
    let error = error_of(delete);
    let loss = match chatbot.documents {
        0 => "Its conversations are deleted with it.".to_owned(),
        documents => format!("Its {} and its conversations are deleted with it.", counted(documents, "document")),
    };
    view! {
        <Dialog title="Delete chatbot" close_href="/chatbots">
            <ActionForm action=delete>
                <input type="hidden" name="id" value=chatbot.id.to_string()/>
                <div class="in">
                    <FormProblem error/>
                    <p><strong>{chatbot.name}</strong>" will answer no more, neither by API nor in widgets. "{loss}</p>
                </div>
                <footer>
                    <a class="btn" href="/chatbots">"Cancel"</a>
                    <button class="btn danger" disabled=delete.pending()>"Delete chatbot"</button>
                </footer>
            </ActionForm>
        </Dialog>
    }
    .into_any()
}

fn missing_dialog(error: AppError) -> AnyView {
    view! {
        <Dialog title="Chatbot" close_href="/chatbots">
            <div class="in">{failure(error)}</div>
            <footer><a class="btn" href="/chatbots">"Close"</a></footer>
        </Dialog>
    }
    .into_any()
}
