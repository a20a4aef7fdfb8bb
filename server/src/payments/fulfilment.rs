//! The one place where a payment changes: what the gateway says about it becomes its state and its credit, in one
//! transaction.

use super::gateway::{Gateway, Report};
use super::{PaymentRow, columns};
use crate::audit::{self, Act};
use crate::db::Tx;
use crate::error::Result;
use crate::ledger::{self, Context};
use crate::{Server, args, mail, receipts};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, PaymentId};
use domain::ledger::Operation;
use domain::money::Money;
use domain::payment::{DisputeState, Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};

const SELECT_ACCOUNT: &str = "SELECT account_id FROM payments WHERE id = $1";

/// Asks the gateway where a payment stands and acts on what it answers; `None` when the gateway does not know it.
///
/// # Errors
/// 404 for a payment that is not ours, and those of [`fulfil`].
pub async fn look(server: &Server, payment_id: &PaymentId) -> Result<Option<Payment>> {
    let account: Option<(String,)> = server.db.optional(SELECT_ACCOUNT, args![payment_id.as_str()]).await?;
    let (account_id,) = account.ok_or_else(|| Problem::not_found("payment"))?;
    let account_id = AccountId::from_row(account_id);
    match Gateway::of(server).fetch_checkout(server, &account_id, payment_id).await? {
        Some(report) => fulfil(server, &report).await.map(Some),
        None => Ok(None),
    }
}

/// Locks the row as well: a second report on the same payment waits here until the first one is durable.
const LOCK_PAYMENT: &str = concat!("UPDATE payments SET checked_at = $2 WHERE id = $1 RETURNING ", columns!());

const UPDATE_PAYMENT: &str = "
UPDATE payments
SET state = $3, refunded_minor_units = $4, dispute_state = $5, disputed_minor_units = $6, changed_at = $7,
    credited = $8, revision = $9
WHERE account_id = $1 AND id = $2";

/// Why a report is acted on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why<'a> {
    /// The gateway said so.
    Told,
    /// An operator gave the amount back. The audit has a line of it even when a webhook was faster.
    Refunded { amount: Money, reason: &'a str },
    /// A comparison with the gateway found a difference.
    Repaired { actor: &'a str, difference: &'a str },
}

/// Acts on a report about a payment: changes its state, adds its credit where it is paid, and takes back or gives back
/// what was refunded or disputed. A report that says nothing new changes nothing and is no error.
///
/// # Errors
/// 404 for a payment that is not ours, 409 when the reported amount is not the one that was ordered.
pub async fn fulfil(server: &Server, report: &Report) -> Result<Payment> {
    fulfil_because(server, report, Why::Told).await
}

/// As [`fulfil`], with a line in the audit where somebody caused it.
pub(super) async fn fulfil_because(server: &Server, report: &Report, why: Why<'_>) -> Result<Payment> {
    let now = server.now();
    let mut tx = server.db.begin().await?;
    let row: Option<PaymentRow> = tx.optional(LOCK_PAYMENT, args![report.payment_id.as_str(), now.us()]).await?;
    let row = row.ok_or_else(|| Problem::not_found("payment"))?;
    let account_id = row.account_id();
    let posted = Posted { credited: Credit::from_millionths(row.credited), revision: row.revision };
    let before = row.read()?;
    if report.amount.is_some_and(|amount| amount != before.amount) {
        tracing::error!(payment_id = %before.id, "the gateway reports another amount than was ordered");
        let detail = "the reported amount is not the one that was ordered; nothing was credited";
        return Err(Problem::with_detail(ProblemCode::Conflict, detail).into());
    }
    let after = before.reported(report.state, report.refunded_minor_units, report.dispute);
    let (is_changed, is_asked_for) = (after != before, matches!(why, Why::Refunded { .. }));
    if is_changed || is_asked_for {
        note(server, &mut tx, &account_id, &before.id, why, now).await?;
    }
    if !is_changed {
        if is_asked_for {
            tx.commit().await?;
        }
        return Ok(before);
    }
    let mut after = Payment { changed_at: now, ..after };
    let reason = reason(why, &before, &after);
    let posted = post(&mut tx, &account_id, &after, posted, reason, now).await?;
    let row = args![
        account_id.as_str(),
        after.id.as_str(),
        after.state.as_str(),
        after.refunded_minor_units,
        after.dispute.map(|dispute| dispute.state.as_str()),
        after.dispute.map_or(0, |dispute| dispute.minor_units),
        now.us(),
        posted.credited.millionths(),
        posted.revision,
    ];
    tx.execute(UPDATE_PAYMENT, row).await?;
    if after.state == PaymentState::Paid && after.receipt.is_none() {
        after.receipt = receipts::issue(server, &mut tx, &account_id, &after.id, now).await?;
    }
    mail::tell_of_payment(&mut tx, &account_id, before.state, &after, now).await?;
    tx.commit().await?;
    server.live.changed(&account_id);
    let (payment_id, state, standing) = (&after.id, after.label(), posted.credited.decimal());
    tracing::info!(%account_id, %payment_id, state, standing, "a payment changed");
    Ok(after)
}

/// What the ledger has of a payment.
#[derive(Clone, Copy)]
struct Posted {
    credited: Credit,
    revision: i64,
}

/// Posts what brings the entries of a payment to the credit that it stands for now. What is paid is always added as a
/// whole first, so that the entries tell the whole story even when all of it is heard at once.
async fn post(
    tx: &mut Tx,
    account_id: &AccountId,
    payment: &Payment,
    mut posted: Posted,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Posted> {
    if payment.state == PaymentState::Paid && posted.revision == 0 {
        let operation = Operation::Payment { amount: payment.credit };
        posted = post_one(tx, account_id, payment, posted, operation, None, now).await?;
    }
    let standing = payment.standing();
    let (less, more) = (posted.credited.checked_sub(standing), standing.checked_sub(posted.credited));
    let operation = match (less, more) {
        (Some(amount), _) if amount > Credit::ZERO => Operation::Refund { amount },
        (_, Some(amount)) if amount > Credit::ZERO => Operation::GiveBack { amount },
        _ => return Ok(posted),
    };
    post_one(tx, account_id, payment, posted, operation, reason, now).await
}

/// What stands beside the entry; the customer can read it.
fn reason<'a>(why: Why<'a>, before: &Payment, after: &Payment) -> Option<&'a str> {
    if let Why::Refunded { reason, .. } = why {
        return Some(reason);
    }
    let dispute = after.dispute.filter(|_| after.dispute != before.dispute)?;
    Some(match dispute.state {
        DisputeState::Open => "payment disputed",
        DisputeState::Won => "dispute won",
        DisputeState::Lost => "dispute lost",
    })
}

async fn note(
    server: &Server,
    tx: &mut Tx,
    account_id: &AccountId,
    payment_id: &PaymentId,
    why: Why<'_>,
    now: Timestamp,
) -> Result<()> {
    let (actor, action, detail) = match why {
        Why::Told => return Ok(()),
        Why::Refunded { amount, reason } => {
            (server.config.operator.as_str(), "refund", format!("{}: {reason}", amount.text()))
        }
        Why::Repaired { actor, difference } => (actor, "repair", difference.to_owned()),
    };
    let act = Act { actor, action, subject: payment_id.as_str(), detail: &detail };
    audit::note(server, tx, account_id, act, now).await
}

/// The request of an entry of a payment, by its number among them.
pub(super) fn request_id(payment_id: &PaymentId, number: i64) -> String {
    if number == 0 { payment_id.to_string() } else { format!("{payment_id}.{number}") }
}

/// The request id is the payment's with the number of its entry, so the unique index of the ledger would refuse a second
/// one even if the payment's row said otherwise.
async fn post_one(
    tx: &mut Tx,
    account_id: &AccountId,
    payment: &Payment,
    posted: Posted,
    operation: Operation,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Posted> {
    let request_id = request_id(&payment.id, posted.revision);
    let (payment_id, reason) = (Some(payment.id.clone()), reason.map(str::to_owned));
    let context = Context { request_id, payment_id, reason, ..Context::default() };
    let entry = ledger::post(tx, account_id, operation, &context, now).await?;
    let credited = posted.credited.checked_add(entry.amount).unwrap_or(posted.credited);
    Ok(Posted { credited, revision: posted.revision + 1 })
}
