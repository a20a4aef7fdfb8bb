//! Recognises the program that calls the API, and says what it may do.
//!
//! What was read of a key may be up to a second old where another process changed it. That is enough to read something;
//! a charge also carries the version of the key, and the ledger's writer compares it in its own transaction. When it
//! differs, the caller is checked again from the database.

use super::cache::Known;
use super::requests::Request;
use super::uses::Counts;
use super::{HashedSecret, words};
use crate::error::{Error, Result};
use crate::{Server, args, db};
use domain::api_key::{Credential, Permission};
use domain::clock::Timestamp;
use domain::id::{AccountId, ChatbotId, KeyId};
use domain::problem::{Problem, ProblemCode};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Where a call comes from and what proves it: what it takes to check a caller again.
#[derive(Clone)]
struct Proof {
    consumer_key: String,
    hashed: HashedSecret,
    from: IpAddr,
}

impl Proof {
    /// Whether the secret is the key's own, or was until it was replaced.
    fn is_of(&self, known: &Known) -> bool {
        let old = known.old_secret.as_ref().is_some_and(|(hash, _)| self.hashed.is(hash));
        self.hashed.is(&known.secret_hash) || old
    }
}

/// The program that calls the API, recognised by its credential.
#[derive(Clone)]
pub struct Caller {
    pub account_id: AccountId,
    pub key_id: KeyId,
    known: Arc<Known>,
    proof: Proof,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("account_id", &self.account_id)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// Counts up with every change of the key.
    #[must_use]
    pub fn key_version(&self) -> i64 {
        self.known.version
    }

    #[must_use]
    pub fn plan_id(&self) -> &str {
        &self.known.plan_id
    }

    /// The chatbots that the key is limited to; `None` is all.
    #[must_use]
    pub fn chatbots(&self) -> Option<Vec<ChatbotId>> {
        self.known.chatbots.as_ref().map(|chatbots| chatbots.iter().cloned().collect())
    }

    /// The key by which it was recognised.
    #[must_use]
    pub fn key(&self) -> RecognisedKey {
        RecognisedKey(Arc::clone(&self.known))
    }

    fn note_use(&self, server: &Server) {
        let is_old = !self.proof.hashed.is(&self.known.secret_hash);
        server.key_uses.note(&self.known, is_old, server.now(), self.proof.from);
    }

    /// # Errors
    /// 403 when the key lacks the permission, or is limited to other chatbots.
    pub(crate) fn allows(&self, permission: Permission, chatbot_id: Option<&ChatbotId>) -> Result<()> {
        if !self.known.permissions.contains(&permission) {
            let detail = format!("the key lacks the permission {}", permission.as_str());
            return Err(Problem::with_detail(ProblemCode::PermissionMissing, detail).into());
        }
        let allowed = self.known.chatbots.as_ref().zip(chatbot_id);
        if allowed.is_some_and(|(allowed, chatbot_id)| !allowed.contains(chatbot_id)) {
            return Err(ProblemCode::ChatbotNotAllowed.into());
        }
        Ok(())
    }
}

#[derive(db::FromRow, serde::Deserialize)]
struct CallerRow {
    account_id: String,
    id: String,
    plan_id: String,
    version: i64,
    secret_hash: String,
    old_secret_hash: String,
    old_secret_until: i64,
    disabled_at: Option<i64>,
    expires_at: Option<i64>,
    permissions: String,
    chatbot_ids: Option<String>,
    networks: String,
}

const SELECT_CALLER: &str = "
SELECT k.account_id, k.id, a.plan_id, k.version, k.secret_hash, k.old_secret_hash, k.old_secret_until, k.disabled_at,
       k.expires_at, k.permissions, k.chatbot_ids, k.networks
FROM api_keys k JOIN accounts a ON a.id = k.account_id
WHERE k.consumer_key = $1 AND k.deleted_at IS NULL";

impl From<CallerRow> for Known {
    fn from(row: CallerRow) -> Self {
        let networks = words(&row.networks).map(str::parse::<IpNet>).collect::<std::result::Result<Vec<_>, _>>();
        Self {
            account_id: AccountId::from_row(row.account_id),
            key_id: KeyId::from_row(row.id),
            plan_id: row.plan_id,
            version: row.version,
            secret_hash: row.secret_hash,
            old_secret: Some((row.old_secret_hash, Timestamp::from_us(row.old_secret_until)))
                .filter(|(hash, _)| !hash.is_empty()),
            is_disabled: row.disabled_at.is_some(),
            expires_at: row.expires_at.map(Timestamp::from_us),
            permissions: words(&row.permissions).filter_map(Permission::parse).collect(),
            chatbots: row.chatbot_ids.map(|ids| words(&ids).filter_map(ChatbotId::parse).collect()),
            // A row that was tampered with lets nobody in.
            networks: networks.map_or_else(|_| Some(Vec::new()), |networks| Some(networks).filter(|n| !n.is_empty())),
            uses: Counts::default(),
        }
    }
}

/// A caller who was not let in, and the key where its secret was the right one.
#[derive(Debug)]
pub struct Unauthenticated {
    pub error: Error,
    key: Option<Arc<Known>>,
}

impl Unauthenticated {
    /// The error, and the key for whose page the request is kept. Who does not know the secret cannot put anything there.
    #[must_use]
    pub fn into_parts(self) -> (Error, Option<RecognisedKey>) {
        (self.error, self.key.map(RecognisedKey))
    }
}

/// A key whose secret was sent, whether or not its caller was let in.
#[derive(Clone)]
pub struct RecognisedKey(Arc<Known>);

impl RecognisedKey {
    /// Keeps a request for the page of the key, when it was refused or cost nothing.
    pub fn note_request(&self, server: &Server, request: Request<'_>) {
        server.key_uses.note_request(&self.0, request.seen_at(server.now()));
    }
}

impl From<Error> for Unauthenticated {
    fn from(error: Error) -> Self {
        Self { error, key: None }
    }
}

impl From<Unauthenticated> for Error {
    fn from(refused: Unauthenticated) -> Self {
        refused.error
    }
}

/// Recognises a caller by its credential and the address that it comes from.
///
/// # Errors
/// In this order: 401 when there is no such key, it was deleted, or the secret is not its own: one answer for all three;
/// 401 with a reason of its own when the secret was replaced, the key is switched off, or it has expired; 403 when the
/// address is in none of the key's networks.
pub async fn authenticate(
    server: &Server,
    credential: &Credential,
    from: IpAddr,
) -> std::result::Result<Caller, Unauthenticated> {
    let hashed = HashedSecret::of(server, &credential.secret)?;
    let proof = Proof { consumer_key: credential.consumer_key.as_str().to_owned(), hashed, from };
    if let Some(known) = server.keys.get(&proof.consumer_key)
        && let Ok(caller) = check(server, known, proof.clone())
    {
        caller.note_use(server);
        return Ok(caller);
    }
    // What is in memory never refuses anybody: a change in another process may just have let him in.
    let known = read(server, &proof.consumer_key).await?;
    let is_its_secret = proof.is_of(&known);
    let checked = check(server, Arc::clone(&known), proof);
    let caller = checked.map_err(|error| Unauthenticated { error, key: Some(known).filter(|_| is_its_secret) })?;
    caller.note_use(server);
    Ok(caller)
}

/// Lets a caller do something, with a chatbot or with none.
///
/// # Errors
/// 403 when the key lacks the permission or is limited to other chatbots; those of [`authenticate`] when it has changed.
pub async fn require(
    server: &Server,
    caller: Caller,
    permission: Permission,
    chatbot_id: Option<&ChatbotId>,
) -> Result<Caller> {
    match caller.allows(permission, chatbot_id) {
        Ok(()) => Ok(caller),
        Err(_) => check_again(server, &caller, permission, chatbot_id).await,
    }
}

/// Checks a caller once more, from what the database says now.
///
/// # Errors
/// As [`authenticate`], then 403 when the key does not allow it any more.
pub async fn check_again(
    server: &Server,
    caller: &Caller,
    permission: Permission,
    chatbot_id: Option<&ChatbotId>,
) -> Result<Caller> {
    let known = read(server, &caller.proof.consumer_key).await?;
    let caller = check(server, known, caller.proof.clone())?;
    caller.allows(permission, chatbot_id)?;
    Ok(caller)
}

async fn read(server: &Server, consumer_key: &str) -> Result<Arc<Known>> {
    // Taken before the row is read: when a key changes in between, what was read is not kept.
    let generation = server.keys.generation();
    let row: Option<CallerRow> = server.db.optional(SELECT_CALLER, args![consumer_key]).await?;
    let row = row.ok_or(ProblemCode::InvalidCredential)?;
    Ok(server.keys.put(generation, consumer_key, row.into()))
}

fn check(server: &Server, known: Arc<Known>, proof: Proof) -> Result<Caller> {
    let now = server.now();
    if !proof.hashed.is(&known.secret_hash) {
        let old = known.old_secret.as_ref().filter(|(hash, _)| proof.hashed.is(hash));
        let (_, until) = old.ok_or(ProblemCode::InvalidCredential)?;
        if now >= *until {
            return Err(ProblemCode::SecretRotated.into());
        }
    }
    if known.is_disabled {
        return Err(ProblemCode::KeyDisabled.into());
    }
    if known.expires_at.is_some_and(|expires_at| now >= expires_at) {
        return Err(ProblemCode::KeyExpired.into());
    }
    let is_allowed = |networks: &Vec<IpNet>| networks.iter().any(|network| network.contains(&proof.from));
    if !known.networks.as_ref().is_none_or(is_allowed) {
        let detail = format!("this request came from {}, which is in none of the key's networks", proof.from);
        return Err(Problem::with_detail(ProblemCode::NetworkNotAllowed, detail).into());
    }
    Ok(Caller { account_id: known.account_id.clone(), key_id: known.key_id.clone(), known, proof })
}
