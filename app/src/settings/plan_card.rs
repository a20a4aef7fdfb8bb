//! The plan with its limits, and how much of each is used.

use super::page::PAGE;
use crate::components::{Later, Meter, Moment, MomentKind, OpenDialog, grouped};
use domain::clock::HOUR_US;
use domain::plan::{PlanUsage, Used};
use domain::window::WindowUsage;
use leptos::prelude::*;

#[component]
pub fn PlanCard(usage: PlanUsage, note: String) -> impl IntoView {
    let PlanUsage { plan, messages, chatbots, documents, users, api_keys } = usage;
    view! {
        <section class="card" aria-labelledby="plan-title">
            <Later>
                <header>
                    <h2 id="plan-title">"Your plan"</h2>
                    <span class="chip plan">{plan.name}</span>
                    <span class="push">
                        <OpenDialog href=PAGE name="compare-plans" label="Compare plans" class="link" />
                    </span>
                </header>
                <div class="body meters">
                    <MessagesMeter messages=messages />
                    {meter("Documents", documents)}
                    {meter("Chatbots", chatbots)}
                    {meter("Users", users)}
                    {meter("API keys", api_keys)}
                </div>
                <div class="body" hidden=note.is_empty() inner_html=note></div>
                <div class="foot">
                    <span>"Questions about your plan? " <a href="/support">"Contact support"</a></span>
                </div>
            </Later>
        </section>
    }
}

fn meter(label: &'static str, used: Used) -> AnyView {
    view! { <Meter label=label used=used.used limit=i64::from(used.limit) /> }.into_any()
}

#[component]
fn MessagesMeter(messages: WindowUsage) -> impl IntoView {
    let left = messages.left();
    let said = if left == 0 { "None left now".to_owned() } else { format!("{} left now", grouped(left.into())) };
    view! {
        <Meter
            label=format!("Messages in {} hours", messages.window_us / HOUR_US)
            used=messages.used.into()
            limit=messages.limit.into()
        >
            {said}
            {messages
                .next_free_at
                .map(|at| {
                    view! {
                        " · the next one frees up at "
                        <Moment at=at kind=if left == 0 { MomentKind::Exact } else { MomentKind::Time } />
                    }
                })}
        </Meter>
    }
}
