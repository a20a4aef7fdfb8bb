//! What was spent and added: sums by day, and the entries of the ledger one by one.

use super::contract::{EntryView, ListView, UsageView};
use super::guard::Caller;
use super::query::QueryFields;
use super::refusals::{OfOne, OfReading};
use crate::http::problem::Refused;
use crate::{Server, keys, ledger};
use axum::Json;
use axum::extract::{Path, State};
use domain::api_key::Permission;
use domain::ledger::{EntryClass, EntryFilter, UsageBy};
use domain::problem::Problem;
use http::Uri;
use std::sync::Arc;

const FILTER: [&str; 6] = ["from", "until", "key_id", "chatbot_id", "channel", "kind"];

/// What the caller asks for and may see. A key for some chatbots sees what was spent on these, and no payments.
async fn filtered(
    server: &Server,
    caller: Caller,
    uri: &Uri,
    more: &[&str],
) -> Result<(keys::Caller, QueryFields, EntryFilter), Refused> {
    let fields = QueryFields::read(uri, &[&FILTER, more].concat());
    let named = fields.as_ref().ok().and_then(|fields| fields.chatbot_id().ok().flatten());
    let caller = caller.checked_now(server, Permission::UsageRead, named.as_ref()).await?;
    let fields = fields?;
    let (from, until) = fields.days()?;
    let filter = EntryFilter {
        key_id: fields.key_id()?,
        chatbot_id: fields.chatbot_id()?,
        channel: fields.channel()?,
        only: fields.one_of("kind", "messages or changes", EntryClass::parse)?,
        chatbots: caller.chatbots(),
        from,
        until,
        before_seq: None,
    };
    if let Some(key_id) = &filter.key_id {
        keys::exists(server, &caller.account_id, key_id).await?;
    }
    if let Some(chatbot_id) = &filter.chatbot_id {
        crate::chatbots::exists(server, &caller.account_id, chatbot_id).await?;
    }
    Ok((caller, fields, filter))
}

/// What messages cost, by day.
#[utoipa::path(
    get, path = "/api/v1/usage", operation_id = "getUsage", tag = "Usage", summary = "Usage by day",
    description = "How many messages were charged on each day and what they cost, all together or told apart by key, \
        chatbot or channel. Needs the permission `usage:read`. Days are those of UTC, both included; 30 without a first \
        day, at most 366. The sums are those of the entries, to the last millionth, at any moment.",
    params(
        ("from" = Option<String>, Query, description = "First day", format = Date, pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}$"),
        ("until" = Option<String>, Query, description = "Last day; today without it", format = Date, pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}$"),
        ("by" = Option<String>, Query, description = "What the sums are told apart by", pattern = "^(key|chatbot|channel)$"),
        ("key_id" = Option<String>, Query, description = "Only what this key spent", min_length = 1),
        ("chatbot_id" = Option<String>, Query, description = "Only what was spent on this chatbot", min_length = 1),
        ("channel" = Option<String>, Query, description = "Only messages that came in this way",
            pattern = "^(console|api|widget)$")
    ),
    responses((status = 200, description = "The sums", body = UsageView), OfReading)
)]
pub(super) async fn sums(
    State(server): State<Arc<Server>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<UsageView>, Refused> {
    let (caller, fields, filter) = filtered(&server, caller, &uri, &["by"]).await?;
    let by = fields.one_of("by", "key, chatbot or channel", UsageBy::parse)?;
    Ok(Json(ledger::usage_sums(&server, &caller.account_id, &filter, by).await?.into()))
}

/// Entries of the ledger.
#[utoipa::path(
    get, path = "/api/v1/entries", operation_id = "listEntries", tag = "Usage", summary = "List entries",
    description = "Every change of the credit, newest first. Needs the permission `usage:read`. Days are those of UTC, \
        both included.",
    params(
        ("from" = Option<String>, Query, description = "First day", format = Date, pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}$"),
        ("until" = Option<String>, Query, description = "Last day", format = Date, pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}$"),
        ("key_id" = Option<String>, Query, description = "Only what this key spent", min_length = 1),
        ("chatbot_id" = Option<String>, Query, description = "Only what was spent on this chatbot", min_length = 1),
        ("channel" = Option<String>, Query, description = "Only messages that came in this way",
            pattern = "^(console|api|widget)$"),
        ("kind" = Option<String>, Query, description = "Only messages, or only other changes of the credit",
            pattern = "^(messages|changes)$"),
        ("limit" = Option<u32>, Query, description = "Most of a page; 50 without it", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[1-9][0-9]{0,17}$")
    ),
    responses((status = 200, description = "Entries", body = ListView<EntryView>), OfReading)
)]
pub(super) async fn entries(
    State(server): State<Arc<Server>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<ListView<EntryView>>, Refused> {
    let (caller, fields, mut filter) = filtered(&server, caller, &uri, &["limit", "cursor"]).await?;
    filter.before_seq = fields.cursor(|text| text.parse().ok().filter(|seq: &i64| *seq > 0))?;
    let page = ledger::entries(&server, &caller.account_id, &filter, fields.page_size()?).await?;
    let next_cursor = page.next_before_seq.map(|seq| seq.to_string());
    Ok(Json(ListView { data: page.entries.into_iter().map(EntryView::from).collect(), next_cursor }))
}

/// One entry.
#[utoipa::path(
    get, path = "/api/v1/entries/{seq}", operation_id = "getEntry", tag = "Usage", summary = "Entry",
    description = "One change of the credit. Needs the permission `usage:read`.",
    params(("seq" = String, Path, description = "The number of the entry")),
    responses((status = 200, description = "The entry", body = EntryView), OfOne)
)]
pub(super) async fn entry(
    State(server): State<Arc<Server>>,
    caller: Caller,
    Path(seq): Path<String>,
    uri: Uri,
) -> Result<Json<EntryView>, Refused> {
    let caller = caller.checked_now(&server, Permission::UsageRead, None).await?;
    QueryFields::read(&uri, &[])?;
    let seq = seq.parse().map_err(|_| Problem::not_found("entry"))?;
    let entry = ledger::entry(&server, &caller.account_id, seq).await?;
    let chatbot_id = entry.chatbot.as_ref().map(|chatbot| &chatbot.id);
    if caller.chatbots().is_some() {
        // What is no message of these chatbots is not there for such a key.
        let chatbot_id = chatbot_id.ok_or_else(|| Problem::not_found("entry"))?;
        caller.allows(Permission::UsageRead, Some(chatbot_id))?;
    }
    Ok(Json(entry.into()))
}
