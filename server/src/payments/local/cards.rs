//! The built-in gateway's saved cards: a page on which a test card is saved, and charges of it with nobody present.
//!
//! As with its checkouts this is the memory of a foreign company: nothing else reads these tables. Of a card it keeps the
//! last four digits, which say what a test card does.

use super::{card_digits, delay_us, fetch_checkout, later, not_a_test_card};
use crate::db::FromRow;
use crate::error::{Error, Result};
use crate::payments::cards::{self, SavedCard, SetupPage, SetupReport};
use crate::payments::{OPEN_US_MAX, gateway::Report};
use crate::{Server, args};
use domain::field::FieldError;
use domain::id::{AccountId, CardSetupId};
use domain::payment::{Payment, PaymentState};
use domain::problem::{Problem, ProblemCode};
use domain::top_up::CardSetupState;
use std::sync::Arc;

/// What a test card does when it is saved and when it is charged later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedTestCard {
    pub number: &'static str,
    /// What the page says about it.
    pub meaning: &'static str,
    pub is_saved: bool,
    /// What a payment is right after the charge.
    pub state: PaymentState,
    /// What it becomes after the delay, where it is pending.
    pub outcome: Option<PaymentState>,
}

/// The cards that the page takes.
pub const SAVED_TEST_CARDS: [SavedTestCard; 5] = {
    use PaymentState::{Failed, Paid, Processing};
    const fn card(
        number: &'static str,
        meaning: &'static str,
        is_saved: bool,
        state: PaymentState,
        outcome: Option<PaymentState>,
    ) -> SavedTestCard {
        SavedTestCard { number, meaning, is_saved, state, outcome }
    }
    [
        card("4242 4242 4242 4242", "is saved, and pays", true, Paid, None),
        card("4000 0000 0000 0002", "is declined, and not saved", false, Failed, None),
        card("4000 0000 0000 0341", "is saved, and declined when it is charged", true, Failed, None),
        card("4000 0000 0000 3220", "is saved; a charge is pending, then paid", true, Processing, Some(Paid)),
        card("4000 0000 0000 9995", "is saved; a charge is pending, then declined", true, Processing, Some(Failed)),
    ]
};

fn ending(number: &str) -> &str {
    number.get(number.len().saturating_sub(4)..).unwrap_or(number)
}

fn label(ending: &str) -> String {
    format!("Test card ending in {ending}")
}

const INSERT_SETUP: &str = "
INSERT INTO local_card_setups (account_id, setup_id, state, created_at) VALUES ($1, $2, 'open', $3)";

/// Opens the page on which a card is saved.
pub async fn create_setup(server: &Server, account_id: &AccountId, setup_id: &CardSetupId) -> Result<SetupPage> {
    server.db.execute(INSERT_SETUP, args![account_id.as_str(), setup_id.as_str(), server.now().us()]).await?;
    let url = format!("{}/pay/cards/{setup_id}", server.config.public_url());
    Ok(SetupPage { url, gateway_setup_id: None })
}

#[derive(FromRow, serde::Deserialize)]
struct SetupRow {
    account_id: String,
    state: String,
    ending: Option<String>,
    created_at: i64,
}

const SELECT_SETUP: &str = "
SELECT account_id, state, ending, created_at FROM local_card_setups WHERE setup_id = $1";

async fn find(server: &Server, setup_id: &CardSetupId) -> Result<Option<(SetupRow, CardSetupState)>> {
    let row: Option<SetupRow> = server.db.optional(SELECT_SETUP, args![setup_id.as_str()]).await?;
    let Some(row) = row else { return Ok(None) };
    let state = CardSetupState::parse(&row.state).ok_or_else(|| Error::internal("a stored state is unknown"))?;
    let is_too_old = server.now().us() - row.created_at >= OPEN_US_MAX;
    let state = if state == CardSetupState::Open && is_too_old { CardSetupState::Expired } else { state };
    Ok(Some((row, state)))
}

/// Where an attempt stands, for its page.
///
/// # Errors
/// 404 when there is none.
pub async fn setup_state(server: &Server, setup_id: &CardSetupId) -> Result<CardSetupState> {
    let found = find(server, setup_id).await?.map(|(_, state)| state);
    let nothing = || Problem::with_detail(ProblemCode::NotFound, "there is no page at this address");
    found.ok_or_else(|| nothing().into())
}

/// Where an attempt stands, for the product; `None` while it is unknown.
pub async fn fetch_setup(
    server: &Server,
    account_id: &AccountId,
    setup_id: &CardSetupId,
) -> Result<Option<SetupReport>> {
    let found = find(server, setup_id).await?.filter(|(row, _)| row.account_id == account_id.as_str());
    Ok(found.map(|(row, state)| {
        let card =
            |ending: String| SavedCard { customer: account_id.to_string(), label: label(&ending), method: ending };
        SetupReport { state, card: row.ending.filter(|_| state == CardSetupState::Saved).map(card) }
    }))
}

const END_SETUP: &str = "
UPDATE local_card_setups SET state = $2, ending = $3 WHERE setup_id = $1 AND state = 'open'";

/// Takes a card, or the wish to go back where there is none. An attempt that has ended stays as it is.
///
/// # Errors
/// 404 when there is no such attempt, 422 for `card_number` when it is none of the [`SAVED_TEST_CARDS`].
pub async fn end_setup(server: &Server, setup_id: &CardSetupId, card_number: Option<&str>) -> Result<()> {
    if setup_state(server, setup_id).await? != CardSetupState::Open {
        return Ok(());
    }
    let (state, ending) = match card_number {
        None => (CardSetupState::Cancelled, None),
        Some(number) => match find_card(number)? {
            card if card.is_saved => (CardSetupState::Saved, Some(ending(card.number))),
            _ => (CardSetupState::Refused, None),
        },
    };
    server.db.execute(END_SETUP, args![setup_id.as_str(), state.as_str(), ending]).await?;
    Ok(())
}

fn find_card(number: &str) -> std::result::Result<SavedTestCard, FieldError> {
    let digits = card_digits(number)?;
    let card = SAVED_TEST_CARDS.into_iter().find(|card| card_digits(card.number) == Ok(digits.clone()));
    card.ok_or_else(not_a_test_card)
}

/// Where the page sends the customer when it is done with him.
#[must_use]
pub fn return_url(server: &Server, setup_id: &CardSetupId) -> String {
    cards::return_url(server, setup_id)
}

const INSERT_CHARGE: &str = "
INSERT INTO local_checkouts
    (account_id, payment_id, minor_units, currency, state, outcome, resolves_at, created_at, changes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
ON CONFLICT (account_id, payment_id) DO NOTHING";

/// Charges a saved card. Asked again for the same payment it says what became of it, and charges nothing more.
pub async fn charge(
    server: &Arc<Server>,
    account_id: &AccountId,
    payment: &Payment,
    saved: &SavedCard,
) -> Result<Report> {
    let known = SAVED_TEST_CARDS.into_iter().find(|card| ending(card.number) == saved.method);
    let card = known.ok_or_else(|| Error::internal("the built-in gateway does not know this card"))?;
    let now = server.now();
    let row = args![
        account_id.as_str(),
        payment.id.as_str(),
        payment.amount.minor_units,
        payment.amount.currency.code(),
        card.state.as_str(),
        card.outcome.map(PaymentState::as_str),
        card.outcome.map(|_| now.plus_us(delay_us(server)).us()),
        now.us(),
    ];
    if server.db.execute(INSERT_CHARGE, row).await? == 1 && card.outcome.is_some() {
        tokio::spawn(later::resolve(Arc::clone(server), payment.id.clone(), 1));
    }
    let report = fetch_checkout(server, account_id, &payment.id).await?;
    report.ok_or_else(|| Error::internal("the charge that was just made is not there"))
}
