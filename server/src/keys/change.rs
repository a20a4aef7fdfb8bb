//! What the owner of a key does with it: its settings, switching it off and on, and its two secrets.

use super::{HashedSecret, get, made_known, new_secret};
use crate::error::Result;
use crate::{Server, args, chatbots};
use domain::account::Viewer;
use domain::api_key::{ApiKey, KEY_CHATBOTS_MAX, KEY_NETWORKS_MAX, KeySettings, Overlap, Permission, ShownOnce};
use domain::field::{self, FieldError};
use domain::id::{ChatbotId, KeyId};
use domain::problem::{Problem, ProblemCode};
use ipnet::IpNet;
use std::net::IpAddr;

const UPDATE_SETTINGS: &str = "
UPDATE api_keys SET name = $3, permissions = $4, chatbot_ids = $5, expires_at = $6, monthly_cap = $7, networks = $8,
                    version = version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Sets everything about a key but its secret. It holds from the next call on, in every process.
///
/// # Errors
/// 422 naming the field: the name, no permission at all, a chatbot that the account does not have, an end that has passed,
/// a cap below zero, or a network that cannot be read; 404 when the account has no such key.
pub async fn change(server: &Server, viewer: &Viewer, key_id: &KeyId, settings: KeySettings) -> Result<ApiKey> {
    let name = field::name("name", &settings.name)?;
    let permissions: Vec<&str> =
        Permission::ALL.iter().filter(|one| settings.permissions.contains(one)).map(|one| one.as_str()).collect();
    if permissions.is_empty() {
        return Err(FieldError::new("permissions", "a key needs at least one permission").into());
    }
    let chatbot_ids = chatbot_ids(server, viewer, &settings).await?;
    let before = get(server, &viewer.account_id, key_id).await?;
    let is_new_end = settings.expires_at != before.settings.expires_at;
    if settings.expires_at.is_some_and(|expires_at| is_new_end && expires_at <= server.now()) {
        return Err(FieldError::new("expires_at", "choose a day to come").into());
    }
    let cap = field::limit("monthly_cap", settings.monthly_cap)?;
    let networks = networks(&settings.networks)?;
    let row = args![
        viewer.account_id.as_str(),
        key_id.as_str(),
        name,
        permissions.join(" "),
        chatbot_ids,
        settings.expires_at.map(domain::clock::Timestamp::us),
        cap,
        networks
    ];
    execute(server, viewer, UPDATE_SETTINGS, row).await?;
    tracing::info!(account_id = %viewer.account_id, %key_id, "the settings of a key were changed");
    get(server, &viewer.account_id, key_id).await
}

async fn chatbot_ids(server: &Server, viewer: &Viewer, settings: &KeySettings) -> Result<Option<String>> {
    let Some(chosen) = &settings.chatbots else { return Ok(None) };
    let refuse = |message: String| Err(FieldError::new("chatbots", message).into());
    if chosen.is_empty() {
        return refuse("choose at least one chatbot, or all".to_owned());
    }
    if chosen.len() > KEY_CHATBOTS_MAX {
        return refuse(format!("choose at most {KEY_CHATBOTS_MAX} chatbots, or all"));
    }
    let own = chatbots::list(server, &viewer.account_id).await?;
    let ids: Vec<&str> =
        own.iter().map(|own| &own.id).filter(|id| chosen.contains(id)).map(ChatbotId::as_str).collect();
    if ids.len() != chosen.len() {
        return refuse("one of the chatbots is not there any more".to_owned());
    }
    Ok(Some(ids.join(" ")))
}

/// Reads networks and addresses, and writes them as they are stored.
fn networks(given: &[String]) -> std::result::Result<String, FieldError> {
    if given.len() > KEY_NETWORKS_MAX {
        return Err(FieldError::new("networks", format!("name at most {KEY_NETWORKS_MAX} networks")));
    }
    let read = |text: &String| {
        let text = text.trim();
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let message = "name networks as 192.0.2.0/24 or 2001:db8::/32, or single addresses";
        network.map(|network| network.trunc().to_string()).ok_or_else(|| FieldError::new("networks", message))
    };
    Ok(given.iter().map(read).collect::<std::result::Result<Vec<_>, _>>()?.join(" "))
}

async fn execute(server: &Server, viewer: &Viewer, sql: &'static str, row: Vec<crate::db::Arg>) -> Result<()> {
    let mut tx = server.db.begin().await?;
    if tx.execute(sql, row).await? != 1 {
        return Err(Problem::not_found("API key").into());
    }
    made_known(server, viewer, tx).await
}

const DISABLE: &str = "
UPDATE api_keys SET disabled_at = COALESCE(disabled_at, $3), version = version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

const ENABLE: &str = "
UPDATE api_keys SET disabled_at = NULL, version = version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Switches a key off; its next call is refused. Nothing else of it changes, and [`enable`] brings it back.
///
/// # Errors
/// 404 when the account has no such key.
pub async fn disable(server: &Server, viewer: &Viewer, key_id: &KeyId) -> Result<()> {
    let row = args![viewer.account_id.as_str(), key_id.as_str(), server.now().us()];
    execute(server, viewer, DISABLE, row).await?;
    tracing::info!(account_id = %viewer.account_id, %key_id, "a key was switched off");
    Ok(())
}

/// Switches a key on again.
///
/// # Errors
/// 404 when the account has no such key.
pub async fn enable(server: &Server, viewer: &Viewer, key_id: &KeyId) -> Result<()> {
    execute(server, viewer, ENABLE, args![viewer.account_id.as_str(), key_id.as_str()]).await?;
    tracing::info!(account_id = %viewer.account_id, %key_id, "a key was switched on");
    Ok(())
}

const ROTATE: &str = "
UPDATE api_keys
SET old_secret_hash = secret_hash, old_secret_until = $5, old_secret_created_at = secret_created_at,
    old_secret_used_at = secret_used_at, old_secret_uses = secret_uses,
    secret_hash = $3, secret_created_at = $4, secret_used_at = NULL, secret_uses = 0, version = version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND old_secret_until <= $4";

/// Gives a key a new secret. Everything else of it stays; the old secret goes on working for as long as `overlap` says.
///
/// # Errors
/// 404 when the account has no such key, 409 while an earlier secret still works.
pub async fn rotate(server: &Server, viewer: &Viewer, key_id: &KeyId, overlap: Overlap) -> Result<ShownOnce> {
    let before = get(server, &viewer.account_id, key_id).await?;
    let now = server.now();
    let secret = new_secret(server);
    let hashed = HashedSecret::of(server, &secret)?;
    let until = now.plus_us(overlap.duration_us());
    let row = args![viewer.account_id.as_str(), key_id.as_str(), hashed.0, now.us(), until.us()];
    let mut tx = server.db.begin().await?;
    if tx.execute(ROTATE, row).await? != 1 {
        let detail = format!(
            "the secret before the present one of {} still works: retire it, or cancel and keep it, first",
            before.settings.name
        );
        return Err(Problem::with_detail(ProblemCode::Conflict, detail).into());
    }
    made_known(server, viewer, tx).await?;
    tracing::info!(account_id = %viewer.account_id, %key_id, overlap = overlap.as_str(), "a key got a new secret");
    Ok(ShownOnce { key: get(server, &viewer.account_id, key_id).await?, secret })
}

/// What can be done while two secrets of a key work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlapStep {
    /// The old secret stops at once.
    Retire,
    /// The old secret works for so much longer from now on.
    Extend(Overlap),
    /// The new secret stops at once, and the old one stays.
    Cancel,
}

const END_OLD_SECRET: &str = "
UPDATE api_keys SET old_secret_until = $4, version = version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND old_secret_until > $3";

const KEEP_OLD_SECRET: &str = "
UPDATE api_keys
SET secret_hash = old_secret_hash, secret_created_at = old_secret_created_at,
    secret_used_at = old_secret_used_at, secret_uses = old_secret_uses,
    old_secret_hash = '', old_secret_until = 0, version = version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND old_secret_until > $3";

/// Ends an overlap, one way or the other, or makes it longer.
///
/// # Errors
/// 404 when the account has no such key, 409 when only one secret works.
pub async fn end_overlap(server: &Server, viewer: &Viewer, key_id: &KeyId, step: OverlapStep) -> Result<()> {
    get(server, &viewer.account_id, key_id).await?;
    let (account_id, now) = (viewer.account_id.as_str(), server.now());
    let until = |until: domain::clock::Timestamp| args![account_id, key_id.as_str(), now.us(), until.us()];
    let (sql, row) = match step {
        OverlapStep::Retire => (END_OLD_SECRET, until(now)),
        OverlapStep::Extend(overlap) => (END_OLD_SECRET, until(now.plus_us(overlap.duration_us()))),
        OverlapStep::Cancel => (KEEP_OLD_SECRET, args![account_id, key_id.as_str(), now.us()]),
    };
    let mut tx = server.db.begin().await?;
    if tx.execute(sql, row).await? != 1 {
        let detail = "the old secret has stopped already; load the page again";
        return Err(Problem::with_detail(ProblemCode::Conflict, detail).into());
    }
    made_known(server, viewer, tx).await?;
    tracing::info!(account_id, %key_id, ?step, "an overlap of two secrets was changed");
    Ok(())
}
