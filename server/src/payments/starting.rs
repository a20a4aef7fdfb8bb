//! How a payment begins: its amount is read, its row is written, and the gateway opens a checkout for it.

use super::gateway::Gateway;
use super::{PaymentRow, columns, return_url};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::{Server, accounts, args};
use domain::account::Viewer;
use domain::credit::Credit;
use domain::id::{AccountId, PaymentId, RequestId, UserId};
use domain::money::Money;
use domain::payment::{Payment, PaymentOrigin, PaymentState, PlanBought};

/// A payment that was begun, and where the customer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub payment_id: PaymentId,
    pub checkout_url: String,
}

/// Longest name of a form, in bytes.
const FORM_ID_BYTES_MAX: usize = 64;

/// A name for a form that begins a payment.
pub fn new_form_id(server: &Server) -> String {
    RequestId::new(server.now(), server.id_bytes()).to_string()
}

/// Begins a payment of the amount that a person typed.
///
/// # Errors
/// 422 for `amount`.
pub async fn start(server: &Server, viewer: &Viewer, amount_text: &str) -> Result<Started> {
    start_once(server, viewer, amount_text, "").await
}

/// As [`start`], by a form that has a name. Sent twice with the same amount it is one payment, unless that came to nothing:
/// a double click must not be paid twice, and whoever goes back to a form after his card was declined begins anew.
///
/// The payment's row is durable before the gateway hears of it, so no money can arrive that we know nothing of.
///
/// # Errors
/// 422 for `amount`.
pub async fn start_once(server: &Server, viewer: &Viewer, amount_text: &str, form_id: &str) -> Result<Started> {
    let rules = server.config.add_balance_rules();
    let too_much = || Error::internal("the amount does not fit");
    let amount = rules.parse_amount(amount_text)?;
    let quote = rules.quote(amount).ok_or_else(too_much)?;
    let form_id = Some(form_id).filter(|id| (1..=FORM_ID_BYTES_MAX).contains(&id.len()));
    let mut tx = server.db.begin().await?;
    let begun = match form_id {
        Some(form_id) => find_begun(server, &mut tx, viewer, quote.total(), form_id).await?,
        None => None,
    };
    let is_new = begun.is_none();
    let payment = if let Some(payment) = begun {
        payment
    } else {
        let (account_id, user_id) = (&viewer.account_id, Some(&viewer.user_id));
        let (origin, purchase) = (PaymentOrigin::Checkout, Purchase::Credit);
        let new = NewPayment { account_id, user_id, amount, origin, purchase, form_id };
        insert(server, &mut tx, &new).await?
    };
    tx.commit().await?;
    let checkout_url = match payment.state {
        PaymentState::Open => Gateway::of(server).create_checkout(server, &viewer.account_id, &payment).await?,
        _ => return_url(server, &payment.id),
    };
    if is_new {
        server.live.changed(&viewer.account_id);
        let (account_id, payment_id, amount) = (&viewer.account_id, &payment.id, payment.amount.text());
        tracing::info!(%account_id, %payment_id, amount, "a payment began");
    }
    Ok(Started { payment_id: payment.id, checkout_url })
}

const SELECT_BEGUN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payments
WHERE account_id = $1 AND form_id = $2 AND minor_units = $3 AND state NOT IN ('failed', 'cancelled', 'expired')
ORDER BY created_at DESC, id DESC
LIMIT 1"
);

/// The payment that a form has begun already.
async fn find_begun(
    server: &Server,
    tx: &mut Tx,
    viewer: &Viewer,
    total: Money,
    form_id: &str,
) -> Result<Option<Payment>> {
    // Of two that are sent at once, the second looks only when the first has its payment.
    accounts::lock(server, tx, &viewer.account_id).await?;
    let begun = args![viewer.account_id.as_str(), form_id, total.minor_units];
    let row: Option<PaymentRow> = tx.optional(SELECT_BEGUN, begun).await?;
    row.map(PaymentRow::read).transpose()
}

/// What a payment buys.
#[derive(Clone, Copy)]
pub(crate) enum Purchase<'a> {
    /// Credit for the amount.
    Credit,
    /// A month of a plan, which costs `price` as a whole.
    Plan { plan_id: &'a str, price: Money },
}

/// A payment that is about to begin.
pub(crate) struct NewPayment<'a> {
    pub account_id: &'a AccountId,
    /// `None` where nobody is present.
    pub user_id: Option<&'a UserId>,
    /// What is bought, before fees and taxes.
    pub amount: Money,
    pub origin: PaymentOrigin,
    pub purchase: Purchase<'a>,
    pub form_id: Option<&'a str>,
}

const INSERT_PAYMENT: &str = "
INSERT INTO payments
    (account_id, id, user_id, gateway, minor_units, currency, credit, state, created_at, changed_at, checked_at,
     fee_minor_units, tax_minor_units, tax_name, tax_percent, form_id, origin, plan_id, plan_price_minor_units)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $8, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Writes the row of a payment, with the fee and the tax of today. It is durable before the gateway hears of the payment, so
/// no money can arrive that we know nothing of.
pub(crate) async fn insert(server: &Server, tx: &mut Tx, new: &NewPayment<'_>) -> Result<Payment> {
    let too_much = || Error::internal("the amount does not fit");
    let quote = server.config.add_balance_rules().quote(new.amount).ok_or_else(too_much)?;
    let (plan, credit) = match new.purchase {
        Purchase::Credit => (None, Credit::bought_with(quote.amount).ok_or_else(too_much)?),
        Purchase::Plan { plan_id, price } => {
            let bought = PlanBought { plan_id: plan_id.to_owned(), price_minor_units: price.minor_units };
            (Some(bought), Credit::ZERO)
        }
    };
    let now = server.now();
    let payment = Payment {
        id: PaymentId::new(now, server.id_bytes()),
        amount: quote.total(),
        fee_minor_units: quote.fee.minor_units,
        tax_minor_units: quote.tax.minor_units,
        credit,
        state: PaymentState::Open,
        refunded_minor_units: 0,
        dispute: None,
        origin: new.origin,
        plan,
        receipt: None,
        created_at: now,
        changed_at: now,
    };
    let charges = server.config.seller.charges();
    let row = args![
        new.account_id.as_str(),
        payment.id.as_str(),
        new.user_id.map_or("", UserId::as_str),
        Gateway::of(server).name(),
        payment.amount.minor_units,
        payment.amount.currency.code(),
        payment.credit.millionths(),
        now.us(),
        payment.fee_minor_units,
        payment.tax_minor_units,
        charges.tax_name,
        charges.tax_percent.thousandths(),
        new.form_id,
        new.origin.as_str(),
        payment.plan.as_ref().map(|plan| plan.plan_id.as_str()),
        payment.plan.as_ref().map(|plan| plan.price_minor_units),
    ];
    tx.execute(INSERT_PAYMENT, row).await?;
    Ok(payment)
}
