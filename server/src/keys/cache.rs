//! The keys that this process has recognised, so that a call needs no query to be recognised again.
//!
//! What is kept is the hash of the secret, never a verdict: every call is hashed and compared. A change of a key in this
//! process empties the cache at once. A change in another process counts up a version in the database, which is looked at
//! four times a second; when that look fails or is late, nothing in the cache is believed.

use super::uses::Counts;
use crate::args;
use crate::db::{Db, Tx};
use crate::error::Result;
use domain::api_key::Permission;
use domain::clock::Timestamp;
use domain::id::{AccountId, ChatbotId, KeyId};
use foldhash::{HashMap, HashSet};
use ipnet::IpNet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Most keys that are kept.
const KEYS_MAX: usize = 50_000;
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// For how long after a look the cache is believed. With the time of a look this stays below a second.
const BELIEVED_FOR: Duration = Duration::from_millis(900);

/// A key as the database has it.
pub(super) struct Known {
    pub account_id: AccountId,
    pub key_id: KeyId,
    pub plan_id: String,
    pub version: i64,
    pub secret_hash: String,
    /// The secret before the present one, and until when it works.
    pub old_secret: Option<(String, Timestamp)>,
    pub is_disabled: bool,
    pub expires_at: Option<Timestamp>,
    pub permissions: Vec<Permission>,
    /// `None` is all.
    pub chatbots: Option<HashSet<ChatbotId>>,
    /// `None` is from everywhere.
    pub networks: Option<Vec<IpNet>>,
    pub uses: Counts,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Kept {
    keys: HashMap<String, Arc<Known>>,
    /// Counts how often the cache was emptied.
    generation: u64,
    /// The version in the database, and when the last look that saw it began.
    seen: Option<(i64, Instant)>,
}

#[derive(Default)]
pub(crate) struct KeyCache(Mutex<Kept>);

impl KeyCache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, consumer_key: &str) -> Option<Arc<Known>> {
        let kept = self.kept();
        kept.seen.filter(|(_, looked_at)| looked_at.elapsed() < BELIEVED_FOR)?;
        kept.keys.get(consumer_key).cloned()
    }

    pub(super) fn generation(&self) -> u64 {
        self.kept().generation
    }

    /// Keeps what was read, unless the cache was emptied since `generation`: it may be older than the change.
    pub(super) fn put(&self, generation: u64, consumer_key: &str, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        let mut kept = self.kept();
        if kept.generation == generation {
            if kept.keys.len() >= KEYS_MAX {
                kept.keys.clear();
            }
            kept.keys.insert(consumer_key.to_owned(), Arc::clone(&known));
        }
        known
    }

    /// Empties the cache.
    pub(super) fn forget(&self) {
        let mut kept = self.kept();
        kept.keys.clear();
        kept.generation += 1;
    }

    fn note(&self, version: i64, looked_at: Instant) {
        let mut kept = self.kept();
        if kept.seen.is_none_or(|(seen, _)| seen != version) {
            kept.keys.clear();
            kept.generation += 1;
        }
        kept.seen = Some((version, looked_at));
    }
}

const COUNT_UP: &str = "UPDATE versions SET version = version + 1 WHERE topic = 'api_keys'";

/// Tells other processes that a key has changed, in the transaction that changes it.
pub(super) async fn tell_others(tx: &mut Tx) -> Result<()> {
    tx.execute(COUNT_UP, args![]).await?;
    Ok(())
}

const SELECT_VERSION: &str = "SELECT version FROM versions WHERE topic = 'api_keys'";

/// Looks at the version for as long as somebody uses the cache.
pub(crate) async fn keep_looking(db: Db, cache: Weak<KeyCache>, mut alive: watch::Receiver<()>) {
    let mut interval = tokio::time::interval(LOOK_EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            changed = alive.changed() => if changed.is_err() { return },
            _ = interval.tick() => {}
        }
        let looked_at = Instant::now();
        let found: Result<(i64,)> = db.one(SELECT_VERSION, args![]).await;
        let Some(cache) = cache.upgrade() else { return };
        match found {
            Ok((version,)) => cache.note(version, looked_at),
            Err(error) => {
                tracing::debug!(%error, "the version of the keys cannot be read; each is read from the database");
            }
        }
    }
}
