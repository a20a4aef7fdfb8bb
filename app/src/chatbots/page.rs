//! The list of chatbots: a card each, with the id that API calls name it by.

pub use super::chatbot_page::ChatbotPage;

use super::dialogs::ChatbotDialogs;
use super::parts::{counted, failure, skeleton};
use super::server_fns::{ChatbotList, CreateChatbot, DeleteChatbot, LoadChatbots, RenameChatbot};
use crate::components::{
    CopyButton, EmptyState, Loaded, Moment, MomentKind, OpenDialog, PageHeading, Submission, use_live,
};
use domain::chatbot::Chatbot;
use leptos::prelude::*;

#[component]
pub fn ChatbotsPage() -> impl IntoView {
    let live = use_live();
    let create = Submission::<CreateChatbot>::new();
    let rename = Submission::<RenameChatbot>::new();
    let delete = Submission::<DeleteChatbot>::new();
    let changes = move || create.version() + rename.version() + delete.version();
    let list = Loaded::new(move || (live.get(), changes()), |_| LoadChatbots {});
    view! {
        <PageHeading title="Chatbots" lede="Each chatbot answers from its own documents, in the console, by API and in widgets."/>
        <Transition fallback=skeleton>
            {move || list.show(async move {
                match list.await {
                    Ok(list) => list_view(list),
                    Err(error) => failure(error),
                }
            })}
        </Transition>
        <ChatbotDialogs create rename delete/>
    }
    .into_any()
}

fn list_view(ChatbotList { chatbots, used }: ChatbotList) -> AnyView {
    if chatbots.is_empty() {
        return view! {
            <EmptyState title="No chatbots yet">
                <p>"Make one, give it documents, and ask it something."</p>
                <OpenDialog href="/chatbots" name="new" label="New chatbot" class="btn primary"/>
            </EmptyState>
        }
        .into_any();
    }
    let cards = chatbots.into_iter().map(card).collect_view();
    view! {
        <div class="toolbar">
            <span class="chip num">{format!("{} of {}", used.used, used.limit)}</span>
            <span class="push"><OpenDialog href="/chatbots" name="new" label="New chatbot" class="btn primary"/></span>
        </div>
        <ul class="grid-cards chatbots">{cards}</ul>
    }
    .into_any()
}

fn card(chatbot: Chatbot) -> AnyView {
    let Chatbot { id, name, created_at, documents, paused_at, .. } = chatbot;
    let href = format!("/chatbots/{id}");
    let documents_href = format!("/documents?chatbot={id}");
    view! {
        <li class="card chatbot">
            <header>
                <h2><a href=href.clone()>{name.clone()}</a></h2>
                {paused_at.map(|_| view! { <span class="chip warn">"Paused"</span> }.into_any())}
                <span class="push chatbot-id">
                    <code class="mono">{id.to_string()}</code>
                    <CopyButton text=id.to_string() label=format!("Copy the id of {name}")/>
                </span>
            </header>
            <div class="body sub">
                <a href=documents_href>{counted(documents, "document")}</a>
                " · created "
                <Moment at=created_at kind=MomentKind::Date/>
            </div>
            <div class="foot">
                <a href=href>"Try it"</a>
                <span class="push actions">
                    <OpenDialog href="/chatbots" name="rename" value=id.to_string() label="Rename" class="btn quiet"/>
                    <OpenDialog href="/chatbots" name="delete" value=id.to_string() label="Delete" class="btn quiet"/>
                </span>
            </div>
        </li>
    }
    .into_any()
}
