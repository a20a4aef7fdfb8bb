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
mod fulfilment;
mod operating;
mod reconciling;

pub use fulfilment::{fulfil, look};
pub use operating::{Shown, refund, show};
pub use reconciling::{Difference, RECONCILED_DAYS, Reconciled, keep_reconciling, reconcile};

use crate::db::{FromRow, Tx};
use crate::error::{Error, Result};
use crate::{Server, args, rounds};
use domain::account::Viewer;
use domain::clock::{DAY_US, SECOND_US, Timestamp};
use domain::credit::Credit;
use domain::id::{AccountId, PaymentId, UserId};
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

/// A payment that was begun, and where the customer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub payment_id: PaymentId,
    pub checkout_url: String,
}

#[derive(FromRow)]
struct PaymentRow {
    account_id: String,
    id: String,
    minor_units: i64,
    currency: String,
    credit: i64,
    state: String,
    refunded_minor_units: i64,
    dispute_state: Option<String>,
    disputed_minor_units: i64,
    origin: String,
    plan_id: Option<String>,
    plan_price_minor_units: Option<i64>,
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
        "account_id, id, minor_units, currency, credit, state, refunded_minor_units, dispute_state, disputed_minor_units, \
         origin, plan_id, plan_price_minor_units, created_at, changed_at, credited, revision"
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
            credit: Credit::from_millionths(self.credit),
            state: read_state(&self.state)?,
            refunded_minor_units: self.refunded_minor_units,
            dispute: read_dispute(self.dispute_state.as_deref(), self.disputed_minor_units)?,
            origin: PaymentOrigin::parse(&self.origin).ok_or_else(|| Error::internal("a stored origin is unknown"))?,
            plan: self
                .plan_id
                .zip(self.plan_price_minor_units)
                .map(|(plan_id, price_minor_units)| PlanBought { plan_id, price_minor_units }),
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

const INSERT_PAYMENT: &str = "
INSERT INTO payments
    (account_id, id, user_id, gateway, minor_units, currency, credit, state, origin, plan_id, plan_price_minor_units,
     created_at, changed_at, checked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9, $10, $11, $11, $11)";

/// What a payment buys.
#[derive(Clone, Copy)]
pub(crate) enum Purchase<'a> {
    /// As much credit as is paid.
    Credit,
    /// A month of a plan, which costs `price` as a whole.
    Plan { plan_id: &'a str, price: Money },
}

/// A payment that is about to begin.
pub(crate) struct NewPayment<'a> {
    pub account_id: &'a AccountId,
    /// `None` where nobody is present.
    pub user_id: Option<&'a UserId>,
    pub amount: Money,
    pub origin: PaymentOrigin,
    pub purchase: Purchase<'a>,
}

/// Writes the row of a payment. It is durable before the gateway hears of the payment, so no money can arrive that we know
/// nothing of.
pub(crate) async fn insert(server: &Server, tx: &mut Tx, new: &NewPayment<'_>) -> Result<Payment> {
    let amount = new.amount;
    let plan = match new.purchase {
        Purchase::Credit => None,
        Purchase::Plan { plan_id, price } => {
            Some(PlanBought { plan_id: plan_id.to_owned(), price_minor_units: price.minor_units })
        }
    };
    let bought = if plan.is_none() { Credit::bought_with(amount) } else { Some(Credit::ZERO) };
    let credit = bought.ok_or_else(|| Error::internal("the amount does not fit into credit"))?;
    let now = server.now();
    let payment = Payment {
        id: PaymentId::new(now, server.id_bytes()),
        amount,
        credit,
        state: PaymentState::Open,
        refunded_minor_units: 0,
        dispute: None,
        origin: new.origin,
        plan,
        created_at: now,
        changed_at: now,
    };
    let row = args![
        new.account_id.as_str(),
        payment.id.as_str(),
        new.user_id.map_or("", UserId::as_str),
        Gateway::of(server).name(),
        amount.minor_units,
        amount.currency.code(),
        credit.millionths(),
        new.origin.as_str(),
        payment.plan.as_ref().map(|plan| plan.plan_id.as_str()),
        payment.plan.as_ref().map(|plan| plan.price_minor_units),
        now.us(),
    ];
    tx.execute(INSERT_PAYMENT, row).await?;
    Ok(payment)
}

/// Begins a payment of the amount that a person typed.
///
/// # Errors
/// 422 for `amount`.
pub async fn start(server: &Server, viewer: &Viewer, amount_text: &str) -> Result<Started> {
    let amount = server.config.add_balance_rules().parse_amount(amount_text)?;
    let (account_id, user_id) = (&viewer.account_id, Some(&viewer.user_id));
    let mut tx = server.db.begin().await?;
    let (origin, purchase) = (PaymentOrigin::Checkout, Purchase::Credit);
    let new = NewPayment { account_id, user_id, amount, origin, purchase };
    let payment = insert(server, &mut tx, &new).await?;
    tx.commit().await?;
    let checkout_url = Gateway::of(server).create_checkout(server, account_id, &payment).await?;
    server.live.changed(account_id);
    tracing::info!(%account_id, payment_id = %payment.id, amount = %amount.text(), "a payment began");
    Ok(Started { payment_id: payment.id, checkout_url })
}

/// What a payment buys, as gateways and receipts name it.
pub(crate) fn description(server: &Server, payment: &Payment) -> String {
    match &payment.plan {
        None => "API credit".to_owned(),
        Some(bought) => {
            let name =
                server.catalogue.plan(&bought.plan_id).map_or(bought.plan_id.as_str(), |plan| plan.name.as_str());
            format!("{name} plan, one month")
        }
    }
}

const SELECT_PAYMENTS: &str =
    concat!("SELECT ", columns!(), " FROM payments WHERE account_id = $1 ORDER BY id DESC LIMIT 200");

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
