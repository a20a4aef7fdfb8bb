//! The filter: a GET form, so that every selection is an address that can be kept and shared.

use super::filter::Filter;
use super::server_fns::{FilterChoices, LoadFilterChoices};
use crate::components::Loaded;
use crate::documents::get_form::GetForm;
use crate::documents::server_fns::Choice;
use leptos::prelude::*;

/// The form loads its choices on its own and not with the entries, so that a refresh never takes away a half-typed day.
#[component]
pub fn FilterForm(filter: Memo<Filter>) -> impl IntoView {
    let choices = Loaded::new(|| (), |()| LoadFilterChoices {});
    view! {
        <Transition>
            {move || {
                let filter = filter.get();
                // Without the choices the form still filters by day; the entries below say what went wrong.
                choices.show(async move { form(choices.await.unwrap_or_default(), filter) })
            }}
        </Transition>
    }
    .into_any()
}

fn form(FilterChoices { keys, chatbots, channels, classes }: FilterChoices, filter: Filter) -> AnyView {
    let is_set = filter.is_set();
    let Filter { key, chatbot, channel, only, from, until, by, .. } = filter;
    view! {
        <GetForm href="/usage" fields=&["key", "chatbot", "channel", "only", "from", "until", "by"]>
            {select("key", "API key", "All keys", keys, key)}
            {select("chatbot", "Chatbot", "All chatbots", chatbots, chatbot)}
            {select("channel", "Channel", "All channels", channels, channel)}
            {select("only", "Show", "All entries", classes, only)}
            {day("from", "From", from)}
            {day("until", "Until", until)}
            <input type="hidden" name="by" value=by/>
            <button class="btn">"Filter"</button>
            {is_set.then(|| view! { <a class="btn quiet" href="/usage">"Show all"</a> }.into_any())}
            <p class="hint" id="filter-hint">"Days begin and end at midnight UTC; both are included."</p>
        </GetForm>
    }
    .into_any()
}

/// What is chosen may have been deleted, and is offered all the same.
pub fn select(
    name: &'static str,
    label: &'static str,
    all: &'static str,
    choices: Vec<Choice>,
    chosen: String,
) -> AnyView {
    let id = format!("filter-{name}");
    let is_listed = chosen.is_empty() || choices.iter().any(|choice| choice.id == chosen);
    let deleted = (!is_listed).then(|| Choice { id: chosen.clone(), name: "Deleted".to_owned() });
    let everything = Choice { id: String::new(), name: all.to_owned() };
    let options = [everything].into_iter().chain(choices).chain(deleted).map(move |Choice { id, name }| {
        let is_chosen = id == chosen;
        view! { <option value=id selected=is_chosen prop:selected=is_chosen>{name}</option> }.into_any()
    });
    view! {
        <div>
            <label for=id.clone()>{label}</label>
            <select id=id name=name>{options.collect_view()}</select>
        </div>
    }
    .into_any()
}

pub fn day(name: &'static str, label: &'static str, value: String) -> AnyView {
    let id = format!("filter-{name}");
    view! {
        <div>
            <label for=id.clone()>{label}</label>
            <input id=id type="date" name=name value=value.clone() prop:value=value aria-describedby="filter-hint"/>
        </div>
    }
    .into_any()
}
