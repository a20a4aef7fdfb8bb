//! What was spent and added.

use super::{Amount, Moment};
use domain::ledger::{Entry, Named, UsageDay, UsageOf, UsageSeries, UsageSum, UsageSums};
use serde::Serialize;
use utoipa::ToSchema;

/// A key or a chatbot, by id and name.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct NamedView {
    pub id: String,
    pub name: String,
}

impl<I: std::fmt::Display> From<Named<I>> for NamedView {
    fn from(Named { id, name }: Named<I>) -> Self {
        Self { id: id.to_string(), name }
    }
}

/// One change of the credit.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "seq": 412, "kind": "charge", "amount": "-0.002000", "credit_after": "23.418200",
    "at": "2026-11-24T09:00:00.000000Z", "request_id": "req_0RWcY6dDq2pX7vTn1aZbK",
    "caller_request_id": "job-7", "channel": "api",
    "key": { "id": "key_0RWcY5yKQL3pX7vTn1aZb", "name": "Production" },
    "chatbot": { "id": "bot_0RWcY5yKQL3pX7vTn1aZb", "name": "Help centre" }, "payment_id": null, "reason": null
}))]
pub(in crate::http::api) struct EntryView {
    /// Counts the entries of the account, without gaps
    #[schema(minimum = 1)]
    pub seq: i64,
    #[schema(pattern = "^(charge|payment|grant|adjustment|refund)$")]
    pub kind: &'static str,
    /// Negative when credit was spent or taken back
    pub amount: Amount,
    /// The sum of all entries up to this one; negative where it is a debt
    pub credit_after: Amount,
    pub at: Moment,
    /// Names the request
    pub request_id: String,
    /// The `X-Request-Id` that the caller sent with it
    pub caller_request_id: Option<String>,
    /// How a message came in; null for anything else
    pub channel: Option<&'static str>,
    pub key: Option<NamedView>,
    pub chatbot: Option<NamedView>,
    pub payment_id: Option<String>,
    /// Why the operator changed the credit, or what a payment was refunded for
    pub reason: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            kind: entry.kind.as_str(),
            amount: Amount::from(entry.amount),
            credit_after: Amount::from(entry.posted_after),
            at: Moment::from(entry.at),
            request_id: entry.request_id,
            caller_request_id: entry.caller_request_id,
            channel: entry.channel.map(domain::ledger::Channel::as_str),
            key: entry.key.map(NamedView::from),
            chatbot: entry.chatbot.map(NamedView::from),
            payment_id: entry.payment_id.map(|id| id.to_string()),
            reason: entry.reason,
        }
    }
}

/// Messages that were charged, and what they cost together.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct SumView {
    #[schema(minimum = 0)]
    pub messages: i64,
    pub charged: Amount,
}

impl From<UsageSum> for SumView {
    fn from(UsageSum { messages, charged }: UsageSum) -> Self {
        Self { messages, charged: Amount::from(charged) }
    }
}

/// What the sums of a series have in common.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct SeriesView {
    /// `all`; a `key`, `chatbot` or `channel`; `no_key` for messages that no key paid for; or `others` for everything beyond
    /// the twenty dearest
    #[schema(pattern = "^(all|key|no_key|chatbot|channel|others)$")]
    pub of: &'static str,
    /// The id of the key or chatbot, or the channel
    pub id: Option<String>,
    pub name: Option<String>,
    pub total: SumView,
}

impl From<UsageSeries> for SeriesView {
    fn from(UsageSeries { of, total }: UsageSeries) -> Self {
        let (of, id, name) = match of {
            UsageOf::All => ("all", None, None),
            UsageOf::Key(key) => ("key", Some(key.id.to_string()), Some(key.name)),
            UsageOf::NoKey => ("no_key", None, None),
            UsageOf::Chatbot(chatbot) => ("chatbot", Some(chatbot.id.to_string()), Some(chatbot.name)),
            UsageOf::Channel(channel) => ("channel", Some(channel.as_str().to_owned()), None),
            UsageOf::Others => ("others", None, None),
        };
        Self { of, id, name, total: total.into() }
    }
}

/// One day (UTC).
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct DayView {
    #[schema(format = Date)]
    pub date: String,
    /// One for each of the series, in their order
    pub sums: Vec<SumView>,
}

/// What messages cost, by day.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "total": { "messages": 3, "charged": "0.006000" },
    "series": [{ "of": "channel", "id": "api", "name": null, "total": { "messages": 3, "charged": "0.006000" } }],
    "days": [{ "date": "2026-11-24", "sums": [{ "messages": 3, "charged": "0.006000" }] }]
}))]
pub(in crate::http::api) struct UsageView {
    pub total: SumView,
    /// The dearest first, and others last; empty when nothing was charged
    pub series: Vec<SeriesView>,
    /// Every day of the stretch, oldest first
    pub days: Vec<DayView>,
}

impl From<UsageSums> for UsageView {
    fn from(UsageSums { series, days, total, .. }: UsageSums) -> Self {
        let day = |UsageDay { day, sums }: UsageDay| DayView {
            date: day.date(),
            sums: sums.into_iter().map(SumView::from).collect(),
        };
        Self {
            total: total.into(),
            series: series.into_iter().map(SeriesView::from).collect(),
            days: days.into_iter().map(day).collect(),
        }
    }
}
