//! The list of conversations, newest first. Filter and page stand in the URL.

use super::filter::{FIELDS, Filter};
use super::server_fns::{ConversationList, LoadConversationChoices, LoadConversations};
use crate::chatbots::parts::{counted, failure, skeleton};
use crate::components::{EmptyState, Loaded, Moment, PageHeading, use_live};
use crate::documents::get_form::GetForm;
use crate::usage::{FilterChoices, channel_name, day, select};
use domain::conversation::{ListedConversation, SEARCH_CHARACTERS_MAX};
use domain::money::Currency;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ConversationsPage() -> impl IntoView {
    let live = use_live();
    let query = use_query_map();
    let filter = Memo::new(move |_| query.with(Filter::of));
    let choices = Loaded::new(|| (), |()| LoadConversationChoices {});
    let list = Loaded::new(move || (filter.get(), live.get()), |(filter, _)| LoadConversations { filter });
    view! {
        <PageHeading title="Conversations" lede="What your chatbots were asked, and what they answered."/>
        <nav class="tabs" aria-label="Which are shown">
            <a href="/conversations" aria-current="page">"Conversations"</a>
            <a href="/conversations/contacts">"Contact requests"</a>
        </nav>
        <Transition>
            {move || {
                let filter = filter.get();
                choices.show(async move { form(choices.await.unwrap_or_default(), filter) })
            }}
        </Transition>
        <Transition fallback=skeleton>
            {move || list.show(async move {
                match list.await {
                    Ok(list) => list_view(list, &filter.get_untracked()),
                    Err(error) => failure(error),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn form(choices: FilterChoices, filter: Filter) -> AnyView {
    let is_set = filter.is_set();
    let Filter { text, chatbot, channel, from, until, .. } = filter;
    view! {
        <GetForm href="/conversations" fields=FIELDS>
            <div>
                <label for="filter-text">"Said"</label>
                <input id="filter-text" type="search" name="text" maxlength=SEARCH_CHARACTERS_MAX value=text.clone()
                    prop:value=text/>
            </div>
            {select("chatbot", "Chatbot", "All chatbots", choices.chatbots, chatbot)}
            {select("channel", "Channel", "All channels", choices.channels, channel)}
            {day("from", "From", from)}
            {day("until", "Until", until)}
            <button class="btn">"Filter"</button>
            {is_set.then(|| view! { <a class="btn quiet" href="/conversations">"Show all"</a> }.into_any())}
            <p class="hint" id="filter-hint">"Days begin and end at midnight UTC; both are included."</p>
        </GetForm>
    }
    .into_any()
}

fn list_view(ConversationList { page, currency }: ConversationList, filter: &Filter) -> AnyView {
    let older = page.next.map(|id| filter.before(id).address("/conversations"));
    if page.items.is_empty() && older.is_none() {
        return empty(filter);
    }
    let newest = (!filter.before.is_empty()).then(|| filter.before(String::new()).address("/conversations"));
    let export = |format: &str| filter.before(String::new()).address(&format!("/conversations/export.{format}"));
    // A search looks through so many conversations at a time and says where it goes on.
    let none_yet = page
        .items
        .is_empty()
        .then(|| view! { <p class="body">"Nothing among the newest of them. Look through older ones."</p> }.into_any());
    let rows = page.items.into_iter().map(|listed| row(listed, currency)).collect_view();
    view! {
        <section class="card" aria-label="Conversations">
            {none_yet}
            <ul class="conversations">{rows}</ul>
            <nav class="foot" aria-label="Pages">
                {newest.map(|href| view! { <a href=href>"Newest conversations"</a> }.into_any())}
                {older.map(|href| view! { <a href=href rel="next">"Older conversations"</a> }.into_any())}
                <a href=export("csv") download="">"Export as CSV"</a>
                <a href=export("json") download="">"Export as JSON"</a>
            </nav>
        </section>
    }
    .into_any()
}

fn row(listed: ListedConversation, currency: Currency) -> AnyView {
    let ListedConversation { conversation, chatbot_name, opening, charged, last_at } = listed;
    let facts = format!(
        "{chatbot_name} · {} · {}",
        channel_name(conversation.channel),
        counted(conversation.messages, "message")
    );
    let charged = (charged.millionths() > 0).then(|| format!(" · {}", charged.text(currency)));
    view! {
        <li>
            <a href=format!("/conversations/{}", conversation.id)>{opening}</a>
            <span class="sub num">{facts}{charged}" · "<Moment at=last_at/></span>
        </li>
    }
    .into_any()
}

fn empty(filter: &Filter) -> AnyView {
    let (title, text, link) = if filter.is_set() || !filter.before.is_empty() {
        (
            "No conversations here",
            "Nothing like that was asked or answered.",
            ("/conversations", "Show all conversations"),
        )
    } else {
        ("No conversations yet", "Ask one of your chatbots something, and it stands here.", ("/chatbots", "Chatbots"))
    };
    view! { <EmptyState title><p>{text}</p><a href=link.0>{link.1}</a></EmptyState> }.into_any()
}
