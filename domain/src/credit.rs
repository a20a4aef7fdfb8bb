//! Credit: what is spent. A signed count of millionths of the currency unit; never a floating-point number.

use crate::clock::Timestamp;
use crate::money::{Currency, Money, grouped};
use serde::{Deserialize, Serialize};

/// Millionths in one currency unit.
pub const MILLIONTHS_PER_UNIT: i64 = 1_000_000;

/// An amount of credit, in millionths of the currency unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credit(i64);

impl Credit {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    #[must_use]
    pub const fn millionths(self) -> i64 {
        self.0
    }

    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// The credit that a payment buys: exact, because a minor unit is a whole number of millionths.
    #[must_use]
    pub fn bought_with(money: Money) -> Option<Self> {
        let millionths_per_minor_unit = MILLIONTHS_PER_UNIT / money.currency.minor_units_per_unit();
        money.minor_units.checked_mul(millionths_per_minor_unit).map(Self)
    }

    /// Reads a decimal number with at most six places, such as `0.002` or `-12`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_decimal(text, 6).map(Self)
    }

    /// How many messages of `price` this credit pays for, rounded down.
    #[must_use]
    pub const fn messages_at(self, price: Self) -> i64 {
        if price.0 <= 0 || self.0 <= 0 { 0 } else { self.0 / price.0 }
    }

    /// `23.418200`: all six places, without a currency sign.
    #[must_use]
    pub fn decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let absolute = self.0.unsigned_abs();
        let unit = MILLIONTHS_PER_UNIT.unsigned_abs();
        format!("{sign}{}.{:06}", absolute / unit, absolute % unit)
    }

    /// `$23.418200`, `$1,234.500000`, or `−$0.002000` with a true minus sign.
    #[must_use]
    pub fn text(self, currency: Currency) -> String {
        let sign = if self.0 < 0 { "−" } else { "" };
        let (absolute, unit) = (self.0.unsigned_abs(), MILLIONTHS_PER_UNIT.unsigned_abs());
        format!("{sign}{}{}.{:06}", currency.symbol(), grouped(absolute / unit), absolute % unit)
    }

    /// `+$25.000000` or `−$0.002000`: the sign is always said.
    #[must_use]
    pub fn signed_text(self, currency: Currency) -> String {
        if self.0 > 0 { format!("+{}", self.text(currency)) } else { self.text(currency) }
    }

    /// `$31.07`, rounded down to whole minor units, for places where six decimals would be noise. What is less than one
    /// minor unit is not hidden: `$0.002`.
    #[must_use]
    pub fn short_text(self, currency: Currency) -> String {
        let minor_units = self.0 / (MILLIONTHS_PER_UNIT / currency.minor_units_per_unit());
        if minor_units == 0 && self.0 != 0 {
            return self.text(currency).trim_end_matches('0').to_owned();
        }
        Money { minor_units, currency }.text()
    }
}

/// Reads `text` as a decimal number and returns it times ten to the `places`; `None` when it is not one, has more
/// places, or does not fit.
pub(crate) fn parse_decimal(text: &str, places: usize) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() && !digits.ends_with('.');
    if !has_digits || !is_number(whole) || !is_number(fraction) || fraction.len() > places {
        return None;
    }
    let padded = format!("{whole}{fraction:0<places$}");
    padded.parse::<i64>().ok()?.checked_mul(sign)
}

/// What the API credit card shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreditSummary {
    /// Credit in the account; what is held is still part of it.
    pub posted: Credit,
    /// Credit set aside for answers that are being written.
    pub held: Credit,
    /// Credit that was refunded or disputed after it was spent; the next payment settles it first.
    pub debt: Credit,
    pub currency: Currency,
    /// The price of one message by API or widget.
    pub price_per_message: Credit,
    /// Spending of the last 30 days, oldest first, one element a day (UTC).
    pub days: Vec<DaySpend>,
}

/// What was spent on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySpend {
    pub day: Timestamp,
    pub api: Credit,
    pub widget: Credit,
}

impl CreditSummary {
    /// What can be spent now.
    #[must_use]
    pub fn available(&self) -> Credit {
        self.posted.checked_sub(self.held).unwrap_or(Credit::ZERO)
    }

    /// How many messages the available credit pays for.
    #[must_use]
    pub fn messages(&self) -> i64 {
        self.available().messages_at(self.price_per_message)
    }

    /// The sum of all shown days.
    #[must_use]
    pub fn spent(&self) -> Credit {
        let millionths =
            self.days.iter().map(|day| day.api.0.saturating_add(day.widget.0)).fold(0, i64::saturating_add);
        Credit(millionths)
    }

    /// For how many days the available credit lasts at the average of the shown days; `None` before anything was spent.
    #[must_use]
    pub fn days_left(&self) -> Option<i64> {
        let spent = self.spent().0;
        let days = i64::try_from(self.days.len()).ok()?;
        if spent <= 0 { None } else { self.available().0.checked_mul(days).map(|product| product / spent) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credit_reads_and_prints_exact_decimals() {
        for (text, millionths) in [("0.002", 2_000), ("25", 25_000_000), ("-1.5", -1_500_000), ("0.000001", 1)] {
            assert_eq!(Credit::parse(text), Some(Credit(millionths)), "{text}");
        }
        for text in ["", ".", "1.", ".5", "1e3", "0.0000001", "+1", " 1", "1,5", "9223372036855", "--1", "NaN"] {
            assert_eq!(Credit::parse(text), None, "{text}");
        }
        assert_eq!(Credit(23_418_200).text(Currency::Usd), "$23.418200");
        assert_eq!(Credit(-2_000).signed_text(Currency::Usd), "−$0.002000");
        assert_eq!(Credit(1_234_500_000).text(Currency::Usd), "$1,234.500000");
        assert_eq!(Credit(25_000_000).signed_text(Currency::Eur), "+€25.000000");
        assert_eq!(Credit(31_079_999).short_text(Currency::Usd), "$31.07");
        assert_eq!(Credit(2_000).short_text(Currency::Usd), "$0.002");
        assert_eq!(Credit(-9_990).short_text(Currency::Usd), "−$0.00999");
        assert_eq!(Credit::ZERO.short_text(Currency::Usd), "$0.00");
    }

    #[test]
    fn the_number_of_messages_is_rounded_down() {
        assert_eq!(Credit(3_999).messages_at(Credit(2_000)), 1);
        assert_eq!(Credit(3_999).messages_at(Credit::ZERO), 0);
        assert_eq!(Credit(-1).messages_at(Credit(2_000)), 0);
    }

    proptest! {
        #[test]
        fn every_amount_reads_back_from_its_decimal(millionths in i64::MIN + 1..=i64::MAX) {
            prop_assert_eq!(Credit::parse(&Credit(millionths).decimal()), Some(Credit(millionths)));
        }
    }
}
