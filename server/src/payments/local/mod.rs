//! The built-in gateway: a payment page with test cards, and signed webhooks, so that the whole path from "Add balance"
//! to the credit is real on a machine without the internet.
//!
//! It behaves as a foreign company would. It keeps its own table, which nothing else reads; it learns of a payment only
//! through [`create_checkout`]; and it tells an outcome only through a webhook and [`fetch_checkout`]. It takes no money,
//! so the configuration refuses it on a public address.

pub mod cards;
mod event;
mod later;

pub use event::event_body;
pub(super) use event::read_event;
pub(super) use later::mark_told;
pub use later::sweep;

use crate::error::Result;
use crate::payments::gateway::Report;
use crate::payments::{self, delivery, read_dispute, read_money, read_state};
use crate::{Server, args, db};
use domain::field::FieldError;
use domain::id::{AccountId, PaymentId};
use domain::money::Money;
use domain::payment::{Dispute, DisputeState, Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};
use std::sync::Arc;

/// What a test card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestCard {
    pub number: &'static str,
    /// What the payment page says about it.
    pub meaning: &'static str,
    /// What the payment is right after the card was given.
    pub state: PaymentState,
    /// What it becomes after the delay, where it is pending.
    pub outcome: Option<PaymentState>,
    /// How the dispute ends that the customer begins after the delay; `None` where he begins none.
    pub dispute: Option<DisputeState>,
}

impl TestCard {
    const fn new(number: &'static str, meaning: &'static str, state: PaymentState) -> Self {
        Self { number, meaning, state, outcome: None, dispute: None }
    }

    /// A card that is decided after the delay.
    const fn pending(number: &'static str, meaning: &'static str, outcome: PaymentState) -> Self {
        Self { outcome: Some(outcome), ..Self::new(number, meaning, PaymentState::Processing) }
    }

    /// A card that is paid, and then the customer wants his money back from his bank.
    const fn disputed(number: &'static str, meaning: &'static str, outcome: DisputeState) -> Self {
        Self { dispute: Some(outcome), ..Self::new(number, meaning, PaymentState::Paid) }
    }

    /// How many steps follow, each after the delay.
    const fn steps(self) -> u32 {
        match (self.outcome, self.dispute) {
            (_, Some(_)) => 2,
            (Some(_), None) => 1,
            (None, None) => 0,
        }
    }
}

/// The cards that the payment page takes.
pub const TEST_CARDS: [TestCard; 6] = [
    TestCard::new("4242 4242 4242 4242", "is paid", PaymentState::Paid),
    TestCard::new("4000 0000 0000 0002", "is declined", PaymentState::Failed),
    TestCard::pending("4000 0000 0000 3220", "is pending, then paid", PaymentState::Paid),
    TestCard::pending("4000 0000 0000 9995", "is pending, then declined", PaymentState::Failed),
    TestCard::disputed("4000 0000 0000 0259", "is paid, later disputed and lost", DisputeState::Lost),
    TestCard::disputed("4000 0000 0000 2685", "is paid, later disputed and won", DisputeState::Won),
];

/// A checkout as the payment page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    pub account_id: AccountId,
    pub payment_id: PaymentId,
    pub amount: Money,
    pub description: String,
    pub state: PaymentState,
    pub refunded_minor_units: i64,
    pub dispute: Option<Dispute>,
    /// How often it has changed.
    pub changes: i64,
}

#[derive(db::FromRow, serde::Deserialize)]
struct CheckoutRow {
    account_id: String,
    payment_id: String,
    minor_units: i64,
    currency: String,
    state: String,
    refunded_minor_units: i64,
    dispute_state: Option<String>,
    changes: i64,
    description: String,
}

impl CheckoutRow {
    fn read(self) -> Result<Checkout> {
        // Nothing is refunded while a dispute is open or lost, so it is about what was not refunded before.
        let disputed = self.minor_units - self.refunded_minor_units;
        Ok(Checkout {
            amount: read_money(self.minor_units, &self.currency)?,
            state: read_state(&self.state)?,
            refunded_minor_units: self.refunded_minor_units,
            dispute: read_dispute(self.dispute_state.as_deref(), disputed)?,
            changes: self.changes,
            description: self.description,
            account_id: AccountId::from_row(self.account_id),
            payment_id: PaymentId::from_row(self.payment_id),
        })
    }
}

const INSERT_CHECKOUT: &str = "
INSERT INTO local_checkouts (account_id, payment_id, minor_units, currency, state, created_at, description)
VALUES ($1, $2, $3, $4, 'open', $5, $6)
ON CONFLICT (account_id, payment_id) DO NOTHING";

/// Opens a checkout, once for each payment; returns the address of the payment page. The page asks for no sign-in: it
/// opens for whoever has the address, which cannot be guessed, and it can only give money.
pub async fn create_checkout(server: &Server, account_id: &AccountId, payment: &Payment) -> Result<String> {
    let Payment { id, amount, created_at, .. } = payment;
    let row = args![
        account_id.as_str(),
        id.as_str(),
        amount.minor_units,
        amount.currency.code(),
        created_at.us(),
        payments::description(server, payment),
    ];
    server.db.execute(INSERT_CHECKOUT, row).await?;
    Ok(format!("{}/pay/{id}", server.config.public_url()))
}

const SELECT_CHECKOUT: &str = "
SELECT account_id, payment_id, minor_units, currency, state, refunded_minor_units, dispute_state, changes,
       description
FROM local_checkouts
WHERE payment_id = $1";

/// The checkout of a payment, for the payment page.
///
/// # Errors
/// 404 when there is none.
pub async fn checkout(server: &Server, payment_id: &PaymentId) -> Result<Checkout> {
    let row: Option<CheckoutRow> = server.db.optional(SELECT_CHECKOUT, args![payment_id.as_str()]).await?;
    row.ok_or_else(no_such_checkout)?.read()
}

fn no_such_checkout() -> Problem {
    Problem::with_detail(ProblemCode::NotFound, "there is no payment at this address")
}

/// Where a payment stands, for the product; `None` while the checkout is unknown.
pub async fn fetch_checkout(server: &Server, account_id: &AccountId, payment_id: &PaymentId) -> Result<Option<Report>> {
    let row: Option<CheckoutRow> = server.db.optional(SELECT_CHECKOUT, args![payment_id.as_str()]).await?;
    let checkout = row.map(CheckoutRow::read).transpose()?.filter(|checkout| checkout.account_id == *account_id);
    Ok(checkout.map(|Checkout { payment_id, amount, state, refunded_minor_units, dispute, .. }| Report {
        payment_id,
        state,
        amount: Some(amount),
        refunded_minor_units,
        dispute,
    }))
}

const UPDATE_CHECKOUT: &str = "
UPDATE local_checkouts
SET state = $2, outcome = $3, dispute_outcome = $4, resolves_at = $5, changes = changes + 1
WHERE payment_id = $1 AND state = 'open'";

/// Takes a card and tells what became of it, now and, where it is pending, after the delay.
///
/// A checkout that is finished already stays as it is: pressing the button twice pays once.
///
/// # Errors
/// As [`submit_card_untold`].
pub async fn submit_card(server: &Arc<Server>, payment_id: &PaymentId, card_number: &str) -> Result<()> {
    let Some(card) = submit_card_untold(server, payment_id, card_number).await? else {
        return Ok(());
    };
    delivery::tell_soon(server, payment_id).await;
    if card.steps() > 0 {
        tokio::spawn(later::resolve(Arc::clone(server), payment_id.clone(), card.steps()));
    }
    Ok(())
}

/// Takes a card and sends no webhook, for a process that does not listen: the sweeper of the next one tells it. Nothing
/// of the card is stored or logged. `None` when the checkout was finished already.
///
/// # Errors
/// 404 when there is no such checkout, 422 for `card_number` when it is none of the [`TEST_CARDS`].
pub async fn submit_card_untold(
    server: &Server,
    payment_id: &PaymentId,
    card_number: &str,
) -> Result<Option<TestCard>> {
    checkout(server, payment_id).await?;
    let card = find_card(card_number)?;
    let resolves_at = (card.steps() > 0).then(|| server.now().plus_us(delay_us(server)).us());
    let (outcome, dispute) = (card.outcome.map(PaymentState::as_str), card.dispute.map(DisputeState::as_str));
    let row = args![payment_id.as_str(), card.state.as_str(), outcome, dispute, resolves_at];
    let is_taken = server.db.execute(UPDATE_CHECKOUT, row).await? == 1;
    Ok(is_taken.then_some(card))
}

fn delay_us(server: &Server) -> i64 {
    i64::try_from(server.config.local_gateway_delay_ms).unwrap_or(i64::MAX).saturating_mul(1_000)
}

fn find_card(card_number: &str) -> std::result::Result<TestCard, FieldError> {
    let digits = card_digits(card_number)?;
    TEST_CARDS.into_iter().find(|card| card_digits(card.number) == Ok(digits.clone())).ok_or_else(not_a_test_card)
}

/// The digits of a card's number, however they are grouped.
fn card_digits(card_number: &str) -> std::result::Result<String, FieldError> {
    let is_separator = |character: &char| character.is_whitespace() || *character == '-';
    let digits: String = card_number.chars().filter(|character| !is_separator(character)).collect();
    if digits.is_empty() { Err(FieldError::new("card_number", "enter the card number")) } else { Ok(digits) }
}

fn not_a_test_card() -> FieldError {
    FieldError::new("card_number", "this page takes only the test cards that are listed below")
}

/// Takes notice that the customer went back without paying.
///
/// # Errors
/// 404 when there is no such checkout.
pub async fn cancel(server: &Arc<Server>, payment_id: &PaymentId) -> Result<()> {
    checkout(server, payment_id).await?;
    let (no_outcome, never): (Option<&str>, Option<i64>) = (None, None);
    let row = args![payment_id.as_str(), PaymentState::Cancelled.as_str(), no_outcome, no_outcome, never];
    if server.db.execute(UPDATE_CHECKOUT, row).await? == 1 {
        delivery::tell_soon(server, payment_id).await;
    }
    Ok(())
}

const CLOSE_CHECKOUT: &str = "
UPDATE local_checkouts SET state = 'cancelled', changes = changes + 1
WHERE account_id = $1 AND payment_id = $2 AND state = 'open'";

/// Closes the page of a checkout that is not paid.
pub async fn close_checkout(server: &Server, account_id: &AccountId, payment_id: &PaymentId) -> Result<()> {
    server.db.execute(CLOSE_CHECKOUT, args![account_id.as_str(), payment_id.as_str()]).await?;
    Ok(())
}

/// Nothing is given back of what the customer's bank has taken.
const REFUND: &str = "
UPDATE local_checkouts SET refunded_minor_units = $4, changes = changes + 1
WHERE account_id = $1 AND payment_id = $2 AND refunded_minor_units = $3 AND $4 <= minor_units
  AND state = 'paid' AND (dispute_state IS NULL OR dispute_state = 'won')";

/// Gives money back, beside what `payment` says was given back already. Asked twice with the same payment, it gives once.
///
/// # Errors
/// 404 when there is no such checkout, 409 when it is not paid, was given back otherwise, or is disputed.
pub async fn refund(server: &Server, account_id: &AccountId, payment: &Payment, minor_units: i64) -> Result<()> {
    let (before, after) = (payment.refunded_minor_units, payment.refunded_minor_units.saturating_add(minor_units));
    let row = args![account_id.as_str(), payment.id.as_str(), before, after];
    let is_given = server.db.execute(REFUND, row).await? == 1;
    if is_given || checkout(server, &payment.id).await?.refunded_minor_units == after {
        return Ok(());
    }
    let detail = "the gateway gives this amount back only of what is paid, not disputed and not given back before";
    Err(Problem::with_detail(ProblemCode::Conflict, detail).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_read_with_and_without_spaces() {
        for number in ["4242424242424242", " 4242 4242 4242 4242 ", "4242-4242-4242-4242"] {
            assert_eq!(find_card(number).map(|card| card.state), Ok(PaymentState::Paid), "{number}");
        }
        for number in ["", "4242", "4242 4242 4242 4241", "x"] {
            assert!(find_card(number).is_err(), "{number}");
        }
    }
}
