//! The ledger: the only place where credit changes, and the readers of what it wrote.
//!
//! **Invariants:** entries are appended and never changed; a balance is written only together with the entry that
//! changes it, from the state that [`domain::ledger`] decided; nothing is answered before the commit. What is asked of a
//! chatbot goes through `writer.rs`, many requests to a commit. Payments and operators bring their own transaction to
//! [`post`], so that what the credit was paid for commits with the entry or not at all; the account's lock keeps the two
//! ways apart.

mod batch;
mod command;
mod entries;
mod export;
mod filter;
mod holds;
mod loaded;
mod rows;
pub(crate) mod sql;
pub mod steps;
mod sums;
pub mod usage;
pub mod verify;
pub(crate) mod writer;

pub use command::{Command, Message, Once, Outcome, Work};
pub use entries::{entries, entries_of_request, entry, summary};
pub use export::export;
pub use holds::sweep as sweep_holds;
pub use sums::usage_sums;

use crate::audit::{self, Act};
use crate::db::Tx;
use crate::error::Result;
use crate::{Server, args};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, KeyId, PaymentId};
use domain::ledger::{AccountState, Channel, EntryKind, Operation, Posted, decide};
use domain::problem::Problem;

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
RETURNING posted, held, debt, next_entry, next_message";

const UPDATE_BALANCE: &str = "
UPDATE balances SET posted = $2, held = $3, debt = $4, next_entry = $5, next_message = $6 WHERE account_id = $1";

const INSERT_ENTRY: &str = "
INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id,
                     channel, key_id, chatbot_id, payment_id, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// Locks an account until the transaction ends, and reads its state.
///
/// # Errors
/// 404 when there is no such account.
pub(crate) async fn lock(tx: &mut Tx, account_id: &AccountId) -> Result<AccountState> {
    let row: Option<(i64, i64, i64, i64, i64)> = tx.optional(LOCK_BALANCE, args![account_id.as_str()]).await?;
    let (posted, held, debt, next_entry, next_message) = row.ok_or_else(|| Problem::not_found("account"))?;
    Ok(AccountState {
        posted: Credit::from_millionths(posted),
        held: Credit::from_millionths(held),
        debt: Credit::from_millionths(debt),
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
        posted.after.net().millionths(),
        now.us(),
        &context.request_id,
        context.channel.map(Channel::as_str),
        context.key_id.as_ref().map(KeyId::as_str),
        context.chatbot_id.as_ref().map(ChatbotId::as_str),
        context.payment_id.as_ref().map(PaymentId::as_str),
        context.reason.as_deref(),
    ];
    tx.execute(INSERT_ENTRY, entry).await?;
    let AccountState { posted: credit, held, debt, next_entry, next_message } = posted.after;
    let (credit, held, debt) = (credit.millionths(), held.millionths(), debt.millionths());
    let balance = args![account_id.as_str(), credit, held, debt, next_entry, next_message];
    tx.execute(UPDATE_BALANCE, balance).await?;
    Ok(posted)
}

/// Hands a command to the writer and waits until it is durable or refused.
///
/// # Errors
/// 503 when the queue is full or the database cannot be reached, and the refusals of the decision.
pub async fn submit(server: &Server, command: Command) -> Result<Outcome> {
    server.writer.submit(command).await
}

const SELECT_ALERT: &str = "SELECT alert_below FROM accounts WHERE id = $1";

/// Below which available credit the owners are told; `None` tells nothing.
pub async fn alert_below(server: &Server, account_id: &AccountId) -> Result<Option<Credit>> {
    let row: Option<(Option<i64>,)> = server.db.optional(SELECT_ALERT, args![account_id.as_str()]).await?;
    Ok(row.and_then(|(below,)| below).map(Credit::from_millionths))
}

const UPDATE_ALERT: &str = "UPDATE accounts SET alert_below = $2 WHERE id = $1";

/// Sets below which available credit the owner is told; `None` tells nothing.
///
/// # Errors
/// 422 when it is negative, 404 when there is no such account.
pub async fn set_alert_below(server: &Server, account_id: &AccountId, below: Option<Credit>) -> Result<()> {
    let below = domain::field::limit("alert_below", below)?;
    let changed = server.db.execute(UPDATE_ALERT, args![account_id.as_str(), below]).await?;
    if changed == 1 { Ok(()) } else { Err(Problem::not_found("account").into()) }
}

/// Gives credit to an account, or corrects it, on an operator's word; the audit says whose.
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
    let action = if posted.kind == EntryKind::Grant { "grant" } else { "adjust" };
    let subject = format!("entry {}", posted.seq);
    let detail = format!("{}: {reason}", posted.amount.signed_text(server.config.currency));
    let act = Act { actor: &server.config.operator, action, subject: &subject, detail: &detail };
    audit::note(server, &mut tx, account_id, act, now).await?;
    tx.commit().await?;
    server.live.changed(account_id);
    tracing::info!(%account_id, amount = %posted.amount.decimal(), reason, "an operator changed credit");
    Ok(posted)
}
