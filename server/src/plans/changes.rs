//! Changing to another plan. What it takes is said before, to the cent; a plan that costs more is paid for at the gateway
//! and holds as soon as the payment does, one that costs less follows when the month ends that is paid for.

use super::subscriptions::{self, Stored};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::payments::gateway::Gateway;
use crate::payments::{self, NewPayment, Purchase};
use crate::{Server, args};
use domain::account::Viewer;
use domain::clock::{MINUTE_US, Timestamp};
use domain::id::{AccountId, PaymentId};
use domain::money::Money;
use domain::payment::{Payment, PaymentOrigin, PaymentState};
use domain::plan::Plan;
use domain::problem::{Problem, ProblemCode};
use domain::subscription::{PlanChange, PlanOffer, Subscription, over_limits, plan_change};

/// How long an offer stands that somebody was shown.
const OFFER_US: i64 = 15 * MINUTE_US;

/// What a plan costs a month.
#[must_use]
pub fn price(server: &Server, plan: &Plan) -> Money {
    Money { minor_units: plan.price_per_month_minor_units, currency: server.config.currency }
}

/// What the account pays for its plan, if it does.
pub async fn subscription(server: &Server, account_id: &AccountId) -> Result<Option<Subscription>> {
    Ok(subscriptions::find(&server.db, account_id).await?.map(|stored| stored.subscription))
}

/// Says what a change to a plan takes now.
///
/// # Errors
/// 404 when there is no such plan.
pub async fn offer(server: &Server, account_id: &AccountId, plan_id: &str) -> Result<PlanOffer> {
    offer_at(server, account_id, plan_id, server.now()).await
}

async fn offer_at(server: &Server, account_id: &AccountId, plan_id: &str, at: Timestamp) -> Result<PlanOffer> {
    let wanted = server.catalogue.plan(plan_id).cloned().ok_or_else(|| Problem::not_found("plan"))?;
    let usage = super::usage(server, account_id).await?;
    let subscription = subscription(server, account_id).await?;
    let change = plan_change(&usage.plan, subscription.as_ref(), &wanted, price(server, &wanted), at);
    let over = over_limits(&wanted, &usage);
    let quote = match &change {
        PlanChange::Paid { pay, .. } => server.config.add_balance_rules().quote(*pay),
        _ => None,
    };
    Ok(PlanOffer { present: usage.plan, wanted, change, over, quote, at })
}

/// What became of the wish for another plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is done, or noted for the end of the month.
    Done,
    /// It is to be paid at this address.
    Pay { payment_id: PaymentId, checkout_url: String },
}

/// Changes to a plan as the offer of the time `offered_at` says. What is to be paid is what was shown then; an offer that is
/// too old is refused, so that nobody pays what he was not shown.
///
/// # Errors
/// 404 when there is no such plan, 409 when there is more than it allows, the offer does not stand any more, or a payment
/// for a plan is being processed.
pub async fn change(server: &Server, viewer: &Viewer, plan_id: &str, offered_at: Timestamp) -> Result<Changed> {
    let account_id = &viewer.account_id;
    let now = server.now();
    let stands = (0..=OFFER_US).contains(&now.us_since(offered_at));
    let offer = offer_at(server, account_id, plan_id, if stands { offered_at } else { now }).await?;
    if offer.is_refused() {
        return Err(conflict(&offer.too_much()));
    }
    match offer.change.clone() {
        PlanChange::Same => Ok(Changed::Done),
        PlanChange::Paid { .. } if !stands => {
            Err(conflict("this offer does not stand any more; look at what it costs now"))
        }
        PlanChange::Paid { pay, price, .. } => begin_payment(server, viewer, &offer.wanted, pay, price).await,
        PlanChange::AtOnce | PlanChange::Later { .. } => {
            let mut tx = server.db.begin().await?;
            change_unpaid(&mut tx, account_id, &offer, now).await?;
            tx.commit().await?;
            server.live.changed(account_id);
            tracing::info!(%account_id, plan_id, "another plan was chosen");
            Ok(Changed::Done)
        }
    }
}

fn conflict(detail: &str) -> Error {
    Problem::with_detail(ProblemCode::Conflict, detail.to_owned()).into()
}

/// Takes the lock on the subscription before that on the account, as a payment that ends does.
async fn change_unpaid(tx: &mut Tx, account_id: &AccountId, offer: &PlanOffer, now: Timestamp) -> Result<()> {
    let plan_id = &offer.wanted.id;
    match subscriptions::lock(tx, account_id).await? {
        // The month is paid for: the other plan follows it, or nothing does.
        Some(Stored { mut subscription, pending_payment_id }) if now < subscription.period_end => {
            subscription.next_plan_id = (*plan_id != subscription.plan_id).then(|| plan_id.clone());
            subscriptions::save(tx, account_id, &subscription, pending_payment_id.as_deref(), now).await
        }
        Some(Stored { pending_payment_id: Some(_), .. }) => Err(conflict(BEING_PROCESSED)),
        ended => {
            if ended.is_some() {
                subscriptions::end(tx, account_id).await?;
            }
            subscriptions::set_plan(tx, account_id, plan_id, now).await
        }
    }
}

const BEING_PROCESSED: &str = "a payment for a plan is being processed; wait until it has ended";

/// Payments for plans that may still be paid.
const SELECT_UNENDED: &str = "
SELECT id, state, origin FROM payments
WHERE account_id = $1 AND plan_id IS NOT NULL AND state IN ('open', 'processing')
LIMIT 20";

async fn begin_payment(server: &Server, viewer: &Viewer, plan: &Plan, pay: Money, price: Money) -> Result<Changed> {
    let (account_id, gateway) = (&viewer.account_id, Gateway::of(server));
    let unended: Vec<(String, String, String)> = server.db.all(SELECT_UNENDED, args![account_id.as_str()]).await?;
    // A renewal that is still open is about to be charged, and has no page that could be closed.
    let (processing, renewal) = (PaymentState::Processing.as_str(), PaymentOrigin::Renewal.as_str());
    if unended.iter().any(|(_, state, origin)| state == processing || origin == renewal) {
        return Err(conflict(BEING_PROCESSED));
    }
    // Whoever comes back and chooses again pays at the new page alone, unless he has paid at the one before.
    for (payment_id, ..) in unended {
        let payment_id = PaymentId::from_row(payment_id);
        gateway.cancel_checkout(server, account_id, &payment_id).await?;
        let ended = payments::look(server, &payment_id).await?;
        if ended.is_some_and(|payment| matches!(payment.state, PaymentState::Paid | PaymentState::Processing)) {
            return Err(conflict("a payment for a plan has just arrived; look at your plan before you choose again"));
        }
    }
    let purchase = Purchase::Plan { plan_id: &plan.id, price };
    let user_id = Some(&viewer.user_id);
    let new = NewPayment { account_id, user_id, amount: pay, origin: PaymentOrigin::Plan, purchase, form_id: None };
    let mut tx = server.db.begin().await?;
    let payment = payments::insert(server, &mut tx, &new).await?;
    tx.commit().await?;
    let checkout_url = gateway.create_checkout(server, account_id, &payment).await?;
    server.live.changed(account_id);
    tracing::info!(%account_id, payment_id = %payment.id, plan_id = plan.id, "a payment for a plan began");
    Ok(Changed::Pay { payment_id: payment.id, checkout_url })
}

/// Gives the account the plan that a payment paid for, in the transaction that makes it paid.
pub(crate) async fn plan_paid(tx: &mut Tx, account_id: &AccountId, payment: &Payment, now: Timestamp) -> Result<()> {
    let Some(bought) = &payment.plan else { return Ok(()) };
    let before = subscriptions::lock(tx, account_id).await?.map(|stored| stored.subscription);
    let price = Money { minor_units: bought.price_minor_units, currency: payment.amount.currency };
    let subscription = match before {
        // The next month of it, whether it is paid by itself, by hand in its days of grace, or once too often.
        Some(before)
            if payment.origin == PaymentOrigin::Renewal
                || before.plan_id == bought.plan_id && before.period_start > payment.created_at
                || now >= before.period_end && before.plan_id == bought.plan_id =>
        {
            before.renewed(&bought.plan_id, price, now)
        }
        _ => Subscription::begun(&bought.plan_id, price, now),
    };
    subscriptions::save(tx, account_id, &subscription, None, now).await?;
    subscriptions::set_plan(tx, account_id, &bought.plan_id, now).await
}
