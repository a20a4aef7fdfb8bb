//! API keys: make, list, regenerate, delete, and recognise.
//!
//! Recognised keys are kept in memory and their secret is hashed on every call; see `cache.rs`. What a key may spend is not
//! in there: the ledger reads that in the transaction of each charge, and refuses a key that was deleted meanwhile.
//!
//! A secret is stored as its HMAC under the pepper, which is not in the database. A slow hash would add nothing to 214
//! random bits and would cap the API at tens of requests a second.

pub(crate) mod cache;

use crate::error::Result;
use crate::secrets::hex;
use crate::{Server, accounts, args, db, random};
use cache::Known;
use domain::account::Viewer;
use domain::api_key::{ApiKey, ConsumerKey, Credential, PlainSecret, ShownOnce};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::field::{self, FieldError};
use domain::id::{AccountId, KeyId};
use domain::plan::Limited;
use domain::problem::{Problem, ProblemCode};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// A secret as the database holds it: hexadecimal HMAC-SHA256 under the pepper.
struct HashedSecret(String);

impl HashedSecret {
    fn of(server: &Server, secret: &PlainSecret) -> Result<Self> {
        let mac = Hmac::<Sha256>::new_from_slice(server.secrets.pepper()).map_err(crate::Error::internal)?;
        Ok(Self(hex(&mac.chain_update(secret.expose().as_bytes()).finalize().into_bytes()).to_string()))
    }

    fn is(&self, stored: &str) -> bool {
        self.0.as_bytes().ct_eq(stored.as_bytes()).into()
    }
}

/// The program that calls the API, recognised by its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account_id: AccountId,
    pub key_id: KeyId,
}

#[derive(db::FromRow)]
struct KeyRow {
    id: String,
    name: String,
    consumer_key: String,
    created_at: i64,
    secret_created_at: i64,
    last_used_at: Option<i64>,
    spent: i64,
    monthly_cap: Option<i64>,
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        Self {
            id: KeyId::from_row(row.id),
            name: row.name,
            // A row that was tampered with shows an empty consumer key, which no caller can present.
            consumer_key: ConsumerKey::parse(&row.consumer_key).unwrap_or_else(|| ConsumerKey::new([0; 16])),
            created_at: Timestamp::from_us(row.created_at),
            secret_created_at: Timestamp::from_us(row.secret_created_at),
            last_used_at: row.last_used_at.map(Timestamp::from_us),
            spent_this_month: Credit::from_millionths(row.spent),
            monthly_cap: row.monthly_cap.map(Credit::from_millionths),
        }
    }
}

const SELECT_KEYS: &str = "
SELECT k.id, k.name, k.consumer_key, k.created_at, k.secret_created_at, k.last_used_at, k.monthly_cap,
       CASE WHEN k.spent_since >= $2 THEN k.spent ELSE 0 END AS spent
FROM api_keys k
WHERE k.account_id = $1 AND k.deleted_at IS NULL
ORDER BY k.created_at, k.id
LIMIT 1000";

/// The keys of an account, oldest first.
pub async fn list(server: &Server, account_id: &AccountId) -> Result<Vec<ApiKey>> {
    let month = server.now().start_of_month();
    let rows: Vec<KeyRow> = server.db.all(SELECT_KEYS, args![account_id.as_str(), month.us()]).await?;
    Ok(rows.into_iter().map(ApiKey::from).collect())
}

const COUNT_KEYS: &str = "SELECT COUNT(*) FROM api_keys WHERE account_id = $1 AND deleted_at IS NULL";

const INSERT_KEY: &str = "
INSERT INTO api_keys (account_id, id, name, consumer_key, secret_hash, created_at, created_by, secret_created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $6)";

/// Makes a key. The secret in the result is the only readable copy there will ever be.
///
/// # Errors
/// 422 for the name, 403 when the plan has no place left.
pub async fn create(server: &Server, viewer: &Viewer, name: &str) -> Result<ShownOnce> {
    let name = field::name("name", name)?;
    let now = server.now();
    let secret = new_secret(server);
    let hashed = HashedSecret::of(server, &secret)?;
    let key = ApiKey {
        id: KeyId::new(now, server.id_bytes()),
        name: name.to_owned(),
        consumer_key: ConsumerKey::new(random::bytes(server.random.as_ref())),
        created_at: now,
        secret_created_at: now,
        last_used_at: None,
        spent_this_month: Credit::ZERO,
        monthly_cap: None,
    };
    let account_id = viewer.account_id.as_str();
    let mut tx = server.db.begin().await?;
    let plan = accounts::lock(server, &mut tx, &viewer.account_id).await?;
    let (used,): (i64,) = tx.one(COUNT_KEYS, args![account_id]).await?;
    plan.allow_one_more(Limited::ApiKeys, used)?;
    let (consumer_key, user_id) = (key.consumer_key.as_str(), viewer.user_id.as_str());
    let row = args![account_id, key.id.as_str(), name, consumer_key, hashed.0, now.us(), user_id];
    tx.execute(INSERT_KEY, row).await?;
    tx.commit().await?;
    server.live.changed(&viewer.account_id);
    tracing::info!(account_id, key_id = %key.id, "a key was made");
    Ok(ShownOnce { key, secret })
}

fn new_secret(server: &Server) -> PlainSecret {
    PlainSecret::new(&random::bytes(server.random.as_ref()))
}

const UPDATE_SECRET: &str = "
UPDATE api_keys SET secret_hash = $3, secret_created_at = $4
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Gives a key a new secret. Everything else of it stays, and the old secret stops working at once.
///
/// # Errors
/// 404 when the account has no such key.
pub async fn regenerate(server: &Server, viewer: &Viewer, key_id: &KeyId) -> Result<ShownOnce> {
    let now = server.now();
    let secret = new_secret(server);
    let hashed = HashedSecret::of(server, &secret)?;
    let account_id = viewer.account_id.as_str();
    let mut tx = server.db.begin().await?;
    let changed = tx.execute(UPDATE_SECRET, args![account_id, key_id.as_str(), hashed.0, now.us()]).await?;
    cache::tell_others(&mut tx).await?;
    tx.commit().await?;
    server.keys.forget();
    let key = list(server, &viewer.account_id).await?.into_iter().find(|key| key.id == *key_id);
    let key = key.filter(|_| changed == 1).ok_or_else(|| Problem::not_found("API key"))?;
    server.live.changed(&viewer.account_id);
    tracing::info!(account_id, %key_id, "a key got a new secret");
    Ok(ShownOnce { key, secret })
}

const SELECT_KEY_NAME: &str = "
SELECT name FROM api_keys WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

const DELETE_KEY: &str = "
UPDATE api_keys SET deleted_at = $3, secret_hash = ''
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Deletes a key for good; the very next request with it is refused.
///
/// # Errors
/// 404 when the account has no such key, 422 when the typed name is not the key's.
pub async fn delete(server: &Server, viewer: &Viewer, key_id: &KeyId, typed_name: &str) -> Result<()> {
    let account_id = viewer.account_id.as_str();
    let mut tx = server.db.begin().await?;
    let row: Option<(String,)> = tx.optional(SELECT_KEY_NAME, args![account_id, key_id.as_str()]).await?;
    let (name,) = row.ok_or_else(|| Problem::not_found("API key"))?;
    if typed_name.trim() != name {
        return Err(FieldError::new("name", format!("type the name of the key, {name}, to delete it")).into());
    }
    tx.execute(DELETE_KEY, args![account_id, key_id.as_str(), server.now().us()]).await?;
    cache::tell_others(&mut tx).await?;
    tx.commit().await?;
    server.keys.forget();
    server.live.changed(&viewer.account_id);
    tracing::info!(account_id, %key_id, "a key was deleted");
    Ok(())
}

const UPDATE_CAP: &str = "
UPDATE api_keys SET monthly_cap = $3 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Sets how much a key may spend in a calendar month (UTC); `None` is no cap. It holds from the next message on.
///
/// # Errors
/// 422 when it is negative, 404 when the account has no such key.
pub async fn set_monthly_cap(server: &Server, viewer: &Viewer, key_id: &KeyId, cap: Option<Credit>) -> Result<()> {
    let cap = field::limit("monthly_cap", cap)?;
    let changed = server.db.execute(UPDATE_CAP, args![viewer.account_id.as_str(), key_id.as_str(), cap]).await?;
    server.live.changed(&viewer.account_id);
    if changed == 1 { Ok(()) } else { Err(Problem::not_found("API key").into()) }
}

const SELECT_CALLER: &str = "
SELECT account_id, id, secret_hash FROM api_keys WHERE consumer_key = $1 AND deleted_at IS NULL";

/// Recognises a caller by its credential.
///
/// # Errors
/// 401 when there is no such key, it was deleted, or the secret is not its own: one answer for all three.
pub async fn authenticate(server: &Server, credential: &Credential) -> Result<Caller> {
    type CallerRow = (String, String, String);
    let hashed = HashedSecret::of(server, &credential.secret)?;
    let consumer_key = credential.consumer_key.as_str();
    let known = if let Some(known) = server.keys.get(consumer_key) {
        known
    } else {
        // Taken before the row is read: when a key changes in between, what was read is not kept.
        let generation = server.keys.generation();
        let row: Option<CallerRow> = server.db.optional(SELECT_CALLER, args![consumer_key]).await?;
        let (account_id, key_id, secret_hash) = row.ok_or(ProblemCode::InvalidCredential)?;
        let caller = Caller { account_id: AccountId::from_row(account_id), key_id: KeyId::from_row(key_id) };
        server.keys.put(generation, consumer_key, Known { caller, secret_hash })
    };
    if hashed.is(&known.secret_hash) { Ok(known.caller.clone()) } else { Err(ProblemCode::InvalidCredential.into()) }
}
