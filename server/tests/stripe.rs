//! The gateway `stripe` through the real router, beside a server that speaks as Stripe's API does: what is asked of it,
//! what is believed, and what is refused.

use crate::requests::{Answer, Books, books, send};
use crate::stripe_api::{Checkout, KEY, SECRETS, StripeApi, fields};
use crate::support::{TestServer, assert_sound, databases, databases_with, owner};
use axum::body::Body;
use axum::http::{Request, header};
use domain::account::Viewer;
use domain::clock::{DAY_US, HOUR_US, MINUTE_US, SECOND_US};
use domain::id::PaymentId;
use domain::payment::PaymentState;
use serde_json::{Value, json};
use server::payments::gateway::Gateway;
use server::payments::{self, Started, signature};
use server::{Config, Server};
use std::sync::Arc;

const COMPLETED: &str = "checkout.session.completed";
const TWENTY_FIVE: i64 = 25_000_000;
const NOTHING: Books = Books { available: 0, entries: 0, spent: 0, added: 0 };
const CREDITED_ONCE: Books = Books { available: TWENTY_FIVE, entries: 1, spent: 0, added: TWENTY_FIVE };

/// Both installations, and the API that both ask.
async fn shops() -> Vec<(TestServer, Arc<StripeApi>)> {
    let (api, url) = StripeApi::start().await;
    let secrets = SECRETS.join(",");
    let options = ["--gateway", "stripe", "--stripe-url", &url, "--stripe-secret-key", KEY];
    let options = [&options[..], &["--stripe-webhook-secrets", &secrets]].concat();
    databases_with(&options).await.into_iter().map(|server| (server, Arc::clone(&api))).collect()
}

async fn start(server: &Server, viewer: &Viewer) -> PaymentId {
    payments::start(server, viewer, "25").await.expect("a payment").payment_id
}

async fn state(server: &Server, viewer: &Viewer, payment_id: &PaymentId) -> PaymentState {
    payments::get(server, &viewer.account_id, payment_id).await.expect("the payment").state
}

fn webhook(signature: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post("/webhooks/stripe").header(header::CONTENT_TYPE, "application/json");
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    request.body(body.into()).expect("a request")
}

/// Sends an event as Stripe would, signed now.
async fn tell(server: &Arc<Server>, event: &Value) -> Answer {
    tell_signed(server, event, SECRETS[0]).await
}

async fn tell_signed(server: &Arc<Server>, event: &Value, secret: &str) -> Answer {
    let body = event.to_string();
    let signature = signature::sign(secret.as_bytes(), server.now(), body.as_bytes());
    send(server, webhook(Some(&signature), body)).await
}

#[tokio::test]
async fn a_checkout_is_ordered_with_our_amount_our_ids_and_an_idempotency_key_for_each_step() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let Started { payment_id, checkout_url } = payments::start(&server, &olga, "25").await.expect("a payment");
        let checkout = api.change(&payment_id, |_| ());
        assert_eq!(checkout_url, format!("https://checkout.stripe.example/c/pay/{}", checkout.id));
        assert_eq!((checkout.amount, checkout.currency.as_str()), (2_500, "usd"));
        let asked = api.take_asked();
        let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
        assert_eq!(paths, ["products", "prices", "sessions"]);
        for (asked, step) in asked.iter().zip(["product", "price", "checkout"]) {
            assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
            assert_eq!(asked.headers["stripe-version"], "2026-10-28.endive");
            assert_eq!(asked.headers["idempotency-key"], format!("{payment_id}-{step}"));
        }
        let price = fields(&asked[1].body);
        assert_eq!((price["unit_amount"].as_str(), price["currency"].as_str()), ("2500", "usd"));
        assert_eq!(price["product"], "artiko_api_credit");
        let session = fields(&asked[2].body);
        let back = format!("{}/settings?payment={payment_id}", server.config.public_url());
        for (name, value) in [
            ("mode", "payment"),
            ("line_items[0][quantity]", "1"),
            ("client_reference_id", payment_id.as_str()),
            ("metadata[payment_id]", payment_id.as_str()),
            ("payment_intent_data[metadata][payment_id]", payment_id.as_str()),
            ("success_url", &back),
            ("cancel_url", &back),
        ] {
            assert_eq!(session[name], value, "{name}");
        }
        let expires_at: i64 = session["expires_at"].parse().expect("a time");
        assert_eq!(expires_at * SECOND_US, server.now().plus_us(23 * HOUR_US).us());
        start(&server, &olga).await;
        let paths: Vec<String> = api.take_asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(paths, ["prices", "sessions"], "the product is there");
    }
}

#[tokio::test]
async fn after_a_restart_the_product_that_is_there_is_taken() {
    for (server, _api) in shops().await {
        let olga = owner(&server, "olga").await;
        start(&server, &olga).await;
        let restarted = server.second_process().await;
        assert!(payments::start(&restarted, &olga, "25").await.is_ok());
    }
}

#[tokio::test]
async fn what_stripe_says_is_paid_is_credited_and_nothing_else_is() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let checkout = api.change(&payment_id, |_| ());
        // Signed, and says that it is paid; only that it is not so.
        let mut event = checkout.event("evt_1", COMPLETED);
        event["data"]["object"]["payment_status"] = json!("paid");
        assert_eq!(tell(&server, &event).await.status, 200);
        assert_eq!(books(&server, &olga).await, NOTHING);
        let checkout = api.change(&payment_id, |checkout| checkout.complete("unpaid", "processing"));
        assert_eq!(tell(&server, &checkout.event("evt_2", COMPLETED)).await.status, 200);
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Processing);
        let checkout = api.change(&payment_id, Checkout::pay);
        let succeeded = checkout.event("evt_3", "checkout.session.async_payment_succeeded");
        for _ in 0..3 {
            assert_eq!(tell(&server, &succeeded).await.status, 200);
        }
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Paid);
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn only_the_configured_gateway_has_an_address() {
    for (server, _api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let pay = format!("/pay/{payment_id}");
        for path in ["/webhooks/local", &pay, "/pay/style.css"] {
            let request = Request::post(path).body(Body::empty()).expect("a request");
            assert_eq!(send(&server, request).await.status, 404, "{path}");
        }
        send(&server, webhook(None, "{}")).await.refuses(400, "malformed_request");
    }
}

#[tokio::test]
async fn another_amount_or_currency_is_refused_and_credits_nothing() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        for (amount, currency) in [(2_499, "usd"), (250_000, "usd"), (0, "usd"), (2_500, "eur"), (2_500, "jpy")] {
            let checkout = api.change(&payment_id, |checkout| {
                checkout.pay();
                (checkout.amount, checkout.currency) = (amount, currency.to_owned());
            });
            tell(&server, &checkout.event("evt_1", COMPLETED)).await.refuses(409, "conflict");
            assert!(payments::verify_return(&server, &olga, &payment_id).await.is_err());
            server.clock.advance_us(DAY_US);
            payments::sweep(&server).await.expect("a round");
        }
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        assert_eq!(books(&server, &olga).await, NOTHING);
    }
}

/// A payment link of the same account at Stripe lets whoever pays choose its `client_reference_id`.
#[tokio::test]
async fn another_session_that_names_our_payment_pays_nothing() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let mut other = api.change(&payment_id, |_| ());
        other.id = "cs_test_link".to_owned();
        other.pay();
        api.add(other.clone());
        assert_eq!(tell(&server, &other.event("evt_1", COMPLETED)).await.status, 200);
        assert_eq!(tell(&server, &other.event("evt_2", "charge.refunded")).await.status, 200);
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        assert_eq!(books(&server, &olga).await, NOTHING);
    }
}

#[tokio::test]
async fn an_event_about_no_payment_of_ours_is_taken_and_changes_nothing() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let mut other = api.change(&payment_id, |_| ());
        (other.id, other.payment_id) = ("cs_test_none".to_owned(), PaymentId::new(server.now(), [9; 8]).to_string());
        other.pay();
        let kinds = [COMPLETED, "charge.refunded", "charge.dispute.created", "customer.created"];
        for kind in kinds {
            assert_eq!(tell(&server, &other.event("evt_1", kind)).await.status, 200, "{kind}");
        }
        for body in [json!([]), json!({}), json!({ "type": COMPLETED }), json!("event")] {
            tell(&server, &body).await.refuses(400, "malformed_request");
        }
        assert_eq!(books(&server, &olga).await, NOTHING);
    }
}

#[tokio::test]
async fn each_of_the_active_secrets_signs_and_no_other_does() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let event = api.change(&payment_id, Checkout::pay).event("evt_1", COMPLETED);
        let both = SECRETS.join(",");
        for secret in ["", "whsec_of_another_endpoint", &both, KEY] {
            tell_signed(&server, &event, secret).await.refuses(400, "malformed_request");
        }
        let local = String::from_utf8_lossy(server.webhook_secret()).into_owned();
        tell_signed(&server, &event, &local).await.refuses(400, "malformed_request");
        assert_eq!(books(&server, &olga).await, NOTHING);
        for secret in SECRETS {
            assert_eq!(tell_signed(&server, &event, secret).await.status, 200);
        }
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn refunds_and_disputes_take_credit_back_even_when_they_are_heard_of_first() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let checkout = api.change(&payment_id, |checkout| {
            checkout.pay();
            checkout.refunded = 500;
        });
        assert_eq!(tell(&server, &checkout.event("evt_1", "charge.refunded")).await.status, 200);
        assert_eq!(books(&server, &olga).await.available, 20_000_000);
        let checkout = api.change(&payment_id, |checkout| checkout.dispute = Some(("needs_response", 2_000)));
        assert_eq!(tell(&server, &checkout.event("evt_2", "charge.dispute.created")).await.status, 200);
        assert_eq!(books(&server, &olga).await.available, 0);
        let checkout = api.change(&payment_id, |checkout| checkout.dispute = Some(("won", 2_000)));
        assert_eq!(tell(&server, &checkout.event("evt_3", "charge.dispute.closed")).await.status, 200);
        assert_eq!(books(&server, &olga).await.available, 20_000_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn money_is_given_back_once_for_what_was_given_back_before() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let gateway = Gateway::of(&server);
        let payment = payments::get(&server, &olga.account_id, &payment_id).await.expect("the payment");
        let early = gateway.refund(&server, &olga.account_id, &payment, 700).await.expect_err("not paid");
        assert_eq!(early.into_problem().code.as_str(), "conflict");
        api.change(&payment_id, Checkout::pay);
        let paid = payments::look(&server, &payment_id).await.expect("asked").expect("known");
        for _ in 0..2 {
            gateway.refund(&server, &olga.account_id, &paid, 700).await.expect("given back");
        }
        assert_eq!(api.change(&payment_id, |_| ()).refunded, 700);
        let refunded = payments::look(&server, &payment_id).await.expect("asked").expect("known");
        assert_eq!((refunded.refunded_minor_units, books(&server, &olga).await.available), (700, 18_000_000));
        let too_much = gateway.refund(&server, &olga.account_id, &refunded, 1_801).await.expect_err("there is less");
        assert_eq!(too_much.into_problem().code.as_str(), "conflict");
        gateway.refund(&server, &olga.account_id, &refunded, 1_800).await.expect("given back");
        payments::look(&server, &payment_id).await.expect("asked");
        assert_eq!(books(&server, &olga).await.available, 0);
    }
}

#[tokio::test]
async fn while_stripe_does_not_answer_nothing_is_lost_and_its_words_stay_here() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        // What may help again is tried again.
        api.refuse([500, 429]);
        let payment_id = start(&server, &olga).await;
        let event = api.change(&payment_id, Checkout::pay).event("evt_1", COMPLETED);
        api.refuse([500; 3]);
        let answer = tell(&server, &event).await;
        answer.refuses(503, "unavailable");
        assert!(!answer.body.contains(KEY) && !answer.body.contains("wrong key"), "{}", answer.body);
        api.refuse([400]);
        let seen = payments::verify_return(&server, &olga, &payment_id).await.expect("what is known");
        assert_eq!(seen.state, PaymentState::Open);
        api.refuse([401]);
        let error = payments::start(&server, &olga, "25").await.expect_err("a wrong key");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
        assert_eq!(books(&server, &olga).await, NOTHING);
        server.clock.advance_us(MINUTE_US);
        api.refuse([400]);
        payments::sweep(&server).await.expect("a round");
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        server.clock.advance_us(MINUTE_US);
        payments::sweep(&server).await.expect("a round");
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
        assert_eq!(tell(&server, &event).await.status, 200, "and the webhook comes late");
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn an_open_checkout_is_asked_about_less_often_the_older_it_is() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        api.take_asked();
        for _ in 0..24 * 60 {
            server.clock.advance_us(MINUTE_US);
            payments::sweep(&server).await.expect("a round");
        }
        let asked = api.take_asked().len();
        assert!((20..=70).contains(&asked), "{asked}");
        api.change(&payment_id, |checkout| checkout.status = "expired");
        server.clock.advance_us(4 * HOUR_US);
        payments::sweep(&server).await.expect("a round");
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Expired);
        // A customer whose bank took forty days has paid all the same.
        server.clock.advance_us(40 * DAY_US);
        let event = api.change(&payment_id, Checkout::pay).event("evt_1", "checkout.session.async_payment_succeeded");
        assert_eq!(tell(&server, &event).await.status, 200);
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn a_session_that_stripe_does_not_know_expires_after_a_day() {
    for (server, api) in shops().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        api.forget(&payment_id);
        server.clock.advance_us(MINUTE_US);
        payments::sweep(&server).await.expect("a round");
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        server.clock.advance_us(DAY_US);
        payments::sweep(&server).await.expect("a round");
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Expired);
    }
}

#[tokio::test]
async fn payments_of_the_built_in_gateway_are_worth_nothing_once_stripe_takes_the_money() {
    for (stripe, _api) in shops().await {
        let olga = owner(&stripe, "olga").await;
        let mut config: Config = stripe.config.clone();
        config.gateway = server::config::GatewayKind::Local;
        let local =
            Server::open_with(config, Arc::clone(&stripe.clock) as _, Arc::clone(&stripe.random)).await.expect("opens");
        let payment_id = start(&local, &olga).await;
        payments::local::submit_card_untold(&local, &payment_id, "4242424242424242").await.expect("a test card");
        let event = json!({ "client_reference_id": payment_id, "metadata": { "payment_id": payment_id } });
        let event = json!({ "id": "evt_1", "type": COMPLETED, "data": { "object": event } });
        assert_eq!(tell(&stripe, &event).await.status, 200);
        assert_eq!(payments::look(&stripe, &payment_id).await.expect("asked"), None);
        stripe.clock.advance_us(40 * DAY_US);
        payments::sweep(&stripe).await.expect("a round");
        assert_eq!(books(&stripe, &olga).await, NOTHING);
    }
}

#[tokio::test]
async fn the_secret_of_the_built_in_gateway_does_not_sign_for_stripe() {
    let built_in = databases().await.into_iter().next().expect("a server");
    let text = std::fs::read_to_string(built_in.folder().join("webhook_secret")).expect("the secret");
    for text in [text.to_lowercase(), text.to_uppercase()] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::copy(built_in.folder().join("webhook_secret"), folder.path().join("webhook_secret")).expect("copied");
        let secrets = format!("{},{}", SECRETS[0], text.trim());
        let data_dir = folder.path().to_str().expect("a path");
        let config = crate::support::config(&[
            "--data-dir",
            data_dir,
            "--gateway",
            "stripe",
            "--stripe-secret-key",
            KEY,
            "--stripe-webhook-secrets",
            &secrets,
        ]);
        let error = Server::open(config).await.err().expect("refused").to_string();
        assert!(error.starts_with("--stripe-webhook-secrets: ") && error.contains("built-in"), "{error}");
        assert!(!error.contains(text.trim()));
    }
}
