//! What the dashboard asks the server: one look at everything.

use crate::error::AppError;
use domain::chatbot::Chatbot;
use domain::credit::CreditSummary;
use domain::ledger::Entry;
use domain::plan::PlanUsage;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    crate::server_fns::{require_viewer, server},
    domain::credit::Credit,
    domain::ledger::{Channel, EntryFilter},
};

/// Entries shown.
#[cfg(feature = "ssr")]
const RECENT: i64 = 5;

/// A step of a new account, in the order in which they make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    MakeChatbot,
    AddDocument,
    AddBalance,
    GenerateKey,
    Call,
}

/// Everything on the dashboard, read together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub credit: CreditSummary,
    pub plan: PlanUsage,
    pub chatbots: Vec<Chatbot>,
    pub entries: Vec<Entry>,
    /// Each step with whether it was done, from rows that are really there.
    pub steps: Vec<(Step, bool)>,
}

#[server(prefix = "/rpc", endpoint = "dashboard/load", input = Postcard, output = Postcard)]
pub async fn load_overview() -> Result<Overview, AppError> {
    let viewer = require_viewer().await?;
    let (server, account) = (server(), viewer.account_id);
    let credit = server::ledger::summary(&server, &account).await?;
    let plan = server::plans::usage(&server, &account).await?;
    let chatbots = server::chatbots::list(&server, &account).await?;
    let keys = server::keys::list(&server, &account).await?;
    let page = server::ledger::entries(&server, &account, &EntryFilter::default(), RECENT).await?;
    let is_call = |entry: &Entry| entry.channel == Some(Channel::Api);
    let has_called = keys.iter().any(|key| key.last_used_at.is_some()) || page.entries.iter().any(is_call);
    let steps = vec![
        (Step::MakeChatbot, !chatbots.is_empty()),
        (Step::AddDocument, plan.documents.used > 0),
        (Step::AddBalance, page.totals.added > Credit::ZERO),
        (Step::GenerateKey, !keys.is_empty()),
        (Step::Call, has_called),
    ];
    Ok(Overview { credit, plan, chatbots, entries: page.entries, steps })
}
