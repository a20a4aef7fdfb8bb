//! Counts what keys are used for: when last, from which address, and how often each of their secrets.
//!
//! A use is counted in memory beside what is known of the key and written some seconds later, many keys in one statement,
//! so that it costs a call nothing. A process that is killed loses the count of its last seconds, and no more: what a key
//! has spent stands in the ledger.

use super::cache::Known;
use super::requests::{self, REQUESTS_KEPT, Seen};
use crate::db::{Db, Pair};
use crate::error::Result;
use crate::ledger::sql::batch;
use crate::{Server, args, rounds};
use domain::clock::Timestamp;
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

const WRITE_EVERY: Duration = Duration::from_secs(5);

/// The uses of one key that are not written yet.
#[derive(Default)]
pub(super) struct Counts {
    is_noted: AtomicBool,
    present: AtomicI64,
    old: AtomicI64,
    last: Mutex<Option<(Timestamp, IpAddr)>>,
    /// The last ones, newest last, where something is to be said of them beyond their entry.
    requests: Mutex<VecDeque<Seen>>,
}

impl Counts {
    /// Keeps a request, and no more than the last ones.
    pub fn keep(&self, seen: Seen) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == REQUESTS_KEPT {
            requests.pop_front();
        }
        requests.push_back(seen);
    }

    fn take_requests(&self) -> VecDeque<Seen> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The keys that were used since the last writing.
#[derive(Default)]
pub(crate) struct Uses {
    used: Mutex<Vec<Arc<Known>>>,
    /// Held by whoever writes: whoever reads afterwards waits for what another has taken and not committed yet.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Serialize)]
struct UseRow<'a> {
    account_id: &'a str,
    id: &'a str,
    secret_hash: &'a str,
    uses: i64,
    used_at: i64,
    address: String,
}

const ADD_USES: Pair = batch!(
    "UPDATE api_keys SET
        last_used_at = CASE WHEN api_keys.last_used_at > given.used_at THEN api_keys.last_used_at ELSE given.used_at END,
        last_used_from =
            CASE WHEN api_keys.last_used_at > given.used_at THEN api_keys.last_used_from ELSE given.address END,
        secret_uses = api_keys.secret_uses + CASE WHEN api_keys.secret_hash = given.secret_hash THEN given.uses ELSE 0 END,
        secret_used_at =
            CASE WHEN api_keys.secret_hash = given.secret_hash THEN given.used_at ELSE api_keys.secret_used_at END,
        old_secret_uses = api_keys.old_secret_uses
            + CASE WHEN api_keys.old_secret_hash = given.secret_hash THEN given.uses ELSE 0 END,
        old_secret_used_at =
            CASE WHEN api_keys.old_secret_hash = given.secret_hash THEN given.used_at ELSE api_keys.old_secret_used_at END
     FROM ",
    [account_id TEXT, id TEXT, secret_hash TEXT, uses BIGINT, used_at BIGINT, address TEXT],
    "WHERE api_keys.account_id = given.account_id AND api_keys.id = given.id AND api_keys.deleted_at IS NULL"
);

impl Uses {
    pub(super) fn note(&self, known: &Arc<Known>, is_old: bool, at: Timestamp, from: IpAddr) {
        let counts = &known.uses;
        (if is_old { &counts.old } else { &counts.present }).fetch_add(1, Ordering::Relaxed);
        *counts.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, from));
        self.note_key(known);
    }

    pub(super) fn note_request(&self, known: &Arc<Known>, seen: Seen) {
        known.uses.keep(seen);
        self.note_key(known);
    }

    fn note_key(&self, known: &Arc<Known>) {
        if !known.uses.is_noted.swap(true, Ordering::AcqRel) {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(known));
        }
    }

    /// Writes what was counted.
    ///
    /// # Errors
    /// When the database fails; what was counted is kept for the next time.
    pub(crate) async fn write(&self, db: &Db) -> Result<()> {
        let _turn = self.writing.lock().await;
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }
        let mut counted: Vec<Taken> = used.into_iter().map(taken).collect();
        let written = write_counted(db, &counted).await;
        if written.is_err() {
            for Taken { known, present, old, requests } in counted.drain(..) {
                known.uses.present.fetch_add(present, Ordering::Relaxed);
                known.uses.old.fetch_add(old, Ordering::Relaxed);
                // Those that came meanwhile are newer, and stay behind them.
                let newer = known.uses.take_requests();
                requests.into_iter().chain(newer).for_each(|seen| known.uses.keep(seen));
                self.note_key(&known);
            }
        }
        written
    }
}

/// What was counted of a key, on its way to the database.
struct Taken {
    known: Arc<Known>,
    present: i64,
    old: i64,
    requests: VecDeque<Seen>,
}

fn taken(known: Arc<Known>) -> Taken {
    // First, so that whoever counts from here on notes the key anew.
    known.uses.is_noted.store(false, Ordering::Release);
    let present = known.uses.present.swap(0, Ordering::Relaxed);
    let old = known.uses.old.swap(0, Ordering::Relaxed);
    let requests = known.uses.take_requests();
    Taken { known, present, old, requests }
}

async fn write_counted(db: &Db, counted: &[Taken]) -> Result<()> {
    let present = counted.iter().filter_map(|of| row(&of.known, &of.known.secret_hash, of.present));
    let old = counted.iter().filter_map(|of| row(&of.known, &of.known.old_secret.as_ref()?.0, of.old));
    let mut tx = db.begin().await?;
    for rows in rounds(present.chain(old)) {
        let rows = serde_json::to_string(&rows).map_err(crate::Error::internal)?;
        tx.execute(tx.pick(&ADD_USES), args![rows]).await?;
    }
    let requests = counted.iter().filter(|of| !of.requests.is_empty());
    requests::write(&mut tx, requests.map(|of| (&*of.known, &of.requests))).await?;
    tx.commit().await
}

/// The rows in statements of which each has a key once, because an UPDATE takes only one of the rows that it finds for a
/// key. A key has several where it was read anew after a change, or where both of its secrets were used.
fn rounds<'a>(rows: impl Iterator<Item = UseRow<'a>>) -> Vec<Vec<UseRow<'a>>> {
    let mut rounds: Vec<Vec<UseRow<'a>>> = Vec::new();
    let mut taken: HashMap<&'a str, usize> = HashMap::new();
    for row in rows {
        let round = taken.entry(row.id).or_default();
        if rounds.len() == *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(row);
        *round += 1;
    }
    rounds
}

fn row<'a>(known: &'a Known, secret_hash: &'a str, uses: i64) -> Option<UseRow<'a>> {
    let (used_at, address) = (*known.uses.last.lock().unwrap_or_else(PoisonError::into_inner))?;
    let (account_id, id) = (known.account_id.as_str(), known.key_id.as_str());
    let address = address.to_string();
    (uses > 0).then_some(UseRow { account_id, id, secret_hash, uses, used_at: used_at.us(), address })
}

/// Writes again and again, for as long as the server is there.
pub(crate) async fn keep_writing(server: Weak<Server>) {
    let write = async |server: Arc<Server>| server.key_uses.write(&server.db).await;
    rounds::keep(server, WRITE_EVERY, "the uses of keys could not be written", write).await;
}
