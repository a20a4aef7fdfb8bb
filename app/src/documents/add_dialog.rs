//! Adds a document by upload (`/documents?add`) or by pasting (`/documents?add&paste`); a value of `add` names the
//! chatbot that is chosen beforehand. Puts a file in the place of a document (`/documents?replace=doc_…`).

use super::list_href;
use super::server_fns::{AddDocument, AddForm, Choice, LoadAddForm, LoadDocument};
use super::upload_form::upload_form;
use crate::chatbots::parts::{NAME_MAX, failure};
use crate::components::{Dialog, FormProblem, Loaded, PostForm, Submission, TextField, field_error, typed};
use crate::error::AppError;
use domain::chatbot::Document;
use domain::field::DOCUMENT_BYTES_MAX;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn AddDialog(add: Submission<AddDocument>) -> impl IntoView {
    let query = use_query_map();
    let chatbot = Memo::new(move |_| query.with(|query| query.get("add")));
    let is_paste = Memo::new(move |_| query.with(|query| query.get_str("paste").is_some()));
    let replaced = Memo::new(move |_| query.with(|query| query.get("replace").filter(|id| !id.is_empty())));
    let replaced_document = Loaded::maybe(move || replaced.get(), |id| id.map(|id| LoadDocument { id }));
    let filter = Memo::new(move |_| query.with(|query| query.get("chatbot").unwrap_or_default()));
    let is_open = Memo::new(move |_| chatbot.with(Option::is_some));
    let form = Loaded::maybe(move || is_open.get(), |is_open| is_open.then_some(LoadAddForm {}));
    Effect::new(move |_| {
        if !is_open.get() {
            add.clear();
        }
    });
    view! {
        {move || chatbot.get().map(|chatbot| dialog(chatbot, is_paste, form, add))}
        {move || replaced.get().is_some().then(|| replace_dialog(replaced_document, filter.get_untracked()))}
    }
    .into_any()
}

/// The dialog stands outside of what is waited for, so that it goes at once when the address says so.
fn dialog(
    chatbot: String,
    is_paste: Memo<bool>,
    form: Loaded<Option<AddForm>>,
    add: Submission<AddDocument>,
) -> AnyView {
    let close_href = list_href(&chatbot);
    view! {
        <Dialog title="Add document" lede="What a chatbot answers from." close_href=close_href>
            <Suspense>
                {move || {
                    let chatbot = chatbot.clone();
                    form.show(async move {
                        match form.await {
                            Ok(Some(form)) => inside(form, chatbot, is_paste, add),
                            Ok(None) => ().into_any(),
                            Err(error) => notice(&chatbot, failure(error)),
                        }
                    })
                }}
            </Suspense>
        </Dialog>
    }
    .into_any()
}

/// `filter` is the chatbot whose documents are listed behind it, and again afterwards.
fn replace_dialog(document: Loaded<Option<Document>>, filter: String) -> AnyView {
    view! {
        <Dialog title="Replace document" lede="Until the new file is read, answers come from what is there now."
            close_href=list_href(&filter)>
            <Suspense>
                {move || {
                    let filter = filter.clone();
                    document.show(async move {
                        match document.await {
                            Ok(Some(document)) => replace_form(document, &filter),
                            Ok(None) => ().into_any(),
                            Err(error) => notice(&filter, failure(error)),
                        }
                    })
                }}
            </Suspense>
        </Dialog>
    }
    .into_any()
}

fn replace_form(document: Document, filter: &str) -> AnyView {
    let field = view! {
        <input type="hidden" name="document_id" value=document.id.to_string()/>
        <p>"In place of "<strong>{document.name}</strong>", of "<strong>{document.chatbot_name}</strong>"."</p>
    };
    upload_form(field.into_any(), true, list_href(filter))
}

fn inside(form: AddForm, chatbot: String, is_paste: Memo<bool>, add: Submission<AddDocument>) -> AnyView {
    let AddForm { chatbots, used } = form;
    if chatbots.is_empty() {
        let text = view! {
            <p>"Every document belongs to a chatbot. "<a href="/chatbots?new">"Make a chatbot first"</a>"."</p>
        };
        return notice(&chatbot, text.into_any());
    }
    if used.is_full() {
        let text = view! {
            <p class="notice warn">
                {format!("Your plan allows {} documents, and all places are taken. ", used.limit)}
                "Delete one, or "<a href="/settings?compare-plans">"compare plans"</a>"."
            </p>
        };
        return notice(&chatbot, text.into_any());
    }
    let upload_href = format!("/documents?add={chatbot}");
    let paste_href = format!("/documents?add={chatbot}&paste=");
    let current = move |is_paste_tab: bool| (is_paste.get() == is_paste_tab).then_some("page");
    view! {
        <nav class="tabs" aria-label="How to add">
            <a href=upload_href aria-current=move || current(false)>"Upload files"</a>
            <a href=paste_href aria-current=move || current(true)>"Paste text"</a>
        </nav>
        {move || {
            let (chatbots, chatbot) = (chatbots.clone(), chatbot.clone());
            if is_paste.get() {
                paste_form(chatbots, chatbot, add)
            } else {
                let close_href = list_href(&chatbot);
                upload_form(chatbot_field(chatbots, chatbot, add.error()), false, close_href)
            }
        }}
    }
    .into_any()
}

fn paste_form(chatbots: Vec<Choice>, chatbot: String, add: Submission<AddDocument>) -> AnyView {
    let close_href = list_href(&chatbot);
    let error = add.error();
    let message = field_error(error, "text");
    view! {
        <PostForm to=add>
            <div class="in">
                <FormProblem error/>
                {chatbot_field(chatbots, chatbot, error)}
                <TextField label="Name" name="name" value=typed(error, "name") error=field_error(error, "name") required=true
                    maxlength=NAME_MAX hint="Answers name it as their source"/>
                <div class="field-group">
                    <label for="text">"Text"</label>
                    <textarea id="text" name="text" rows="8" required maxlength=DOCUMENT_BYTES_MAX></textarea>
                    {move || message.try_get().flatten().map(|message| view! { <p class="error" role="alert">{message}</p> }.into_any())}
                </div>
            </div>
            <footer>
                <a class="btn" href=close_href>"Cancel"</a>
                <button class="btn primary" disabled=add.is_pending()>"Add document"</button>
            </footer>
        </PostForm>
    }
    .into_any()
}

fn chatbot_field(chatbots: Vec<Choice>, chosen: String, error: Signal<Option<AppError>>) -> AnyView {
    let message = field_error(error, "chatbot_id");
    let options = chatbots.into_iter().map(move |Choice { id, name }| {
        let is_chosen = id == chosen;
        view! { <option value=id selected=is_chosen>{name}</option> }.into_any()
    });
    view! {
        <div class="field-group">
            <label for="chatbot">"Chatbot"</label>
            <select id="chatbot" name="chatbot_id" required>{options.collect_view()}</select>
            {move || message.try_get().flatten().map(|message| view! { <p class="error" role="alert">{message}</p> }.into_any())}
        </div>
    }
    .into_any()
}

fn notice(chatbot: &str, text: AnyView) -> AnyView {
    view! {
        <div class="in">{text}</div>
        <footer><a class="btn" href=list_href(chatbot)>"Close"</a></footer>
    }
    .into_any()
}
