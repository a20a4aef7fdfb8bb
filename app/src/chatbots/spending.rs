//! What a chatbot may spend, and whether it answers at all.

use super::server_fns::SwitchChatbot;
use crate::components::{SwitchTexts, switch};
use domain::chatbot::Chatbot;
use domain::money::Currency;
use leptos::prelude::*;

const SWITCH: SwitchTexts = SwitchTexts {
    when_on: (
        "Pause",
        "Only you can ask it then, on this page. Calls by API and messages of the widget are refused and cost nothing.",
    ),
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
