//! "Try it": a conversation with a chatbot in the console.
//!
//! The form is an ordinary one that posts to a plain route, so a question asked before the WASM has loaded is answered
//! too. Afterwards the answer appears below the question; a question that was refused stays in its field.

use super::parts::source_name;
use super::server_fns::{AskChatbot, ChatbotView};
use crate::call::{form_body, post};
use crate::components::{Moment, MomentKind, ProblemNotice};
use crate::error::AppError;
use domain::chatbot::Citation;
use domain::conversation::Reply;
use domain::field::MESSAGE_CHARACTERS_MAX;
use domain::problem::ProblemCode;
use domain::window::WindowUsage;
use leptos::ev;
use leptos::html::Textarea;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::task::spawn_local;
use wasm_bindgen::JsValue;
use web_sys::FormData;

/// What was said, what is being typed, and what went wrong last.
#[derive(Clone, Copy)]
pub struct Talk {
    chatbot_id: Memo<String>,
    exchanges: RwSignal<Vec<(String, Reply)>>,
    field: NodeRef<Textarea>,
    /// What is in the field, for the case that the field is made anew.
    draft: RwSignal<String>,
    error: RwSignal<Option<AppError>>,
    is_pending: RwSignal<bool>,
}

impl Talk {
    /// A conversation that has not begun; it begins anew when the page turns to another chatbot.
    pub fn new(chatbot_id: Memo<String>) -> Self {
        let talk = Self {
            chatbot_id,
            exchanges: RwSignal::default(),
            field: NodeRef::new(),
            draft: RwSignal::default(),
            error: RwSignal::new(None),
            is_pending: RwSignal::new(false),
        };
        Effect::new(move |before: Option<String>| {
            let id = chatbot_id.get();
            if before.is_some_and(|before| before != id) {
                talk.restart();
            }
            id
        });
        // What was typed before the WASM had loaded stands in the field already and is kept.
        Effect::new(move |_| {
            let Some(field) = talk.field.get() else { return };
            let draft = talk.draft.get_untracked();
            if draft.is_empty() { talk.draft.set(field.value()) } else { field.set_value(&draft) }
        });
        talk
    }

    fn restart(self) {
        self.exchanges.set(Vec::new());
        self.error.set(None);
    }

    fn conversation_id(self) -> Option<String> {
        self.exchanges.with_untracked(|said| said.last().map(|(_, reply)| reply.conversation_id.to_string()))
    }

    /// The question as its form would send it.
    fn fields(self, id: &str, message: &str) -> JsValue {
        let Ok(fields) = FormData::new() else { return JsValue::NULL };
        let conversation_id = self.conversation_id();
        let all = [("id", Some(id)), ("conversation_id", conversation_id.as_deref()), ("message", Some(message))];
        for (name, value) in all.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            let _appended = fields.append_with_str(name, value);
        }
        form_body(&fields, false)
    }

    /// Puts a question into the field, in place of what is typed.
    fn suggest(self, question: String) {
        if let Some(field) = self.field.get_untracked() {
            field.set_value(&question);
        }
        self.draft.set(question);
    }

    /// Sends what is typed. Only an answer empties the field.
    fn send(self) {
        let message = self.draft.get_untracked();
        if message.trim().is_empty() || self.is_pending.get_untracked() {
            return;
        }
        let id = self.chatbot_id.get_untracked();
        self.is_pending.set(true);
        self.error.set(None);
        spawn_local(async move {
            let answered = post(AskChatbot::PATH, self.fields(&id, &message)).await.open::<Reply>();
            // Both signals are gone when the page was left while the answer was on its way.
            if self.is_pending.try_set(false).is_some() || self.chatbot_id.get_untracked() != id {
                return;
            }
            match answered {
                Ok(reply) => {
                    self.exchanges.update(|said| said.push((message, reply)));
                    self.suggest(String::new());
                }
                Err(error) => self.error.set(Some(error)),
            }
        });
    }
}

#[component]
pub fn TryIt(talk: Talk, loaded: ChatbotView) -> impl IntoView {
    let ChatbotView { documents, messages, opening, .. } = loaded;
    let action = format!("/chatbots/{}/ask", talk.chatbot_id.get_untracked());
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        // The button of a suggested question says in its value what it asks.
        if let Some(question) = event.submitter().and_then(|button| button.get_attribute("value")) {
            talk.suggest(question);
        }
        talk.send();
    };
    let send_with_enter = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            talk.send();
        }
    };
    view! {
        <section class="card try-it" aria-labelledby="try-it-heading">
            <header>
                <h2 id="try-it-heading">"Try it"</h2>
                <span class="push">
                    {move || (!talk.exchanges.with(Vec::is_empty)).then(|| view! {
                        <button type="button" class="btn quiet" on:click=move |_| talk.restart()>"New conversation"</button>
                    }.into_any())}
                </span>
            </header>
            <div class="body">
                {documents.is_empty().then(|| view! {
                    <p class="notice warn">"This chatbot has no documents, so it will find no answer. Add one first."</p>
                }.into_any())}
                <ol class="talk" aria-live="polite" aria-label="Conversation">
                    {move || talk.exchanges.get().into_iter().map(|(question, reply)| exchange(question, reply)).collect_view()}
                </ol>
                {move || talk.error.get().map(refusal)}
                <form method="post" action=action on:submit=submit>
                    <div class="opening" inner_html=opening></div>
                    <label for="message">"Message"</label>
                    <textarea id="message" name="message" rows="2" required maxlength=MESSAGE_CHARACTERS_MAX
                        aria-describedby="message-hint" node_ref=talk.field
                        on:input=move |event| talk.draft.set(event_target_value(&event))
                        on:keydown=send_with_enter></textarea>
                    <div class="send">
                        <p class="hint num" id="message-hint">{window_hint(messages)}</p>
                        <button class="btn primary" disabled=talk.is_pending>
                            {move || if talk.is_pending.get() { "Asking…" } else { "Ask" }}
                        </button>
                    </div>
                </form>
            </div>
        </section>
    }
    .into_any()
}

/// A refusal; the notice says from when the next message is accepted.
fn refusal(error: AppError) -> AnyView {
    let is_full = error.code() == ProblemCode::MessageWindowFull;
    view! {
        <ProblemNotice problem=error.problem/>
        {is_full.then(|| view! {
            <p class="hint">"What you typed is kept. "<a href="/settings?compare-plans">"Compare plans"</a></p>
        }.into_any())}
    }
    .into_any()
}

fn window_hint(messages: WindowUsage) -> AnyView {
    let hours = messages.window_us / domain::clock::HOUR_US;
    let used = format!("Costs no credit. {} of {} messages used in {hours} hours", messages.used, messages.limit);
    let next = messages.next_free_at.filter(|_| messages.left() == 0);
    view! { {used} {next.map(|at| view! { "; the next one is free at "<Moment at kind=MomentKind::Time/> }.into_any())} }
        .into_any()
}

/// A question with its answer and the passages it was made of.
fn exchange(question: String, reply: Reply) -> AnyView {
    view! {
        <li class="said">
            <p class="question"><span class="visually-hidden">"You: "</span>{question}</p>
            {answer_view(reply)}
        </li>
    }
    .into_any()
}

/// An answer and the passages it was made of.
pub fn answer_view(reply: Reply) -> AnyView {
    let citations = reply.answer.citations.into_iter().map(citation).collect_view();
    view! {
        <div class="answer">
            <p><span class="visually-hidden">"Chatbot: "</span>{reply.answer.text}</p>
            <ul class="citations" aria-label="Passages">{citations}</ul>
        </div>
    }
    .into_any()
}

fn citation(citation: Citation) -> AnyView {
    let Citation { document_name, heading, page, text, .. } = citation;
    let name = source_name(document_name, page);
    view! {
        <li>
            <details>
                <summary>{name}{(!heading.is_empty()).then(|| view! { <span class="sub">" · "{heading}</span> }.into_any())}</summary>
                <blockquote>{text}</blockquote>
            </details>
        </li>
    }
    .into_any()
}
