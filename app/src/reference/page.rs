//! The reference as a page. The language of the examples and what is filled in stand in the URL.

use super::parts::{authentication, call, errors, limits};
use super::server_fns::{LoadReference, Reference};
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{CopyButton, Loaded, PageHeading, use_live};
use crate::documents::get_form::GetForm;
use crate::documents::server_fns::Choice;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The languages of the examples, as the URL and as the tab name them.
const LANGUAGES: [(&str, &str); 3] = [("curl", "curl"), ("javascript", "JavaScript"), ("python", "Python")];

#[component]
pub fn ReferencePage() -> impl IntoView {
    let live = use_live();
    let query = use_query_map();
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let chosen = Memo::new(move |_| (part("chatbot"), part("key")));
    let language = Memo::new(move |_| {
        let given = part("lang");
        LANGUAGES.iter().position(|(name, _)| *name == given).unwrap_or(0)
    });
    let loaded = Loaded::new(move || (chosen.get(), live.get()), |((chatbot, key), _)| LoadReference { chatbot, key });
    view! {
        <PageHeading title="API & Reference" lede="One call asks a chatbot. This page has all you need to make it."/>
        <Transition fallback=skeleton>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(loaded) => reference_view(loaded, language),
                    Err(error) => failure(error),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn reference_view(reference: Reference, language: Memo<usize>) -> AnyView {
    let Reference {
        url,
        price,
        body_bytes_max,
        chatbots,
        keys,
        chatbot,
        key,
        curl,
        javascript,
        python,
        error_example,
        errors: rows,
    } = reference;
    let missing = missing(chatbots.is_empty(), keys.is_empty());
    let query = (chatbot.clone(), key.clone());
    let form = fill_in_form(chatbots, chatbot, keys, key, language);
    view! {
        <nav class="contents" aria-label="On this page">
            <a href="#authentication">"Authentication"</a>
            <a href="#the-call">"The call"</a>
            <a href="#examples">"Examples"</a>
            <a href="#limits">"Limits"</a>
            <a href="#errors">"Errors"</a>
        </nav>
        {authentication()}
        {call(url, price, body_bytes_max)}
        <section class="card" id="examples" aria-labelledby="examples-heading">
            <header><h2 id="examples-heading">"Examples"</h2></header>
            <div class="body">
                {missing}
                {form}
                {tabs(query, language)}
                {move || {
                    let code = match language.get() {
                        1 => &javascript,
                        2 => &python,
                        _ => &curl,
                    };
                    snippet(language.get(), code.clone())
                }}
                <p class="hint">
                    "The Consumer Secret is read from the environment variable "
                    <code>"ARTIKO_CONSUMER_SECRET"</code>
                    ". It was shown once when the key was made, and we cannot show it again."
                </p>
            </div>
        </section>
        {limits()}
        {errors(rows, error_example)}
    }
    .into_any()
}

fn missing(has_no_chatbot: bool, has_no_key: bool) -> AnyView {
    view! {
        {has_no_chatbot.then(|| view! {
            <p class="notice warn">"The examples need a chatbot. "<a href="/chatbots?new">"Make your first one"</a>"."</p>
        }.into_any())}
        {has_no_key.then(|| view! {
            <p class="notice warn">
                "You have no API key yet, so the examples read it from ARTIKO_CONSUMER_KEY. "
                <a href="/settings?generate-key">"Generate API Key"</a>
            </p>
        }.into_any())}
    }
    .into_any()
}

fn fill_in_form(
    chatbots: Vec<Choice>,
    chatbot: String,
    keys: Vec<Choice>,
    key: String,
    language: Memo<usize>,
) -> Option<AnyView> {
    if chatbots.len() < 2 && keys.len() < 2 {
        return None;
    }
    let form = view! {
        <GetForm href="/reference" fields=&["lang", "chatbot", "key"]>
            <input type="hidden" name="lang" value=move || LANGUAGES[language.get()].0/>
            {select("Chatbot", "chatbot", chatbots, &chatbot)}
            {select("API key", "key", keys, &key)}
            <button class="btn">"Fill in"</button>
        </GetForm>
    };
    Some(form.into_any())
}

fn select(label: &'static str, name: &'static str, choices: Vec<Choice>, chosen: &str) -> Option<AnyView> {
    if choices.is_empty() {
        return None;
    }
    let id = format!("fill-in-{name}");
    let options: Vec<_> = choices
        .into_iter()
        .map(|choice| {
            let is_chosen = choice.id == chosen;
            view! { <option value=choice.id selected=is_chosen prop:selected=is_chosen>{choice.name}</option> }
        })
        .collect();
    let select = view! {
        <div>
            <label for=id.clone()>{label}</label>
            <select id=id name=name>{options}</select>
        </div>
    };
    Some(select.into_any())
}

fn tabs((chatbot, key): (String, String), language: Memo<usize>) -> AnyView {
    let tab = |(place, (name, label)): (usize, (&'static str, &'static str))| {
        let href = format!("/reference?lang={name}&chatbot={chatbot}&key={key}");
        let current = move || (language.get() == place).then_some("page");
        view! { <a href=href aria-current=current data-noscroll="">{label}</a> }.into_any()
    };
    let tabs = LANGUAGES.into_iter().enumerate().map(tab).collect_view();
    view! { <nav class="tabs" aria-label="Language">{tabs}</nav> }.into_any()
}

fn snippet(language: usize, code: String) -> AnyView {
    let (name, label) = LANGUAGES[language];
    view! {
        <div class="snippet">
            <CopyButton text=code.clone() label=format!("Copy the {label} example")/>
            <pre data-snippet=name tabindex="0"><code>{code}</code></pre>
        </div>
    }
    .into_any()
}
