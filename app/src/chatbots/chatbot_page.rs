//! One chatbot: its settings with a panel to try it beside them, and what it answers from.

use super::parts::{counted, failure, skeleton};
use super::server_fns::{ChatbotView, LoadChatbotView, LoadSettings};
use super::settings::forms;
use super::spending::spending_card;
use super::try_it::{Talk, TryIt};
use super::widget_card::widget_card;
use crate::components::{CopyButton, EmptyState, Loaded, Moment, MomentKind, OpenDialog, PageHeading, use_live};
use crate::documents::size_text;
use domain::chatbot::{Chatbot, Document};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

#[component]
pub fn ChatbotPage() -> impl IntoView {
    let live = use_live();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let loaded = Loaded::new(move || (id.get(), live.get()), |(id, _)| LoadChatbotView { id });
    // Read once: what is being typed must outlive every refresh.
    let settings = Loaded::new(move || id.get(), |id| LoadSettings { id });
    // What was said and what is being typed belongs to the page and outlives every refresh of what is around it.
    let talk = Talk::new(id);
    view! {
        <p class="crumbs"><a href="/chatbots">"Chatbots"</a></p>
        <Transition fallback=skeleton>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(loaded) => heading(loaded.chatbot),
                    Err(error) => view! { <PageHeading title="Chatbot"/> {failure(error)} }.into_any(),
                }
            })}
        </Transition>
        // What went wrong is said by the heading.
        <div class="beside">
            <div>
                <Transition>
                    {move || settings.show(async move { settings.await.map_or_else(|_| ().into_any(), forms) })}
                </Transition>
                <Transition>
                    {move || loaded.show(async move { loaded.await.map_or_else(|_| ().into_any(), cards) })}
                </Transition>
            </div>
            <Transition>
                {move || loaded.show(async move {
                    loaded.await.map_or_else(|_| ().into_any(), |loaded| view! { <TryIt talk loaded/> }.into_any())
                })}
            </Transition>
        </div>
    }
    .into_any()
}

fn heading(chatbot: Chatbot) -> AnyView {
    let Chatbot { id, name, created_at, paused_at, .. } = chatbot;
    view! {
        <PageHeading title=name.clone()/>
        <div class="lede chatbot-id">
            <code class="mono">{id.to_string()}</code>
            <CopyButton text=id.to_string() label=format!("Copy the id of {name}")/>
            <span class="sub">"created "<Moment at=created_at kind=MomentKind::Date/></span>
            <span class="push actions">
                <OpenDialog href="/chatbots" name="rename" value=id.to_string() label="Rename" class="btn"/>
                <OpenDialog href="/chatbots" name="delete" value=id.to_string() label="Delete" class="btn"/>
            </span>
        </div>
        {paused_at.map(|at| view! {
            <p class="notice warn" role="status">
                "Paused since "<Moment at=at/>". Only you can ask it, on this page; calls by API and messages of the widget are refused and cost nothing."
            </p>
        }.into_any())}
    }
    .into_any()
}

fn cards(ChatbotView { chatbot, documents, currency, embed_code, embed, .. }: ChatbotView) -> AnyView {
    let spending = spending_card(&chatbot, currency);
    let id = chatbot.id;
    let widget = (!embed_code.is_empty()).then(|| widget_card(embed_code, embed));
    let reference_href = format!("/reference/createMessage?chatbot={id}");
    view! {
        <section class="card" aria-labelledby="documents-heading">
            <header>
                <h2 id="documents-heading">"Documents"</h2>
                <span class="push">
                    <OpenDialog href="/documents" name="add" value=id.to_string() label="Add document" class="btn"/>
                </span>
            </header>
            {documents_view(documents)}
            <div class="foot">
                <a href=format!("/documents?chatbot={id}")>"Manage documents"</a>
                <a href=reference_href>"Call it by API"</a>
            </div>
        </section>
        {widget}
        {spending}
    }
    .into_any()
}

fn documents_view(documents: Vec<Document>) -> AnyView {
    if documents.is_empty() {
        return view! {
            <div class="body">
                <EmptyState title="No documents yet"><p>"It can answer only from documents. Add the first one."</p></EmptyState>
            </div>
        }
        .into_any();
    }
    let items = documents.into_iter().map(|document| {
        let detail = format!("{} · {}", size_text(document.size_bytes), counted(document.passages, "passage"));
        view! { <li><span>{document.name}</span><span class="sub num">{detail}</span></li> }.into_any()
    });
    view! { <ul class="lines">{items.collect_view()}</ul> }.into_any()
}
