//! One operation: what is sent, what comes back, snippets in several languages, and a form that sends it from here. The
//! language and what is filled in stand in the URL.

use super::contents;
use super::document::Snippet;
use super::page::rendered;
use super::parts::{endpoint, options, snippet};
use super::server_fns::{DescribeOperation, Described, FilledOperation, KeyChoice, LoadOperation};
use super::try_it::try_it;
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{Loaded, PageHeading};
use crate::documents::get_form::GetForm;
use crate::documents::server_fns::Choice;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map, use_query_map};

#[component]
pub fn OperationPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let id = Memo::new(move |_| params.with(|params| params.get("operation").unwrap_or_default()));
    let chosen = Memo::new(move |_| (id.get(), part("chatbot"), part("key")));
    // Whatever else stands there is no name of a language.
    let is_name = |language: &String| language.bytes().all(|byte| byte.is_ascii_lowercase());
    let language = Memo::new(move |_| Some(part("lang")).filter(is_name).unwrap_or_default());
    // Nothing here is live: an answer below would go with what it stands in.
    let loaded = Loaded::new(move || chosen.get(), |(id, chatbot, key)| LoadOperation { id, chatbot, key });
    // Both are loaded anew together: what stands on the page is kept only while it comes alive.
    let described = Loaded::shown(move || chosen.get(), |(id, ..)| DescribeOperation { id });
    view! {
        <p class="crumbs"><a href="/reference">"API & Reference"</a></p>
        <Transition fallback=skeleton>
            {move || loaded.show(async move {
                match (loaded.await, described.await) {
                    (Ok(loaded), Ok(described)) => operation_view(loaded, described, language),
                    (Err(error), _) | (_, Err(error)) => view! { <PageHeading title="API & Reference"/> {failure(error)} }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn operation_view(filled: FilledOperation, described: Option<Described>, language: Memo<String>) -> AnyView {
    let FilledOperation { groups, link, snippets, inputs, chatbots, keys, chatbot, key, warning } = filled;
    let (request, answer) = described.map(|described| (described.request, described.answer)).unzip();
    let missing = missing(chatbots.is_empty(), keys.is_empty());
    let chosen = (chatbot.clone(), key.clone());
    let trial = try_it(link.clone(), inputs, chatbots.clone(), keys.clone(), chosen.clone(), warning);
    let form = fill_in_form(&link.id, chatbots, chatbot, keys, key, language);
    let in_language = move |id: &str| address(id, &language.get());
    view! {
        <PageHeading title=link.summary.clone()/>
        <p class="lede endpoint">{endpoint(&link)}" "<code class="chip" title="The permission that it needs">{link.permission}</code></p>
        <div class="reference">
            {contents::of_operation(&groups, &link.id, in_language)}
            <div>
                {rendered(request, "described")}
                <section class="card" id="snippets" aria-labelledby="snippets-heading">
                    <header><h2 id="snippets-heading">"Examples"</h2></header>
                    <div class="body">
                        {missing}
                        {form}
                        {tabs(&snippets, language, chosen)}
                        {move || chosen_snippet(&snippets, &language.get())}
                        <p class="hint">
                            "The Consumer Secret is read from the environment variable "
                            <code>"ARTIKO_CONSUMER_SECRET"</code>
                            ". It was shown once when the key was made, and we cannot show it again."
                        </p>
                    </div>
                </section>
                {trial}
                {rendered(answer, "described")}
            </div>
        </div>
    }
    .into_any()
}

/// Where an operation stands, in a language.
fn address(id: &str, language: &str) -> String {
    if language.is_empty() { format!("/reference/{id}") } else { format!("/reference/{id}?lang={language}") }
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
    id: &str,
    chatbots: Vec<Choice>,
    chatbot: String,
    keys: Vec<KeyChoice>,
    key: String,
    language: Memo<String>,
) -> Option<AnyView> {
    if chatbots.len() < 2 && keys.len() < 2 {
        return None;
    }
    let keys = keys.into_iter().map(|key| Choice { id: key.id, name: key.name }).collect();
    let form = view! {
        <GetForm href=format!("/reference/{id}") fields=&["lang", "chatbot", "key"]>
            <input type="hidden" name="lang" value=move || language.get()/>
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
    let select = view! {
        <div>
            <label for=id.clone()>{label}</label>
            <select id=id name=name>{options(choices, chosen)}</select>
        </div>
    };
    Some(select.into_any())
}

/// The languages; what was chosen to be filled in stays.
fn tabs(snippets: &[Snippet], language: Memo<String>, (chatbot, key): (String, String)) -> AnyView {
    let location = use_location();
    let first = snippets.first().map(|snippet| snippet.language.clone()).unwrap_or_default();
    let tab = |Snippet { language: name, label, .. }: &Snippet| {
        let (name, first) = (name.clone(), first.clone());
        let query = location.query;
        let path = location.pathname;
        let href = {
            let (name, chatbot, key) = (name.clone(), chatbot.clone(), key.clone());
            move || {
                let if_asked = |part: &str, chosen: &String| {
                    let is_asked = query.with(|query| query.get_str(part).is_some_and(|asked| asked == chosen));
                    if is_asked { chosen.clone() } else { String::new() }
                };
                let (chatbot, key) = (if_asked("chatbot", &chatbot), if_asked("key", &key));
                let parts = [("lang", name.clone()), ("chatbot", chatbot), ("key", key)];
                crate::documents::get_form::address(&path.get(), &parts)
            }
        };
        let current =
            move || language.with(|chosen| *chosen == name || chosen.is_empty() && name == first).then_some("page");
        view! { <a href=href aria-current=current data-noscroll="">{label.clone()}</a> }.into_any()
    };
    let tabs = snippets.iter().map(tab).collect_view();
    view! { <nav class="tabs" aria-label="Language">{tabs}</nav> }.into_any()
}

/// The first one when the address names no language that there is.
fn chosen_snippet(snippets: &[Snippet], language: &str) -> Option<AnyView> {
    let found = snippets.iter().find(|snippet| snippet.language == language).or(snippets.first());
    let Snippet { language, label, code } = found?.clone();
    Some(snippet(language, label, code))
}
