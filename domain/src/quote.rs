//! What a payment comes to: the amount that buys credit, the fee for paying, and the tax on both.
//!
//! Each part is a whole number of minor units, rounded half up on its own, and the total is their sum: what the lines of a
//! receipt add up to is what the card was charged. The dialog, the payment's row and the receipt all have their figures
//! from here.

use crate::credit::parse_decimal;
use crate::money::{Currency, Money};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Thousandths of a per cent in a whole.
const WHOLE: i128 = 100_000;

/// A share, in thousandths of a per cent: 8.1 % is 8,100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(i64);

impl Percent {
    pub const ZERO: Self = Self(0);
    /// The largest tax and the largest fee.
    pub const MAX: Self = Self(50_000);

    #[must_use]
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    #[must_use]
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// Reads `8.1` or `19`; `None` below 0, above 50, and with more than three decimals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_decimal(text, 3).map(Self).filter(|percent| (Self::ZERO..=Self::MAX).contains(percent))
    }

    /// So many per cent of an amount that is not negative, rounded half up to whole minor units.
    fn of(self, minor_units: i128) -> i128 {
        (minor_units * i128::from(self.0) + WHOLE / 2) / WHOLE
    }
}

/// `8.1%`, `19%`
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000);
        write!(f, "{}%", decimal.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// What is added to the amount that a person buys; from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charges {
    pub fee_percent: Percent,
    pub fee_fixed_minor_units: i64,
    /// `VAT`
    pub tax_name: String,
    pub tax_percent: Percent,
}

impl Charges {
    /// What buying credit for `amount` comes to: a fee on the amount, and a tax on amount and fee together.
    ///
    /// `None` when it does not fit, or the amount is negative.
    #[must_use]
    pub fn quote(&self, amount: Money) -> Option<Quote> {
        let net = i128::from(u64::try_from(amount.minor_units).ok()?);
        let fee = self.fee_percent.of(net) + i128::from(self.fee_fixed_minor_units);
        let tax = self.tax_percent.of(net + fee);
        i64::try_from(net + fee + tax).ok()?;
        let money = |minor_units: i128| {
            Some(Money { minor_units: i64::try_from(minor_units).ok()?, currency: amount.currency })
        };
        Some(Quote { amount, fee: money(fee)?, tax: money(tax)? })
    }

    /// `Payment fee, 2.9% + $0.30`
    #[must_use]
    pub fn fee_label(&self, currency: Currency) -> String {
        let fixed = Money { minor_units: self.fee_fixed_minor_units, currency }.text();
        match (self.fee_percent > Percent::ZERO, self.fee_fixed_minor_units > 0) {
            (true, true) => format!("{FEE}, {} + {fixed}", self.fee_percent),
            (true, false) => format!("{FEE}, {}", self.fee_percent),
            _ => FEE.to_owned(),
        }
    }
}

/// How the fee is called.
pub const FEE: &str = "Payment fee";

/// `VAT 8.1%`
#[must_use]
pub fn tax_label(name: &str, percent: Percent) -> String {
    format!("{name} {percent}")
}

/// What a payment comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// What is bought: credit for exactly so much.
    pub amount: Money,
    pub fee: Money,
    /// On amount and fee together.
    pub tax: Money,
}

impl Quote {
    /// What the card is charged.
    #[must_use]
    pub const fn total(self) -> Money {
        let minor_units = self.subtotal().minor_units.saturating_add(self.tax.minor_units);
        Money { minor_units, currency: self.amount.currency }
    }

    /// What the tax is on.
    #[must_use]
    pub const fn subtotal(self) -> Money {
        let minor_units = self.amount.minor_units.saturating_add(self.fee.minor_units);
        Money { minor_units, currency: self.amount.currency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(minor_units: i64) -> Money {
        Money { minor_units, currency: Currency::Usd }
    }

    fn charges(fee: i64, fixed: i64, tax: i64) -> Charges {
        Charges {
            fee_percent: Percent(fee),
            fee_fixed_minor_units: fixed,
            tax_name: "VAT".to_owned(),
            tax_percent: Percent(tax),
        }
    }

    #[test]
    fn a_quote_adds_the_fee_and_then_the_tax_and_rounds_each_half_up() {
        for (amount, (fee, fixed, tax), expected) in [
            (2_500, (0, 0, 0), (0, 0, 2_500)),
            (2_500, (0, 0, 8_100), (0, 203, 2_703)),
            (2_500, (2_900, 30, 0), (103, 0, 2_603)),
            (2_500, (2_900, 30, 20_000), (103, 521, 3_124)),
            (1_000, (50, 0, 0), (1, 0, 1_001)),
            (1_000, (49, 0, 0), (0, 0, 1_000)),
            (1, (0, 0, 50_000), (0, 1, 2)),
            (0, (2_900, 0, 8_100), (0, 0, 0)),
        ] {
            let quote = charges(fee, fixed, tax).quote(usd(amount)).expect("it fits");
            let shown = (quote.fee.minor_units, quote.tax.minor_units, quote.total().minor_units);
            assert_eq!(shown, expected, "{amount} at {fee} {fixed} {tax}");
        }
    }

    #[test]
    fn what_does_not_fit_has_no_quote() {
        assert_eq!(charges(0, 0, 50_000).quote(usd(i64::MAX)), None);
        assert_eq!(charges(0, 1, 0).quote(usd(i64::MAX)), None);
        assert_eq!(charges(0, 0, 0).quote(usd(-1)), None);
        assert!(charges(0, 0, 0).quote(usd(i64::MAX)).is_some());
    }

    #[test]
    fn a_share_is_read_and_written_with_at_most_three_decimals() {
        for (text, thousandths, shown) in [
            ("8.1", 8_100, "8.1%"),
            ("0", 0, "0%"),
            ("19", 19_000, "19%"),
            ("50", 50_000, "50%"),
            ("0.005", 5, "0.005%"),
        ] {
            let percent = Percent::parse(text).expect("a share");
            assert_eq!((percent.thousandths(), percent.to_string().as_str()), (thousandths, shown));
        }
        for text in ["", "-1", "50.001", "8.1234", "8,1", "8.1%", "x"] {
            assert_eq!(Percent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_fee_says_how_it_is_made_up() {
        let label = |fee, fixed| charges(fee, fixed, 0).fee_label(Currency::Usd);
        assert_eq!(label(2_900, 30), "Payment fee, 2.9% + $0.30");
        assert_eq!(label(2_900, 0), "Payment fee, 2.9%");
        assert_eq!(label(0, 30), "Payment fee");
        assert_eq!(tax_label("VAT", Percent(8_100)), "VAT 8.1%");
    }

    /// The nearest whole number to `part / whole`, the upper of two that are as near: found by looking, not by the formula.
    fn is_rounded_half_up(rounded: i64, part: i128, whole: i128) -> bool {
        let twice_off = 2 * (i128::from(rounded) * whole - part);
        -whole < twice_off && twice_off <= whole
    }

    proptest! {
        #[test]
        fn each_part_is_the_nearest_minor_unit_and_the_total_is_their_sum(
            amount in 0_i64..1_000_000_000_000,
            fee in 0_i64..=50_000,
            fixed in 0_i64..100_000,
            tax in 0_i64..=50_000,
        ) {
            let quote = charges(fee, fixed, tax).quote(usd(amount)).expect("it fits");
            let proportional = quote.fee.minor_units - fixed;
            prop_assert!(is_rounded_half_up(proportional, i128::from(amount) * i128::from(fee), 100_000));
            let taxed = i128::from(amount + quote.fee.minor_units);
            prop_assert!(is_rounded_half_up(quote.tax.minor_units, taxed * i128::from(tax), 100_000));
            prop_assert_eq!(quote.amount, usd(amount));
            let sum = amount + quote.fee.minor_units + quote.tax.minor_units;
            prop_assert_eq!(quote.total(), usd(sum));
        }

        #[test]
        fn whoever_buys_more_never_pays_less(
            amount in 0_i64..1_000_000_000,
            more in 0_i64..1_000_000,
            fee in 0_i64..=50_000,
            tax in 0_i64..=50_000,
        ) {
            let charges = charges(fee, 30, tax);
            let total = |amount| charges.quote(usd(amount)).expect("it fits").total().minor_units;
            prop_assert!(total(amount + more) >= total(amount) + more);
        }

        #[test]
        fn a_share_reads_back_from_its_text(thousandths in 0_i64..=50_000) {
            let text = Percent(thousandths).to_string();
            prop_assert_eq!(Percent::parse(text.trim_end_matches('%')), Some(Percent(thousandths)));
        }
    }
}
