//! Who sells, and what is added to an amount: the options behind every receipt and every price in "Add balance".

use crate::error::StartError;
use clap::Args;
use domain::credit::Credit;
use domain::quote::{Charges, Percent};
use domain::receipt::{ADDRESS_LINE_CHARACTERS_MAX, ADDRESS_LINES_MAX, Party};

/// The seller, and his charges. Fields are named as their options are, because all options have one space of names.
#[derive(Args, Clone, Debug)]
pub struct SellerOptions {
    /// Name of the seller on receipts
    #[arg(long = "seller-name", env = "ARTIKO_SELLER_NAME", default_value = "Artiko")]
    seller_name: String,
    /// Address of the seller on receipts, its lines separated by |
    #[arg(long = "seller-address", env = "ARTIKO_SELLER_ADDRESS", value_delimiter = '|')]
    seller_address: Vec<String>,
    /// Tax number of the seller on receipts
    #[arg(long = "seller-tax-id", env = "ARTIKO_SELLER_TAX_ID", default_value = "")]
    seller_tax_id: String,
    /// What the tax is called
    #[arg(long = "tax-name", env = "ARTIKO_TAX_NAME", default_value = "VAT")]
    tax_name: String,
    /// Tax on what is bought, in per cent with at most three decimals; it is added to the amount
    #[arg(long = "tax-percent", env = "ARTIKO_TAX_PERCENT", default_value = "0", value_parser = read_percent)]
    tax_percent: Percent,
    /// Fee for a payment, in per cent of the amount; it is added to the amount
    #[arg(long = "payment-fee-percent", env = "ARTIKO_PAYMENT_FEE_PERCENT", default_value = "0", value_parser = read_percent)]
    fee_percent: Percent,
    /// Fee for a payment, beside the one in per cent
    #[arg(long = "payment-fee-fixed", env = "ARTIKO_PAYMENT_FEE_FIXED", default_value = "0", value_parser = read_fee)]
    fee_fixed_minor_units: i64,
}

impl SellerOptions {
    /// The seller as a receipt names him.
    pub fn party(&self) -> Party {
        let address = self.seller_address.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
        Party {
            name: self.seller_name.trim().to_owned(),
            address: address.collect(),
            tax_id: self.seller_tax_id.trim().to_owned(),
            email: String::new(),
        }
    }

    /// What is added to an amount.
    pub fn charges(&self) -> Charges {
        Charges {
            fee_percent: self.fee_percent,
            fee_fixed_minor_units: self.fee_fixed_minor_units,
            tax_name: self.tax_name.trim().to_owned(),
            tax_percent: self.tax_percent,
        }
    }

    /// Checks what no option can check alone.
    ///
    /// # Errors
    /// With the name of the option that does not fit on a receipt, or is missing beside another.
    pub fn check(&self) -> Result<(), StartError> {
        let Party { name, address, tax_id, .. } = self.party();
        let is_too_long = |text: &str| text.chars().count() > ADDRESS_LINE_CHARACTERS_MAX;
        let too_long = || format!("may have at most {ADDRESS_LINE_CHARACTERS_MAX} characters in a line");
        if name.is_empty() || is_too_long(&name) {
            return Err(StartError::option("--seller-name", format!("must be there and {}", too_long())));
        }
        if address.len() > ADDRESS_LINES_MAX || address.iter().any(|line| is_too_long(line)) {
            let reason = format!("may have at most {ADDRESS_LINES_MAX} lines and {}", too_long());
            return Err(StartError::option("--seller-address", reason));
        }
        if is_too_long(&tax_id) {
            return Err(StartError::option("--seller-tax-id", too_long()));
        }
        let charges = self.charges();
        if charges.tax_name.is_empty() || is_too_long(&charges.tax_name) {
            return Err(StartError::option("--tax-name", format!("must be there and {}", too_long())));
        }
        if charges.tax_percent > Percent::ZERO && tax_id.is_empty() {
            let reason = "is missing; a receipt that names a tax needs the number under which it is paid";
            return Err(StartError::option("--seller-tax-id", reason));
        }
        Ok(())
    }
}

fn read_percent(text: &str) -> Result<Percent, String> {
    Percent::parse(text.trim())
        .ok_or_else(|| "it must be a number from 0 to 50 with at most three decimals, such as 8.1".to_owned())
}

fn read_fee(text: &str) -> Result<i64, String> {
    let millionths = Credit::parse(text.trim()).map(Credit::millionths);
    let minor_units = millionths.filter(|fee| *fee >= 0 && fee % 10_000 == 0).map(|fee| fee / 10_000);
    minor_units.ok_or_else(|| "it must be an amount with at most two decimals, such as 0.30".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        seller: SellerOptions,
    }

    fn read(flags: &[&str]) -> Result<SellerOptions, String> {
        let arguments = std::iter::once("artiko").chain(flags.iter().copied());
        Command::try_parse_from(arguments).map(|command| command.seller).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_added_by_default() {
        let seller = read(&[]).expect("no option is needed");
        assert!(seller.check().is_ok());
        assert_eq!(seller.charges(), Charges { tax_name: "VAT".to_owned(), ..Charges::default() });
        assert_eq!(seller.party(), Party { name: "Artiko".to_owned(), ..Party::default() });
    }

    #[test]
    fn seller_and_charges_are_read_from_the_options() {
        let seller = read(&[
            "--seller-name=Lichtwerk AG",
            "--seller-address=Seeweg 1| 8000 Zürich |",
            "--seller-tax-id=CHE-1",
            "--tax-name=MWST",
            "--tax-percent=8.1",
            "--payment-fee-percent=2.9",
            "--payment-fee-fixed=0.30",
        ])
        .expect("options");
        assert!(seller.check().is_ok());
        assert_eq!(seller.party().address, ["Seeweg 1", "8000 Zürich"]);
        assert_eq!(
            seller.charges(),
            Charges {
                fee_percent: Percent::from_thousandths(2_900),
                fee_fixed_minor_units: 30,
                tax_name: "MWST".to_owned(),
                tax_percent: Percent::from_thousandths(8_100),
            }
        );
    }

    #[test]
    fn an_option_that_does_not_fit_is_refused_by_its_name() {
        for (flag, allowed) in [
            ("--tax-percent=51", "from 0 to 50"),
            ("--tax-percent=8.1234", "three decimals"),
            ("--payment-fee-percent=-1", "from 0 to 50"),
            ("--payment-fee-fixed=0.301", "two decimals"),
            ("--payment-fee-fixed=-1", "two decimals"),
        ] {
            let error = read(&[flag]).expect_err("refused");
            assert!(error.contains(flag.split('=').next().expect("a name")) && error.contains(allowed), "{error}");
        }
        let long = format!("--seller-name={}", "x".repeat(81));
        for (flag, name) in [
            (long.as_str(), "--seller-name"),
            ("--seller-name= ", "--seller-name"),
            ("--seller-address=1|2|3|4|5|6|7", "--seller-address"),
            ("--tax-name=", "--tax-name"),
            ("--tax-percent=8.1", "--seller-tax-id"),
        ] {
            let error = read(&[flag]).expect("reads").check().expect_err("refused").to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }
}
