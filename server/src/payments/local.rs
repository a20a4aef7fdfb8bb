//! The built-in gateway: a payment page with test cards, and signed webhooks, so that the whole path from "Add balance"
//! to the credit is real on a machine without the internet.
//!
//! It behaves as a foreign company would. It keeps its own table, which nothing else reads; it learns of a payment only
//! through [`create_checkout`]; and it tells an outcome only through a webhook and [`fetch_checkout`]. It takes no money,
//! so the configuration refuses it on a public address.

use crate::error::{Error, Result};
use crate::payments::gateway::Report;
use crate::payments::{OPEN_US_MAX, delivery, read_money, read_state};
use crate::{Server, args, db};
use domain::clock::Timestamp;
use domain::field::FieldError;
use domain::id::{AccountId, PaymentId};
use domain::money::{Currency, Money};
use domain::payment::{Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

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
}

/// The cards that the payment page takes.
pub const TEST_CARDS: [TestCard; 4] = [
    TestCard { number: "4242 4242 4242 4242", meaning: "is paid", state: PaymentState::Paid, outcome: None },
    TestCard { number: "4000 0000 0000 0002", meaning: "is declined", state: PaymentState::Failed, outcome: None },
    TestCard {
        number: "4000 0000 0000 3220",
        meaning: "is pending, then paid",
        state: PaymentState::Processing,
        outcome: Some(PaymentState::Paid),
    },
    TestCard {
        number: "4000 0000 0000 9995",
        meaning: "is pending, then declined",
        state: PaymentState::Processing,
        outcome: Some(PaymentState::Failed),
    },
];

/// A checkout as the payment page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    pub account_id: AccountId,
    pub payment_id: PaymentId,
    pub amount: Money,
    pub state: PaymentState,
}

#[derive(db::FromRow)]
struct CheckoutRow {
    account_id: String,
    payment_id: String,
    minor_units: i64,
    currency: String,
    state: String,
}

impl CheckoutRow {
    fn read(self) -> Result<Checkout> {
        Ok(Checkout {
            amount: read_money(self.minor_units, &self.currency)?,
            state: read_state(&self.state)?,
            account_id: AccountId::from_row(self.account_id),
            payment_id: PaymentId::from_row(self.payment_id),
        })
    }
}

const INSERT_CHECKOUT: &str = "
INSERT INTO local_checkouts (account_id, payment_id, minor_units, currency, state, created_at, told_state)
VALUES ($1, $2, $3, $4, 'open', $5, 'open')";

/// Opens a checkout; returns the address of the payment page. The page asks for no sign-in: it opens for whoever has
/// the address, which cannot be guessed, and it can only give money.
pub async fn create_checkout(server: &Server, account_id: &AccountId, payment: &Payment) -> Result<String> {
    let Payment { id, amount, created_at, .. } = payment;
    let row = args![account_id.as_str(), id.as_str(), amount.minor_units, amount.currency.code(), created_at.us()];
    server.db.execute(INSERT_CHECKOUT, row).await?;
    Ok(format!("{}/pay/{id}", server.config.public_url()))
}

const SELECT_CHECKOUT: &str = "
SELECT account_id, payment_id, minor_units, currency, state FROM local_checkouts WHERE payment_id = $1";

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
    Ok(checkout.map(|Checkout { payment_id, amount, state, .. }| Report { payment_id, state, amount: Some(amount) }))
}

/// Where the payment page sends the customer when it is done with him.
#[must_use]
pub fn return_url(server: &Server, payment_id: &PaymentId) -> String {
    format!("{}/settings?payment={payment_id}", server.config.public_url())
}

const UPDATE_CHECKOUT: &str = "
UPDATE local_checkouts SET state = $2, outcome = $3, resolves_at = $4
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
    if card.outcome.is_some() {
        let due = server.now().plus_us(delay_us(server));
        tokio::spawn(resolve_later(Arc::clone(server), payment_id.clone(), due));
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
    let resolves_at = card.outcome.map(|_| server.now().plus_us(delay_us(server)).us());
    let outcome = card.outcome.map(PaymentState::as_str);
    let row = args![payment_id.as_str(), card.state.as_str(), outcome, resolves_at];
    let is_taken = server.db.execute(UPDATE_CHECKOUT, row).await? == 1;
    Ok(is_taken.then_some(card))
}

pub(super) fn delay_us(server: &Server) -> i64 {
    i64::try_from(server.config.local_gateway_delay_ms).unwrap_or(i64::MAX).saturating_mul(1_000)
}

fn find_card(card_number: &str) -> std::result::Result<TestCard, FieldError> {
    let digits = card_digits(card_number)?;
    TEST_CARDS.into_iter().find(|card| card_digits(card.number) == Ok(digits.clone())).ok_or_else(not_a_test_card)
}

/// The digits of a card's number, however they are grouped.
pub(super) fn card_digits(card_number: &str) -> std::result::Result<String, FieldError> {
    let is_separator = |character: &char| character.is_whitespace() || *character == '-';
    let digits: String = card_number.chars().filter(|character| !is_separator(character)).collect();
    if digits.is_empty() { Err(FieldError::new("card_number", "enter the card number")) } else { Ok(digits) }
}

pub(super) fn not_a_test_card() -> FieldError {
    FieldError::new("card_number", "this page takes only the test cards that are listed below")
}

/// Takes notice that the customer went back without paying.
///
/// # Errors
/// 404 when there is no such checkout.
pub async fn cancel(server: &Arc<Server>, payment_id: &PaymentId) -> Result<()> {
    checkout(server, payment_id).await?;
    let nothing: Option<i64> = None;
    let no_outcome: Option<String> = None;
    let row = args![payment_id.as_str(), PaymentState::Cancelled.as_str(), no_outcome, nothing];
    if server.db.execute(UPDATE_CHECKOUT, row).await? == 1 {
        delivery::tell_soon(server, payment_id).await;
    }
    Ok(())
}

const RESOLVE_DUE: &str = "
UPDATE local_checkouts SET state = outcome
WHERE state = 'processing' AND resolves_at <= $1 AND outcome IS NOT NULL";

/// How often, and in which steps, a card is waited for that is not yet due; after that [`sweep`] decides it.
const DUE_LOOKS_MAX: u32 = 200;
const DUE_PAUSE: Duration = Duration::from_millis(50);

/// Waits until a pending card is decided and tells it. When the process stops before, [`sweep`] does the same.
///
/// It is due by the clock of the server, which need not run like the one that wakes this task.
pub(super) async fn resolve_later(server: Arc<Server>, payment_id: PaymentId, due: Timestamp) {
    tokio::time::sleep(Duration::from_millis(server.config.local_gateway_delay_ms)).await;
    for _ in 0..DUE_LOOKS_MAX {
        if server.now() >= due {
            break;
        }
        tokio::time::sleep(DUE_PAUSE).await;
    }
    match server.db.execute(RESOLVE_DUE, args![server.now().us()]).await {
        Ok(_) => delivery::tell_soon(&server, &payment_id).await,
        Err(error) => tracing::error!(%error, %payment_id, "a pending card could not be decided"),
    }
}

const EXPIRE_OPEN: &str = "
UPDATE local_checkouts SET state = 'expired' WHERE state = 'open' AND created_at <= $1";

const SELECT_UNTOLD: &str =
    "SELECT payment_id FROM local_checkouts WHERE told_state <> state ORDER BY payment_id LIMIT 50";

/// Decides pending cards that are due, lets checkouts expire, and tells what has not been told.
///
/// # Errors
/// When the database fails. A webhook that is not taken is no error: the next round sends it again.
pub async fn sweep(server: &Server) -> Result<()> {
    let now = server.now();
    server.db.execute(RESOLVE_DUE, args![now.us()]).await?;
    server.db.execute(EXPIRE_OPEN, args![now.plus_us(-OPEN_US_MAX).us()]).await?;
    let untold: Vec<(String,)> = server.db.all(SELECT_UNTOLD, args![]).await?;
    for (payment_id,) in untold {
        let payment_id = PaymentId::from_row(payment_id);
        if let Err(error) = delivery::tell(server, &payment_id).await {
            tracing::warn!(%error, %payment_id, "a webhook was not taken");
        }
    }
    Ok(())
}

const MARK_TOLD: &str = "UPDATE local_checkouts SET told_state = $2 WHERE payment_id = $1";

/// Remembers that a webhook told a state and was taken.
pub(super) async fn mark_told(server: &Server, payment_id: &PaymentId, state: PaymentState) -> Result<()> {
    server.db.execute(MARK_TOLD, args![payment_id.as_str(), state.as_str()]).await?;
    Ok(())
}

/// The body of a webhook, in the shape of Stripe's events.
#[derive(Serialize, Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    /// Seconds since the epoch.
    created: i64,
    data: EventData,
}

#[derive(Serialize, Deserialize)]
struct EventData {
    object: EventObject,
}

#[derive(Serialize, Deserialize)]
struct EventObject {
    client_reference_id: String,
    amount_total: i64,
    currency: String,
}

const EVENT_KINDS: [(&str, PaymentState); 5] = [
    ("checkout.session.processing", PaymentState::Processing),
    ("checkout.session.paid", PaymentState::Paid),
    ("checkout.session.failed", PaymentState::Failed),
    ("checkout.session.cancelled", PaymentState::Cancelled),
    ("checkout.session.expired", PaymentState::Expired),
];

/// The webhook that tells the state of a checkout; `None` for an open one, of which there is nothing to tell. The same
/// state gives the same event id every time, as a repeated delivery should.
pub fn event_body(checkout: &Checkout, now: Timestamp) -> Result<Option<String>> {
    let Some((kind, _)) = EVENT_KINDS.into_iter().find(|(_, state)| *state == checkout.state) else {
        return Ok(None);
    };
    let event = Event {
        id: format!("evt_{}_{}", checkout.payment_id, checkout.state.as_str()),
        kind: kind.to_owned(),
        created: now.us().div_euclid(domain::clock::SECOND_US),
        data: EventData {
            object: EventObject {
                client_reference_id: checkout.payment_id.to_string(),
                amount_total: checkout.amount.minor_units,
                currency: checkout.amount.currency.code().to_lowercase(),
            },
        },
    };
    serde_json::to_string(&event).map(Some).map_err(Error::internal)
}

/// Reads a body whose signature was checked. Only `verify_webhook` may call this.
///
/// # Errors
/// 400 when it is not an event.
pub(super) fn read_event(body: &[u8]) -> Result<(String, Option<Report>)> {
    let malformed = |detail: &str| Problem::with_detail(ProblemCode::MalformedRequest, detail);
    let event: Event = serde_json::from_slice(body).map_err(|_| malformed("the body is not an event"))?;
    let Some((_, state)) = EVENT_KINDS.into_iter().find(|(kind, _)| *kind == event.kind) else {
        return Ok((event.id, None));
    };
    let EventObject { client_reference_id, amount_total, currency } = event.data.object;
    let payment_id = PaymentId::parse(&client_reference_id).ok_or_else(|| malformed("the event names no payment"))?;
    let currency = Currency::parse(&currency).ok_or_else(|| malformed("the event names no known currency"))?;
    let amount = Some(Money { minor_units: amount_total, currency });
    Ok((event.id, Some(Report { payment_id, state, amount })))
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

    #[test]
    fn every_state_but_open_is_told_and_reads_back_as_itself() {
        for state in PaymentState::ALL {
            let checkout = Checkout {
                account_id: AccountId::from_row("acct_1".into()),
                payment_id: PaymentId::new(Timestamp::from_us(1), [1; 8]),
                amount: Money { minor_units: 2_500, currency: Currency::Usd },
                state,
            };
            let body = event_body(&checkout, Timestamp::from_us(0)).expect("serialisable");
            let report = body.map(|body| read_event(body.as_bytes()).expect("reads back").1.expect("concerns us"));
            assert_eq!(report.map(|report| report.state), (state != PaymentState::Open).then_some(state));
        }
    }
}
