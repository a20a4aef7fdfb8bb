//! Money: what a card is charged, in minor units of a currency.

use crate::credit::{Credit, MILLIONTHS_PER_UNIT, parse_decimal};
use crate::quote::{Charges, Quote};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The currencies that an installation can charge in; all have two decimal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    Usd,
    Eur,
    Gbp,
    Chf,
    Aud,
    Cad,
}

impl Currency {
    pub const ALL: [Self; 6] = [Self::Usd, Self::Eur, Self::Gbp, Self::Chf, Self::Aud, Self::Cad];

    /// The ISO 4217 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Chf => "CHF",
            Self::Aud => "AUD",
            Self::Cad => "CAD",
        }
    }

    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Usd => "$",
            Self::Eur => "€",
            Self::Gbp => "£",
            Self::Chf => "CHF ",
            Self::Aud => "A$",
            Self::Cad => "C$",
        }
    }

    #[must_use]
    pub const fn minor_units_per_unit(self) -> i64 {
        100
    }

    /// Reads an ISO 4217 code in either case.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.code().eq_ignore_ascii_case(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    pub minor_units: i64,
    pub currency: Currency,
}

impl Money {
    /// `$25.00`, `$2,000.00`.
    #[must_use]
    pub fn text(self) -> String {
        let sign = if self.minor_units < 0 { "−" } else { "" };
        let (whole, fraction) = self.unsigned_parts();
        format!("{sign}{}{}.{fraction:02}", self.currency.symbol(), grouped(whole))
    }

    /// `$25` or `$2,000` for whole units, `$25.50` otherwise.
    #[must_use]
    pub fn short_text(self) -> String {
        let text = self.text();
        text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
    }

    /// `25.00`, as a form field holds it: without a sign of the currency and without separators.
    #[must_use]
    pub fn decimal(self) -> String {
        let sign = if self.minor_units < 0 { "-" } else { "" };
        let (whole, fraction) = self.unsigned_parts();
        format!("{sign}{whole}.{fraction:02}")
    }

    /// `25` for whole units, `25.50` otherwise, as an address holds it.
    #[must_use]
    pub fn short_decimal(self) -> String {
        let decimal = self.decimal();
        decimal.strip_suffix(".00").map_or(decimal.clone(), str::to_owned)
    }

    /// Whole units and what is left of minor units.
    fn unsigned_parts(self) -> (u64, u64) {
        let absolute = self.minor_units.unsigned_abs();
        let unit = self.currency.minor_units_per_unit().unsigned_abs();
        (absolute / unit, absolute % unit)
    }
}

/// `11709` → `11,709`: a number as people read it.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What may be bought at once; from the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddBalanceRules {
    pub currency: Currency,
    pub minimum_minor_units: i64,
    pub maximum_minor_units: i64,
    /// The amounts offered as buttons, in minor units.
    pub presets_minor_units: Vec<i64>,
    /// What is added to the amount.
    pub charges: Charges,
}

/// Why an amount was not accepted, in the order in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    Missing,
    NotANumber,
    TooPrecise,
    BelowMinimum(Money),
    AboveMaximum(Money),
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("enter an amount"),
            Self::NotANumber => f.write_str("enter the amount as a number, for example 25 or 25.50"),
            Self::TooPrecise => f.write_str("enter at most two decimal places"),
            Self::BelowMinimum(minimum) => write!(f, "the smallest amount is {}", minimum.short_text()),
            Self::AboveMaximum(maximum) => write!(f, "the largest amount is {}", maximum.short_text()),
        }
    }
}

impl AddBalanceRules {
    #[must_use]
    pub const fn money(&self, minor_units: i64) -> Money {
        Money { minor_units, currency: self.currency }
    }

    /// What buying credit for an amount comes to.
    #[must_use]
    pub fn quote(&self, amount: Money) -> Option<Quote> {
        self.charges.quote(amount)
    }

    /// What to buy for whom so much credit is missing: the smallest of the offered amounts that covers it, else what is
    /// missing itself, as far as it may be bought at once.
    #[must_use]
    pub fn suggestion(&self, missing: Credit) -> Money {
        let millionths = MILLIONTHS_PER_UNIT / self.currency.minor_units_per_unit();
        let needed = missing.millionths().saturating_add(millionths - 1).div_euclid(millionths);
        let preset = self.presets_minor_units.iter().copied().filter(|preset| *preset >= needed).min();
        self.money(preset.unwrap_or_else(|| needed.clamp(self.minimum_minor_units, self.maximum_minor_units)))
    }

    /// Reads the amount that a person typed: `25`, `25.5`, `25.50`, `$25`, `1,000`.
    ///
    /// # Errors
    /// In the order of [`AmountError`].
    pub fn parse_amount(&self, text: &str) -> Result<Money, AmountError> {
        let trimmed = text.trim();
        let without_symbol = trimmed.strip_prefix(self.currency.symbol().trim()).unwrap_or(trimmed).trim();
        if without_symbol.is_empty() {
            return Err(AmountError::Missing);
        }
        let digits = without_thousands_separators(without_symbol).ok_or(AmountError::NotANumber)?;
        let Some(minor_units) = parse_decimal(&digits, 2) else {
            let is_too_precise = parse_decimal(&digits, 12).is_some() && digits.contains('.');
            let is_too_large = digits.bytes().all(|byte| byte.is_ascii_digit());
            return Err(match (is_too_precise, is_too_large) {
                (true, _) => AmountError::TooPrecise,
                (_, true) => AmountError::AboveMaximum(self.money(self.maximum_minor_units)),
                _ => AmountError::NotANumber,
            });
        };
        if minor_units < self.minimum_minor_units {
            return Err(AmountError::BelowMinimum(self.money(self.minimum_minor_units)));
        }
        if minor_units > self.maximum_minor_units {
            return Err(AmountError::AboveMaximum(self.money(self.maximum_minor_units)));
        }
        Ok(self.money(minor_units))
    }
}

/// `1,000.50` → `1000.50`. A comma that does not separate thousands (`25,50`) is not guessed at: it could mean 25.50 or
/// 2,550, and the difference is somebody's money.
fn without_thousands_separators(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let groups: Vec<&str> = whole.split(',').collect();
    let is_grouped =
        groups.len() == 1 || (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3);
    let whole = groups.concat();
    is_grouped.then(|| fraction.map_or(whole.clone(), |fraction| format!("{whole}.{fraction}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> AddBalanceRules {
        AddBalanceRules {
            currency: Currency::Usd,
            minimum_minor_units: 500,
            maximum_minor_units: 200_000,
            presets_minor_units: vec![1_000, 2_500],
            charges: Charges::default(),
        }
    }

    #[test]
    fn what_is_missing_is_covered_by_the_smallest_amount_on_offer() {
        for (missing, suggested) in [
            (1, 1_000),
            (2_000, 1_000),
            (10_000_000, 1_000),
            (10_000_001, 2_500),
            (25_000_001, 2_501),
            (9_999_000_000, 200_000),
            (-5, 1_000),
            (i64::MAX, 200_000),
        ] {
            let suggestion = rules().suggestion(Credit::from_millionths(missing));
            assert_eq!(suggestion, rules().money(suggested), "{missing}");
        }
        let without_presets = AddBalanceRules { presets_minor_units: Vec::new(), ..rules() };
        assert_eq!(without_presets.suggestion(Credit::from_millionths(2_000)), rules().money(500));
    }

    #[test]
    fn an_amount_is_read_the_way_people_type_it() {
        for (text, minor_units) in
            [("25", 2_500), (" 25.5 ", 2_550), ("$25.00", 2_500), ("1,000", 100_000), ("2000", 200_000), ("5", 500)]
        {
            assert_eq!(rules().parse_amount(text), Ok(rules().money(minor_units)), "{text}");
        }
    }

    #[test]
    fn an_amount_that_is_unclear_or_out_of_range_is_refused_with_its_reason() {
        let below = AmountError::BelowMinimum(rules().money(500));
        let above = AmountError::AboveMaximum(rules().money(200_000));
        for (text, error) in [
            ("", AmountError::Missing),
            ("$", AmountError::Missing),
            ("ten", AmountError::NotANumber),
            ("25,50", AmountError::NotANumber),
            ("1e3", AmountError::NotANumber),
            ("25.505", AmountError::TooPrecise),
            ("4.99", below),
            ("-25", below),
            ("0", below),
            ("2000.01", above),
            ("99999999999999999999", above),
        ] {
            assert_eq!(rules().parse_amount(text), Err(error), "{text}");
        }
    }

    #[test]
    fn money_prints_with_its_symbol() {
        assert_eq!(Money { minor_units: 2_500, currency: Currency::Usd }.text(), "$25.00");
        assert_eq!(Money { minor_units: 2_500, currency: Currency::Usd }.short_text(), "$25");
        assert_eq!(Money { minor_units: -5, currency: Currency::Chf }.text(), "−CHF 0.05");
        assert_eq!(Money { minor_units: 200_000, currency: Currency::Usd }.short_text(), "$2,000");
        assert_eq!(Money { minor_units: 123_456_789, currency: Currency::Usd }.text(), "$1,234,567.89");
    }

    #[test]
    fn a_form_field_holds_an_amount_that_reads_back_as_itself() {
        let amount = rules().money(123_456);
        assert_eq!(amount.decimal(), "1234.56");
        assert_eq!((amount.short_decimal().as_str(), rules().money(2_500).short_decimal().as_str()), ("1234.56", "25"));
        assert_eq!(rules().parse_amount(&amount.decimal()), Ok(amount));
    }

    #[test]
    fn an_amount_out_of_range_names_the_limit_as_people_read_it() {
        let error = rules().parse_amount("2000.01").expect_err("too much");
        assert_eq!(error.to_string(), "the largest amount is $2,000");
    }
}
