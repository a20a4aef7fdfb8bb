//! Deleting conversations: by hand, and when they are older than the operator keeps them.
//!
//! What was said is erased. The rows of its messages stay, empty, because each is the proof that a charge paid for one
//! delivered answer. Contact requests go with their conversation. An answer that is kept for a repeated request goes by itself, a day after it was given.

use crate::error::Result;
use crate::{Server, args, ledger, rounds};
use domain::clock::{DAY_US, Timestamp};
use domain::id::{AccountId, ConversationId, RANDOM_BYTES};
use domain::problem::Problem;
use std::sync::{Arc, Weak};
use std::time::Duration;

const DELETE_CONVERSATION: &str = "
UPDATE conversations SET deleted_at = $3 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

const ERASE_MESSAGES: &str = "
UPDATE messages SET question = '', answer = '', citations = '[]' WHERE account_id = $1 AND conversation_id = $2";

/// What its visitor left for people to answer goes with it.
const DELETE_CONTACTS: &str = "DELETE FROM contact_requests WHERE account_id = $1 AND conversation_id = $2";

/// Deletes a conversation; from then on it can neither be read nor be continued.
///
/// # Errors
/// 404 when the account has no such conversation.
pub async fn delete(server: &Server, account_id: &AccountId, id: &ConversationId) -> Result<()> {
    if !erase(server, account_id, id.as_str()).await? {
        return Err(Problem::not_found("conversation").into());
    }
    server.live.changed(account_id);
    Ok(())
}

async fn erase(server: &Server, account_id: &AccountId, id: &str) -> Result<bool> {
    let mut tx = server.db.begin().await?;
    // The ledger's writer takes the same lock, so nothing is said in a conversation while it is deleted.
    ledger::lock(&mut tx, account_id).await?;
    let deleted = tx.execute(DELETE_CONVERSATION, args![account_id.as_str(), id, server.now().us()]).await?;
    tx.execute(ERASE_MESSAGES, args![account_id.as_str(), id]).await?;
    tx.execute(DELETE_CONTACTS, args![account_id.as_str(), id]).await?;
    tx.commit().await?;
    Ok(deleted == 1)
}

const SELECT_ACCOUNTS: &str = "SELECT id FROM accounts ORDER BY id LIMIT 1000000";

/// Those that began before `$2`, an id, and in which nothing was said since `$3`.
const SELECT_OLD: &str = "
SELECT c.id FROM conversations c
WHERE c.account_id = $1 AND c.id < $2 AND c.deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM messages m
                  WHERE m.account_id = $1 AND m.conversation_id = c.id AND m.at >= $3)
ORDER BY c.id
LIMIT 500";

/// Those that were left before anything was said.
const DELETE_OLD_CONTACTS: &str = "
DELETE FROM contact_requests WHERE account_id = $1 AND conversation_id IS NULL AND created_at < $2";

/// Deletes the conversations in which nothing was said since `before`, and the contact requests of no conversation that are
/// as old.
///
/// # Errors
/// When the database fails; what is deleted until then stays so.
pub async fn delete_before(server: &Server, before: Timestamp) -> Result<()> {
    let accounts: Vec<(String,)> = server.db.all(SELECT_ACCOUNTS, args![]).await?;
    let begun_before = ConversationId::new(before, [0; RANDOM_BYTES]);
    for (account_id,) in accounts {
        let account_id = AccountId::from_row(account_id);
        server.db.execute(DELETE_OLD_CONTACTS, args![account_id.as_str(), before.us()]).await?;
        loop {
            let scope = args![account_id.as_str(), begun_before.as_str(), before.us()];
            let old: Vec<(String,)> = server.db.all(SELECT_OLD, scope).await?;
            if old.is_empty() {
                break;
            }
            for (id,) in old {
                erase(server, &account_id, &id).await?;
            }
        }
    }
    Ok(())
}

/// How often it is looked for conversations that are too old.
const INTERVAL: Duration = Duration::from_mins(15);

/// Keeps conversations no longer than the configuration says, for as long as the server is there.
pub(crate) async fn keep_deleting(server: Weak<Server>) {
    let delete = async |server: Arc<Server>| match server.config.keep_conversations_days {
        Some(days) => delete_before(&server, server.now().plus_us(-i64::from(days.get()) * DAY_US)).await,
        None => Ok(()),
    };
    rounds::keep(server, INTERVAL, "old conversations could not be deleted", delete).await;
}
