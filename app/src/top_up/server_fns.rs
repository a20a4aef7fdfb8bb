//! What the page of auto top-up reads and changes.

use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    super::fields,
    crate::components::refused_before,
    crate::server_fns::{is_plain_form, own_path, require_viewer, server},
    domain::id::CardSetupId,
    domain::problem::Problem,
    domain::top_up::TopUpRules,
    leptos::server_fn::ServerFn,
    server::payments::{cards, top_up},
};

/// Auto top-up as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUpView {
    /// What it does and what became of the card that was to be saved, as HTML.
    pub state: String,
    pub card: Option<String>,
    /// The fields of the rules, as HTML.
    pub fields: String,
}

/// Reads auto top-up. With an attempt to save a card, the gateway is asked what became of it first.
#[server(prefix = "/rpc", endpoint = "top-up/load", input = Postcard, output = Postcard)]
pub async fn load_top_up(setup: Option<String>) -> Result<TopUpView, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let setup = match setup.as_deref() {
        None => None,
        Some(id) => {
            let id = CardSetupId::parse(id).ok_or_else(|| Problem::not_found("card"))?;
            Some(cards::verify_return(&server, &viewer, &id).await?)
        }
    };
    let top_up = top_up::get(&server, &viewer.account_id).await?;
    let refused = refused_before(ChangeTopUp::PATH);
    Ok(TopUpView {
        state: fields::state(&top_up, setup, server.config.currency),
        fields: fields::fields(&top_up, &server.config.add_balance_rules(), refused.as_ref()),
        card: top_up.card,
    })
}

/// Sets the rules, and whether it is on.
#[server(prefix = "/rpc", endpoint = "top-up/change", output = Postcard)]
pub async fn change_top_up(
    threshold: String,
    amount: String,
    monthly_ceiling: String,
    is_on: Option<bool>,
) -> Result<(), AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let with_typed = |error: AppError| {
        let error = error.with_typed("threshold", &threshold).with_typed("amount", &amount);
        error.with_typed("monthly_ceiling", &monthly_ceiling)
    };
    let rules = TopUpRules::read(&threshold, &amount, &monthly_ceiling, &server.config.add_balance_rules());
    let rules = rules.map_err(|error| with_typed(Problem::from(error).into()))?;
    let changed = top_up::change(&server, &viewer, &rules, is_on == Some(true)).await;
    changed.map_err(|error| with_typed(error.into()))?;
    go_back();
    Ok(())
}

/// Begins to save a card and answers with the address of the page where that is done.
#[server(prefix = "/rpc", endpoint = "top-up/save-card", output = Postcard)]
pub async fn save_card() -> Result<String, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let address = own_path(&server, cards::begin(&server, &viewer).await?);
    if is_plain_form() {
        leptos_axum::redirect(&address);
    }
    Ok(address)
}

/// Forgets the saved card, and switches auto top-up off with it.
#[server(prefix = "/rpc", endpoint = "top-up/remove-card", output = Postcard)]
pub async fn remove_card() -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    cards::remove(&server(), &viewer).await?;
    go_back();
    Ok(())
}

#[cfg(feature = "ssr")]
fn go_back() {
    if is_plain_form() {
        leptos_axum::redirect("/settings/auto-top-up");
    }
}
