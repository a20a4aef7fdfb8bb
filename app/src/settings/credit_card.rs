//! The API credit: what is there, how long it lasts, what took it, and the way to add some.

use super::page::PAGE;
use super::spend_chart::SpendChart;
use crate::components::{Later, Moment, MomentKind, OpenDialog, grouped};
use crate::usage::what;
use domain::credit::{Credit, CreditSummary};
use domain::ledger::{Channel, Entry, EntryKind};
use domain::money::Currency;
use leptos::prelude::*;

#[component]
pub fn CreditCard(credit: CreditSummary, entries: Vec<Entry>) -> impl IntoView {
    let currency = credit.currency;
    view! {
        <section class="card" aria-labelledby="credit-title">
            <Later>
                <header>
                    <h2 id="credit-title">"API credit"</h2>
                    <span class="push">
                        <OpenDialog href=PAGE name="add-balance" label="Add balance" class="btn primary" />
                    </span>
                </header>
                <div class="body credit">
                    <div>
                        <BigCredit credit=credit.available() currency=currency />
                        <p class="hint reach">{reach(&credit)}</p>
                        {[held(&credit), debt(&credit)]
                            .into_iter()
                            .flatten()
                            .map(|text| view! { <p class="hint reach">{text}</p> }.into_any())
                            .collect_view()}
                    </div>
                    <SpendChart days=credit.days.clone() spent=credit.spent() currency=currency />
                </div>
                {if entries.is_empty() {
                    view! {
                        <p class="body quiet">
                            "No entries yet: every message by API or widget and every payment will be listed here."
                        </p>
                    }
                        .into_any()
                } else {
                    let rows = entries.into_iter().map(|entry| entry_row(entry, currency)).collect_view();
                    view! {
                        <table class="entries">
                            <caption class="visually-hidden">"Last entries"</caption>
                            <tbody>{rows}</tbody>
                        </table>
                    }
                        .into_any()
                }}
                <div class="foot">
                    <a href="/usage">"All entries"</a>
                    <a href="/settings/payments">"Payments"</a>
                </div>
            </Later>
        </section>
    }
}

/// The amount with its fractions of a cent in small type. Both halves are one text to whoever hears it.
#[component]
fn BigCredit(credit: Credit, currency: Currency) -> impl IntoView {
    let mut text = credit.text(currency);
    let fractions = text.split_off(text.len().saturating_sub(4));
    view! {
        <p class="big num">{text}<small>{fractions}</small></p>
    }
}

fn reach(credit: &CreditSummary) -> String {
    let messages = credit.messages();
    if messages == 0 {
        return "No message can be paid for: the API and the widget answer again once you add balance.".to_owned();
    }
    let messages = format!("≈ {} messages", grouped(messages));
    match credit.days_left() {
        Some(0) => messages + " · less than a day at this pace",
        Some(366..) => messages + " · more than a year at this pace",
        Some(1) => messages + " · about 1 day at this pace",
        Some(days) => format!("{messages} · about {} days at this pace", grouped(days)),
        None => messages,
    }
}

/// What is set aside beside the credit that can be spent; nothing where nothing is.
fn held(credit: &CreditSummary) -> Option<String> {
    let amount = (credit.held > Credit::ZERO).then(|| credit.held.text(credit.currency))?;
    Some(format!("{amount} more is held for answers that are being written"))
}

/// What is owed; nothing where nothing is.
fn debt(credit: &CreditSummary) -> Option<String> {
    let amount = (credit.debt > Credit::ZERO).then(|| credit.debt.text(credit.currency))?;
    Some(format!(
        "Debt: {amount} was taken back by a refund or dispute after it was spent. Your next payment settles it first."
    ))
}

fn entry_row(entry: Entry, currency: Currency) -> AnyView {
    let class = if entry.amount > Credit::ZERO { "r num plus" } else { "r num minus" };
    let origin = origin(&entry);
    view! {
        <tr>
            <td>
                {title(&entry)} <div class="sub">{origin} <Moment at=entry.at kind=MomentKind::Recent /></div>
            </td>
            <td class=class>{entry.amount.signed_text(currency)}</td>
        </tr>
    }
    .into_any()
}

fn title(entry: &Entry) -> String {
    let what = what(entry.kind);
    if entry.kind != EntryKind::Charge {
        return what.to_owned();
    }
    let chatbot = entry.chatbot.as_ref().map(|chatbot| chatbot.name.as_str());
    format!("{what} · {}", chatbot.unwrap_or("deleted chatbot"))
}

/// Where an entry comes from, with a separator at its end; empty when there is nothing to say.
fn origin(entry: &Entry) -> String {
    let channel = entry.channel.map(|channel| match channel {
        Channel::Console => "Console",
        Channel::Api => "API",
        Channel::Widget => "Widget",
    });
    let key = entry.key.as_ref().map(|key| key.name.as_str());
    let mut origin = String::new();
    for part in [channel, key, entry.reason.as_deref()].into_iter().flatten() {
        origin.push_str(part);
        origin.push_str(" · ");
    }
    origin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_that_is_held_or_owed_is_named_beside_what_can_be_spent() {
        let mut credit = CreditSummary {
            posted: Credit::from_millionths(5_000_000),
            held: Credit::ZERO,
            debt: Credit::ZERO,
            currency: Currency::Usd,
            price_per_message: Credit::from_millionths(2_000),
            days: Vec::new(),
        };
        assert_eq!(held(&credit), None);
        credit.held = Credit::from_millionths(1_500_000);
        assert_eq!(held(&credit).as_deref(), Some("$1.500000 more is held for answers that are being written"));
        assert_eq!(reach(&credit), "≈ 1,750 messages");
        assert_eq!(debt(&credit), None);
        credit.debt = Credit::from_millionths(2_000);
        assert!(debt(&credit).is_some_and(|text| text.starts_with("Debt: $0.002000 ")));
    }
}
