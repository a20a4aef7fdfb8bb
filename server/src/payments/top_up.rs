//! Auto top-up: a round looks for accounts whose credit fell below their threshold, and pays with the saved card.
//!
//! There is never more than one payment under way for an account. Its id stands in the account's row of `top_ups` from
//! the transaction that makes the payment to the one that ends it, so that a second round, a second process or a restart
//! between the two finds it there and waits. Whether to pay is decided by [`domain::top_up`].

use crate::db::{FromRow, Tx};
use crate::error::Result;
use crate::payments::{self, NewPayment, Purchase, cards, read_money};
use crate::{Server, args, mail, rounds};
use domain::account::Viewer;
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::field::FieldError;
use domain::id::AccountId;
use domain::money::{Currency, Money};
use domain::payment::{Payment, PaymentOrigin, PaymentState};
use domain::top_up::{Situation, StopReason, TopUp, TopUpDecision, TopUpRules, TopUpState, decide};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often the accounts are looked through. A round reads those alone that are below their threshold.
const ROUND_INTERVAL: Duration = Duration::from_secs(1);
/// The accounts of one round; more come in the next.
const ROUND_ACCOUNTS: i64 = 100;

#[derive(FromRow, serde::Deserialize)]
struct TopUpRow {
    state: String,
    stop_reason: Option<String>,
    threshold: i64,
    minor_units: i64,
    ceiling_minor_units: i64,
    currency: String,
    pending_payment_id: Option<String>,
}

impl TopUpRow {
    fn rules(&self) -> Result<TopUpRules> {
        Ok(TopUpRules {
            threshold: Credit::from_millionths(self.threshold),
            amount: read_money(self.minor_units, &self.currency)?,
            monthly_ceiling: read_money(self.ceiling_minor_units, &self.currency)?,
        })
    }

    fn state(&self) -> TopUpState {
        match (self.state.as_str(), self.stop_reason.as_deref().and_then(StopReason::parse)) {
            ("on", _) => TopUpState::On,
            (_, Some(reason)) => TopUpState::Stopped(reason),
            _ => TopUpState::Off,
        }
    }
}

const SELECT_TOP_UP: &str = "
SELECT state, stop_reason, threshold, minor_units, ceiling_minor_units, currency, pending_payment_id
FROM top_ups
WHERE account_id = $1";

/// What the account's auto top-up is set to and does.
pub async fn get(server: &Server, account_id: &AccountId) -> Result<TopUp> {
    let row: Option<TopUpRow> = server.db.optional(SELECT_TOP_UP, args![account_id.as_str()]).await?;
    let currency = server.config.currency;
    let card = cards::saved(server, account_id).await?.map(|card| card.label);
    let bought_this_month = bought_this_month(server, account_id, currency).await?;
    let Some(row) = row else {
        let (state, is_paying, at_ceiling_until) = (TopUpState::Off, false, None);
        return Ok(TopUp { state, rules: None, card, bought_this_month, is_paying, at_ceiling_until });
    };
    let rules = row.rules()?;
    let is_paying = row.pending_payment_id.is_some();
    let available = available(server, account_id).await?;
    let is_at_ceiling = row.state() == TopUpState::On
        && decide(&rules, &situation(server, available, is_paying, bought_this_month)) == TopUpDecision::AtCeiling;
    let at_ceiling_until = is_at_ceiling.then(|| server.now().start_of_next_month());
    Ok(TopUp { state: row.state(), rules: Some(rules), card, bought_this_month, is_paying, at_ceiling_until })
}

fn situation(server: &Server, available: Credit, is_paying: bool, bought_this_month: Money) -> Situation {
    let offered = server.config.add_balance_rules();
    let payment_max = offered.money(offered.maximum_minor_units);
    Situation { available, is_paying, bought_this_month, payment_max }
}

const SELECT_AVAILABLE: &str = "SELECT posted - held - debt FROM balances WHERE account_id = $1";

async fn available(server: &Server, account_id: &AccountId) -> Result<Credit> {
    let (available,): (i64,) = server.db.one(SELECT_AVAILABLE, args![account_id.as_str()]).await?;
    Ok(Credit::from_millionths(available))
}

/// Payments that may still bring credit count as much as those that did.
const SUM_BOUGHT: &str = "
SELECT CAST(COALESCE(SUM(credit), 0) AS BIGINT) FROM payments
WHERE account_id = $1 AND origin = 'top_up' AND created_at >= $2 AND state IN ('open', 'processing', 'paid')";

async fn bought_this_month(server: &Server, account_id: &AccountId, currency: Currency) -> Result<Money> {
    let since = server.now().start_of_month();
    let (credit,): (i64,) = server.db.one(SUM_BOUGHT, args![account_id.as_str(), since.us()]).await?;
    Ok(spent_on(credit, currency))
}

fn spent_on(credit: i64, currency: Currency) -> Money {
    Money { minor_units: credit / (domain::credit::MILLIONTHS_PER_UNIT / currency.minor_units_per_unit()), currency }
}

const UPSERT_RULES: &str = "
INSERT INTO top_ups (account_id, state, threshold, minor_units, ceiling_minor_units, currency, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account_id) DO UPDATE
SET state = excluded.state, stop_reason = NULL, threshold = excluded.threshold, minor_units = excluded.minor_units,
    ceiling_minor_units = excluded.ceiling_minor_units, currency = excluded.currency, changed_at = excluded.changed_at";

/// Sets the rules and switches it on or off. A stop ends with either.
///
/// # Errors
/// 422 for a field of the rules, and for `is_on` while no card is saved.
pub async fn change(server: &Server, viewer: &Viewer, rules: &TopUpRules, is_on: bool) -> Result<()> {
    if is_on && cards::saved(server, &viewer.account_id).await?.is_none() {
        return Err(FieldError::new("is_on", "save a card first; it is what auto top-up pays with").into());
    }
    let state = if is_on { "on" } else { "off" };
    let TopUpRules { threshold, amount, monthly_ceiling } = rules;
    let row = args![
        viewer.account_id.as_str(),
        state,
        threshold.millionths(),
        amount.minor_units,
        monthly_ceiling.minor_units,
        amount.currency.code(),
        server.now().us(),
    ];
    server.db.execute(UPSERT_RULES, row).await?;
    server.live.changed(&viewer.account_id);
    tracing::info!(account_id = %viewer.account_id, state, "auto top-up was set");
    Ok(())
}

const SWITCH_OFF: &str = "
UPDATE top_ups SET state = 'off', stop_reason = NULL, changed_at = $2 WHERE account_id = $1";

pub(super) async fn switch_off(tx: &mut Tx, account_id: &AccountId, now: Timestamp) -> Result<()> {
    tx.execute(SWITCH_OFF, args![account_id.as_str(), now.us()]).await?;
    Ok(())
}

/// Runs [`round`] again and again, for as long as the server runs.
pub async fn keep_topping_up(server: Weak<Server>) {
    rounds::keep(server, ROUND_INTERVAL, "auto top-up could not be looked after", round).await;
}

const SELECT_LOW: &str = "
SELECT t.account_id
FROM top_ups t JOIN balances b ON b.account_id = t.account_id
WHERE t.state = 'on' AND t.pending_payment_id IS NULL AND b.posted - b.held - b.debt < t.threshold
ORDER BY t.account_id
LIMIT $1";

/// Pays for every account that needs it now.
///
/// # Errors
/// When the database fails. A payment that does not come about is no error of the round.
pub async fn round(server: Arc<Server>) -> Result<()> {
    let low: Vec<(String,)> = server.db.all(SELECT_LOW, args![ROUND_ACCOUNTS]).await?;
    for (account_id,) in low {
        let account_id = AccountId::from_row(account_id);
        if let Err(error) = pay_when_low(&server, &account_id).await {
            tracing::error!(%error, %account_id, "an auto top-up did not come about");
        }
    }
    Ok(())
}

/// Takes the lock on the account's row, in which the payment under way is noted; no row where there is one already.
const LOCK_TOP_UP: &str = "
UPDATE top_ups SET changed_at = changed_at
WHERE account_id = $1 AND state = 'on' AND pending_payment_id IS NULL
RETURNING state, stop_reason, threshold, minor_units, ceiling_minor_units, currency, pending_payment_id";

const SET_PENDING: &str = "UPDATE top_ups SET pending_payment_id = $2 WHERE account_id = $1";

async fn pay_when_low(server: &Arc<Server>, account_id: &AccountId) -> Result<()> {
    let Some(card) = cards::saved(server, account_id).await? else {
        return stop(server, account_id, StopReason::NoCard).await;
    };
    let mut tx = server.db.begin().await?;
    let row: Option<TopUpRow> = tx.optional(LOCK_TOP_UP, args![account_id.as_str()]).await?;
    let Some(row) = row else { return Ok(()) };
    let rules = row.rules()?;
    // Whatever ended the payment before also brought its credit, in the transaction that took its id out of the row that
    // is locked now. So the credit read here holds it.
    let (available,): (i64,) = tx.one(SELECT_AVAILABLE, args![account_id.as_str()]).await?;
    let now = server.now();
    let (bought,): (i64,) = tx.one(SUM_BOUGHT, args![account_id.as_str(), now.start_of_month().us()]).await?;
    let bought = spent_on(bought, rules.amount.currency);
    let situation = situation(server, Credit::from_millionths(available), false, bought);
    let TopUpDecision::Pay(amount) = decide(&rules, &situation) else { return Ok(()) };
    let (origin, purchase) = (PaymentOrigin::TopUp, Purchase::Credit);
    let new = NewPayment { account_id, user_id: None, amount, origin, purchase, form_id: None };
    let payment = payments::insert(server, &mut tx, &new).await?;
    tx.execute(SET_PENDING, args![account_id.as_str(), payment.id.as_str()]).await?;
    tx.commit().await?;
    server.live.changed(account_id);
    tracing::info!(%account_id, payment_id = %payment.id, amount = %amount.text(), "an auto top-up began");
    cards::charge(server, account_id, &payment, &card).await
}

const STOP: &str = "
UPDATE top_ups SET state = 'stopped', stop_reason = $2, changed_at = $3
WHERE account_id = $1 AND state = 'on' AND pending_payment_id IS NULL";

async fn stop(server: &Server, account_id: &AccountId, reason: StopReason) -> Result<()> {
    let now = server.now();
    let mut tx = server.db.begin().await?;
    let stopped = tx.execute(STOP, args![account_id.as_str(), reason.as_str(), now.us()]).await?;
    if stopped == 1 {
        mail::tell_of_stop(&mut tx, account_id, &now.us().to_string(), now).await?;
        tx.commit().await?;
        server.live.changed(account_id);
        tracing::warn!(%account_id, reason = reason.as_str(), "auto top-up stopped");
    }
    Ok(())
}

const END_PAID: &str = "
UPDATE top_ups SET pending_payment_id = NULL WHERE account_id = $1 AND pending_payment_id = $2";

/// An owner who has switched it off in the meantime is not told that it stopped.
const END_UNPAID: &str = "
UPDATE top_ups
SET pending_payment_id = NULL, changed_at = $3,
    stop_reason = CASE WHEN state = 'on' THEN 'declined' ELSE stop_reason END,
    state = CASE WHEN state = 'on' THEN 'stopped' ELSE state END
WHERE account_id = $1 AND pending_payment_id = $2
RETURNING state";

/// Takes notice, in the transaction that ends a payment, of how it ended. An auto top-up that did not get its money stops.
pub(super) async fn payment_ended(
    tx: &mut Tx,
    account_id: &AccountId,
    payment: &Payment,
    now: Timestamp,
) -> Result<()> {
    if payment.origin != PaymentOrigin::TopUp || !payment.state.is_final() {
        return Ok(());
    }
    let payment_id = payment.id.as_str();
    if payment.state == PaymentState::Paid {
        tx.execute(END_PAID, args![account_id.as_str(), payment_id]).await?;
        return Ok(());
    }
    let ended: Option<(String,)> = tx.optional(END_UNPAID, args![account_id.as_str(), payment_id, now.us()]).await?;
    match ended {
        Some((state,)) if state == "stopped" => mail::tell_of_stop(tx, account_id, payment_id, now).await,
        _ => Ok(()),
    }
}
