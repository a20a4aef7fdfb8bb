//! The last requests of a key, as its page lists them: what was asked, what became of it, and what it cost.
//!
//! Requests that were paid for are read from the entries. The others, refusals above all, are kept in memory with the uses
//! of the key and written with them; a process that is killed forgets those of its last seconds.

use super::cache::Known;
use crate::db::{Pair, Tx};
use crate::error::Result;
use crate::ledger::sql::batch;
use crate::{Server, args, db, keys, ledger};
use domain::api_key::KeyRequest;
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, KeyId};
use domain::ledger::EntryFilter;
use domain::problem::ProblemCode;
use serde::Serialize;
use std::collections::VecDeque;

/// How many requests of a key are kept.
pub(super) const REQUESTS_KEPT: usize = 50;

/// A request that a key sent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Names it, as in the answer.
    pub name: &'a str,
    /// Method and pattern of the address.
    pub operation: &'a str,
    pub status: u16,
    /// Why it was not done.
    pub refused: Option<ProblemCode>,
}

impl Request<'_> {
    pub(super) fn seen_at(&self, at: Timestamp) -> Seen {
        let Self { name, operation, status, refused } = *self;
        Seen { at, name: name.to_owned(), operation: operation.to_owned(), status, refused }
    }
}

/// A request on its way to the database.
pub(super) struct Seen {
    at: Timestamp,
    name: String,
    operation: String,
    status: u16,
    refused: Option<ProblemCode>,
}

#[derive(Serialize)]
struct RequestRow<'a> {
    account_id: &'a str,
    key_id: &'a str,
    at: i64,
    request_id: &'a str,
    operation: &'a str,
    status: u16,
    code: &'a str,
}

#[derive(Serialize)]
struct KeyRow<'a> {
    account_id: &'a str,
    key_id: &'a str,
}

const INSERT_REQUESTS: Pair = batch!(
    "INSERT INTO key_requests (account_id, key_id, at, request_id, operation, status, code)
     SELECT given.account_id, given.key_id, given.at, given.request_id, given.operation, given.status, given.code FROM ",
    [account_id TEXT, key_id TEXT, at BIGINT, request_id TEXT, operation TEXT, status BIGINT, code TEXT],
    "WHERE 0 = 0 ON CONFLICT DO NOTHING"
);

/// All but the last fifty of each key. They are looked for from the keys: the requests of all others are not read.
const DELETE_OLD: Pair = batch!(
    "DELETE FROM key_requests WHERE (account_id, key_id, at, request_id) IN
         (SELECT o.account_id, o.key_id, o.at, o.request_id FROM ",
    [account_id TEXT, key_id TEXT],
    "JOIN key_requests o ON o.account_id = given.account_id AND o.key_id = given.key_id
     WHERE o.at < (SELECT r.at FROM key_requests r
                   WHERE r.account_id = given.account_id AND r.key_id = given.key_id
                   ORDER BY r.at DESC LIMIT 1 OFFSET 49))"
);

pub(super) async fn write(tx: &mut Tx, of_keys: impl Iterator<Item = (&Known, &VecDeque<Seen>)>) -> Result<()> {
    let (mut rows, mut touched) = (Vec::new(), Vec::new());
    for (known, requests) in of_keys {
        let (account_id, key_id) = (known.account_id.as_str(), known.key_id.as_str());
        touched.push(KeyRow { account_id, key_id });
        rows.extend(requests.iter().map(|seen| RequestRow {
            account_id,
            key_id,
            at: seen.at.us(),
            request_id: &seen.name,
            operation: &seen.operation,
            status: seen.status,
            code: seen.refused.map_or("", ProblemCode::as_str),
        }));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let rows = serde_json::to_string(&rows).map_err(crate::Error::internal)?;
    let touched = serde_json::to_string(&touched).map_err(crate::Error::internal)?;
    tx.execute(tx.pick(&INSERT_REQUESTS), args![rows]).await?;
    tx.execute(tx.pick(&DELETE_OLD), args![touched]).await?;
    Ok(())
}

#[derive(db::FromRow, serde::Deserialize)]
struct SeenRow {
    at: i64,
    request_id: String,
    operation: String,
    status: i64,
    code: String,
}

const SELECT_REQUESTS: &str = "
SELECT at, request_id, operation, status, code FROM key_requests
WHERE account_id = $1 AND key_id = $2 ORDER BY at DESC, request_id DESC LIMIT 50";

/// The last requests of a key, newest first: those that were paid for, those that cost nothing, and those that were refused
/// although the secret was right.
///
/// # Errors
/// 404 when the account has no such key.
pub async fn recent(server: &Server, account_id: &AccountId, key_id: &KeyId) -> Result<Vec<KeyRequest>> {
    // Writes what this process has in memory, too.
    keys::get(server, account_id, key_id).await?;
    let scope = args![account_id.as_str(), key_id.as_str()];
    let rows: Vec<SeenRow> = server.db.all(SELECT_REQUESTS, scope).await?;
    let filter = EntryFilter { key_id: Some(key_id.clone()), ..EntryFilter::default() };
    let kept = i64::try_from(REQUESTS_KEPT).unwrap_or(i64::MAX);
    let paid = ledger::entries(server, account_id, &filter, kept).await?.entries;
    let paid = paid.into_iter().map(|entry| KeyRequest {
        at: entry.at,
        request_id: entry.request_id,
        operation: entry.chatbot.map_or_else(String::new, |chatbot| chatbot.name),
        status: 200,
        refused: None,
        entry: Some((entry.seq, entry.amount.negated())),
    });
    let others = rows.into_iter().map(|row| KeyRequest {
        at: Timestamp::from_us(row.at),
        request_id: row.request_id,
        operation: row.operation,
        status: u16::try_from(row.status).unwrap_or_default(),
        refused: ProblemCode::parse(&row.code),
        entry: None::<(i64, Credit)>,
    });
    let mut requests: Vec<KeyRequest> = paid.chain(others).collect();
    requests.sort_by_key(|request| std::cmp::Reverse(request.at));
    requests.truncate(REQUESTS_KEPT);
    Ok(requests)
}
