//! What an operator does with a payment: look at it from both sides, and give it back.

use super::fulfilment::{Why, fulfil_because, look};
use super::gateway::{Gateway, Report};
use super::{PaymentRow, columns};
use crate::error::Result;
use crate::{Server, args, ledger};
use domain::field::required_text;
use domain::id::AccountId;
use domain::ledger::Entry;
use domain::money::AddBalanceRules;
use domain::payment::{Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};
use domain::quote::Charges;

/// A payment, what the gateway says about it, and its entries.
#[derive(Clone, Debug)]
pub struct Shown {
    pub account_id: AccountId,
    pub payment: Payment,
    /// `None` when the gateway does not know it.
    pub report: Option<Report>,
    pub entries: Vec<Entry>,
}

const SELECT_ANY: &str = concat!("SELECT ", columns!(), " FROM payments WHERE id = $1");

async fn find(server: &Server, payment_id: &str) -> Result<PaymentRow> {
    let row: Option<PaymentRow> = server.db.optional(SELECT_ANY, args![payment_id]).await?;
    let detail = || Problem::with_detail(ProblemCode::NotFound, format!("there is no payment {payment_id}"));
    Ok(row.ok_or_else(detail)?)
}

/// Shows a payment of any account.
///
/// # Errors
/// 404 when there is no such payment, and whatever keeps the gateway from answering.
pub async fn show(server: &Server, payment_id: &str) -> Result<Shown> {
    let row = find(server, payment_id).await?;
    let (account_id, revision) = (row.account_id(), row.revision);
    let payment = row.read()?;
    let report = Gateway::of(server).fetch_checkout(server, &account_id, &payment.id).await?;
    let mut entries = Vec::new();
    for number in 0..revision {
        let request_id = super::fulfilment::request_id(&payment.id, number);
        entries.extend(ledger::entries_of_request(server, &account_id, &request_id).await?);
    }
    Ok(Shown { account_id, payment, report, entries })
}

/// Gives a payment back to the customer, whole or in part, and takes the credit back that it brought. Without an amount,
/// everything that was not given back before.
///
/// # Errors
/// 404 when there is no such payment, 422 for `reason` and `amount`, 409 when it is not paid or the gateway does not give
/// it back.
pub async fn refund(server: &Server, payment_id: &str, amount: Option<&str>, reason: &str) -> Result<Payment> {
    let reason = required_text("reason", "reason", reason, 400)?;
    let row = find(server, payment_id).await?;
    let account_id = row.account_id();
    let known = row.read()?;
    // What was given back elsewhere in the meantime is not given back again.
    let payment = look(server, &known.id).await?.unwrap_or(known);
    if payment.state != PaymentState::Paid {
        let detail = format!("this payment is {}, so there is nothing to give back", payment.state.as_str());
        return Err(Problem::with_detail(ProblemCode::Conflict, detail).into());
    }
    let rest = payment.amount.minor_units - payment.refunded_minor_units;
    if rest <= 0 {
        let detail = "all of this payment was given back before";
        return Err(Problem::with_detail(ProblemCode::Conflict, detail).into());
    }
    let rules = AddBalanceRules {
        currency: payment.amount.currency,
        minimum_minor_units: 1,
        maximum_minor_units: rest,
        presets_minor_units: Vec::new(),
        charges: Charges::default(),
    };
    let amount = amount.map_or(Ok(rules.money(rest)), |text| rules.parse_amount(text))?;
    let gateway = Gateway::of(server);
    gateway.refund(server, &account_id, &payment, amount.minor_units).await?;
    tracing::info!(%account_id, payment_id, amount = %amount.text(), reason, "an operator gave a payment back");
    let report = gateway.fetch_checkout(server, &account_id, &payment.id).await?;
    let report = report.ok_or_else(|| crate::Error::internal("the gateway does not know what it gave back"))?;
    fulfil_because(server, &report, Why::Refunded { amount, reason }).await
}
