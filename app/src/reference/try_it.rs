//! "Try it": sends the operation from the page, with a key of the account, and shows what comes back.
//!
//! **Invariant:** the secret stays in its field. It is in no signal, no address, no storage and no form data; it is read
//! when the call is sent, and the field is emptied when the page is left.

use super::document::{Input, InputKind, OperationLink};
use super::parts::options;
use super::sending::{Received, ReceivedProblem, input_name, prepare, send};
use super::server_fns::KeyChoice;
use crate::components::TextField;
use crate::documents::server_fns::Choice;
use domain::problem::sentence;
use leptos::ev::{SubmitEvent, pagehide};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement, HtmlInputElement};

/// What is asked for, and what came back last.
#[derive(Clone, Copy)]
struct Trial {
    secret: NodeRef<html::Input>,
    is_pending: RwSignal<bool>,
    /// `None` before the first attempt; an error when the server could not be reached.
    received: RwSignal<Option<Result<Received, ()>>>,
}

impl Trial {
    fn send(self, event: &SubmitEvent, link: &OperationLink, inputs: &[Input]) {
        event.prevent_default();
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let Some(fields) = form.and_then(|form| FormData::new_with_form(&form).ok()) else { return };
        let Some(secret) = self.secret.get_untracked() else { return };
        if self.is_pending.get_untracked() {
            return;
        }
        let key = fields.get("key").as_string().unwrap_or_default();
        let prepared = prepare(link, inputs, &fields, &format!("{key}:{}", secret.value().trim()));
        self.is_pending.set(true);
        spawn_local(async move {
            let received = match prepared {
                Ok(prepared) => send(prepared).await,
                Err(error) => Err(error),
            };
            // Both signals are gone when the page was left while the answer was on its way.
            if self.is_pending.try_set(false).is_none() {
                self.received.set(Some(received.map_err(|_| ())));
            }
        });
    }

    /// Empties the field when the page is left: within the console, for another site, or by going back in the browser,
    /// which keeps pages as they were.
    fn forget_secret_with_page(self) {
        Effect::new(move |_| {
            let Some(secret) = self.secret.get() else { return };
            let secret: HtmlInputElement = secret;
            let leaving = secret.clone();
            let handle = window_event_listener(pagehide, move |_| leaving.set_value(""));
            on_cleanup(move || {
                handle.remove();
                secret.set_value("");
            });
        });
    }
}

/// The form once the page is alive, because nothing but the page can send a call with a header of its own; before that,
/// and without WebAssembly, a sentence that says so. `chosen` are the ids of the chatbot and of the key.
pub fn try_it(
    link: OperationLink,
    inputs: Vec<Input>,
    chatbots: Vec<Choice>,
    keys: Vec<KeyChoice>,
    chosen: (String, String),
    warning: String,
) -> AnyView {
    let trial = Trial { secret: NodeRef::new(), is_pending: RwSignal::new(false), received: RwSignal::new(None) };
    let is_alive = RwSignal::new(false);
    Effect::new(move |_| is_alive.set(true));
    trial.forget_secret_with_page();
    let given = Arc::new((link, inputs, chatbots, keys, chosen, warning));
    let form = move || {
        let (_, inputs, chatbots, keys, (chatbot, key), warning) = given.as_ref();
        let fields = inputs.iter().map(|input| field(input, chatbots, chatbot)).collect_view();
        let keys = keys.iter().map(|key| (key.id.clone(), key.consumer_key.clone(), key.name.clone()));
        let chosen = keys.clone().find(|(id, ..)| id == key).map(|(_, consumer_key, _)| consumer_key);
        let keys: Vec<Choice> = keys.map(|(_, id, name)| Choice { id, name }).collect();
        if keys.is_empty() {
            return view! { <p>"It is sent with one of your API keys. "<a href="/settings?generate-key">"Generate API Key"</a></p> }
                .into_any();
        }
        let sent = Arc::clone(&given);
        let submit = move |event: SubmitEvent| trial.send(&event, &sent.0, &sent.1);
        view! {
            <form class="stack" on:submit=submit>
                <div class="credential">
                    <div>
                        <label for="try-key">"API key"</label>
                        <select id="try-key" name="key">{options(keys, &chosen.unwrap_or_default())}</select>
                    </div>
                    <div>
                        <label for="try-secret">"Consumer Secret"</label>
                        <div class="field">
                            <input id="try-secret" type="password" autocomplete="off" spellcheck="false" required
                                placeholder="sk_…" aria-describedby="try-secret-hint" node_ref=trial.secret/>
                        </div>
                    </div>
                </div>
                <p class="hint" id="try-secret-hint">"The secret stays in this field, and is gone when you leave the page."</p>
                {fields}
                <div class="row">
                    <button class="btn primary" disabled=trial.is_pending>
                        {move || if trial.is_pending.get() { "Sending…" } else { "Send" }}
                    </button>
                    <span class="sub">{warning.clone()}</span>
                </div>
            </form>
        }
        .into_any()
    };
    view! {
        <section class="card" id="try-it" aria-labelledby="try-it-heading">
            <header><h2 id="try-it-heading">"Try it"</h2></header>
            <div class="body">
                {move || if is_alive.get() { form() } else {
                    view! { <p class="hint">"Calls are sent from this page by its WebAssembly, which has not loaded. Until it has, copy an example."</p> }.into_any()
                }}
                <div class="received" aria-live="polite">{move || trial.received.get().map(received_view)}</div>
            </div>
        </section>
    }
    .into_any()
}

fn field(input: &Input, chatbots: &[Choice], chatbot: &str) -> AnyView {
    let name = input_name(input);
    let id = format!("try-{name}");
    let label = if input.is_required { input.name.clone() } else { format!("{} (optional)", input.name) };
    match input.kind {
        InputKind::Chatbot => {
            let nothing = Choice { id: String::new(), name: "–".to_owned() };
            let chosen = if input.is_required { chatbot } else { "" };
            let choices = (!input.is_required).then_some(nothing).into_iter().chain(chatbots.iter().cloned()).collect();
            view! { <div><label for=id.clone()>{label}</label><select id=id name=name>{options(choices, chosen)}</select></div> }
                .into_any()
        }
        InputKind::Flag => {
            view! { <label class="check"><input type="checkbox" name=name/>{input.name.clone()}</label> }.into_any()
        }
        InputKind::Long => view! {
            <div>
                <label for=id.clone()>{label}</label>
                <textarea id=id name=name rows="2">{input.value.clone()}</textarea>
                <p class="hint">{input.hint.clone()}</p>
            </div>
        }
        .into_any(),
        InputKind::Text => {
            view! { <TextField label name id value=input.value.clone() hint=input.hint.clone()/> }.into_any()
        }
    }
}

fn received_view(received: Result<Received, ()>) -> AnyView {
    let Ok(Received { status, headers, body, problem }) = received else {
        return view! { <p class="notice bad" role="alert">"The server cannot be reached. Check the connection and try again."</p> }
            .into_any();
    };
    let headers =
        headers.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd class="mono">{value}</dd> }.into_any());
    let class = if status < 400 { "chip ok" } else { "chip bad" };
    view! {
        {problem.map(problem_view)}
        <p><span class=class>{format!("Status {status}")}</span></p>
        <dl class="facts">{headers.collect_view()}</dl>
        {(!body.is_empty()).then(|| view! { <pre tabindex="0"><code>{body}</code></pre> }.into_any())}
    }
    .into_any()
}

fn problem_view(ReceivedProblem { title, detail, code, add_balance_url }: ReceivedProblem) -> AnyView {
    let href = format!("/reference#{code}");
    view! {
        <div class="notice bad" role="alert">
            <p>
                {title}". "{sentence(&detail)}
                {add_balance_url.map(|url| view! { " "<a href=url>"Add balance"</a> }.into_any())}
            </p>
            <p class="sub">"What to do: "<a href=href rel="external">{code}</a></p>
        </div>
    }
    .into_any()
}
