//! The dialogs of the list: make, rename and delete a chatbot. Which one is open stands in the URL.
//!
//! They load what they name on their own and not with the list, so that a list that refreshes itself never takes away
//! what somebody is typing.

use super::parts::{NAME_MAX, counted, failure};
use super::server_fns::{CreateChatbot, DeleteChatbot, LoadChatbot, RenameChatbot};
use crate::components::{Dialog, FormProblem, Loaded, PostForm, Submission, TextField, field_error, typed};
use crate::error::AppError;
use domain::chatbot::Chatbot;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ChatbotDialogs(
    create: Submission<CreateChatbot>,
    rename: Submission<RenameChatbot>,
    delete: Submission<DeleteChatbot>,
) -> impl IntoView {
    let query = use_query_map();
    let is_new = Memo::new(move |_| query.with(|query| query.get_str("new").is_some()));
    let named = move |key: &'static str| query.with(|query| query.get(key).filter(|id| !id.is_empty()));
    let renamed_id = Memo::new(move |_| named("rename"));
    let deleted_id = Memo::new(move |_| named("delete"));
    let subject =
        Loaded::maybe(move || renamed_id.get().or_else(|| deleted_id.get()), |id| id.map(|id| LoadChatbot { id }));
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
        {move || renamed_id.get().is_some().then(|| rename_dialog(rename, subject))}
        {move || deleted_id.get().is_some().then(|| delete_dialog(delete, subject))}
    }
    .into_any()
}

/// The chatbot that a dialog is about; `None` while no dialog names one.
type Subject = Loaded<Option<Chatbot>>;

/// The inside of a dialog, once it is known what the dialog is about.
///
/// The dialog itself stands outside of what is waited for: it goes at once when the address says so. Inside, it would
/// stay until the next answer arrives, and react with signals that are gone already.
fn about(subject: Subject, inside: impl Fn(Chatbot) -> AnyView + Copy + Send + 'static) -> AnyView {
    view! {
        <Suspense>
            {move || subject.show(async move {
                match subject.await {
                    Ok(Some(chatbot)) => inside(chatbot),
                    Ok(None) => ().into_any(),
                    Err(error) => missing(error),
                }
            })}
        </Suspense>
    }
    .into_any()
}

fn new_dialog(create: Submission<CreateChatbot>) -> AnyView {
    let error = create.error();
    view! {
        <Dialog title="New chatbot" lede="Its id is what API calls and widgets name it by." close_href="/chatbots">
            <PostForm to=create>
                <div class="in">
                    <FormProblem error/>
                    <TextField label="Name" name="name" value=typed(error, "name") error=field_error(error, "name") required=true
                        maxlength=NAME_MAX hint="For example Help centre"/>
                </div>
                <footer>
                    <a class="btn" href="/chatbots">"Cancel"</a>
                    <button class="btn primary" disabled=create.is_pending()>"Create chatbot"</button>
                </footer>
            </PostForm>
        </Dialog>
    }
    .into_any()
}

fn rename_dialog(rename: Submission<RenameChatbot>, subject: Subject) -> AnyView {
    view! {
        <Dialog title="Rename chatbot" lede="Its id stays the same, so nothing that uses it has to change." close_href="/chatbots">
            {about(subject, move |chatbot| rename_form(rename, chatbot))}
        </Dialog>
    }
    .into_any()
}

fn rename_form(rename: Submission<RenameChatbot>, chatbot: Chatbot) -> AnyView {
    let error = rename.error();
    let name = Some(typed(error, "name")).filter(|name| !name.is_empty()).unwrap_or(chatbot.name);
    view! {
        <PostForm to=rename>
            <input type="hidden" name="id" value=chatbot.id.to_string()/>
            <div class="in">
                <FormProblem error/>
                <TextField label="Name" name="name" value=name error=field_error(error, "name") required=true maxlength=NAME_MAX/>
            </div>
            <footer>
                <a class="btn" href="/chatbots">"Cancel"</a>
                <button class="btn primary" disabled=rename.is_pending()>"Rename"</button>
            </footer>
        </PostForm>
    }
    .into_any()
}

fn delete_dialog(delete: Submission<DeleteChatbot>, subject: Subject) -> AnyView {
    view! {
        <Dialog title="Delete chatbot" close_href="/chatbots">
            {about(subject, move |chatbot| delete_form(delete, chatbot))}
        </Dialog>
    }
    .into_any()
}

fn delete_form(delete: Submission<DeleteChatbot>, chatbot: Chatbot) -> AnyView {
    let error = delete.error();
    let loss = match chatbot.documents {
        0 => "Its conversations are deleted with it.".to_owned(),
        documents => format!("Its {} and its conversations are deleted with it.", counted(documents, "document")),
    };
    view! {
        <PostForm to=delete>
            <input type="hidden" name="id" value=chatbot.id.to_string()/>
            <div class="in">
                <FormProblem error/>
                <p><strong>{chatbot.name}</strong>" will answer no more, neither by API nor in widgets. "{loss}</p>
            </div>
            <footer>
                <a class="btn" href="/chatbots">"Cancel"</a>
                <button class="btn danger" disabled=delete.is_pending()>"Delete chatbot"</button>
            </footer>
        </PostForm>
    }
    .into_any()
}

fn missing(error: AppError) -> AnyView {
    view! {
        <div class="in">{failure(error)}</div>
        <footer><a class="btn" href="/chatbots">"Close"</a></footer>
    }
    .into_any()
}
