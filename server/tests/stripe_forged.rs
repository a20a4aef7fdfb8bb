//! Forged webhooks of Stripe: ten thousand that are changed by one byte, and those that somebody makes who knows all but
//! the secret. Each is refused and logged without its body, and none credits anything.

use crate::listener::Log;
use crate::stripe_api::{Checkout, KEY, SECRETS, StripeApi};
use crate::support::{databases_with, owner};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, header};
use domain::clock::SECOND_US;
use domain::payment::PaymentState;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use server::payments::{self, signature};
use server::{http, ledger};
use std::sync::Arc;
use tower::ServiceExt;

const MUTATIONS: usize = 10_000;
/// Stands in each body, and may stand nowhere else.
const MARK: &str = "words-of-the-body";

async fn send(router: &Router, signature: Option<HeaderValue>, body: Bytes) -> u16 {
    let mut request = Request::post("/webhooks/stripe").header(header::CONTENT_TYPE, "application/json");
    if let Some(signature) = signature {
        request = request.header(signature::HEADER, signature);
    }
    let request = request.body(Body::from(body)).expect("a request");
    router.clone().oneshot(request).await.expect("the router answers").status().as_u16()
}

/// The bytes with one of them changed.
fn with_one_changed(bytes: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let place = random.random_range(0..changed.len());
    changed[place] ^= random.random_range(1..=255_u8);
    changed
}

/// One that can stand in a header.
fn changed_header(header: &str, random: &mut StdRng) -> HeaderValue {
    loop {
        if let Ok(changed) = HeaderValue::from_bytes(&with_one_changed(header.as_bytes(), random)) {
            return changed;
        }
    }
}

#[tokio::test]
async fn what_is_forged_is_refused_and_logged_and_credits_nothing() {
    let (api, url) = StripeApi::start().await;
    let secrets = SECRETS.join(",");
    let options = ["--gateway", "stripe", "--stripe-url", &url, "--stripe-secret-key", KEY];
    let options = [&options[..], &["--stripe-webhook-secrets", &secrets]].concat();
    for server in databases_with(&options).await {
        let olga = owner(&server, "olga").await;
        let payment_id = payments::start(&server, &olga, "25").await.expect("a payment").payment_id;
        // It is paid, so that only the signature stands between the event and the credit.
        let checkout = api.change(&payment_id, Checkout::pay);
        let mut event = checkout.event("evt_1", "checkout.session.completed");
        event["data"]["object"]["note"] = MARK.into();
        let body = event.to_string();
        let router = http::router(Arc::clone(&server));
        api.take_asked();
        let sign = |secret: &str, seconds: i64| {
            signature::sign(secret.as_bytes(), server.now().plus_us(seconds * SECOND_US), body.as_bytes())
        };
        let good = sign(SECRETS[0], 0);
        let (log, guard) = Log::listen(tracing::Level::INFO);
        let mut refused = 0;
        for header in [
            None,
            Some(String::new()),
            Some("t=1,v1=00".to_owned()),
            Some(sign("", 0)),
            Some(sign("whsec_of_another_endpoint", 0)),
            Some(sign(&secrets, 0)),
            Some(sign(SECRETS[0], -301)),
            Some(sign(SECRETS[1], 301)),
            Some(good.replace("v1=", "v0=")),
            Some(good.replace("v1=", "v1= ")),
            Some(good.to_uppercase()),
        ] {
            let value = header.as_deref().map(|header| HeaderValue::from_str(header).expect("a header"));
            assert_eq!(send(&router, value, Bytes::from(body.clone())).await, 400, "{header:?}");
            refused += 1;
        }
        for (from, to) in [("2500", "250000"), ("\"usd\"", "\"eur\""), (payment_id.as_str(), "pay_1")] {
            let altered = body.replace(from, to);
            assert_ne!(altered, body);
            let header = HeaderValue::from_str(&good).expect("a header");
            assert_eq!(send(&router, Some(header), Bytes::from(altered)).await, 400, "{from}");
            refused += 1;
        }
        let mut random = StdRng::seed_from_u64(1);
        for number in 0..MUTATIONS {
            let (header, sent) = if number % 4 == 0 {
                (changed_header(&good, &mut random), body.clone().into_bytes())
            } else {
                (HeaderValue::from_str(&good).expect("a header"), with_one_changed(body.as_bytes(), &mut random))
            };
            let shown = format!("{header:?} {}", String::from_utf8_lossy(&sent));
            assert_eq!(send(&router, Some(header), Bytes::from(sent)).await, 400, "{shown}");
            refused += 1;
        }
        drop(guard);
        let text = log.text();
        assert_eq!(text.matches("a webhook was refused").count(), refused);
        assert!(refused > MUTATIONS, "{refused}");
        assert!(!text.contains(MARK) && !SECRETS.iter().any(|secret| text.contains(secret)));
        assert!(api.take_asked().is_empty(), "Stripe is not asked because of what is forged");
        let payment = payments::get(&server, &olga.account_id, &payment_id).await.expect("the payment");
        assert_eq!(payment.state, PaymentState::Open);
        let credit = ledger::summary(&server, &olga.account_id).await.expect("a summary").available();
        assert_eq!(credit.millionths(), 0);
        let header = HeaderValue::from_str(&sign(SECRETS[1], -300)).expect("a header");
        assert_eq!(send(&router, Some(header), Bytes::from(body.clone())).await, 200, "the honest one is believed");
        let credit = ledger::summary(&server, &olga.account_id).await.expect("a summary").available();
        assert_eq!(credit.millionths(), 25_000_000);
    }
}
