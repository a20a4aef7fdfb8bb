//! Buying credit: a payment from its start to its credit.
//!
//! A gateway may tell the same thing twice, late, out of order, or never. So a webhook is only a hint to ask the gateway
//! where the payment stands, and there is one function that acts on what it answers, [`fulfil`]. The webhook calls it, the
//! return page calls it, and [`sweep`] calls it for the webhooks that never came; the credit appears once, and is taken
//! back once.

pub mod cards;
pub mod gateway;
pub mod local;
pub mod signature;
pub mod stripe;
pub mod top_up;

mod delivery;
mod export;
mod fulfilment;
mod operating;
mod reconciling;
mod starting;

pub use export::csv;
pub use fulfilment::{fulfil, look};
pub use operating::{Shown, refund, show};
pub use reconciling::{Difference, RECONCILED_DAYS, Reconciled, keep_reconciling, reconcile};
pub(crate) use starting::{NewPayment, Purchase, insert};
pub use starting::{Started, new_form_id, start, start_once};

use crate::db::FromRow;
use crate::error::{Error, Result};
use crate::{Server, args, rounds};
use domain::account::Viewer;
use domain::clock::{DAY_US, SECOND_US, Timestamp};
use domain::credit::Credit;
use domain::id::{AccountId, PaymentId};
use domain::money::{Currency, Money};
use domain::payment::{Dispute, DisputeState, Payment, PaymentOrigin, PaymentState, PlanBought};
use domain::problem::{Problem, ProblemCode};
use gateway::{Gateway, Report};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// A checkout that nobody pays within this time expires.
pub const OPEN_US_MAX: i64 = DAY_US;
/// How often the sweeper runs.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// How long a webhook has before the sweeper asks the gateway itself.
const ASK_AFTER_US: i64 = 30 * SECOND_US;

#[derive(FromRow, serde::Deserialize)]
struct PaymentRow {
    account_id: String,
    id: String,
    minor_units: i64,
    fee_minor_units: i64,
    tax_minor_units: i64,
    currency: String,
    credit: i64,
    state: String,
    refunded_minor_units: i64,
    dispute_state: Option<String>,
    disputed_minor_units: i64,
    origin: String,
    plan_id: Option<String>,
    plan_price_minor_units: Option<i64>,
    receipt: Option<i64>,
    created_at: i64,
    changed_at: i64,
    /// The credit that its entries come to.
    credited: i64,
    /// How many entries it has.
    revision: i64,
}

/// The columns of a [`PaymentRow`].
macro_rules! columns {
    () => {
        "account_id, id, minor_units, fee_minor_units, tax_minor_units, currency, credit, state, refunded_minor_units, \
         dispute_state, disputed_minor_units, origin, plan_id, plan_price_minor_units, created_at, changed_at, credited, revision, \
         (SELECT r.number FROM receipts r WHERE r.account_id = payments.account_id AND r.payment_id = payments.id) \
         AS receipt"
    };
}

use columns;

impl PaymentRow {
    fn account_id(&self) -> AccountId {
        AccountId::from_row(self.account_id.clone())
    }

    fn read(self) -> Result<Payment> {
        Ok(Payment {
            amount: read_money(self.minor_units, &self.currency)?,
            fee_minor_units: self.fee_minor_units,
            tax_minor_units: self.tax_minor_units,
            credit: Credit::from_millionths(self.credit),
            state: read_state(&self.state)?,
            refunded_minor_units: self.refunded_minor_units,
            dispute: read_dispute(self.dispute_state.as_deref(), self.disputed_minor_units)?,
            origin: PaymentOrigin::parse(&self.origin).ok_or_else(|| Error::internal("a stored origin is unknown"))?,
            plan: self
                .plan_id
                .zip(self.plan_price_minor_units)
                .map(|(plan_id, price_minor_units)| PlanBought { plan_id, price_minor_units }),
            receipt: self.receipt,
            id: PaymentId::from_row(self.id),
            created_at: Timestamp::from_us(self.created_at),
            changed_at: Timestamp::from_us(self.changed_at),
        })
    }
}

pub(crate) fn read_money(minor_units: i64, currency: &str) -> Result<Money> {
    let currency = Currency::parse(currency).ok_or_else(|| Error::internal("a stored currency is unknown"))?;
    Ok(Money { minor_units, currency })
}

fn read_state(state: &str) -> Result<PaymentState> {
    PaymentState::parse(state).ok_or_else(|| Error::internal("a stored payment state is unknown"))
}

fn read_dispute(state: Option<&str>, minor_units: i64) -> Result<Option<Dispute>> {
    let Some(state) = state else { return Ok(None) };
    let state = DisputeState::parse(state).ok_or_else(|| Error::internal("a stored state of a dispute is unknown"))?;
    Ok(Some(Dispute { state, minor_units }))
}

/// What a payment buys, as gateways name it.
pub(crate) fn description(server: &Server, payment: &Payment) -> String {
    bought(server, payment.plan.as_ref().map(|plan| plan.plan_id.as_str()))
}

/// What is bought: credit, or a month of a plan.
pub(crate) fn bought(server: &Server, plan_id: Option<&str>) -> String {
    match plan_id {
        None => "API credit".to_owned(),
        Some(id) => {
            let name = server.catalogue.plan(id).map_or(id, |plan| plan.name.as_str());
            format!("{name} plan, one month")
        }
    }
}

const SELECT_PAYMENTS: &str =
    concat!("SELECT ", columns!(), " FROM payments WHERE account_id = $1 ORDER BY created_at DESC, id DESC LIMIT 200");

/// The newest 200 payments of an account, newest first.
pub async fn list(server: &Server, account_id: &AccountId) -> Result<Vec<Payment>> {
    let rows: Vec<PaymentRow> = server.db.all(SELECT_PAYMENTS, args![account_id.as_str()]).await?;
    rows.into_iter().map(PaymentRow::read).collect()
}

const SELECT_PAYMENT: &str = concat!("SELECT ", columns!(), " FROM payments WHERE account_id = $1 AND id = $2");

/// One payment of an account.
///
/// # Errors
/// 404 when the account has no such payment.
pub async fn get(server: &Server, account_id: &AccountId, payment_id: &PaymentId) -> Result<Payment> {
    let row: Option<PaymentRow> =
        server.db.optional(SELECT_PAYMENT, args![account_id.as_str(), payment_id.as_str()]).await?;
    row.ok_or_else(|| Problem::not_found("payment"))?.read()
}

/// What the customer sees when he comes back from the payment page: the gateway is asked at once, so that he need not
/// wait for a webhook that is late. When it does not answer, he sees what is known.
///
/// # Errors
/// 404 when the account has no such payment.
pub async fn verify_return(server: &Server, viewer: &Viewer, payment_id: &PaymentId) -> Result<Payment> {
    let payment = get(server, &viewer.account_id, payment_id).await?;
    if payment.state.is_final() {
        return Ok(payment);
    }
    match Gateway::of(server).fetch_checkout(server, &viewer.account_id, payment_id).await {
        Ok(Some(report)) => fulfil(server, &report).await,
        Ok(None) => Ok(payment),
        Err(error) if is_out_of_reach(&error) => Ok(payment),
        Err(error) => Err(error),
    }
}

/// Where a payment page sends the customer when it is done with him.
#[must_use]
pub fn return_url(server: &Server, payment_id: &PaymentId) -> String {
    format!("{}/settings?payment={payment_id}", server.config.public_url())
}

/// Runs [`sweep`] again and again, for as long as the server runs.
pub async fn keep_sweeping(server: Weak<Server>) {
    rounds::keep(server, SWEEP_INTERVAL, "payments could not be swept", async |server| sweep(&server).await).await;
}

/// The older a payment is, the less often its gateway is asked about it: each time after a share of its age.
const SELECT_UNFINISHED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payments WHERE state IN ('open', 'processing') AND gateway = $1 AND checked_at <= $2 \
      AND (checked_at - created_at) / $4 <= $3 - checked_at ORDER BY checked_at LIMIT 200"
);

const MARK_CHECKED: &str = "UPDATE payments SET checked_at = $3 WHERE account_id = $1 AND id = $2";

/// Finishes what was left unfinished: pending cards of the built-in gateway, webhooks that were not taken, payments
/// about which no webhook came, and checkouts that nobody paid.
///
/// # Errors
/// When the database fails.
pub async fn sweep(server: &Arc<Server>) -> Result<()> {
    cards::sweep(server).await?;
    let gateway = Gateway::of(server);
    gateway.sweep(server).await?;
    let now = server.now();
    let asked = args![gateway.name(), now.plus_us(-ASK_AFTER_US).us(), now.us(), gateway.share_of_age()];
    let rows: Vec<PaymentRow> = server.db.all(SELECT_UNFINISHED, asked).await?;
    for row in rows {
        let account_id = row.account_id();
        let payment = row.read()?;
        server.db.execute(MARK_CHECKED, args![account_id.as_str(), payment.id.as_str(), now.us()]).await?;
        if let Err(error) = settle(server, gateway, &account_id, &payment, now).await {
            tracing::error!(%error, payment_id = %payment.id, "a payment could not be fulfilled");
            match error {
                Error::Database(_) => return Err(error),
                // A gateway that does not answer would not answer about the next payment either.
                _ if is_out_of_reach(&error) => return Ok(()),
                _ => {}
            }
        }
    }
    Ok(())
}

async fn settle(
    server: &Arc<Server>,
    gateway: Gateway<'_>,
    account_id: &AccountId,
    payment: &Payment,
    now: Timestamp,
) -> Result<()> {
    let is_too_old = now.us_since(payment.created_at) >= OPEN_US_MAX;
    let report = match gateway.fetch_checkout(server, account_id, &payment.id).await? {
        Some(report) => report,
        // The process may have stopped between the payment's row and its checkout; nobody can pay such a one.
        None if is_too_old => Report::of(payment.id.clone(), PaymentState::Expired),
        None if payment.origin.is_unattended() => return cards::charge_again(server, account_id, payment).await,
        None => return Ok(()),
    };
    fulfil(server, &report).await.map(drop)
}

/// Whether the gateway does not answer.
fn is_out_of_reach(error: &Error) -> bool {
    matches!(error, Error::Problem(problem) if problem.code == ProblemCode::Unavailable)
}
