//! Receipts: what a paid payment is documented by. A receipt says what was true when it was issued and never anything else:
//! the names, addresses and rates of its day are kept with it.

use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::field::{FieldError, NAME_CHARACTERS_MAX, optional_text};
use crate::id::PaymentId;
use crate::money::Money;
use crate::quote::{FEE, Percent, Quote, tax_label};
use serde::{Deserialize, Serialize};

/// Most lines of an address.
pub const ADDRESS_LINES_MAX: usize = 6;
/// Longest line of an address, in characters.
pub const ADDRESS_LINE_CHARACTERS_MAX: usize = 80;
/// Longest tax number, in characters.
pub const TAX_ID_CHARACTERS_MAX: usize = 40;

/// Somebody whom a receipt names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub name: String,
    pub address: Vec<String>,
    /// Empty where there is none.
    pub tax_id: String,
    /// Empty where there is none.
    pub email: String,
}

/// What an account wants to have on its receipts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingDetails {
    /// Empty for the name of the person who pays.
    pub name: String,
    pub address: Vec<String>,
    pub tax_id: String,
}

impl BillingDetails {
    /// Reads what was typed: the address has a line for each of its lines, and empty ones do not count.
    ///
    /// # Errors
    /// For the first of `name`, `address` and `tax_id` that is too long or holds a control character.
    pub fn read(name: &str, address: &str, tax_id: &str) -> Result<Self, FieldError> {
        let name = one_line("name", "name", name, NAME_CHARACTERS_MAX)?;
        let lines = address.lines().map(str::trim).filter(|line| !line.is_empty());
        let address = lines
            .map(|line| one_line("address", "line of the address", line, ADDRESS_LINE_CHARACTERS_MAX))
            .collect::<Result<Vec<_>, _>>()?;
        if address.len() > ADDRESS_LINES_MAX {
            return Err(FieldError::new("address", format!("use at most {ADDRESS_LINES_MAX} lines")));
        }
        let tax_id = one_line("tax_id", "tax number", tax_id, TAX_ID_CHARACTERS_MAX)?;
        Ok(Self { name, address, tax_id })
    }
}

fn one_line(field: &str, label: &str, text: &str, characters_max: usize) -> Result<String, FieldError> {
    let text = optional_text(field, label, text, characters_max)?;
    if text.contains(['\n', '\r', '\t']) {
        return Err(FieldError::new(field, format!("the {label} must stand on one line")));
    }
    Ok(text.to_owned())
}

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Particulars {
    pub seller: Party,
    pub customer: Party,
    pub quote: Quote,
    pub credit: Credit,
    pub tax_name: String,
    pub tax_percent: Percent,
}

/// A line of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub label: String,
    pub amount: Money,
}

impl Particulars {
    /// What was bought and what was added to it; they sum to the total.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        let Quote { amount, fee, tax } = self.quote;
        let mut lines = vec![Line { label: "API credit".to_owned(), amount }];
        if fee.minor_units > 0 {
            lines.push(Line { label: FEE.to_owned(), amount: fee });
        }
        if self.tax_percent > Percent::ZERO {
            lines.push(Line { label: tax_label(&self.tax_name, self.tax_percent), amount: tax });
        }
        lines
    }
}

/// The receipt of a paid payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Counts from 1 within its account, without gaps.
    pub number: i64,
    pub payment_id: PaymentId,
    pub issued_at: Timestamp,
    pub particulars: Particulars,
}

/// `R-000001`
#[must_use]
pub fn number_text(number: i64) -> String {
    format!("R-{number:06}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn usd(minor_units: i64) -> Money {
        Money { minor_units, currency: Currency::Usd }
    }

    fn particulars(fee: i64, tax: i64, tax_percent: i64) -> Particulars {
        Particulars {
            seller: Party::default(),
            customer: Party::default(),
            quote: Quote { amount: usd(2_500), fee: usd(fee), tax: usd(tax) },
            credit: Credit::from_millionths(25_000_000),
            tax_name: "VAT".to_owned(),
            tax_percent: Percent::from_thousandths(tax_percent),
        }
    }

    #[test]
    fn the_lines_of_a_receipt_sum_to_its_total() {
        for (fee, tax, percent, labels) in [
            (0, 0, 0, vec!["API credit"]),
            (103, 0, 0, vec!["API credit", "Payment fee"]),
            (0, 203, 8_100, vec!["API credit", "VAT 8.1%"]),
            (103, 211, 8_100, vec!["API credit", "Payment fee", "VAT 8.1%"]),
        ] {
            let particulars = particulars(fee, tax, percent);
            let lines = particulars.lines();
            assert_eq!(lines.iter().map(|line| line.label.as_str()).collect::<Vec<_>>(), labels);
            let sum: i64 = lines.iter().map(|line| line.amount.minor_units).sum();
            assert_eq!(usd(sum), particulars.quote.total());
        }
    }

    #[test]
    fn what_is_kept_reads_back_as_it_was() {
        let before = particulars(103, 211, 8_100);
        let kept = serde_json::to_string(&before).expect("JSON");
        assert_eq!(serde_json::from_str::<Particulars>(&kept).expect("reads back"), before);
    }

    #[test]
    fn an_address_has_the_lines_that_were_typed() {
        let details =
            BillingDetails::read(" Bergfeld AG ", "Seeweg 1\r\n\r\n  8000 Zürich \n", " CHE-123 ").expect("read");
        assert_eq!(details.name, "Bergfeld AG");
        assert_eq!(details.address, ["Seeweg 1", "8000 Zürich"]);
        assert_eq!(details.tax_id, "CHE-123");
        assert_eq!(BillingDetails::read("", "", ""), Ok(BillingDetails::default()));
    }

    #[test]
    fn details_that_do_not_fit_on_a_receipt_are_refused_at_their_field() {
        let refused = |name: &str, address: &str, tax_id: &str| {
            BillingDetails::read(name, address, tax_id).expect_err("refused").field
        };
        assert_eq!(refused(&"x".repeat(81), "", ""), "name");
        assert_eq!(refused("two\nlines", "", ""), "name");
        assert_eq!(refused("", &"x".repeat(81), ""), "address");
        assert_eq!(refused("", "1\n2\n3\n4\n5\n6\n7", ""), "address");
        assert_eq!(refused("", "\u{0}a", ""), "address");
        assert_eq!(refused("", "", &"x".repeat(41)), "tax_id");
        assert!(BillingDetails::read("", "1\n2\n3\n4\n5\n6\n", "").is_ok());
    }

    #[test]
    fn a_number_has_six_digits_and_more_where_it_needs_them() {
        assert_eq!(number_text(1), "R-000001");
        assert_eq!(number_text(1_234_567), "R-1234567");
    }
}
