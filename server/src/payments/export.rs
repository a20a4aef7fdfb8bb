//! Payments as a file of comma-separated values (RFC 4180), for bookkeeping.

use super::{PaymentRow, columns};
use crate::csv::cell;
use crate::error::Result;
use crate::{Server, args};
use domain::id::AccountId;
use domain::money::Money;
use domain::payment::Payment;
use domain::receipt::number_text;

const HEADER: &str = "created_at,payment_id,state,receipt,amount,fee,tax,total,given_back,currency,credit\r\n";

/// Payments that are read at once.
const STEP_SIZE: usize = 500;

/// By time, and not by the id alone: not every database sorts capital letters before small ones.
const SELECT_STEP: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payments
WHERE account_id = $1 AND (created_at > $2 OR (created_at = $2 AND id > $3))
ORDER BY created_at, id
LIMIT CAST($4 AS BIGINT)"
);

/// All payments of an account, oldest first, as a file. `credit` is what a payment stands for now.
///
/// # Errors
/// When the database fails.
pub async fn csv(server: &Server, account_id: &AccountId) -> Result<String> {
    let mut file = HEADER.to_owned();
    let (mut last_at, mut last_id) = (i64::MIN, String::new());
    loop {
        let step = args![account_id.as_str(), last_at, &last_id, i64::try_from(STEP_SIZE).unwrap_or(i64::MAX)];
        let rows: Vec<PaymentRow> = server.db.all(SELECT_STEP, step).await?;
        let is_last = rows.len() < STEP_SIZE;
        for row in rows {
            let payment = row.read()?;
            (last_at, last_id) = (payment.created_at.us(), payment.id.to_string());
            file.push_str(&line(&payment));
        }
        if is_last {
            return Ok(file);
        }
    }
}

fn line(payment: &Payment) -> String {
    let money = |minor_units| Money { minor_units, ..payment.amount }.decimal();
    let texts = [
        payment.created_at.to_string(),
        payment.id.to_string(),
        payment.label().to_owned(),
        payment.receipt.map(number_text).unwrap_or_default(),
        payment.net().decimal(),
        money(payment.fee_minor_units),
        money(payment.tax_minor_units),
        payment.amount.decimal(),
        payment.taken_back().decimal(),
        payment.amount.currency.code().to_owned(),
        payment.standing().decimal(),
    ];
    texts.map(|text| cell(&text)).join(",") + "\r\n"
}
