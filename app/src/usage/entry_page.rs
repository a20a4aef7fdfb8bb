//! `/usage/entries/{seq}`: one entry with all that is known of it, at an address that can be given to support.

use super::entry_row::{amount_class, channel_name, what};
use super::server_fns::{EntryView, LoadEntry};
use crate::components::{CopyButton, Loaded, Loading, Moment, PageHeading, ProblemNotice};
use domain::ledger::Entry;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// An entry never changes, so it is read once.
#[component]
pub fn EntryPage() -> impl IntoView {
    let params = use_params_map();
    let seq = Memo::new(move |_| params.with(|params| params.get("seq").unwrap_or_default()));
    let loaded = Loaded::new(move || seq.get(), |seq| LoadEntry { seq });
    view! {
        <p class="crumbs">
            <a href="/usage">"Usage"</a>
        </p>
        <Transition fallback=Loading>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(loaded) => entry_view(loaded),
                    Err(error) => view! {
                        <PageHeading title="Entry"/>
                        <ProblemNotice problem=error.problem/>
                    }
                    .into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn entry_view(EntryView { entry, currency, has_key, has_chatbot }: EntryView) -> AnyView {
    let Entry {
        seq,
        kind,
        amount,
        posted_after,
        at,
        request_id,
        caller_request_id,
        channel,
        key,
        chatbot,
        payment_id,
        reason,
    } = entry;
    let key = key.map(|key| linked(key.name, has_key.then(|| format!("/settings/keys/{}", key.id))));
    let chatbot = chatbot.map(|bot| linked(bot.name, has_chatbot.then(|| format!("/chatbots/{}", bot.id))));
    let payment = payment_id.map(|id| linked(id.to_string(), Some("/settings/payments".to_owned())));
    let amount_text = amount.signed_text(currency);
    let facts = [
        ("What", Some(what(kind).into_any())),
        ("Amount", Some(view! { <span class=amount_class(amount)>{amount_text}</span> }.into_any())),
        ("Credit after", Some(view! { <span class="num">{posted_after.text(currency)}</span> }.into_any())),
        ("When", Some(view! { <Moment at/>" "<span class="sub num">{at.to_string()}</span> }.into_any())),
        ("Channel", channel.map(|channel| channel_name(channel).into_any())),
        ("API key", key),
        ("Chatbot", chatbot),
        ("Payment", payment),
        ("Reason", reason.map(IntoAny::into_any)),
        ("Request id", Some(copied(request_id))),
        ("Your own name for it", caller_request_id.map(|name| view! { <code class="mono">{name}</code> }.into_any())),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| value.map(|value| fact(name, value)));
    view! {
        <PageHeading title=format!("Entry {seq}") lede="An entry of your API credit. It never changes."/>
        <section class="card" aria-label="Entry">
            <dl class="body facts">{facts.collect_view()}</dl>
            <p class="foot">"If something about it is not right, give this address to support."</p>
        </section>
    }
    .into_any()
}

fn fact(name: &'static str, value: AnyView) -> AnyView {
    view! {
        <dt>{name}</dt>
        <dd>{value}</dd>
    }
    .into_any()
}

/// What was deleted has no page any more, and keeps its name.
fn linked(name: String, href: Option<String>) -> AnyView {
    match href {
        Some(href) => view! { <a href=href>{name}</a> }.into_any(),
        None => view! { {name}" "<span class="sub">"deleted"</span> }.into_any(),
    }
}

fn copied(request_id: String) -> AnyView {
    view! {
        <code class="mono">{request_id.clone()}</code>
        " "
        <CopyButton text=request_id label="Copy the request id"/>
    }
    .into_any()
}
