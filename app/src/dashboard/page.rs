//! The page after signing in.

use super::first_steps::first_steps;
use super::server_fns::{LoadOverview, Overview};
use crate::chatbots::parts::{counted, failure, skeleton};
use crate::components::{EmptyState, Loaded, Meter, Moment, MomentKind, OpenDialog, PageHeading, grouped, use_live};
use crate::usage::what;
use crate::viewer::use_viewer;
use domain::chatbot::Chatbot;
use domain::clock::HOUR_US;
use domain::credit::CreditSummary;
use domain::ledger::Entry;
use domain::money::Currency;
use domain::plan::PlanUsage;
use leptos::prelude::*;

#[component]
pub fn DashboardPage() -> impl IntoView {
    let live = use_live();
    let viewer = use_viewer();
    let loaded = Loaded::new(move || live.get(), |_| LoadOverview {});
    view! {
        <PageHeading title="Dashboard" lede=format!("Hello, {}.", viewer.name)/>
        <Transition fallback=skeleton>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(loaded) => overview_view(loaded),
                    Err(error) => failure(error),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn overview_view(Overview { credit, plan, chatbots, entries, steps }: Overview) -> AnyView {
    let currency = credit.currency;
    view! {
        {first_steps(steps)}
        <div class="pair">
            {credit_card(&credit)}
            {plan_card(plan)}
        </div>
        {chatbots_card(chatbots)}
        {entries_card(entries, currency)}
    }
    .into_any()
}

fn credit_card(credit: &CreditSummary) -> AnyView {
    view! {
        <section class="card" aria-labelledby="credit-heading">
            <header>
                <h2 id="credit-heading">"API credit"</h2>
                <span class="push">
                    <OpenDialog href="/settings" name="add-balance" label="Add balance" class="btn primary"/>
                </span>
            </header>
            <div class="body">
                <p class="big num">{credit.available().short_text(credit.currency)}</p>
                <p class="hint num">"≈ "{grouped(credit.messages())}" messages"</p>
            </div>
        </section>
    }
    .into_any()
}

fn plan_card(PlanUsage { plan, messages, chatbots, documents, .. }: PlanUsage) -> AnyView {
    let label = format!("Messages in {} hours", messages.window_us / HOUR_US);
    let next_free_at = messages.next_free_at.filter(|_| messages.left() == 0);
    view! {
        <section class="card" aria-labelledby="plan-heading">
            <header>
                <h2 id="plan-heading">"Your plan"</h2>
                <span class="chip plan">{plan.name}</span>
                <span class="push"><a href="/settings">"Api & Plan Setting"</a></span>
            </header>
            <div class="body stack">
                <Meter label used=i64::from(messages.used) limit=i64::from(messages.limit)/>
                {next_free_at.map(|at| view! {
                    <p class="hint">"The next one is free at "<Moment at kind=MomentKind::Time/></p>
                }.into_any())}
                <Meter label="Chatbots" used=chatbots.used limit=i64::from(chatbots.limit)/>
                <Meter label="Documents" used=documents.used limit=i64::from(documents.limit)/>
            </div>
        </section>
    }
    .into_any()
}

fn chatbots_card(chatbots: Vec<Chatbot>) -> AnyView {
    let body = if chatbots.is_empty() {
        view! {
            <div class="body">
                <EmptyState title="No chatbots yet">
                    <OpenDialog href="/chatbots" name="new" label="New chatbot" class="btn"/>
                </EmptyState>
            </div>
        }
        .into_any()
    } else {
        let items = chatbots.into_iter().map(|chatbot| {
            view! {
                <li>
                    <a href=format!("/chatbots/{}", chatbot.id)>{chatbot.name}</a>
                    <span class="sub num">{counted(chatbot.documents, "document")}</span>
                </li>
            }
            .into_any()
        });
        view! { <ul class="lines">{items.collect_view()}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="chatbots-heading">
            <header>
                <h2 id="chatbots-heading">"Chatbots"</h2>
                <span class="push"><a href="/chatbots">"All chatbots"</a></span>
            </header>
            {body}
        </section>
    }
    .into_any()
}

fn entries_card(entries: Vec<Entry>, currency: Currency) -> AnyView {
    if entries.is_empty() {
        return ().into_any();
    }
    let rows = entries.into_iter().map(|entry| {
        let chatbot = entry.chatbot.map(|chatbot| format!(" · {}", chatbot.name));
        let class = if entry.amount.millionths() > 0 { "num plus" } else { "num minus" };
        view! {
            <li>
                <span>{what(entry.kind)}{chatbot}" "<span class="sub"><Moment at=entry.at kind=MomentKind::Recent/></span></span>
                <span class=class>{entry.amount.signed_text(currency)}</span>
            </li>
        }
        .into_any()
    });
    view! {
        <section class="card" aria-labelledby="entries-heading">
            <header>
                <h2 id="entries-heading">"Recent entries"</h2>
                <span class="push"><a href="/usage">"All entries"</a></span>
            </header>
            <ul class="lines">{rows.collect_view()}</ul>
        </section>
    }
    .into_any()
}
