//! Cards that are saved, charges of them, and pages that are closed.

use super::{Checkout, Stored, StripeApi, once, refusal};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use std::sync::Arc;

impl StripeApi {
    /// The customer has left the page of this session: it is `complete` with the last digits of the card that was saved,
    /// or `complete` without one, or `expired`.
    pub fn end_setup(&self, id: &str, status: &'static str, last4: Option<&'static str>) {
        self.stored().setups.insert(id.to_owned(), (status, last4));
    }

    /// What becomes of charges from now on.
    pub fn charge_as(&self, status: &'static str) {
        self.stored().charge = Some(status);
    }
}

pub(super) fn make_setup(stored: &mut Stored) -> Value {
    stored.made += 1;
    let id = format!("cs_setup_{}", stored.made);
    stored.setups.insert(id.clone(), ("open", None));
    json!({ "id": id, "mode": "setup", "status": "open", "url": format!("https://checkout.stripe.example/c/{id}") })
}

/// A session in which a card is saved, told whole.
pub(super) fn setup(stored: &Stored, id: &str) -> Option<Value> {
    let (status, last4) = stored.setups.get(id)?;
    let intent = match last4 {
        Some(last4) => json!({
            "id": "seti_1",
            "status": "succeeded",
            "payment_method": { "id": format!("pm_{last4}"), "card": { "brand": "visa", "last4": last4 } },
        }),
        None => json!({ "id": "seti_1", "status": "requires_payment_method", "payment_method": null }),
    };
    Some(json!({ "id": id, "mode": "setup", "status": status, "customer": "cus_1", "setup_intent": intent }))
}

pub(super) async fn expire_session(
    State(api): State<Arc<StripeApi>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    once(&api, "expire", &headers, &body, |stored, _| {
        let Some(checkout) = stored.checkouts.get_mut(&id) else {
            return Err(refusal(404, "resource_missing", "no such session"));
        };
        if checkout.status != "open" {
            return Err(refusal(400, "invalid", "only open sessions can be expired"));
        }
        checkout.status = "expired";
        Ok(checkout.session(false))
    })
}

pub(super) async fn make_intent(State(api): State<Arc<StripeApi>>, headers: HeaderMap, body: Bytes) -> Response {
    once(&api, "intents", &headers, &body, |stored, fields| {
        assert_eq!((fields["off_session"].as_str(), fields["confirm"].as_str()), ("true", "true"));
        assert_eq!((fields["customer"].as_str(), fields["payment_method"].as_str()), ("cus_1", "pm_4242"));
        let status = stored.charge.unwrap_or("succeeded");
        if status == "declined" {
            return Err(refusal(402, "card_declined", "the card was declined"));
        }
        stored.made += 1;
        let checkout = Checkout {
            id: format!("cs_charge_{}", stored.made),
            payment_id: fields["metadata[payment_id]"].clone(),
            amount: fields["amount"].parse().expect("a number"),
            currency: fields["currency"].clone(),
            status: "complete",
            payment_status: "paid",
            intent: Some((format!("pi_charge_{}", stored.made), status)),
            refunded: 0,
            dispute: None,
        };
        let intent = intent(&checkout);
        stored.checkouts.insert(checkout.id.clone(), checkout);
        Ok(intent)
    })
}

fn intent(checkout: &Checkout) -> Value {
    let (id, status) = checkout.intent.as_ref().expect("it was charged");
    json!({
        "id": id,
        "object": "payment_intent",
        "status": status,
        "amount": checkout.amount,
        "currency": checkout.currency,
        "latest_charge": checkout.charge(),
    })
}

pub(super) async fn read_intent(
    State(api): State<Arc<StripeApi>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let stored = match api.ask("intent", &headers, &Bytes::new()) {
        Ok(stored) => stored,
        Err(refusal) => return refusal,
    };
    match stored.checkouts.get(&id.replace("pi_", "cs_")) {
        Some(checkout) => Json(intent(checkout)).into_response(),
        None => refusal(404, "resource_missing", "no such payment"),
    }
}
