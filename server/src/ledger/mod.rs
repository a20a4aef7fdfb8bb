//! The ledger: the only place where credit changes, and the readers of what it wrote.
//!
//! **Invariants:** entries are appended and never changed; a balance is written only together with the entry that
//! changes it, from the state that [`domain::ledger::decide`] returned; nothing is answered before the commit. Whoever
//! changes credit brings his own transaction, so that what the credit was paid for commits with the entry or not at all.

mod entries;
pub mod verify;

pub use entries::{entries, summary};

use crate::db::Tx;
use crate::error::Result;
use crate::{Server, args};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, KeyId, PaymentId};
use domain::ledger::{AccountState, Channel, Operation, Posted, decide};
use domain::problem::Problem;
use domain::window;

/// What an entry says beside its amount.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Unique within the account for each kind: the same request cannot be charged twice.
    pub request_id: String,
    pub channel: Option<Channel>,
    pub key_id: Option<KeyId>,
    pub chatbot_id: Option<ChatbotId>,
    pub payment_id: Option<PaymentId>,
    pub reason: Option<String>,
}

/// Takes the lock on the account's row and reads it. The update changes nothing; on PostgreSQL it is what makes the
/// next caller wait, and on SQLite the transaction has the only write lock anyway.
const LOCK_BALANCE: &str = "
UPDATE balances SET posted = posted WHERE account_id = $1
RETURNING posted, held, next_entry, next_message";

const UPDATE_BALANCE: &str = "
UPDATE balances SET posted = $2, held = $3, next_entry = $4, next_message = $5 WHERE account_id = $1";

const INSERT_ENTRY: &str = "
INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id,
                     channel, key_id, chatbot_id, payment_id, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// Locks an account until the transaction ends, and reads its state.
///
/// # Errors
/// 404 when there is no such account.
pub async fn lock(tx: &mut Tx, account_id: &AccountId) -> Result<AccountState> {
    let row: Option<(i64, i64, i64, i64)> = tx.optional(LOCK_BALANCE, args![account_id.as_str()]).await?;
    let (posted, held, next_entry, next_message) = row.ok_or_else(|| Problem::not_found("account"))?;
    Ok(AccountState {
        posted: Credit::from_millionths(posted),
        held: Credit::from_millionths(held),
        next_entry,
        next_message,
    })
}

/// Decides an operation and writes its entry and the new balance, in the caller's transaction.
///
/// # Errors
/// 402 when the credit does not cover it, 422 when the amount is out of range, 404 when there is no such account.
pub async fn post(
    tx: &mut Tx,
    account_id: &AccountId,
    operation: Operation,
    context: &Context,
    now: Timestamp,
) -> Result<Posted> {
    let state = lock(tx, account_id).await?;
    let posted = decide(state, operation)?;
    let entry = args![
        account_id.as_str(),
        posted.seq,
        posted.kind.as_str(),
        posted.amount.millionths(),
        posted.after.posted.millionths(),
        now.us(),
        &context.request_id,
        context.channel.map(Channel::as_str),
        context.key_id.as_ref().map(KeyId::as_str),
        context.chatbot_id.as_ref().map(ChatbotId::as_str),
        context.payment_id.as_ref().map(PaymentId::as_str),
        context.reason.as_deref(),
    ];
    tx.execute(INSERT_ENTRY, entry).await?;
    write_state(tx, account_id, &posted.after).await?;
    Ok(posted)
}

async fn write_state(tx: &mut Tx, account_id: &AccountId, state: &AccountState) -> Result<()> {
    let balance = args![
        account_id.as_str(),
        state.posted.millionths(),
        state.held.millionths(),
        state.next_entry,
        state.next_message,
    ];
    tx.execute(UPDATE_BALANCE, balance).await?;
    Ok(())
}

const SELECT_COUNTED: &str = "SELECT at FROM counted_messages WHERE account_id = $1 AND number = $2";

const INSERT_COUNTED: &str = "INSERT INTO counted_messages (account_id, number, at) VALUES ($1, $2, $3)";

/// Takes a place in the message window, in the caller's transaction; returns the state after it.
///
/// # Errors
/// 429 with the exact time of the next free place.
pub async fn count_message(
    server: &Server,
    tx: &mut Tx,
    account_id: &AccountId,
    limit: u32,
    now: Timestamp,
) -> Result<AccountState> {
    let state = lock(tx, account_id).await?;
    let place = state.next_message - i64::from(limit);
    let row: Option<(i64,)> = tx.optional(SELECT_COUNTED, args![account_id.as_str(), place]).await?;
    let accepted_before = row.map(|(at,)| Timestamp::from_us(at));
    window::check(limit, server.catalogue.window_us(), accepted_before, now)?;
    tx.execute(INSERT_COUNTED, args![account_id.as_str(), state.next_message, now.us()]).await?;
    let after = AccountState { next_message: state.next_message + 1, ..state };
    write_state(tx, account_id, &after).await?;
    Ok(after)
}

/// Gives credit to an account, or corrects it, on an operator's word.
///
/// # Errors
/// 422 when the reason is missing or the amount is out of range, 402 when a correction would take more than there is.
pub async fn operate(server: &Server, account_id: &AccountId, operation: Operation, reason: &str) -> Result<Posted> {
    let reason = domain::field::required_text("reason", "reason", reason, 400)?;
    let now = server.now();
    let request_id = domain::id::RequestId::new(now, server.id_bytes()).to_string();
    let context = Context { request_id, reason: Some(reason.to_owned()), ..Context::default() };
    let mut tx = server.db.begin().await?;
    let posted = post(&mut tx, account_id, operation, &context, now).await?;
    tx.commit().await?;
    server.live.changed(account_id);
    tracing::info!(%account_id, amount = %posted.amount.decimal(), reason, "an operator changed credit");
    Ok(posted)
}
