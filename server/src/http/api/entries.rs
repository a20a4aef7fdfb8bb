//! What was spent and added: the entries of the ledger, one by one.

use super::contract::{EntryView, ListView};
use super::guard::Caller;
use super::query::QueryFields;
use super::refusals::OfReading;
use crate::http::problem::Refused;
use crate::{Server, keys, ledger};
use axum::Json;
use axum::extract::State;
use domain::api_key::Permission;
use domain::ledger::EntryFilter;
use http::Uri;
use std::sync::Arc;

/// Entries of the ledger.
#[utoipa::path(
    get, path = "/api/v1/entries", operation_id = "listEntries", tag = "Usage", summary = "List entries",
    description = "Every change of the credit, newest first. Needs the permission `usage:read`. Days are those of UTC, \
        both included.",
    params(
        ("from" = Option<String>, Query, description = "First day", format = Date),
        ("until" = Option<String>, Query, description = "Last day", format = Date),
        ("key_id" = Option<String>, Query, description = "Only what this key spent"),
        ("limit" = Option<u32>, Query, description = "Most of a page; 50 without it", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")
    ),
    responses((status = 200, description = "Entries", body = ListView<EntryView>), OfReading)
)]
pub(super) async fn list(
    State(server): State<Arc<Server>>,
    caller: Caller,
    uri: Uri,
) -> Result<Json<ListView<EntryView>>, Refused> {
    let caller = caller.checked_now(&server, Permission::UsageRead, None).await?;
    let fields = QueryFields::read(&uri, &["from", "until", "key_id", "limit", "cursor"])?;
    let (from, until) = fields.days()?;
    let before_seq = fields.cursor(|text| text.parse().ok().filter(|seq: &i64| *seq > 0))?;
    let filter = EntryFilter { key_id: fields.key_id()?, from, until, before_seq };
    let page_size = fields.page_size()?;
    if let Some(key_id) = &filter.key_id {
        keys::must_be_own(&server, &caller.account_id, key_id).await?;
    }
    let page = ledger::entries(&server, &caller.account_id, &filter, page_size).await?;
    let next_cursor = page.next_before_seq.map(|seq| seq.to_string());
    Ok(Json(ListView { data: page.entries.into_iter().map(EntryView::from).collect(), next_cursor }))
}
