//! The rows of `subscriptions`: which accounts pay for their plan, and until when it is paid. The rules are in
//! [`domain::subscription`].

use crate::args;
use crate::db::{Db, FromRow, Tx};
use crate::error::Result;
use crate::payments::read_money;
use domain::clock::Timestamp;
use domain::id::AccountId;
use domain::subscription::Subscription;

#[derive(FromRow, serde::Deserialize)]
struct SubscriptionRow {
    plan_id: String,
    price_minor_units: i64,
    currency: String,
    period_start: i64,
    period_end: i64,
    anchor_day: i64,
    next_plan_id: Option<String>,
    failed_renewals: i64,
    reminded_at: Option<i64>,
    pending_payment_id: Option<String>,
}

/// A subscription as it is stored.
pub(super) struct Stored {
    pub subscription: Subscription,
    /// The payment of the next month that is under way.
    pub pending_payment_id: Option<String>,
}

impl SubscriptionRow {
    fn read(self) -> Result<Stored> {
        let small = |number: i64| u8::try_from(number).unwrap_or(u8::MAX);
        let subscription = Subscription {
            price: read_money(self.price_minor_units, &self.currency)?,
            plan_id: self.plan_id,
            period_start: Timestamp::from_us(self.period_start),
            period_end: Timestamp::from_us(self.period_end),
            anchor_day: small(self.anchor_day),
            next_plan_id: self.next_plan_id,
            failed_renewals: small(self.failed_renewals),
            reminded_at: self.reminded_at.map(Timestamp::from_us),
        };
        Ok(Stored { subscription, pending_payment_id: self.pending_payment_id })
    }
}

macro_rules! columns {
    () => {
        "plan_id, price_minor_units, currency, period_start, period_end, anchor_day, next_plan_id, failed_renewals, \
         reminded_at, pending_payment_id"
    };
}

const SELECT: &str = concat!("SELECT ", columns!(), " FROM subscriptions WHERE account_id = $1");

pub(super) async fn find(db: &Db, account_id: &AccountId) -> Result<Option<Stored>> {
    let row: Option<SubscriptionRow> = db.optional(SELECT, args![account_id.as_str()]).await?;
    row.map(SubscriptionRow::read).transpose()
}

/// Whoever changes a subscription waits here for whoever changes it now.
const LOCK: &str =
    concat!("UPDATE subscriptions SET changed_at = changed_at WHERE account_id = $1 RETURNING ", columns!());

pub(super) async fn lock(tx: &mut Tx, account_id: &AccountId) -> Result<Option<Stored>> {
    let row: Option<SubscriptionRow> = tx.optional(LOCK, args![account_id.as_str()]).await?;
    row.map(SubscriptionRow::read).transpose()
}

const SAVE: &str = "
INSERT INTO subscriptions
    (account_id, plan_id, price_minor_units, currency, period_start, period_end, anchor_day, next_plan_id,
     failed_renewals, reminded_at, pending_payment_id, due_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (account_id) DO UPDATE
SET plan_id = excluded.plan_id, price_minor_units = excluded.price_minor_units, currency = excluded.currency,
    period_start = excluded.period_start, period_end = excluded.period_end, anchor_day = excluded.anchor_day,
    next_plan_id = excluded.next_plan_id, failed_renewals = excluded.failed_renewals,
    reminded_at = excluded.reminded_at, pending_payment_id = excluded.pending_payment_id, due_at = excluded.due_at,
    changed_at = excluded.changed_at";

pub(super) async fn save(
    tx: &mut Tx,
    account_id: &AccountId,
    subscription: &Subscription,
    pending_payment_id: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let row = args![
        account_id.as_str(),
        &subscription.plan_id,
        subscription.price.minor_units,
        subscription.price.currency.code(),
        subscription.period_start.us(),
        subscription.period_end.us(),
        i64::from(subscription.anchor_day),
        subscription.next_plan_id.as_deref(),
        i64::from(subscription.failed_renewals),
        subscription.reminded_at.map(Timestamp::us),
        pending_payment_id,
        subscription.due_at().us(),
        now.us(),
    ];
    tx.execute(SAVE, row).await?;
    Ok(())
}

const DELETE: &str = "DELETE FROM subscriptions WHERE account_id = $1";

pub(super) async fn end(tx: &mut Tx, account_id: &AccountId) -> Result<()> {
    tx.execute(DELETE, args![account_id.as_str()]).await?;
    Ok(())
}

const SET_PLAN: &str = "UPDATE accounts SET plan_id = $2, changed_at = $3 WHERE id = $1";

/// Gives an account a plan, whose limits hold from the commit on.
pub(super) async fn set_plan(tx: &mut Tx, account_id: &AccountId, plan_id: &str, now: Timestamp) -> Result<()> {
    tx.execute(SET_PLAN, args![account_id.as_str(), plan_id, now.us()]).await?;
    Ok(())
}

const SELECT_DUE: &str = "
SELECT account_id FROM subscriptions
WHERE due_at <= $1 AND pending_payment_id IS NULL
ORDER BY due_at
LIMIT 100";

pub(super) async fn due(db: &Db, now: Timestamp) -> Result<Vec<AccountId>> {
    let rows: Vec<(String,)> = db.all(SELECT_DUE, args![now.us()]).await?;
    Ok(rows.into_iter().map(|(account_id,)| AccountId::from_row(account_id)).collect())
}
