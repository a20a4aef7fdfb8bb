//! The card that an account saved, for payments that nobody is present for.
//!
//! It is saved on the gateway's own page; what is kept here is the gateway's name for it and what people know it by. As
//! with payments the row of the attempt exists before the gateway hears of it, and what became of it is what the gateway
//! says when it is asked: on the customer's return, or by the sweeper.

use crate::db::{FromRow, Tx};
use crate::error::{Error, Result};
use crate::payments::gateway::Gateway;
use crate::payments::{ASK_AFTER_US, OPEN_US_MAX, fulfil, top_up};
use crate::{Server, args};
use domain::account::Viewer;
use domain::id::{AccountId, CardSetupId};
use domain::payment::Payment;
use domain::problem::Problem;
use domain::top_up::CardSetupState;
use std::sync::Arc;

/// A saved card, in the gateway's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCard {
    pub customer: String,
    pub method: String,
    /// `Visa ending in 4242`.
    pub label: String,
}

/// What a gateway says about an attempt to save a card; a card where it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupReport {
    pub state: CardSetupState,
    pub card: Option<SavedCard>,
}

/// An attempt, with what the gateway calls it.
#[derive(Clone, Debug)]
pub struct CardSetup {
    pub id: CardSetupId,
    pub gateway_setup_id: Option<String>,
}

#[derive(FromRow, serde::Deserialize)]
struct SetupRow {
    account_id: String,
    id: String,
    gateway_setup_id: Option<String>,
    state: String,
    created_at: i64,
}

impl SetupRow {
    fn state(&self) -> Result<CardSetupState> {
        CardSetupState::parse(&self.state).ok_or_else(|| Error::internal("a stored state of a card is unknown"))
    }

    fn read(self) -> CardSetup {
        CardSetup { id: CardSetupId::from_row(self.id), gateway_setup_id: self.gateway_setup_id }
    }
}

const INSERT_SETUP: &str = "
INSERT INTO card_setups (account_id, id, user_id, gateway, state, created_at, checked_at)
VALUES ($1, $2, $3, $4, 'open', $5, $5)";

const UPDATE_GATEWAY_ID: &str = "
UPDATE card_setups SET gateway_setup_id = $3 WHERE account_id = $1 AND id = $2";

/// Begins to save a card; returns the address of the gateway's page.
///
/// # Errors
/// 503 when the gateway cannot be reached.
pub async fn begin(server: &Server, viewer: &Viewer) -> Result<String> {
    let gateway = Gateway::of(server);
    let now = server.now();
    let id = CardSetupId::new(now, server.id_bytes());
    let account_id = viewer.account_id.as_str();
    let row = args![account_id, id.as_str(), viewer.user_id.as_str(), gateway.name(), now.us()];
    server.db.execute(INSERT_SETUP, row).await?;
    let page = gateway.create_card_setup(server, viewer, &id).await?;
    server.db.execute(UPDATE_GATEWAY_ID, args![account_id, id.as_str(), page.gateway_setup_id]).await?;
    Ok(page.url)
}

/// The page of a gateway on which a card is saved.
pub struct SetupPage {
    pub url: String,
    pub gateway_setup_id: Option<String>,
}

/// Where the gateway sends the customer when it is done with him.
#[must_use]
pub fn return_url(server: &Server, setup_id: &CardSetupId) -> String {
    format!("{}/settings/auto-top-up?card={setup_id}", server.config.public_url())
}

const SELECT_SETUP: &str = "
SELECT account_id, id, gateway_setup_id, state, created_at FROM card_setups WHERE account_id = $1 AND id = $2";

/// What became of an attempt, for the customer who comes back from the gateway's page.
///
/// # Errors
/// 404 when the account has no such attempt.
pub async fn verify_return(server: &Server, viewer: &Viewer, setup_id: &CardSetupId) -> Result<CardSetupState> {
    let key = args![viewer.account_id.as_str(), setup_id.as_str()];
    let row: Option<SetupRow> = server.db.optional(SELECT_SETUP, key).await?;
    let row = row.ok_or_else(|| Problem::not_found("card"))?;
    match row.state()? {
        CardSetupState::Open => ask(server, row).await,
        state => Ok(state),
    }
}

/// Asks the gateway about an open attempt and acts on the answer.
async fn ask(server: &Server, row: SetupRow) -> Result<CardSetupState> {
    let account_id = AccountId::from_row(row.account_id.clone());
    let is_too_old = server.now().us() - row.created_at >= OPEN_US_MAX;
    let setup = row.read();
    let report = Gateway::of(server).fetch_card_setup(server, &account_id, &setup).await?;
    let report = match report {
        None if is_too_old => SetupReport { state: CardSetupState::Expired, card: None },
        None => return Ok(CardSetupState::Open),
        Some(report) => report,
    };
    finish(server, &account_id, &setup.id, report).await
}

const END_SETUP: &str = "
UPDATE card_setups SET state = $3 WHERE account_id = $1 AND id = $2 AND state = 'open'";

const SAVE_CARD: &str = "
INSERT INTO saved_cards (account_id, gateway, customer, method, label, saved_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id) DO UPDATE
SET gateway = excluded.gateway, customer = excluded.customer, method = excluded.method,
    label = excluded.label, saved_at = excluded.saved_at";

/// Ends an attempt as the gateway says. A card that was saved takes the place of the one before it, once: an attempt
/// that has ended changes nothing any more.
async fn finish(
    server: &Server,
    account_id: &AccountId,
    setup_id: &CardSetupId,
    report: SetupReport,
) -> Result<CardSetupState> {
    if report.state == CardSetupState::Open {
        return Ok(report.state);
    }
    let mut tx = server.db.begin().await?;
    let ended = tx.execute(END_SETUP, args![account_id.as_str(), setup_id.as_str(), report.state.as_str()]).await?;
    if let Some(card) = report.card.filter(|_| ended == 1) {
        let (gateway, now) = (Gateway::of(server).name(), server.now().us());
        let row = args![account_id.as_str(), gateway, card.customer, card.method, card.label, now];
        tx.execute(SAVE_CARD, row).await?;
    }
    tx.commit().await?;
    server.live.changed(account_id);
    tracing::info!(%account_id, %setup_id, state = report.state.as_str(), "a card was to be saved");
    Ok(report.state)
}

const SELECT_CARD: &str = "
SELECT customer, method, label FROM saved_cards WHERE account_id = $1 AND gateway = $2";

/// The saved card of an account at the gateway of this installation.
pub async fn saved(server: &Server, account_id: &AccountId) -> Result<Option<SavedCard>> {
    let key = args![account_id.as_str(), Gateway::of(server).name()];
    let row: Option<(String, String, String)> = server.db.optional(SELECT_CARD, key).await?;
    Ok(row.map(|(customer, method, label)| SavedCard { customer, method, label }))
}

const DELETE_CARD: &str = "DELETE FROM saved_cards WHERE account_id = $1";

/// Forgets the saved card. Auto top-up has nothing to pay with then, and is switched off.
pub async fn remove(server: &Server, viewer: &Viewer) -> Result<()> {
    let mut tx: Tx = server.db.begin().await?;
    tx.execute(DELETE_CARD, args![viewer.account_id.as_str()]).await?;
    top_up::switch_off(&mut tx, &viewer.account_id, server.now()).await?;
    tx.commit().await?;
    server.live.changed(&viewer.account_id);
    tracing::info!(account_id = %viewer.account_id, "a saved card was removed");
    Ok(())
}

/// Charges a saved card for a payment whose row is there. A gateway that is asked twice for the same payment charges once,
/// so that this may be repeated after an answer that was lost.
pub(crate) async fn charge(
    server: &Arc<Server>,
    account_id: &AccountId,
    payment: &Payment,
    card: &SavedCard,
) -> Result<()> {
    let report = Gateway::of(server).charge_card(server, account_id, payment, card).await?;
    fulfil(server, &report).await?;
    Ok(())
}

/// Charges again for a payment of which the gateway knows nothing: the process stopped, or the gateway could not be
/// reached, between the payment's row and the charge.
pub(super) async fn charge_again(server: &Arc<Server>, account_id: &AccountId, payment: &Payment) -> Result<()> {
    match saved(server, account_id).await? {
        Some(card) => charge(server, account_id, payment, &card).await,
        None => Ok(()),
    }
}

const SELECT_OPEN: &str = "
SELECT account_id, id, gateway_setup_id, state, created_at
FROM card_setups
WHERE state = 'open' AND checked_at <= $1
ORDER BY checked_at
LIMIT 50";

const MARK_CHECKED: &str = "UPDATE card_setups SET checked_at = $3 WHERE account_id = $1 AND id = $2";

/// Asks the gateway about the attempts from which nobody came back.
///
/// # Errors
/// When the database fails.
pub(super) async fn sweep(server: &Server) -> Result<()> {
    let now = server.now();
    let open: Vec<SetupRow> = server.db.all(SELECT_OPEN, args![now.plus_us(-ASK_AFTER_US).us()]).await?;
    for row in open {
        let (account_id, id) = (row.account_id.clone(), row.id.clone());
        if let Err(error) = ask(server, row).await {
            tracing::warn!(%error, account_id, setup_id = id, "the gateway could not be asked about a card");
        }
        server.db.execute(MARK_CHECKED, args![account_id, id, now.us()]).await?;
    }
    Ok(())
}
