//! Stripe's API as far as the gateway uses it, in whatever state a test wants it, and the events that it would send.

#![allow(dead_code, reason = "the example `webhooks` uses a part of this")]

mod saved_cards;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use domain::id::PaymentId;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;

pub const KEY: &str = "sk_test_of1the2tests3";
/// Two endpoints, or one whose secret is being replaced.
pub const SECRETS: [&str; 2] = ["whsec_of_the_first_endpoint", "whsec_of_the_second_endpoint"];

/// A checkout session, the payment that it leads to, and what was taken back of it.
#[derive(Clone, Debug)]
pub struct Checkout {
    pub id: String,
    pub payment_id: String,
    pub amount: i64,
    pub currency: String,
    pub status: &'static str,
    pub payment_status: &'static str,
    /// The payment intent and its status, once the customer has paid.
    pub intent: Option<(String, &'static str)>,
    pub refunded: i64,
    pub dispute: Option<(&'static str, i64)>,
}

impl Checkout {
    /// The customer has finished Stripe's page; the money may be there or take some days.
    pub fn complete(&mut self, payment_status: &'static str, intent_status: &'static str) {
        (self.status, self.payment_status) = ("complete", payment_status);
        self.intent = Some((self.id.replace("cs_", "pi_"), intent_status));
    }

    pub fn pay(&mut self) {
        self.complete("paid", "succeeded");
    }

    fn intent_id(&self) -> Option<&str> {
        self.intent.as_ref().map(|(id, _)| id.as_str())
    }

    /// The session, with the payment and its charge told whole or by name.
    fn session(&self, is_expanded: bool) -> Value {
        let intent = match &self.intent {
            Some((id, status)) if is_expanded => {
                json!({ "id": id, "object": "payment_intent", "status": status, "latest_charge": self.charge() })
            }
            Some((id, _)) => json!(id),
            None => Value::Null,
        };
        json!({
            "id": self.id,
            "object": "checkout.session",
            "mode": "payment",
            "status": self.status,
            "payment_status": self.payment_status,
            "amount_total": self.amount,
            "currency": self.currency,
            "client_reference_id": self.payment_id,
            "metadata": { "payment_id": self.payment_id },
            "payment_intent": intent,
            "url": format!("https://checkout.stripe.example/c/pay/{}", self.id),
            "livemode": false,
        })
    }

    fn charge(&self) -> Value {
        json!({
            "id": self.id.replace("cs_", "ch_"),
            "object": "charge",
            "amount": self.amount,
            "amount_refunded": self.refunded,
            "currency": self.currency,
            "disputed": self.dispute.is_some(),
            "payment_intent": self.intent_id(),
        })
    }

    fn wire_dispute(&self) -> Value {
        let (status, amount) = self.dispute.unwrap_or(("needs_response", self.amount));
        json!({
            "id": self.id.replace("cs_", "du_"),
            "object": "dispute",
            "amount": amount,
            "currency": self.currency,
            "status": status,
            "charge": self.id.replace("cs_", "ch_"),
            "payment_intent": self.intent_id(),
        })
    }

    /// An event as Stripe sends it.
    pub fn event(&self, event_id: &str, kind: &str) -> Value {
        let object = match kind {
            "charge.refunded" => self.charge(),
            kind if kind.starts_with("charge.dispute.") => self.wire_dispute(),
            _ => self.session(false),
        };
        json!({ "id": event_id, "object": "event", "type": kind, "created": 1, "data": { "object": object } })
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Default)]
struct Stored {
    /// By session.
    checkouts: HashMap<String, Checkout>,
    made: usize,
    prices: Vec<(i64, String)>,
    products: Vec<String>,
    /// Sessions in which a card is saved, each with its state and the card.
    setups: HashMap<String, (&'static str, Option<&'static str>)>,
    /// What becomes of the next charges of saved cards: a status of payment intents, or `declined`.
    charge: Option<&'static str>,
    /// Answers by idempotency key, with what was asked.
    answered: HashMap<String, (String, Value)>,
    refused: VecDeque<u16>,
    asked: Vec<Asked>,
}

/// The API, and what was asked of it.
#[derive(Default)]
pub struct StripeApi {
    stored: Mutex<Stored>,
}

impl StripeApi {
    /// Starts it; returns its address too.
    pub async fn start() -> (Arc<Self>, String) {
        let api = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new()
            .route("/v1/products", post(make_product))
            .route("/v1/prices", post(make_price))
            .route("/v1/checkout/sessions", post(make_session).get(list_sessions))
            .route("/v1/checkout/sessions/{id}", get(read_session))
            .route("/v1/checkout/sessions/{id}/expire", post(saved_cards::expire_session))
            .route("/v1/payment_intents", post(saved_cards::make_intent))
            .route("/v1/payment_intents/{id}", get(saved_cards::read_intent))
            .route("/v1/disputes", get(list_disputes))
            .route("/v1/refunds", post(make_refund))
            .with_state(Arc::clone(&api));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (api, url)
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().expect("unbroken")
    }

    /// The checkout of a payment, after something has happened to it.
    pub fn change(&self, payment_id: &PaymentId, change: impl FnOnce(&mut Checkout)) -> Checkout {
        let mut stored = self.stored();
        let mut checkouts = stored.checkouts.values_mut();
        let checkout = checkouts.find(|checkout| checkout.payment_id == payment_id.as_str()).expect("a checkout");
        change(checkout);
        checkout.clone()
    }

    /// As [`StripeApi::change`], for who knows the session.
    pub fn change_session(&self, id: &str, change: impl FnOnce(&mut Checkout)) -> Checkout {
        let mut stored = self.stored();
        let checkout = stored.checkouts.get_mut(id).expect("a checkout");
        change(checkout);
        checkout.clone()
    }

    /// A session that somebody else made, on the same account at Stripe.
    pub fn add(&self, checkout: Checkout) {
        self.stored().checkouts.insert(checkout.id.clone(), checkout);
    }

    /// Forgets a payment's session, as a key of another account would see it.
    pub fn forget(&self, payment_id: &PaymentId) {
        self.stored().checkouts.retain(|_, checkout| checkout.payment_id != payment_id.as_str());
    }

    /// Answers the next requests with these statuses and does nothing of what they ask.
    pub fn refuse(&self, statuses: impl IntoIterator<Item = u16>) {
        self.stored().refused = statuses.into_iter().collect();
    }

    /// What was asked since the last time.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.stored().asked)
    }

    /// Notes a request; `Err` when it is to be refused.
    fn ask(&self, path: &str, headers: &HeaderMap, body: &Bytes) -> Result<MutexGuard<'_, Stored>, Response> {
        let mut stored = self.stored();
        let body = String::from_utf8(body.to_vec()).expect("text");
        stored.asked.push(Asked { path: path.to_owned(), headers: headers.clone(), body });
        match stored.refused.pop_front() {
            // It repeats the key, as some sentences of Stripe's do.
            Some(status) => Err(refusal(status, "of_the_test", &format!("wrong key {KEY}"))),
            None => Ok(stored),
        }
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(json!({ "error": { "type": "api_error", "code": code, "message": message } }))).into_response()
}

/// Answers a change once for each idempotency key.
fn once(
    api: &StripeApi,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
    make: impl FnOnce(&mut Stored, &HashMap<String, String>) -> Result<Value, Response>,
) -> Response {
    let mut stored = match api.ask(path, headers, body) {
        Ok(stored) => stored,
        Err(refusal) => return refusal,
    };
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).expect("a key").to_owned();
    let text = stored.asked.last().expect("noted").body.clone();
    if let Some((asked, answer)) = stored.answered.get(&key) {
        if *asked == text {
            return Json(answer.clone()).into_response();
        }
        return refusal(400, "idempotency_error", "another request had this key");
    }
    match make(&mut stored, &fields(&text)) {
        Ok(answer) => {
            stored.answered.insert(key, (text, answer.clone()));
            Json(answer).into_response()
        }
        Err(refusal) => refusal,
    }
}

/// The fields of a form.
pub fn fields(body: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://form?{body}")).expect("a form");
    url.query_pairs().into_owned().collect()
}

async fn make_product(State(api): State<Arc<StripeApi>>, headers: HeaderMap, body: Bytes) -> Response {
    once(&api, "products", &headers, &body, |stored, fields| {
        if stored.products.contains(&fields["id"]) {
            return Err(refusal(400, "resource_already_exists", "there is one"));
        }
        stored.products.push(fields["id"].clone());
        Ok(json!({ "id": fields["id"], "object": "product" }))
    })
}

async fn make_price(State(api): State<Arc<StripeApi>>, headers: HeaderMap, body: Bytes) -> Response {
    once(&api, "prices", &headers, &body, |stored, fields| {
        stored.prices.push((fields["unit_amount"].parse().expect("a number"), fields["currency"].clone()));
        Ok(json!({ "id": format!("price_{}", stored.prices.len() - 1), "object": "price" }))
    })
}

async fn make_session(State(api): State<Arc<StripeApi>>, headers: HeaderMap, body: Bytes) -> Response {
    once(&api, "sessions", &headers, &body, |stored, fields| {
        if fields["mode"] == "setup" {
            return Ok(saved_cards::make_setup(stored));
        }
        let price = fields["line_items[0][price]"].strip_prefix("price_").expect("a price");
        let (amount, currency) = stored.prices[price.parse::<usize>().expect("a number")].clone();
        stored.made += 1;
        let checkout = Checkout {
            id: format!("cs_test_{}", stored.made),
            payment_id: fields["client_reference_id"].clone(),
            amount,
            currency,
            status: "open",
            payment_status: "unpaid",
            intent: None,
            refunded: 0,
            dispute: None,
        };
        let session = checkout.session(false);
        stored.checkouts.insert(checkout.id.clone(), checkout);
        Ok(session)
    })
}

async fn read_session(
    State(api): State<Arc<StripeApi>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let stored = match api.ask("session", &headers, &Bytes::new()) {
        Ok(stored) => stored,
        Err(refusal) => return refusal,
    };
    if let Some(setup) = saved_cards::setup(&stored, &id) {
        return Json(setup).into_response();
    }
    let is_expanded = query.get("expand[]").is_some_and(|path| path == "payment_intent.latest_charge");
    match stored.checkouts.get(&id) {
        Some(checkout) => Json(checkout.session(is_expanded)).into_response(),
        None => refusal(404, "resource_missing", "no such session"),
    }
}

/// Those of the payment that the query names.
fn of_intent(
    api: &StripeApi,
    path: &str,
    headers: &HeaderMap,
    query: &HashMap<String, String>,
    tell: impl Fn(&Checkout) -> Option<Value>,
) -> Response {
    let stored = match api.ask(path, headers, &Bytes::new()) {
        Ok(stored) => stored,
        Err(refusal) => return refusal,
    };
    let id = query["payment_intent"].replace("pi_", "cs_");
    let data: Vec<Value> = stored.checkouts.get(&id).and_then(tell).into_iter().collect();
    Json(json!({ "object": "list", "data": data, "has_more": false })).into_response()
}

async fn list_sessions(
    State(api): State<Arc<StripeApi>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    of_intent(&api, "list of sessions", &headers, &query, |checkout| Some(checkout.session(false)))
}

async fn list_disputes(
    State(api): State<Arc<StripeApi>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    of_intent(&api, "disputes", &headers, &query, |checkout| checkout.dispute.map(|_| checkout.wire_dispute()))
}

async fn make_refund(State(api): State<Arc<StripeApi>>, headers: HeaderMap, body: Bytes) -> Response {
    once(&api, "refunds", &headers, &body, |stored, fields| {
        let id = fields["payment_intent"].replace("pi_", "cs_");
        let checkout = stored.checkouts.get_mut(&id).expect("a payment");
        let amount: i64 = fields["amount"].parse().expect("a number");
        if checkout.refunded + amount > checkout.amount {
            return Err(refusal(400, "charge_already_refunded", "there is less"));
        }
        checkout.refunded += amount;
        Ok(json!({ "id": "re_1", "object": "refund", "amount": amount }))
    })
}
