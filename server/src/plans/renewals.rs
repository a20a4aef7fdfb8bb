//! What happens to paid plans by itself: the reminder before a month ends, its renewal with the saved card, further
//! attempts when that fails, and the return to a plan that costs nothing. Nothing is deleted by any of it: what is above
//! the limits of the smaller plan stays, and no more can be made.

use super::changes::price;
use super::subscriptions::{self, Stored};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::payments::{self, NewPayment, Purchase, cards};
use crate::{Server, mail, rounds};
use domain::clock::Timestamp;
use domain::id::AccountId;
use domain::mail::MailKind;
use domain::payment::{Payment, PaymentOrigin, PaymentState};
use domain::plan::Plan;
use domain::subscription::{Due, Subscription};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often it is looked for what is due.
const ROUND_INTERVAL: Duration = Duration::from_mins(1);

/// Runs [`round`] again and again, for as long as the server runs.
pub async fn keep_renewing(server: Weak<Server>) {
    rounds::keep(server, ROUND_INTERVAL, "plans could not be renewed", round).await;
}

/// Does what is due for every paid plan.
///
/// # Errors
/// When the database fails. What cannot be done for one account is logged, and tried again in the next round.
pub async fn round(server: Arc<Server>) -> Result<()> {
    for account_id in subscriptions::due(&server.db, server.now()).await? {
        if let Err(error) = one(&server, &account_id).await {
            tracing::error!(%error, %account_id, "a plan could not be renewed");
        }
    }
    Ok(())
}

async fn one(server: &Arc<Server>, account_id: &AccountId) -> Result<()> {
    let now = server.now();
    let card = cards::saved(server, account_id).await?;
    let mut tx = server.db.begin().await?;
    let stored = subscriptions::lock(&mut tx, account_id).await?;
    let Some(Stored { mut subscription, pending_payment_id: None }) = stored else { return Ok(()) };
    let next = next_plan(server, &subscription)?;
    let mut begun = None;
    match subscription.due(now) {
        Due::Nothing => return Ok(()),
        Due::Remind => {
            subscription.reminded_at = Some(now);
            mail::tell_of_plan(&mut tx, account_id, MailKind::PlanEnding, &subscription, now).await?;
            subscriptions::save(&mut tx, account_id, &subscription, None, now).await?;
        }
        Due::FallBack => fall_back(server, &mut tx, account_id, &subscription, now).await?,
        Due::Renew if next.price_per_month_minor_units == 0 => {
            subscriptions::end(&mut tx, account_id).await?;
            subscriptions::set_plan(&mut tx, account_id, &next.id, now).await?;
        }
        Due::Renew => {
            let pending = match card {
                Some(card) => Some((begin_renewal(server, &mut tx, account_id, &next).await?, card)),
                None => None,
            };
            if pending.is_none() {
                subscription.failed_renewals = subscription.failed_renewals.saturating_add(1);
                mail::tell_of_plan(&mut tx, account_id, MailKind::PlanUnpaid, &subscription, now).await?;
            }
            let pending_id = pending.as_ref().map(|(payment, _)| payment.id.as_str());
            subscriptions::save(&mut tx, account_id, &subscription, pending_id, now).await?;
            begun = pending;
        }
    }
    tx.commit().await?;
    server.live.changed(account_id);
    tracing::info!(%account_id, plan_id = subscription.plan_id, "something was due for a plan");
    match begun {
        Some((payment, card)) => cards::charge(server, account_id, &payment, &card).await,
        None => Ok(()),
    }
}

/// The plan of the month after this one. One that is not in the catalogue any more is followed by the default plan.
fn next_plan(server: &Server, subscription: &Subscription) -> Result<Plan> {
    server.plan_or_default(subscription.next_plan_id.as_deref().unwrap_or(&subscription.plan_id))
}

async fn begin_renewal(server: &Server, tx: &mut Tx, account_id: &AccountId, plan: &Plan) -> Result<Payment> {
    let amount = price(server, plan);
    let purchase = Purchase::Plan { plan_id: &plan.id, price: amount };
    let new = NewPayment { account_id, user_id: None, amount, origin: PaymentOrigin::Renewal, purchase, form_id: None };
    payments::insert(server, tx, &new).await
}

/// The plan for whoever does not pay: the first of the catalogue that costs nothing, else the default one.
fn free_plan(server: &Server) -> Result<&Plan> {
    let catalogue = &server.catalogue;
    let free = catalogue.plans.iter().find(|plan| plan.price_per_month_minor_units == 0);
    free.or_else(|| catalogue.plan(&catalogue.default_plan)).ok_or_else(|| Error::internal("there is no plan"))
}

async fn fall_back(
    server: &Server,
    tx: &mut Tx,
    account_id: &AccountId,
    subscription: &Subscription,
    now: Timestamp,
) -> Result<()> {
    let plan = free_plan(server)?;
    mail::tell_of_plan(tx, account_id, MailKind::PlanFellBack, subscription, now).await?;
    subscriptions::end(tx, account_id).await?;
    subscriptions::set_plan(tx, account_id, &plan.id, now).await?;
    tracing::warn!(%account_id, plan_id = plan.id, "a plan was not paid, and the account fell back");
    Ok(())
}

/// Takes notice, in the transaction that ends it, of a renewal that was not paid.
pub(crate) async fn renewal_ended(
    tx: &mut Tx,
    account_id: &AccountId,
    payment: &Payment,
    now: Timestamp,
) -> Result<()> {
    let is_unpaid = payment.state.is_final() && payment.state != PaymentState::Paid;
    if payment.origin != PaymentOrigin::Renewal || !is_unpaid {
        return Ok(());
    }
    let Some(Stored { mut subscription, pending_payment_id }) = subscriptions::lock(tx, account_id).await? else {
        return Ok(());
    };
    if pending_payment_id.as_deref() != Some(payment.id.as_str()) {
        return Ok(());
    }
    subscription.failed_renewals = subscription.failed_renewals.saturating_add(1);
    mail::tell_of_plan(tx, account_id, MailKind::PlanUnpaid, &subscription, now).await?;
    subscriptions::save(tx, account_id, &subscription, None, now).await
}

/// Ends a plan whose money was taken back as a whole, by a refund or by a dispute that was lost.
pub(crate) async fn plan_taken_back(
    server: &Server,
    tx: &mut Tx,
    account_id: &AccountId,
    payment: &Payment,
    now: Timestamp,
) -> Result<()> {
    let Some(bought) = payment.plan.as_ref().filter(|_| payment.is_taken_back()) else { return Ok(()) };
    let Some(Stored { subscription, .. }) = subscriptions::lock(tx, account_id).await? else { return Ok(()) };
    // A month that was paid with another payment since then goes on.
    let is_of_this =
        subscription.plan_id == bought.plan_id && subscription.period_end.us_since(payment.created_at) <= MONTH_US_MAX;
    if is_of_this { fall_back(server, tx, account_id, &subscription, now).await } else { Ok(()) }
}

/// A month and its days of grace at the most: a period that ends later than this after a payment began was paid by a
/// later one.
const MONTH_US_MAX: i64 = 38 * domain::clock::DAY_US;
