//! One entry of the ledger as a row of a table.

use crate::components::Moment;
use domain::ledger::{Channel, Entry, EntryKind};
use domain::money::Currency;
use leptos::prelude::*;

/// What an entry is about, in a word.
pub const fn what(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Charge => "Message",
        EntryKind::Payment => "Payment",
        EntryKind::Grant => "Credit given",
        EntryKind::Adjustment => "Correction",
        EntryKind::Refund => "Refund",
    }
}

pub const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Console => "Console",
        Channel::Api => "API",
        Channel::Widget => "Widget",
    }
}

/// The class that tells credit that was added from credit that was spent; the sign tells it in words.
pub const fn amount_class(amount: domain::credit::Credit) -> &'static str {
    if amount.millionths() > 0 { "r num plus" } else { "r num minus" }
}

pub fn entry_row(entry: Entry, currency: Currency) -> AnyView {
    let Entry { seq, kind, amount, posted_after, at, channel, key, chatbot, payment_id, reason, .. } = entry;
    let detail = reason.unwrap_or_default();
    let payment =
        payment_id.map(|id| view! { <a class="sub" href="/settings/payments">{id.to_string()}</a> }.into_any());
    view! {
        <tr id=format!("entry-{seq}")>
            <td><a href=format!("/usage/entries/{seq}")><Moment at/></a></td>
            <td>{what(kind)}<span class="sub">{detail}</span>{payment}</td>
            <td>{key.map(|key| key.name)}</td>
            <td>{chatbot.map(|chatbot| chatbot.name)}</td>
            <td>{channel.map(channel_name)}</td>
            <td class=amount_class(amount)>{amount.signed_text(currency)}</td>
            <td class="r num">{posted_after.text(currency)}</td>
        </tr>
    }
    .into_any()
}
