//! Comparing our payments with the gateway's, for what no webhook told. What is certain is repaired: the gateway says that
//! a payment is paid with our amount, or that more of it was given back or disputed than we know. Everything else is
//! somebody's decision and only reported.

use super::fulfilment::{Why, fulfil_because};
use super::gateway::{Gateway, Report};
use super::{PaymentRow, columns};
use crate::error::Result;
use crate::{Server, args, audit, rounds};
use domain::clock::DAY_US;
use domain::id::{AccountId, PaymentId};
use domain::payment::{DisputeState, Payment, PaymentState};
use std::sync::Weak;
use std::time::Duration;

/// How many days of payments the daily round compares.
pub const RECONCILED_DAYS: u16 = 30;
const INTERVAL: Duration = Duration::from_hours(24);

/// One payment about which we and the gateway do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub account_id: AccountId,
    pub payment_id: PaymentId,
    pub what: String,
    pub is_repaired: bool,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// How many payments were compared.
    pub payments: usize,
    pub differences: Vec<Difference>,
}

/// Compares the payments of the last thirty days, at once and then every day, for as long as the server runs.
pub async fn keep_reconciling(server: Weak<Server>) {
    rounds::keep(server, INTERVAL, "payments could not be compared with the gateway", async |server| {
        let Reconciled { payments, differences } = reconcile(&server, RECONCILED_DAYS, audit::ITSELF).await?;
        tracing::info!(payments, differences = differences.len(), "payments were compared with the gateway");
        Ok(())
    })
    .await;
}

const SELECT_NEXT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payments WHERE id > $1 AND gateway = $2 AND created_at >= $3 ORDER BY id LIMIT 200"
);

/// Compares the payments of so many days with the gateway, repairs what is certain, and says what differed. `actor` is who
/// wants it, for the audit.
///
/// # Errors
/// When the database fails. A payment about which the gateway cannot be asked is a difference.
pub async fn reconcile(server: &Server, days: u16, actor: &str) -> Result<Reconciled> {
    let gateway = Gateway::of(server);
    let since = server.now().plus_us(-i64::from(days) * DAY_US);
    let mut last = String::new();
    let mut reconciled = Reconciled::default();
    loop {
        let rows: Vec<PaymentRow> =
            server.db.all(SELECT_NEXT, args![last.as_str(), gateway.name(), since.us()]).await?;
        let Some(newest) = rows.last() else { return Ok(reconciled) };
        last.clone_from(&newest.id);
        for row in rows {
            let account_id = row.account_id();
            let payment = row.read()?;
            reconciled.payments += 1;
            let difference = compare(server, gateway, account_id, &payment, actor).await;
            reconciled.differences.extend(difference);
        }
    }
}

async fn compare(
    server: &Server,
    gateway: Gateway,
    account_id: AccountId,
    payment: &Payment,
    actor: &str,
) -> Option<Difference> {
    let (what, is_repaired) = match gateway.fetch_checkout(server, &account_id, &payment.id).await {
        Err(error) => (format!("the gateway could not be asked: {error}"), false),
        Ok(report) => match difference(payment, report.as_ref())? {
            Found::Unsure(what) => (what, false),
            Found::Certain(what, report) => {
                let why = Why::Repaired { actor, difference: &what };
                match fulfil_because(server, report, why).await {
                    Ok(_) => (what, true),
                    Err(error) => (format!("{what}; it could not be repaired: {error}"), false),
                }
            }
        },
    };
    tracing::warn!(%account_id, payment_id = %payment.id, is_repaired, "a payment differs from the gateway's: {what}");
    Some(Difference { account_id, payment_id: payment.id.clone(), what, is_repaired })
}

#[derive(Debug, PartialEq, Eq)]
enum Found<'a> {
    /// It follows from what the gateway says, and this is what it says.
    Certain(String, &'a Report),
    Unsure(String),
}

/// What differs, if anything does. That nobody has paid is the same on both sides, however it came about.
fn difference<'a>(payment: &Payment, report: Option<&'a Report>) -> Option<Found<'a>> {
    let is_paid = payment.state == PaymentState::Paid;
    let Some(report) = report else {
        return is_paid.then(|| Found::Unsure("it is paid here, and the gateway does not know it".to_owned()));
    };
    if !is_paid && report.state != PaymentState::Paid {
        return None;
    }
    if let Some(amount) = report.amount.filter(|amount| *amount != payment.amount) {
        return Some(Found::Unsure(format!("it is {} here and {} there", payment.amount.text(), amount.text())));
    }
    if report.state != PaymentState::Paid {
        return Some(Found::Unsure(format!("it is paid here and {} there", report.state.as_str())));
    }
    if !is_paid {
        let what = format!("it is {} here and paid there", payment.state.as_str());
        return Some(if report.amount.is_some() { Found::Certain(what, report) } else { Found::Unsure(what) });
    }
    let (here, there) = (payment.refunded_minor_units, report.refunded_minor_units);
    if here != there {
        let money = |minor_units| domain::money::Money { minor_units, ..payment.amount }.text();
        let what = format!("{} was given back here and {} there", money(here), money(there));
        return Some(if there > here { Found::Certain(what, report) } else { Found::Unsure(what) });
    }
    if payment.dispute.map(|dispute| dispute.state) == report.dispute.map(|dispute| dispute.state) {
        return None;
    }
    let word = |dispute: Option<domain::payment::Dispute>| {
        dispute.map_or("not disputed".to_owned(), |dispute| format!("disputed ({})", dispute.state.as_str()))
    };
    let what = format!("it is {} here and {} there", word(payment.dispute), word(report.dispute));
    let is_further = report.dispute.is_some() && payment.dispute.is_none_or(|d| d.state == DisputeState::Open);
    Some(if is_further { Found::Certain(what, report) } else { Found::Unsure(what) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;
    use domain::credit::Credit;
    use domain::money::{Currency, Money};
    use domain::payment::Dispute;

    const AMOUNT: Money = Money { minor_units: 300, currency: Currency::Usd };

    fn payment(state: PaymentState, refunded_minor_units: i64, dispute: Option<DisputeState>) -> Payment {
        Payment {
            id: PaymentId::from_row("pay_1".into()),
            amount: AMOUNT,
            fee_minor_units: 0,
            tax_minor_units: 0,
            credit: Credit::from_millionths(3_000_000),
            state,
            refunded_minor_units,
            dispute: dispute.map(|state| Dispute { state, minor_units: 300 }),
            receipt: None,
            created_at: Timestamp::from_us(0),
            changed_at: Timestamp::from_us(0),
        }
    }

    #[test]
    fn only_what_the_gateway_says_without_doubt_is_certain() {
        use DisputeState::{Lost, Open as Disputed, Won};
        use PaymentState::{Cancelled, Expired, Open, Paid};
        let other = Money { minor_units: 1, ..AMOUNT };
        for (here, there, expected) in [
            ((Open, 0, None), (Open, Some(AMOUNT), 0, None), None),
            ((Cancelled, 0, None), (Expired, None, 0, None), None),
            ((Paid, 0, None), (Paid, Some(AMOUNT), 0, None), None),
            ((Paid, 5, Some(Won)), (Paid, None, 5, Some(Won)), None),
            ((Open, 0, None), (Paid, Some(AMOUNT), 0, None), Some(true)),
            ((Cancelled, 0, None), (Paid, Some(AMOUNT), 0, None), Some(true)),
            ((Open, 0, None), (Paid, Some(other), 0, None), Some(false)),
            ((Open, 0, None), (Paid, None, 0, None), Some(false)),
            ((Paid, 0, None), (Expired, Some(AMOUNT), 0, None), Some(false)),
            ((Paid, 0, None), (Paid, Some(other), 5, None), Some(false)),
            ((Paid, 0, None), (Paid, Some(AMOUNT), 5, None), Some(true)),
            ((Paid, 6, None), (Paid, Some(AMOUNT), 5, None), Some(false)),
            ((Paid, 0, None), (Paid, Some(AMOUNT), 0, Some(Disputed)), Some(true)),
            ((Paid, 0, Some(Disputed)), (Paid, Some(AMOUNT), 0, Some(Lost)), Some(true)),
            ((Paid, 0, Some(Disputed)), (Paid, Some(AMOUNT), 0, None), Some(false)),
            ((Paid, 0, Some(Lost)), (Paid, Some(AMOUNT), 0, Some(Won)), Some(false)),
        ] {
            let ours = payment(here.0, here.1, here.2);
            let dispute = there.3.map(|state| Dispute { state, minor_units: 300 });
            let (state, amount, refunded_minor_units) = (there.0, there.1, there.2);
            let report = Report { payment_id: ours.id.clone(), state, amount, refunded_minor_units, dispute };
            let found = difference(&ours, Some(&report)).map(|found| matches!(found, Found::Certain(..)));
            assert_eq!(found, expected, "{here:?} {there:?}");
        }
        assert_eq!(difference(&payment(Open, 0, None), None), None, "it was never begun there");
        assert!(matches!(difference(&payment(Paid, 0, None), None), Some(Found::Unsure(_))));
    }
}
