//! `Idempotency-Key`: a request that is sent again gets the first one's answer and is paid for once.
//!
//! The answer is stored in the commit of the charge, so it is there exactly when the charge is. While the first request
//! runs in this process, a repetition is told so; in another process it waits for the same lock as the first one and then
//! finds its answer.

use crate::error::Result;
use crate::{Server, args};
use domain::clock::{HOUR_US, Timestamp};
use domain::credit::Credit;
use domain::field::FieldError;
use domain::id::AccountId;
use domain::problem::ProblemCode;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// Longest key, in characters.
pub const KEY_CHARACTERS_MAX: usize = 255;
/// How long an answer is kept. The promise is a day; the hour more is for those who measure it.
const KEPT_US: i64 = 25 * HOUR_US;

/// A request's `Idempotency-Key`, with what tells it from another request under the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceKey {
    pub(crate) key: String,
    pub(crate) fingerprint: String,
}

impl OnceKey {
    /// Reads the value of the header. `address` and `body` are the request's own.
    ///
    /// # Errors
    /// 422 when it is not 1 to 255 visible ASCII characters.
    pub fn read(value: &[u8], address: &str, body: &[u8]) -> Result<Self> {
        let is_visible = value.iter().all(u8::is_ascii_graphic);
        if !is_visible || !(1..=KEY_CHARACTERS_MAX).contains(&value.len()) {
            let message = format!("Idempotency-Key must be 1 to {KEY_CHARACTERS_MAX} visible ASCII characters");
            return Err(FieldError::new("Idempotency-Key", message).into());
        }
        let hash = Sha256::new().chain_update(address).chain_update(b"\n").chain_update(body).finalize();
        let fingerprint = crate::secrets::hex(&hash).to_string();
        Ok(Self { key: String::from_utf8_lossy(value).into_owned(), fingerprint })
    }
}

type Place = (AccountId, String);

/// The requests with a key that run in this process.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<HashMap<Place, String>>>);

/// Takes the place of a key until it is dropped.
pub(crate) struct Runs {
    running: Running,
    place: Place,
}

impl Running {
    /// # Errors
    /// 409 while a request with this key runs, 422 when that is another request.
    pub fn begin(&self, account_id: &AccountId, once: &OnceKey) -> Result<Runs> {
        let place = (account_id.clone(), once.key.clone());
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match running.entry(place.clone()) {
            Entry::Vacant(vacant) => drop(vacant.insert(once.fingerprint.clone())),
            Entry::Occupied(other) if *other.get() != once.fingerprint => {
                return Err(ProblemCode::IdempotencyKeyReused.into());
            }
            Entry::Occupied(_) => return Err(ProblemCode::RequestInProgress.into()),
        }
        Ok(Runs { running: self.clone(), place })
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}

const SELECT_ANSWER: &str = "
SELECT fingerprint, body, credit_remaining FROM idempotency_keys WHERE account_id = $1 AND idempotency_key = $2";

/// The answer that is stored for a key: its body, and the credit that was left.
///
/// # Errors
/// 422 when the key belongs to another request, 409 while its answer is still being written.
pub(crate) async fn find(server: &Server, account_id: &AccountId, once: &OnceKey) -> Result<Option<(String, Credit)>> {
    type AnswerRow = (String, Option<String>, Option<i64>);
    let row: Option<AnswerRow> = server.db.optional(SELECT_ANSWER, args![account_id.as_str(), &once.key]).await?;
    let Some((fingerprint, body, credit_remaining)) = row else { return Ok(None) };
    if fingerprint != once.fingerprint {
        return Err(ProblemCode::IdempotencyKeyReused.into());
    }
    let body = body.ok_or(ProblemCode::RequestInProgress)?;
    Ok(Some((body, Credit::from_millionths(credit_remaining.unwrap_or_default()))))
}

const DELETE_OLD: &str = "DELETE FROM idempotency_keys WHERE created_at < $1";

/// Forgets answers that nobody may ask for any more.
///
/// # Errors
/// When the database fails.
pub async fn sweep(server: &Server) -> Result<()> {
    let before: Timestamp = server.now().plus_us(-KEPT_US);
    server.db.execute(DELETE_OLD, args![before.us()]).await?;
    Ok(())
}
