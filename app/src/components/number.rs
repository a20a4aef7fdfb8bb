//! Numbers as people read them.

/// `11709` → `11,709`; a negative number gets a true minus sign.
#[must_use]
pub fn grouped(number: i64) -> String {
    let sign = if number < 0 { "−" } else { "" };
    sign.to_owned() + &domain::money::grouped(number.unsigned_abs())
}

/// `3 of 5`.
#[must_use]
pub fn of_limit(used: i64, limit: u32) -> String {
    grouped(used) + " of " + &grouped(i64::from(limit))
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
