//! Credit and plan.

use super::{Amount, Moment};
use domain::credit::CreditSummary;
use domain::plan::{PlanUsage, Used};
use serde::Serialize;
use utoipa::ToSchema;

/// The API credit of the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "currency": "USD", "credit": "23.420200", "held": "0.002000", "available": "23.418200", "debt": "0.000000",
    "price_per_message": "0.002000", "messages_left": 11709
}))]
pub(in crate::http::api) struct CreditView {
    /// ISO 4217
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: &'static str,
    /// What is in the account; what is held is still part of it
    pub credit: Amount,
    /// Set aside for answers that are being written
    pub held: Amount,
    /// What can be spent now
    pub available: Amount,
    /// What was refunded or disputed after it was spent: the next payment settles it first, and nothing is available before
    pub debt: Amount,
    pub price_per_message: Amount,
    /// How many messages the available credit pays for
    #[schema(minimum = 0)]
    pub messages_left: i64,
}

impl From<CreditSummary> for CreditView {
    fn from(summary: CreditSummary) -> Self {
        Self {
            currency: summary.currency.code(),
            credit: Amount::from(summary.posted),
            held: Amount::from(summary.held),
            available: Amount::from(summary.available()),
            debt: Amount::from(summary.debt),
            price_per_message: Amount::from(summary.price_per_message),
            messages_left: summary.messages(),
        }
    }
}

/// How many of a limited thing there are.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct UsedView {
    #[schema(minimum = 0)]
    pub used: i64,
    #[schema(minimum = 0)]
    pub limit: u32,
}

impl From<Used> for UsedView {
    fn from(Used { used, limit }: Used) -> Self {
        Self { used, limit }
    }
}

/// The messages that are counted over a stretch of time.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct MessageWindowView {
    /// Length of the stretch, in seconds
    pub seconds: i64,
    #[schema(minimum = 0)]
    pub used: u32,
    #[schema(minimum = 0)]
    pub limit: u32,
    /// When the oldest counted message leaves it; null when none is counted
    pub next_free_at: Option<Moment>,
}

/// How many requests a minute the plan allows.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct RequestsView {
    /// By all keys of the account
    pub per_minute: u32,
    /// By each key
    pub per_minute_per_key: u32,
}

/// The plan of the account, its limits, and how much of each is used.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "plus", "name": "Plus",
    "messages": { "seconds": 10800, "used": 38, "limit": 200, "next_free_at": "2026-11-24T14:05:00.000000Z" },
    "chatbots": { "used": 2, "limit": 10 }, "documents": { "used": 14, "limit": 100 },
    "users": { "used": 1, "limit": 3 }, "api_keys": { "used": 2, "limit": 5 },
    "requests": { "per_minute": 6000, "per_minute_per_key": 3000 }
}))]
pub(in crate::http::api) struct PlanView {
    pub id: String,
    pub name: String,
    pub messages: MessageWindowView,
    pub chatbots: UsedView,
    pub documents: UsedView,
    pub users: UsedView,
    pub api_keys: UsedView,
    pub requests: RequestsView,
}

impl From<PlanUsage> for PlanView {
    fn from(usage: PlanUsage) -> Self {
        let PlanUsage { plan, messages, chatbots, documents, users, api_keys } = usage;
        Self {
            messages: MessageWindowView {
                seconds: messages.window_us / domain::clock::SECOND_US,
                used: messages.used,
                limit: messages.limit,
                next_free_at: messages.next_free_at.map(Moment::from),
            },
            chatbots: chatbots.into(),
            documents: documents.into(),
            users: users.into(),
            api_keys: api_keys.into(),
            requests: RequestsView {
                per_minute: plan.requests_per_minute,
                per_minute_per_key: plan.requests_per_minute_per_key,
            },
            id: plan.id,
            name: plan.name,
        }
    }
}
