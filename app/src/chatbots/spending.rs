//! What a chatbot may spend, and whether it answers at all.

use super::server_fns::{CapChatbot, ChatbotView, SwitchChatbot};
use crate::components::{
    FormProblem, PostForm, Submission, SwitchTexts, TextField, field_error, switch, typed, use_live,
};
use domain::chatbot::Chatbot;
use domain::credit::Credit;
use domain::money::Currency;
use leptos::prelude::*;

const SWITCH: SwitchTexts = SwitchTexts {
    when_on: ("Pause", "Only you can ask it then, on this page. Calls by API are refused and cost nothing."),
    when_off: ("Let it answer again", "Its next call is answered again."),
};

/// What it spent today, and the button that pauses it.
pub fn spending_card(chatbot: &Chatbot, currency: Currency) -> AnyView {
    let cap = chatbot.daily_cap.map(|cap| format!(" of {}", cap.short_text(currency))).unwrap_or_default();
    let spent = chatbot.spent_today.short_text(currency) + &cap;
    let id = chatbot.id.to_string();
    view! {
        <section class="card" aria-labelledby="spending-heading">
            <header><h2 id="spending-heading">"Spending"</h2></header>
            <div class="body stack">
                <dl class="facts">
                    <dt>"Today, UTC"</dt>
                    <dd class="num">{spent}</dd>
                </dl>
                {switch::<SwitchChatbot>(("id", id.clone()), chatbot.paused_at.is_none(), &SWITCH)}
            </div>
            <div class="foot"><a href=format!("/usage?chatbot={id}")>"All entries of this chatbot"</a></div>
        </section>
    }
    .into_any()
}

/// The form with its cap, which outlives every refresh of what is around it.
pub fn cap_card(ChatbotView { chatbot, currency, .. }: ChatbotView) -> AnyView {
    let action = Submission::<CapChatbot>::new();
    let live = use_live();
    Effect::new(move |_| {
        if action.is_done() {
            live.bump();
        }
    });
    let error = action.error();
    let stored = chatbot.daily_cap.map(Credit::decimal).unwrap_or_default();
    // What was typed into a form that was refused before the page was alive comes before what is stored.
    let cap = if error.with_untracked(Option::is_some) { typed(error, "daily_cap") } else { stored };
    view! {
        <section class="card" aria-labelledby="cap-heading">
            <header><h2 id="cap-heading">"Daily cap"</h2></header>
            <PostForm to=action>
                <div class="body stack">
                    <FormProblem error=error/>
                    <input type="hidden" name="id" value=chatbot.id.to_string()/>
                    <TextField
                        label=format!("Cap in {}", currency.code())
                        name="daily_cap"
                        value=cap
                        autocomplete="off"
                        hint="What it may spend in a day, UTC, by all keys together; messages beyond that are refused and cost nothing. Leave it empty for no cap."
                        error=field_error(error, "daily_cap")
                    />
                    <div class="actions start">
                        <button type="submit" class="btn primary" disabled=move || action.is_pending().get()>"Save"</button>
                        <span role="status">{move || action.is_done().then_some("Saved. It holds from the next message on.")}</span>
                    </div>
                </div>
            </PostForm>
        </section>
    }
    .into_any()
}
