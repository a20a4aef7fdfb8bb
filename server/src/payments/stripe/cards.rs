//! Cards that are saved at Stripe, and charges of them with nobody present.
//!
//! A card is saved in a session of the mode `setup`, which makes a customer at Stripe. A charge is a payment intent that is
//! confirmed at once; its id stands in the payment's row as that of any other payment does.

use super::client::Trouble;
use super::wire::{PaymentIntent, SetupSession};
use super::{ASK_TIME_MAX, OPEN_TIME_MAX, SESSION_US, Stripe, UPDATE_PAYMENT_ID, report_of_intent};
use crate::error::Result;
use crate::payments::cards::{CardSetup, SavedCard, SetupPage, SetupReport, return_url};
use crate::payments::{self, gateway::Report};
use crate::{Server, args};
use domain::account::Viewer;
use domain::clock::SECOND_US;
use domain::id::{AccountId, CardSetupId};
use domain::payment::{Payment, PaymentState};
use tokio::time::Instant;

/// Opens Stripe's page on which a card is saved.
pub(in crate::payments) async fn create_setup(
    server: &Server,
    stripe: &Stripe,
    viewer: &Viewer,
    setup_id: &CardSetupId,
) -> Result<SetupPage> {
    let url = return_url(server, setup_id);
    let expires_at = server.now().plus_us(SESSION_US).us().div_euclid(SECOND_US).to_string();
    let fields = [
        ("mode", "setup"),
        ("payment_method_types[0]", "card"),
        ("customer_creation", "always"),
        ("customer_email", viewer.email.as_str()),
        ("client_reference_id", setup_id.as_str()),
        ("metadata[setup_id]", setup_id.as_str()),
        ("success_url", &url),
        ("cancel_url", &url),
        ("expires_at", &expires_at),
    ];
    let deadline = Instant::now() + OPEN_TIME_MAX;
    let key = format!("{setup_id}-setup");
    let session: SetupSession = stripe.client.post("/v1/checkout/sessions", &key, &fields, deadline).await?;
    match session.url {
        Some(url) => Ok(SetupPage { url, gateway_setup_id: Some(session.id) }),
        None => Err(Trouble::new("opened a session that has no page", false).into()),
    }
}

/// What became of an attempt to save a card; `None` when Stripe does not know it.
pub(in crate::payments) async fn fetch_setup(stripe: &Stripe, setup: &CardSetup) -> Result<Option<SetupReport>> {
    let Some(id) = setup.gateway_setup_id.as_deref() else { return Ok(None) };
    let (path, deadline) = (format!("/v1/checkout/sessions/{id}"), Instant::now() + ASK_TIME_MAX);
    match stripe.client.get::<SetupSession>(&path, &[("expand[]", "setup_intent.payment_method")], deadline).await {
        Ok(session) => Ok(Some(session.report())),
        Err(trouble) if trouble.is_missing() => Ok(None),
        Err(trouble) => Err(trouble.into()),
    }
}

/// Charges a saved card, once for each payment. A card that is declined, or that wants its owner present, has failed.
///
/// # Errors
/// 503 when Stripe does not answer; the charge may then have been made, and asking again tells.
pub(in crate::payments) async fn charge(
    server: &Server,
    stripe: &Stripe,
    account_id: &AccountId,
    payment: &Payment,
    card: &SavedCard,
) -> Result<Report> {
    let (amount, currency) = (payment.amount.minor_units.to_string(), payment.amount.currency.code().to_lowercase());
    let description = payments::description(server, payment);
    let fields = [
        ("amount", amount.as_str()),
        ("currency", &currency),
        ("customer", &card.customer),
        ("payment_method", &card.method),
        ("off_session", "true"),
        ("confirm", "true"),
        ("description", &description),
        ("metadata[payment_id]", payment.id.as_str()),
    ];
    let (key, deadline) = (format!("{}-charge", payment.id), Instant::now() + OPEN_TIME_MAX);
    match stripe.client.post::<PaymentIntent>("/v1/payment_intents", &key, &fields, deadline).await {
        Ok(intent) => {
            let row = args![account_id.as_str(), payment.id.as_str(), intent.id.as_str()];
            server.db.execute(UPDATE_PAYMENT_ID, row).await?;
            report_of_intent(&payment.id, &intent, &[], payment.amount)
        }
        Err(trouble) if trouble.status == Some(402) || is_unknown_card(&trouble) => {
            tracing::info!(%trouble, payment_id = %payment.id, "a saved card was not charged");
            Ok(Report::of(payment.id.clone(), PaymentState::Failed))
        }
        Err(trouble) => Err(trouble.into()),
    }
}

/// The card or its customer was deleted at Stripe: it will not come back.
fn is_unknown_card(trouble: &Trouble) -> bool {
    trouble.status == Some(400) && trouble.code.as_deref() == Some("resource_missing")
}
