//! Numbers as people read them.

use domain::money::Money;

/// `11709` → `11,709`.
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if number < 0 {
        text.push('−');
    }
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `3 of 5`.
#[must_use]
pub fn of_limit(used: i64, limit: u32) -> String {
    grouped(used) + " of " + &grouped(i64::from(limit))
}

/// `$2,000` for whole units, `$25.50` otherwise.
#[must_use]
pub fn short_money(money: Money) -> String {
    let per_unit = money.currency.minor_units_per_unit();
    if money.minor_units % per_unit == 0 {
        money.currency.symbol().to_owned() + &grouped(money.minor_units / per_unit)
    } else {
        money.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (11_709, "11,709"), (-1_234_567, "−1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(of_limit(3, 1_000), "3 of 1,000");
    }
}
