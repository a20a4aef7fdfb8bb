//! The built-in gateway as tests use it: what it knows of a payment, and the events that it sends.

use crate::requests::{Answer, send};
use axum::body::Body;
use axum::http::{Request, header};
use domain::account::Viewer;
use domain::id::PaymentId;
use domain::payment::Payment;
use serde_json::{Value, json};
use server::payments::{self, Started, signature};
use server::{Server, args};
use std::sync::Arc;

pub const PAID: &str = "checkout.session.paid";

/// Begins a payment of $25.
pub async fn start(server: &Server, viewer: &Viewer) -> PaymentId {
    let Started { payment_id, checkout_url } = payments::start(server, viewer, "25").await.expect("a payment");
    assert_eq!(checkout_url, format!("{}/pay/{payment_id}", server.config.public_url()));
    payment_id
}

/// A payment of $25 that is paid and credited.
pub async fn paid(server: &Server, viewer: &Viewer) -> PaymentId {
    let payment_id = start(server, viewer).await;
    take_card(server, &payment_id).await;
    look(server, &payment_id).await;
    payment_id
}

/// The gateway takes a card and tells nobody.
pub async fn take_card(server: &Server, payment_id: &PaymentId) {
    let taken = payments::local::submit_card_untold(server, payment_id, "4242424242424242").await.expect("a test card");
    assert!(taken.is_some(), "the checkout was open");
}

/// Changes what the gateway knows of a payment, and tells nobody.
pub async fn gateway_has(server: &Server, payment_id: &PaymentId, what: &str) {
    let change: &'static str = format!("UPDATE local_checkouts SET {what} WHERE payment_id = $1").leak();
    assert_eq!(server.db.execute(change, args![payment_id.as_str()]).await.expect("changes"), 1);
}

/// Asks the gateway, as a webhook has the server do.
pub async fn look(server: &Server, payment_id: &PaymentId) -> Payment {
    payments::look(server, payment_id).await.expect("the gateway answers").expect("it knows the payment")
}

pub fn event(kind: &str, payment_id: &PaymentId) -> Value {
    json!({ "id": "evt_1", "type": kind, "created": 1, "data": { "object": { "client_reference_id": payment_id } } })
}

pub fn webhook(signature: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post("/webhooks/local").header(header::CONTENT_TYPE, "application/json");
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    request.body(body.into()).expect("a request")
}

/// Sends an event as the gateway would, signed now.
pub async fn tell(server: &Arc<Server>, event: &Value) -> Answer {
    let body = event.to_string();
    let signature = signature::sign(server.webhook_secret(), server.now(), body.as_bytes());
    send(server, webhook(Some(&signature), body)).await
}
