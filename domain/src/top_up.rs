//! Auto top-up: buying credit by itself when it runs low, with a card that was saved for that.
//!
//! It is off until somebody switches it on. What it may do is decided here: at most one payment at a time, none above
//! the ceiling of a month, and none after a card was declined, until somebody looks at it.

use crate::clock::Timestamp;
use crate::credit::{Credit, MILLIONTHS_PER_UNIT};
use crate::field::FieldError;
use crate::money::{AddBalanceRules, Money};
use serde::{Deserialize, Serialize};

/// The highest threshold and the highest ceiling that can be set, in whole units of the currency.
pub const UNITS_MAX: i64 = 100_000;

/// What its owner chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpRules {
    /// Less available credit than this starts a payment.
    pub threshold: Credit,
    /// The credit that one payment buys; more where that would not reach the threshold.
    pub amount: Money,
    /// The most that may be bought in one month (UTC).
    pub monthly_ceiling: Money,
}

impl TopUpRules {
    /// Checks what a person typed.
    ///
    /// # Errors
    /// With the field `threshold`, `amount` or `monthly_ceiling`, in this order.
    pub fn read(
        threshold: &str,
        amount: &str,
        monthly_ceiling: &str,
        offered: &AddBalanceRules,
    ) -> Result<Self, FieldError> {
        let most = offered.money(UNITS_MAX * offered.currency.minor_units_per_unit());
        let any = AddBalanceRules { minimum_minor_units: 1, maximum_minor_units: most.minor_units, ..offered.clone() };
        let read = |field: &str, rules: &AddBalanceRules, text: &str| {
            rules.parse_amount(text).map_err(|error| FieldError::new(field, error.to_string()))
        };
        let threshold = read("threshold", &any, threshold)?;
        let amount = read("amount", offered, amount)?;
        let monthly_ceiling = read("monthly_ceiling", &any, monthly_ceiling)?;
        if monthly_ceiling.minor_units < amount.minor_units {
            let message = format!("this must not be less than one top-up, which is {}", amount.short_text());
            return Err(FieldError::new("monthly_ceiling", message));
        }
        let threshold = Credit::bought_with(threshold)
            .ok_or_else(|| FieldError::new("threshold", format!("the largest amount is {}", most.short_text())))?;
        Ok(Self { threshold, amount, monthly_ceiling })
    }
}

/// Why it does nothing until its owner has looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The bank said no.
    Declined,
    /// The saved card was removed, or the gateway does not know it any more.
    NoCard,
}

impl StopReason {
    pub const ALL: [Self; 2] = [Self::Declined, Self::NoCard];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::NoCard => "no_card",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Whether it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopUpState {
    Off,
    On,
    Stopped(StopReason),
}

/// Where an attempt to save a card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardSetupState {
    /// The customer was sent to the gateway's page.
    Open,
    /// The card may be charged from now on. Final, as all below.
    Saved,
    /// The bank did not allow it.
    Refused,
    /// The customer left the page.
    Cancelled,
    /// Nothing happened for too long.
    Expired,
}

impl CardSetupState {
    pub const ALL: [Self; 5] = [Self::Open, Self::Saved, Self::Refused, Self::Cancelled, Self::Expired];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Saved => "saved",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What the page shows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUp {
    pub state: TopUpState,
    /// `None` until it was set up for the first time.
    pub rules: Option<TopUpRules>,
    /// The saved card, such as `Visa ending in 4242`.
    pub card: Option<String>,
    /// What it has bought in this month, payments that are under way among it.
    pub bought_this_month: Money,
    pub is_paying: bool,
    /// Since when a payment would go above the ceiling; it goes on with the next month.
    pub at_ceiling_until: Option<Timestamp>,
}

/// What a decision has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Below zero by what is owed.
    pub available: Credit,
    /// Whether a payment is under way.
    pub is_paying: bool,
    pub bought_this_month: Money,
    /// The largest amount of one payment.
    pub payment_max: Money,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopUpDecision {
    Nothing,
    /// A payment is under way already, and counts.
    Wait,
    /// The payment would go above the month's ceiling.
    AtCeiling,
    Pay(Money),
}

/// Decides about an account for which it is on. One payment closes the gap: it is as large as it has to be for the
/// threshold to be reached, though never above the largest amount of one payment.
#[must_use]
pub fn decide(rules: &TopUpRules, situation: &Situation) -> TopUpDecision {
    if situation.available >= rules.threshold {
        return TopUpDecision::Nothing;
    }
    if situation.is_paying {
        return TopUpDecision::Wait;
    }
    let minor_units_missing = minor_units_for(rules.threshold, situation.available, rules.amount);
    let minor_units = rules.amount.minor_units.max(minor_units_missing).min(situation.payment_max.minor_units);
    let bought = situation.bought_this_month.minor_units.saturating_add(minor_units);
    if bought > rules.monthly_ceiling.minor_units {
        return TopUpDecision::AtCeiling;
    }
    TopUpDecision::Pay(Money { minor_units, currency: rules.amount.currency })
}

/// What has to be bought to come from the available credit to the threshold, rounded up to a minor unit.
fn minor_units_for(threshold: Credit, available: Credit, amount: Money) -> i64 {
    let per_minor_unit = MILLIONTHS_PER_UNIT / amount.currency.minor_units_per_unit();
    let missing = threshold.millionths().saturating_sub(available.millionths());
    missing.div_euclid(per_minor_unit) + i64::from(missing.rem_euclid(per_minor_unit) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use proptest::prelude::*;

    const fn money(minor_units: i64) -> Money {
        Money { minor_units, currency: Currency::Usd }
    }

    fn offered() -> AddBalanceRules {
        AddBalanceRules {
            currency: Currency::Usd,
            minimum_minor_units: 500,
            maximum_minor_units: 200_000,
            presets_minor_units: Vec::new(),
            charges: crate::quote::Charges::default(),
        }
    }

    const RULES: TopUpRules = TopUpRules {
        threshold: Credit::from_millionths(5_000_000),
        amount: money(2_500),
        monthly_ceiling: money(10_000),
    };

    fn decided(available: i64, is_paying: bool, bought: i64) -> TopUpDecision {
        let situation = Situation {
            available: Credit::from_millionths(available),
            is_paying,
            bought_this_month: money(bought),
            payment_max: money(200_000),
        };
        decide(&RULES, &situation)
    }

    #[test]
    fn it_pays_below_the_threshold_once_and_within_the_ceiling() {
        use TopUpDecision::{AtCeiling, Nothing, Pay, Wait};
        for (available, is_paying, bought, outcome) in [
            (5_000_000, false, 0, Nothing),
            (5_000_000, true, 0, Nothing),
            (4_999_999, false, 0, Pay(money(2_500))),
            (4_999_999, true, 0, Wait),
            (0, false, 7_500, Pay(money(2_500))),
            (0, false, 7_501, AtCeiling),
            (-20_000_000, false, 0, Pay(money(2_500))),
            (-20_000_001, false, 0, Pay(money(2_501))),
            (-95_000_000, false, 0, Pay(money(10_000))),
            (-95_000_001, false, 0, AtCeiling),
        ] {
            assert_eq!(decided(available, is_paying, bought), outcome, "{available} {is_paying} {bought}");
        }
    }

    #[test]
    fn what_is_typed_is_refused_by_the_name_of_its_field() {
        let read = |threshold, amount, ceiling| TopUpRules::read(threshold, amount, ceiling, &offered());
        assert_eq!(read("5", "25", "100"), Ok(RULES));
        for (threshold, amount, ceiling, field) in [
            ("", "25", "100", "threshold"),
            ("0", "25", "100", "threshold"),
            ("100000.01", "25", "100", "threshold"),
            ("5", "4.99", "100", "amount"),
            ("5", "2000.01", "100", "amount"),
            ("5", "25", "much", "monthly_ceiling"),
            ("5", "25", "24.99", "monthly_ceiling"),
        ] {
            let refused = read(threshold, amount, ceiling).expect_err("refused");
            assert_eq!(refused.field, field, "{threshold} {amount} {ceiling}");
        }
    }

    proptest! {
        #[test]
        fn one_payment_reaches_the_threshold_or_is_the_largest_there_is(
            threshold in 1_i64..1_000_000_000_000, available in -1_000_000_000_000_i64..1_000_000_000_000,
            amount in 500_i64..200_000,
        ) {
            let rules = TopUpRules {
                threshold: Credit::from_millionths(threshold),
                amount: money(amount),
                monthly_ceiling: money(i64::MAX),
            };
            let available = Credit::from_millionths(available);
            let payment_max = money(200_000);
            let situation = Situation { available, is_paying: false, bought_this_month: money(0), payment_max };
            match decide(&rules, &situation) {
                TopUpDecision::Nothing => prop_assert!(available >= rules.threshold),
                TopUpDecision::Pay(paid) => {
                    prop_assert!(available < rules.threshold);
                    prop_assert!(paid.minor_units >= amount && paid.minor_units <= payment_max.minor_units);
                    let after = available.checked_add(Credit::bought_with(paid).expect("fits")).expect("fits");
                    prop_assert!(after >= rules.threshold || paid == payment_max);
                    let enough = paid.minor_units == amount
                        || after.millionths() - rules.threshold.millionths() < 10_000;
                    prop_assert!(enough, "no more than the gap");
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
