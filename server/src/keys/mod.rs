//! API keys: make, list and delete. `change.rs` has their settings and secrets, `caller.rs` recognises who calls.
//!
//! Recognised keys are kept in memory and their secret is hashed on every call; see `cache.rs`. What a key may spend is not
//! in there: the ledger reads that in the transaction of each charge, and charges nothing through a key that was changed
//! since it was checked.
//!
//! A secret is stored as its HMAC under the pepper, which is not in the database. A slow hash would add nothing to 214
//! random bits and would cap the API at tens of requests a second.

pub(crate) mod cache;
mod caller;
mod change;
mod requests;
pub(crate) mod uses;

pub use caller::{Caller, RecognisedKey, Unauthenticated, authenticate, check_again, require};
pub use change::{OverlapStep, change, disable, enable, end_overlap, rotate};
pub use requests::{Request, recent};

use crate::db::Tx;
use crate::error::Result;
use crate::secrets::hex;
use crate::{Server, accounts, args, db, random};
use domain::account::Viewer;
use domain::api_key::{ApiKey, ConsumerKey, KeySettings, OldSecret, Permission, PlainSecret, SecretUse, ShownOnce};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::field::{self, FieldError};
use domain::id::{AccountId, ChatbotId, KeyId};
use domain::plan::Limited;
use domain::problem::Problem;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// A secret as the database holds it: hexadecimal HMAC-SHA256 under the pepper.
#[derive(Clone)]
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

/// The parts of a text that has a space between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

#[derive(db::FromRow, serde::Deserialize)]
struct KeyRow {
    id: String,
    name: String,
    consumer_key: String,
    created_at: i64,
    created_by: Option<String>,
    secret_created_at: i64,
    secret_used_at: Option<i64>,
    secret_uses: i64,
    old_secret_until: i64,
    old_secret_created_at: i64,
    old_secret_used_at: Option<i64>,
    old_secret_uses: i64,
    last_used_at: Option<i64>,
    last_used_from: Option<String>,
    disabled_at: Option<i64>,
    expires_at: Option<i64>,
    spent: i64,
    monthly_cap: Option<i64>,
    permissions: String,
    chatbot_ids: Option<String>,
    networks: String,
}

impl KeyRow {
    fn key(self, now: Timestamp) -> ApiKey {
        let old_secret = OldSecret {
            secret: SecretUse {
                created_at: Timestamp::from_us(self.old_secret_created_at),
                last_used_at: self.old_secret_used_at.map(Timestamp::from_us),
                uses: self.old_secret_uses,
            },
            until: Timestamp::from_us(self.old_secret_until),
        };
        ApiKey {
            id: KeyId::from_row(self.id),
            // A row that was tampered with shows an empty consumer key, which no caller can present.
            consumer_key: ConsumerKey::parse(&self.consumer_key).unwrap_or_else(|| ConsumerKey::new([0; 16])),
            settings: KeySettings {
                name: self.name,
                permissions: words(&self.permissions).filter_map(Permission::parse).collect(),
                chatbots: self.chatbot_ids.map(|ids| words(&ids).filter_map(ChatbotId::parse).collect()),
                expires_at: self.expires_at.map(Timestamp::from_us),
                monthly_cap: self.monthly_cap.map(Credit::from_millionths),
                networks: words(&self.networks).map(str::to_owned).collect(),
            },
            created_at: Timestamp::from_us(self.created_at),
            created_by: self.created_by.unwrap_or_default(),
            secret: SecretUse {
                created_at: Timestamp::from_us(self.secret_created_at),
                last_used_at: self.secret_used_at.map(Timestamp::from_us),
                uses: self.secret_uses,
            },
            old_secret: Some(old_secret).filter(|old| old.until > now),
            last_used_at: self.last_used_at.map(Timestamp::from_us),
            last_used_from: self.last_used_from,
            disabled_at: self.disabled_at.map(Timestamp::from_us),
            spent_this_month: Credit::from_millionths(self.spent),
        }
    }
}

const SELECT_KEYS: &str = "
SELECT k.id, k.name, k.consumer_key, k.created_at, u.name AS created_by,
       k.secret_created_at, k.secret_used_at, k.secret_uses,
       k.old_secret_until, k.old_secret_created_at, k.old_secret_used_at, k.old_secret_uses,
       k.last_used_at, k.last_used_from, k.disabled_at, k.expires_at, k.monthly_cap,
       CASE WHEN s.since >= $2 THEN s.spent ELSE 0 END AS spent, k.permissions, k.chatbot_ids, k.networks
FROM api_keys k
LEFT JOIN users u ON u.id = k.created_by
LEFT JOIN spendings s ON s.account_id = k.account_id AND s.subject_id = k.id
WHERE k.account_id = $1 AND k.deleted_at IS NULL AND ($3 = '' OR k.id = $3)
ORDER BY k.created_at, k.id
LIMIT 1000";

async fn select(server: &Server, account_id: &AccountId, key_id: &str) -> Result<Vec<ApiKey>> {
    // What this process has counted is shown to the last request.
    server.key_uses.write(&server.db).await?;
    let now = server.now();
    let selected = args![account_id.as_str(), now.start_of_month().us(), key_id];
    let rows: Vec<KeyRow> = server.db.all(SELECT_KEYS, selected).await?;
    Ok(rows.into_iter().map(|row| row.key(now)).collect())
}

/// The keys of an account, oldest first.
pub async fn list(server: &Server, account_id: &AccountId) -> Result<Vec<ApiKey>> {
    select(server, account_id, "").await
}

/// One key.
///
/// # Errors
/// 404 when the account has no such key.
pub async fn get(server: &Server, account_id: &AccountId, key_id: &KeyId) -> Result<ApiKey> {
    let found = select(server, account_id, key_id.as_str()).await?.pop();
    Ok(found.ok_or_else(|| Problem::not_found("API key"))?)
}

const SELECT_EXISTS: &str = "SELECT COUNT(*) FROM api_keys WHERE account_id = $1 AND id = $2";

/// Checks that the account has, or had, a key.
///
/// # Errors
/// 404 when it never had one of this id.
pub async fn exists(server: &Server, account_id: &AccountId, key_id: &KeyId) -> Result<()> {
    let (found,): (i64,) = server.db.one(SELECT_EXISTS, args![account_id.as_str(), key_id.as_str()]).await?;
    if found == 1 { Ok(()) } else { Err(Problem::not_found("API key").into()) }
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
    let key_id = KeyId::new(now, server.id_bytes());
    let consumer_key = ConsumerKey::new(random::bytes(server.random.as_ref()));
    let account_id = viewer.account_id.as_str();
    let mut tx = server.db.begin().await?;
    let plan = accounts::lock(server, &mut tx, &viewer.account_id).await?;
    let (used,): (i64,) = tx.one(COUNT_KEYS, args![account_id]).await?;
    plan.allow_one_more(Limited::ApiKeys, used)?;
    let user_id = viewer.user_id.as_str();
    let row = args![account_id, key_id.as_str(), name, consumer_key.as_str(), hashed.0, now.us(), user_id];
    tx.execute(INSERT_KEY, row).await?;
    tx.commit().await?;
    server.live.changed(&viewer.account_id);
    tracing::info!(account_id, %key_id, "a key was made");
    Ok(ShownOnce { key: get(server, &viewer.account_id, &key_id).await?, secret })
}

fn new_secret(server: &Server) -> PlainSecret {
    PlainSecret::new(&random::bytes(server.random.as_ref()))
}

const SELECT_KEY_NAME: &str = "
SELECT name FROM api_keys WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

const DELETE_KEY: &str = "
UPDATE api_keys SET deleted_at = $3, secret_hash = '', old_secret_hash = '', version = version + 1
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
    made_known(server, viewer, tx).await?;
    tracing::info!(account_id, %key_id, "a key was deleted");
    Ok(())
}

/// Commits a change of a key and makes it hold: at once here, within a second for what is read elsewhere, and for every
/// charge anywhere.
async fn made_known(server: &Server, viewer: &Viewer, mut tx: Tx) -> Result<()> {
    cache::tell_others(&mut tx).await?;
    tx.commit().await?;
    server.keys.forget();
    server.live.changed(&viewer.account_id);
    Ok(())
}
