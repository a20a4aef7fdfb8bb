//! A plan that is paid for month by month: what a change to another plan costs, and what is due when.
//!
//! An account without a subscription has its plan without end and pays nothing for it. A month begins when it is paid and
//! ends at the same time of day a calendar month later.

use crate::clock::{DAY_US, Timestamp};
use crate::money::Money;
use crate::plan::{Limited, Plan, PlanUsage};
use crate::quote::Quote;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long before its end a month is announced.
pub const REMIND_BEFORE_US: i64 = 3 * DAY_US;
/// How long a plan goes on after a month that was not paid.
pub const GRACE_US: i64 = 7 * DAY_US;
/// When a renewal is tried, in days after the end of the month.
pub const RENEWAL_DAYS: [i64; 4] = [0, 1, 3, 5];

/// The paid plan of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub plan_id: String,
    /// What the present month cost as a whole.
    pub price: Money,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    /// The day of the month on which its months begin.
    pub anchor_day: u8,
    /// The plan that follows when the month ends; the same one where there is none.
    pub next_plan_id: Option<String>,
    /// How often the month after this one was not paid.
    pub failed_renewals: u8,
    /// When its owner was told that this month ends.
    pub reminded_at: Option<Timestamp>,
}

/// What has to be done about a subscription now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    /// Its owner is told that the month ends soon.
    Remind,
    /// The next month is to be paid.
    Renew,
    /// It was not paid: the account falls back to a plan that costs nothing.
    FallBack,
}

impl Subscription {
    /// A subscription whose first month begins now.
    #[must_use]
    pub fn begun(plan_id: &str, price: Money, now: Timestamp) -> Self {
        let anchor_day = now.civil().day;
        Self {
            plan_id: plan_id.to_owned(),
            price,
            period_start: now,
            period_end: now.month_later(anchor_day),
            anchor_day,
            next_plan_id: None,
            failed_renewals: 0,
            reminded_at: None,
        }
    }

    /// What is due. A renewal is tried at least once before the account falls back, however late somebody looks.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Due {
        let late_us = now.us_since(self.period_end);
        if late_us < 0 {
            let is_near = late_us >= -REMIND_BEFORE_US;
            return if is_near && self.reminded_at.is_none() { Due::Remind } else { Due::Nothing };
        }
        let attempt = usize::from(self.failed_renewals);
        if attempt > 0 && late_us >= GRACE_US {
            return Due::FallBack;
        }
        match RENEWAL_DAYS.get(attempt) {
            Some(days) if late_us >= days * DAY_US => Due::Renew,
            _ => Due::Nothing,
        }
    }

    /// From when on there is something to do.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        let attempt = usize::from(self.failed_renewals);
        let end = self.period_end;
        match RENEWAL_DAYS.get(attempt) {
            Some(_) if attempt == 0 && self.reminded_at.is_none() => end.plus_us(-REMIND_BEFORE_US),
            Some(days) => end.plus_us((days * DAY_US).min(GRACE_US)),
            None => end.plus_us(GRACE_US),
        }
    }

    /// When it falls back unless it is paid, while it is not.
    #[must_use]
    pub fn grace_until(&self, now: Timestamp) -> Option<Timestamp> {
        (now >= self.period_end).then(|| self.period_end.plus_us(GRACE_US))
    }

    /// The subscription after the next month was paid. Days of grace belong to the month that is paid late; one that is
    /// paid after them begins anew.
    #[must_use]
    pub fn renewed(&self, plan_id: &str, price: Money, now: Timestamp) -> Self {
        if now.us_since(self.period_end) >= GRACE_US {
            return Self::begun(plan_id, price, now);
        }
        Self {
            plan_id: plan_id.to_owned(),
            price,
            period_start: self.period_end,
            period_end: self.period_end.month_later(self.anchor_day),
            anchor_day: self.anchor_day,
            next_plan_id: None,
            failed_renewals: 0,
            reminded_at: None,
        }
    }

    /// What the rest of the month is worth, rounded up to a minor unit: in its owner's favour.
    #[must_use]
    pub fn unused(&self, now: Timestamp) -> Money {
        let length = i128::from(self.period_end.us_since(self.period_start)).max(1);
        let left = i128::from(self.period_end.us_since(now)).clamp(0, length);
        let share = i128::from(self.price.minor_units) * left;
        let minor_units = share / length + i128::from(share % length > 0);
        Money { minor_units: i64::try_from(minor_units).unwrap_or(self.price.minor_units), ..self.price }
    }
}

/// What it takes to come to another plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanChange {
    /// It is the plan that the account has and will have.
    Same,
    /// A month of it begins when this is paid: its price less what is unused of the present one.
    Paid { pay: Money, price: Money, unused: Money },
    /// It costs nothing more, and holds at once.
    AtOnce,
    /// It follows when the month ends that is paid for.
    Later { at: Timestamp },
}

/// Decides what it takes to come from the present plan to another. `subscription` is what the present plan is paid with,
/// if it is.
#[must_use]
pub fn plan_change(
    present: &Plan,
    subscription: Option<&Subscription>,
    wanted: &Plan,
    price: Money,
    now: Timestamp,
) -> PlanChange {
    let running = subscription.filter(|subscription| now < subscription.period_end);
    let is_present = wanted.id == present.id;
    match running {
        None if is_present && subscription.is_none() => PlanChange::Same,
        // Nothing is paid for: it begins with a payment, or needs none.
        None if price.minor_units > 0 => {
            PlanChange::Paid { pay: price, price, unused: Money { minor_units: 0, ..price } }
        }
        None => PlanChange::AtOnce,
        Some(running) if is_present => match running.next_plan_id {
            Some(_) => PlanChange::AtOnce,
            None => PlanChange::Same,
        },
        Some(running) if price.minor_units > running.price.minor_units => {
            let unused = running.unused(now);
            let pay = Money { minor_units: price.minor_units - unused.minor_units, ..price };
            PlanChange::Paid { pay, price, unused }
        }
        Some(running) => PlanChange::Later { at: running.period_end },
    }
}

/// Something of which there is more than a plan allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverLimit {
    pub limited: Limited,
    pub used: i64,
    pub limit: u32,
}

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, where it allows {}", self.used, self.limited.name(), self.limit)
    }
}

/// What a change to another plan takes, as it is shown to whoever wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanOffer {
    pub present: Plan,
    pub wanted: Plan,
    pub change: PlanChange,
    /// What there is too much of for the plan; with anything of it the change is refused.
    pub over: Vec<OverLimit>,
    /// What is paid, with fee and tax; `None` where nothing is.
    pub quote: Option<Quote>,
    /// When it was made; the price of the change was counted to this moment.
    pub at: Timestamp,
}

impl PlanOffer {
    /// Whether there is more than the wanted plan allows.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.change != PlanChange::Same && !self.over.is_empty()
    }

    /// Why it is refused, such as `the Free plan allows less than there is: 3 chatbots, where it allows 1`.
    #[must_use]
    pub fn too_much(&self) -> String {
        let over: Vec<String> = self.over.iter().map(ToString::to_string).collect();
        format!("the {} plan allows less than there is: {}", self.wanted.name, over.join("; "))
    }
}

/// What there is too much of for a plan.
#[must_use]
pub fn over_limits(plan: &Plan, usage: &PlanUsage) -> Vec<OverLimit> {
    [
        (Limited::Chatbots, usage.chatbots.used),
        (Limited::Documents, usage.documents.used),
        (Limited::Users, usage.users.used),
        (Limited::ApiKeys, usage.api_keys.used),
    ]
    .into_iter()
    .map(|(limited, used)| OverLimit { limited, used, limit: plan.limit(limited) })
    .filter(|over| over.used > i64::from(over.limit))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR_US;
    use crate::money::Currency;
    use proptest::prelude::*;

    const fn money(minor_units: i64) -> Money {
        Money { minor_units, currency: Currency::Usd }
    }

    fn at(date: &str) -> Timestamp {
        Timestamp::from_date(date).expect("a date").plus_us(9 * HOUR_US)
    }

    fn plan(id: &str) -> Plan {
        Plan {
            id: id.to_owned(),
            name: id.to_owned(),
            price_per_month_minor_units: 0,
            messages_per_window: 1,
            chatbots: 1,
            documents: 1,
            users: 1,
            api_keys: 1,
            requests_per_minute: 1,
            requests_per_minute_per_key: 1,
        }
    }

    #[test]
    fn an_upgrade_costs_the_new_month_less_what_is_unused_to_the_cent() {
        let plus = Subscription::begun("plus", money(1_900), at("2026-11-01"));
        let change = |now| plan_change(&plan("plus"), Some(&plus), &plan("business"), money(9_900), now);
        let paid = |pay, unused| PlanChange::Paid { pay: money(pay), price: money(9_900), unused: money(unused) };
        assert_eq!(change(at("2026-11-01")), paid(8_000, 1_900));
        assert_eq!(change(at("2026-11-16")), paid(8_950, 950));
        // 10 of 30 days: 633 1/3 cents are unused, and the third is its owner's.
        assert_eq!(change(at("2026-11-21")), paid(9_266, 634));
        assert_eq!(change(at("2026-12-01").plus_us(-1)), paid(9_899, 1));
        assert_eq!(change(at("2026-12-01")), paid(9_900, 0), "the month is over");
    }

    #[test]
    fn a_change_is_paid_or_waits_or_holds_at_once() {
        let now = at("2026-11-10");
        let business = Subscription::begun("business", money(9_900), at("2026-11-01"));
        let change = |present: &str, subscription: Option<&Subscription>, wanted: &str, price| {
            plan_change(&plan(present), subscription, &plan(wanted), money(price), now)
        };
        let later = PlanChange::Later { at: at("2026-12-01") };
        assert_eq!(change("business", Some(&business), "plus", 1_900), later);
        assert_eq!(change("business", Some(&business), "free", 0), later);
        assert_eq!(change("business", Some(&business), "business", 9_900), PlanChange::Same);
        let leaving = Subscription { next_plan_id: Some("free".to_owned()), ..business };
        assert_eq!(change("business", Some(&leaving), "business", 9_900), PlanChange::AtOnce, "it stays after all");
        assert_eq!(change("plus", None, "plus", 1_900), PlanChange::Same);
        assert_eq!(change("plus", None, "free", 0), PlanChange::AtOnce);
        let first = PlanChange::Paid { pay: money(9_900), price: money(9_900), unused: money(0) };
        assert_eq!(change("plus", None, "business", 9_900), first);
        let ended = Subscription::begun("plus", money(1_900), at("2026-10-05"));
        let again = PlanChange::Paid { pay: money(1_900), price: money(1_900), unused: money(0) };
        assert_eq!(change("plus", Some(&ended), "plus", 1_900), again);
        assert_eq!(change("plus", Some(&ended), "free", 0), PlanChange::AtOnce);
    }

    #[test]
    fn a_month_is_announced_paid_tried_again_and_given_up() {
        let subscription = Subscription::begun("plus", money(1_900), at("2026-11-01"));
        let due = |failed_renewals, is_reminded: bool, now: Timestamp| {
            let reminded_at = is_reminded.then_some(now);
            Subscription { failed_renewals, reminded_at, ..subscription.clone() }.due(now)
        };
        let end = at("2026-12-01");
        for (failed, is_reminded, now, expected) in [
            (0, false, end.plus_us(-REMIND_BEFORE_US - 1), Due::Nothing),
            (0, false, end.plus_us(-REMIND_BEFORE_US), Due::Remind),
            (0, true, end.plus_us(-1), Due::Nothing),
            (0, true, end, Due::Renew),
            (0, false, end.plus_us(40 * DAY_US), Due::Renew),
            (1, true, end.plus_us(DAY_US - 1), Due::Nothing),
            (1, true, end.plus_us(DAY_US), Due::Renew),
            (2, true, end.plus_us(3 * DAY_US), Due::Renew),
            (3, true, end.plus_us(5 * DAY_US), Due::Renew),
            (4, true, end.plus_us(GRACE_US - 1), Due::Nothing),
            (4, true, end.plus_us(GRACE_US), Due::FallBack),
            (1, true, end.plus_us(GRACE_US), Due::FallBack),
        ] {
            assert_eq!(due(failed, is_reminded, now), expected, "{failed} {is_reminded} {now}");
        }
    }

    #[test]
    fn something_is_due_from_the_moment_that_is_said_and_not_before() {
        let subscription = Subscription::begun("plus", money(1_900), at("2026-11-01"));
        for failed_renewals in 0..6 {
            for reminded_at in [None, Some(at("2026-11-28"))] {
                let subscription = Subscription { failed_renewals, reminded_at, ..subscription.clone() };
                let due_at = subscription.due_at();
                assert_ne!(subscription.due(due_at), Due::Nothing, "{failed_renewals} {reminded_at:?}");
                assert_eq!(subscription.due(due_at.plus_us(-1)), Due::Nothing, "{failed_renewals} {reminded_at:?}");
            }
        }
    }

    #[test]
    fn a_month_that_is_paid_in_grace_goes_on_from_the_last_one_and_later_it_begins_anew() {
        let first = Subscription::begun("plus", money(1_900), at("2027-01-31"));
        let second = first.renewed("plus", money(1_900), first.period_end.plus_us(GRACE_US - 1));
        assert_eq!((second.period_start, second.period_end), (at("2027-02-28"), at("2027-03-31")));
        let late = first.period_end.plus_us(GRACE_US);
        assert_eq!(first.renewed("plus", money(1_900), late), Subscription::begun("plus", money(1_900), late));
    }

    proptest! {
        #[test]
        fn nobody_pays_twice_for_the_same_time_nor_gets_more_back_than_he_paid(
            price in 1_i64..1_000_000, more in 1_i64..1_000_000, day in 0_i64..1_000, elapsed_us in 0_i64..31 * DAY_US,
        ) {
            let start = at("2026-01-01").plus_us(day * DAY_US);
            let subscription = Subscription::begun("plus", money(price), start);
            let now = start.plus_us(elapsed_us);
            let unused = subscription.unused(now).minor_units;
            prop_assert!((0..=price).contains(&unused));
            let later = subscription.unused(now.plus_us(HOUR_US)).minor_units;
            prop_assert!(later <= unused);
            let change = plan_change(&plan("plus"), Some(&subscription), &plan("business"), money(price + more), now);
            let PlanChange::Paid { pay, unused: less, .. } = change else { return Err(TestCaseError::fail("not paid")) };
            prop_assert_eq!(pay.minor_units + less.minor_units, price + more);
            prop_assert!(pay.minor_units >= more);
        }

        #[test]
        fn months_follow_each_other_without_a_gap_for_years(day in 0_i64..800) {
            let mut subscription = Subscription::begun("plus", money(1), at("2026-01-01").plus_us(day * DAY_US));
            let anchor = subscription.anchor_day;
            for _ in 0..30 {
                let next = subscription.renewed("plus", money(1), subscription.period_end);
                prop_assert_eq!(next.period_start, subscription.period_end);
                let days = next.period_end.us_since(next.period_start) / DAY_US;
                prop_assert!((28..=31).contains(&days));
                let last_day = next.period_end.plus_us(DAY_US).civil().day == 1;
                prop_assert!(next.period_end.civil().day == anchor || last_day);
                subscription = next;
            }
        }
    }
}
