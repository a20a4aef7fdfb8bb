//! Receipts: one for each paid payment, numbered without gaps within its account.
//!
//! A receipt is issued in the transaction in which its payment becomes paid, with the account locked, and its number is the
//! one after the last: when that transaction does not come to its end, neither number nor payment was there. What it says
//! is kept with it and never changed; triggers in the database say the same.

mod letters;
mod options;
mod pdf;

pub use options::SellerOptions;
pub use pdf::pdf;

use crate::db::{FromRow, Tx};
use crate::error::{Error, Result};
use crate::ledger;
use crate::payments::{self, read_money};
use crate::{Server, args};
use domain::account::Viewer;
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, PaymentId};
use domain::money::Money;
use domain::problem::Problem;
use domain::quote::{Percent, Quote};
use domain::receipt::{BillingDetails, Particulars, Party, Receipt};

/// What is paid, by whom, and what the account wants to have on its receipts.
#[derive(FromRow, serde::Deserialize)]
struct PaidRow {
    minor_units: i64,
    fee_minor_units: i64,
    tax_minor_units: i64,
    tax_name: String,
    tax_percent: i64,
    currency: String,
    credit: i64,
    plan_id: Option<String>,
    user_name: String,
    email: String,
    billing_name: String,
    billing_address: String,
    billing_tax_id: String,
}

const SELECT_PAID: &str = "
SELECT p.minor_units, p.fee_minor_units, p.tax_minor_units, p.tax_name, p.tax_percent, p.currency, p.credit, p.plan_id,
       COALESCE(u.name, '') AS user_name, COALESCE(u.email, '') AS email, a.billing_name, a.billing_address, a.billing_tax_id
FROM payments p
JOIN accounts a ON a.id = p.account_id
LEFT JOIN users u ON u.id = p.user_id
WHERE p.account_id = $1 AND p.id = $2";

const INSERT_RECEIPT: &str = "
INSERT INTO receipts (account_id, number, payment_id, issued_at, particulars)
VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM receipts WHERE account_id = $1), $2, $3, $4)
ON CONFLICT (account_id, payment_id) DO NOTHING
RETURNING number";

/// Issues the receipt of a payment that became paid, in the caller's transaction, and returns its number. A payment that
/// has one keeps it, and gets no other.
///
/// # Errors
/// 404 when the account has no such payment.
pub(crate) async fn issue(
    server: &Server,
    tx: &mut Tx,
    account_id: &AccountId,
    payment_id: &PaymentId,
    now: Timestamp,
) -> Result<Option<i64>> {
    // Two payments of an account must not count the same receipts. Whoever credits a payment has the lock already.
    ledger::lock(tx, account_id).await?;
    let row: Option<PaidRow> = tx.optional(SELECT_PAID, args![account_id.as_str(), payment_id.as_str()]).await?;
    let row = row.ok_or_else(|| Problem::not_found("payment"))?;
    let particulars = serde_json::to_string(&row.particulars(server)?).map_err(Error::internal)?;
    let receipt = args![account_id.as_str(), payment_id.as_str(), now.us(), particulars];
    let number: Option<(i64,)> = tx.optional(INSERT_RECEIPT, receipt).await?;
    Ok(number.map(|(number,)| number))
}

impl PaidRow {
    fn particulars(self, server: &Server) -> Result<Particulars> {
        let Money { minor_units, currency } = read_money(self.minor_units, &self.currency)?;
        let money = |minor_units| Money { minor_units, currency };
        let amount = money(minor_units - self.fee_minor_units - self.tax_minor_units);
        let name = if self.billing_name.is_empty() { self.user_name } else { self.billing_name };
        let address = self.billing_address.lines().map(str::to_owned).collect();
        Ok(Particulars {
            seller: server.config.seller.party(),
            item: payments::bought(server, self.plan_id.as_deref()),
            customer: Party { name, address, tax_id: self.billing_tax_id, email: self.email },
            quote: Quote { amount, fee: money(self.fee_minor_units), tax: money(self.tax_minor_units) },
            credit: Credit::from_millionths(self.credit),
            tax_name: self.tax_name,
            tax_percent: Percent::from_thousandths(self.tax_percent),
        })
    }
}

const SELECT_RECEIPT: &str = "
SELECT number, issued_at, particulars FROM receipts WHERE account_id = $1 AND payment_id = $2";

/// The receipt of a payment.
///
/// # Errors
/// 404 when the account has no such payment, or it has no receipt because it is not paid.
pub async fn get(server: &Server, account_id: &AccountId, payment_id: &PaymentId) -> Result<Receipt> {
    let row: Option<(i64, i64, String)> =
        server.db.optional(SELECT_RECEIPT, args![account_id.as_str(), payment_id.as_str()]).await?;
    let (number, issued_at, particulars) = row.ok_or_else(|| Problem::not_found("receipt"))?;
    Ok(Receipt {
        number,
        payment_id: payment_id.clone(),
        issued_at: Timestamp::from_us(issued_at),
        particulars: serde_json::from_str(&particulars).map_err(Error::internal)?,
    })
}

const SELECT_WITHOUT: &str = "
SELECT p.account_id, p.id
FROM payments p LEFT JOIN receipts r ON r.account_id = p.account_id AND r.payment_id = p.id
WHERE p.state = 'paid' AND r.number IS NULL
ORDER BY p.account_id, p.changed_at, p.id
LIMIT 500";

/// Issues the receipts of payments that were paid before there were receipts, in the order in which they were paid.
///
/// # Errors
/// When the database fails.
pub(crate) async fn issue_missing(server: &Server) -> Result<()> {
    loop {
        let payments: Vec<(String, String)> = server.db.all(SELECT_WITHOUT, args![]).await?;
        if payments.is_empty() {
            return Ok(());
        }
        for (account_id, payment_id) in payments {
            let (account_id, payment_id) = (AccountId::from_row(account_id), PaymentId::from_row(payment_id));
            let mut tx = server.db.begin().await?;
            issue(server, &mut tx, &account_id, &payment_id, server.now()).await?;
            tx.commit().await?;
        }
    }
}

const SELECT_DETAILS: &str = "SELECT billing_name, billing_address, billing_tax_id FROM accounts WHERE id = $1";

/// What an account wants to have on its receipts.
///
/// # Errors
/// 404 when there is no such account.
pub async fn billing_details(server: &Server, account_id: &AccountId) -> Result<BillingDetails> {
    let row: Option<(String, String, String)> = server.db.optional(SELECT_DETAILS, args![account_id.as_str()]).await?;
    let (name, address, tax_id) = row.ok_or_else(|| Problem::not_found("account"))?;
    Ok(BillingDetails { name, address: address.lines().map(str::to_owned).collect(), tax_id })
}

const UPDATE_DETAILS: &str = "
UPDATE accounts SET billing_name = $2, billing_address = $3, billing_tax_id = $4 WHERE id = $1";

/// Sets what stands on the receipts that are issued from now on.
///
/// # Errors
/// 422 for `name`, `address` and `tax_id`, as [`BillingDetails::read`].
pub async fn save_billing_details(
    server: &Server,
    viewer: &Viewer,
    name: &str,
    address: &str,
    tax_id: &str,
) -> Result<()> {
    let BillingDetails { name, address, tax_id } = BillingDetails::read(name, address, tax_id)?;
    let row = args![viewer.account_id.as_str(), name, address.join("\n"), tax_id];
    server.db.execute(UPDATE_DETAILS, row).await?;
    Ok(())
}
