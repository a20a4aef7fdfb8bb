//! What the page of a plan change reads, and the change itself.

use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    super::texts,
    crate::server_fns::{is_plain_form, own_path, require_viewer, server},
    domain::clock::Timestamp,
    server::payments::cards,
    server::plans::changes::{self, Changed},
};

/// A change of plan as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChangeView {
    pub title: String,
    /// What it takes, as HTML.
    pub text: String,
    pub plan_id: String,
    /// When the offer was made, in microseconds; it goes back with the form, so that what was shown is what is paid.
    pub offered_at: i64,
    /// What the button says; `None` where nothing can be changed.
    pub button: Option<String>,
}

/// Says what a change to a plan takes.
#[server(prefix = "/rpc", endpoint = "plan/offer", input = Postcard, output = Postcard)]
pub async fn load_plan_change(plan_id: String) -> Result<PlanChangeView, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let offer = changes::offer(&server, &viewer.account_id, &plan_id).await?;
    let card = cards::saved(&server, &viewer.account_id).await?.map(|card| card.label);
    Ok(PlanChangeView {
        title: texts::title(&offer),
        text: texts::text(&offer, server.config.currency, card.as_deref()),
        plan_id,
        offered_at: offer.at.us(),
        button: texts::button(&offer),
    })
}

/// Changes to a plan; answers with the address where it goes on, which is the gateway's where something is to be paid.
#[server(prefix = "/rpc", endpoint = "plan/change", output = Postcard)]
pub async fn change_plan(plan_id: String, offered_at: i64) -> Result<String, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let changed = changes::change(&server, &viewer, &plan_id, Timestamp::from_us(offered_at)).await?;
    let address = match changed {
        Changed::Done => "/settings".to_owned(),
        Changed::Pay { checkout_url, .. } => own_path(&server, checkout_url),
    };
    if is_plain_form() {
        leptos_axum::redirect(&address);
    }
    Ok(address)
}
