//! Sessions: who is signed in.
//!
//! The cookie holds 256 random bits; the database holds only their SHA-256, so a copy of it signs nobody in. Every
//! sign-in starts a new session, which ends the one the browser had.

use crate::db::Tx;
use crate::error::Result;
use crate::secrets::hex;
use crate::{Config, Server, args, random};
use axum_extra::extract::cookie::Cookie;
use domain::account::{Role, Viewer};
use domain::clock::{DAY_US, Timestamp};
use domain::id::{AccountId, UserId};
use http::HeaderMap;
use http::header::COOKIE;
use sha2::{Digest, Sha256};

const SESSION_DAYS: i64 = 30;
const TOKEN_BYTES: usize = 32;

/// The name of the session cookie. Over HTTPS the `__Host-` prefix makes browsers refuse one that another host or an
/// insecure page has planted.
#[must_use]
pub fn cookie_name(config: &Config) -> &'static str {
    if config.is_https() { "__Host-artiko" } else { "artiko" }
}

/// The `Set-Cookie` value that signs a browser in.
#[must_use]
pub fn set_cookie(config: &Config, token: &str) -> String {
    cookie(config, token, SESSION_DAYS * 24 * 60 * 60)
}

/// The `Set-Cookie` value that makes a browser forget its session.
#[must_use]
pub fn clear_cookie(config: &Config) -> String {
    cookie(config, "", 0)
}

fn cookie(config: &Config, value: &str, max_age_seconds: i64) -> String {
    let secure = if config.is_https() { "; Secure" } else { "" };
    let name = cookie_name(config);
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}")
}

/// The session token that a request carries.
#[must_use]
pub fn token_from(config: &Config, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(config);
    let values = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let token = values
        .flat_map(Cookie::split_parse)
        .filter_map(std::result::Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned());
    token.filter(|token| token.len() == TOKEN_BYTES * 2)
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes())).to_string()
}

const INSERT_SESSION: &str = "
INSERT INTO sessions (token_hash, account_id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";

const DELETE_EXPIRED: &str = "DELETE FROM sessions WHERE expires_at <= $1";

/// Starts a session and returns the token for the cookie.
pub async fn start(server: &Server, viewer: &Viewer) -> Result<String> {
    let token = hex(&random::bytes::<TOKEN_BYTES>(server.random.as_ref())).to_string();
    let now = server.now();
    let expires_at = now.plus_us(SESSION_DAYS * DAY_US);
    let mut tx = server.db.begin().await?;
    tx.execute(DELETE_EXPIRED, args![now.us()]).await?;
    let (account_id, user_id) = (viewer.account_id.as_str(), viewer.user_id.as_str());
    tx.execute(INSERT_SESSION, args![hash(&token), account_id, user_id, now.us(), expires_at.us()]).await?;
    tx.commit().await?;
    Ok(token)
}

const SELECT_VIEWER: &str = "
SELECT s.account_id, s.user_id, m.role, u.name, u.email, u.created_at, u.confirmed_at
FROM sessions s
JOIN members m ON m.account_id = s.account_id AND m.user_id = s.user_id
JOIN users u ON u.id = s.user_id
WHERE s.token_hash = $1 AND s.expires_at > $2";

/// Who the token belongs to, if its session has not ended.
pub async fn viewer(server: &Server, token: &str) -> Result<Option<Viewer>> {
    type ViewerRow = (String, String, String, String, String, i64, Option<i64>);
    let row: Option<ViewerRow> = server.db.optional(SELECT_VIEWER, args![hash(token), server.now().us()]).await?;
    Ok(row.map(|(account_id, user_id, role, name, email, joined_at, confirmed_at)| Viewer {
        account_id: AccountId::from_row(account_id),
        user_id: UserId::from_row(user_id),
        role: Role::parse(&role).unwrap_or(Role::Member),
        is_confirmed: confirmed_at.is_some(),
        // Anybody can sign up with an operator's address; only he can confirm it.
        is_operator: confirmed_at.is_some() && server.config.mail.is_operators(&email),
        name,
        email,
        joined_at: Timestamp::from_us(joined_at),
    }))
}

const DELETE_SESSION: &str = "DELETE FROM sessions WHERE token_hash = $1 RETURNING account_id";

/// Ends a session, and with it what its open pages hear; a token of no session is no error.
pub async fn end(server: &Server, token: &str) -> Result<()> {
    let mut tx = server.db.begin().await?;
    let ended: Option<(String,)> = tx.optional(DELETE_SESSION, args![hash(token)]).await?;
    tx.commit().await?;
    if let Some((account_id,)) = ended {
        server.live.changed(&AccountId::from_row(account_id));
    }
    Ok(())
}

const DELETE_ALL: &str = "DELETE FROM sessions WHERE user_id = $1 RETURNING account_id";

/// Ends all sessions of a person; returns the accounts whose open pages are to be told.
pub(crate) async fn end_all(tx: &mut Tx, user_id: &UserId) -> Result<Vec<AccountId>> {
    let ended: Vec<(String,)> = tx.all(DELETE_ALL, args![user_id.as_str()]).await?;
    let mut accounts: Vec<AccountId> = ended.into_iter().map(|(account_id,)| AccountId::from_row(account_id)).collect();
    accounts.sort();
    accounts.dedup();
    Ok(accounts)
}
