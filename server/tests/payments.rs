//! Payments through the real router: the credit comes once, whatever the webhooks do, and never without a signature.

use crate::gateway::{PAID, event, gateway_has, start, take_card, tell, webhook};
use crate::requests::{Books, books, send};
use crate::support::{assert_sound, databases, owner};
use axum::body::Body;
use axum::http::{Request, header};
use domain::account::Viewer;
use domain::clock::{DAY_US, MINUTE_US, SECOND_US};
use domain::id::PaymentId;
use domain::payment::PaymentState;
use serde_json::json;
use server::payments::{self, signature};
use server::{Server, http};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const TWENTY_FIVE: i64 = 25_000_000;
const NOTHING: Books = Books { available: 0, entries: 0, spent: 0, added: 0 };
const CREDITED_ONCE: Books = Books { available: TWENTY_FIVE, entries: 1, spent: 0, added: TWENTY_FIVE };

async fn state(server: &Server, viewer: &Viewer, payment_id: &PaymentId) -> PaymentState {
    payments::get(server, &viewer.account_id, payment_id).await.expect("the payment").state
}

fn get_page(payment_id: &str) -> Request<Body> {
    Request::get(format!("/pay/{payment_id}")).body(Body::empty()).expect("a request")
}

fn submit(payment_id: &PaymentId, form: &str) -> Request<Body> {
    Request::post(format!("/pay/{payment_id}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .expect("a request")
}

/// Presses "Pay" with a card and checks that the customer is sent back to the console.
async fn pay(server: &Arc<Server>, payment_id: &PaymentId, card_number: &str) {
    let answer = send(server, submit(payment_id, &format!("card_number={card_number}&action=pay"))).await;
    let back = format!("{}/settings?payment={payment_id}", server.config.public_url());
    assert_eq!((answer.status, answer.header("location")), (303, back.as_str()));
}

/// The same installation once more, listening on an address where its gateway's webhooks arrive.
async fn listening(server: &Arc<Server>, delay_ms: u64) -> Arc<Server> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    let mut config = server.config.clone();
    config.address = address;
    config.local_gateway_delay_ms = delay_ms;
    let (clock, random) = (Arc::clone(&server.clock), Arc::clone(&server.random));
    let listening = Server::open_with(config, clock, random).await.expect("a second process");
    let router = http::router(Arc::clone(&listening));
    tokio::spawn(async move { axum::serve(listener, router).await });
    listening
}

/// Waits, for at most five seconds of real time, until a payment has a state.
async fn becomes(server: &Server, viewer: &Viewer, payment_id: &PaymentId, wanted: PaymentState) {
    for _ in 0..250 {
        if state(server, viewer, payment_id).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the payment did not become {wanted:?}");
}

#[tokio::test]
async fn an_amount_outside_the_rules_is_refused_at_its_field_and_makes_no_payment() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        for amount in ["", "ten", "4.99", "2000.01", "-25", "25.505"] {
            let error = payments::start(&server, &olga, amount).await.expect_err("refused").into_problem();
            assert_eq!((error.code.as_str(), error.field.as_deref()), ("invalid_field", Some("amount")), "{amount}");
        }
        assert!(payments::list(&server, &olga.account_id).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_signed_event_credits_what_was_ordered() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        assert_eq!(tell(&server, &event(PAID, &payment_id)).await.status, 200);
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open, "an event is a hint and no more");
        take_card(&server, &payment_id).await;
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        assert_eq!(tell(&server, &event(PAID, &payment_id)).await.status, 200);
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Paid);
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn a_forged_webhook_credits_nothing() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        take_card(&server, &payment_id).await;
        let body = event(PAID, &payment_id).to_string();
        let now = server.now();
        let sign = |secret: &[u8], seconds: i64, body: &str| {
            signature::sign(secret, now.plus_us(seconds * SECOND_US), body.as_bytes())
        };
        let secret = server.webhook_secret();
        let changed = body.replace(PAID, "checkout.session.Paid");
        assert_ne!(changed, body);
        for (signature, sent) in [
            (None, &body),
            (Some(String::new()), &body),
            (Some("t=1,v1=00".to_owned()), &body),
            (Some(sign(b"", 0, &body)), &body),
            (Some(sign(b"another secret", 0, &body)), &body),
            (Some(sign(secret, -301, &body)), &body),
            (Some(sign(secret, 301, &body)), &body),
            (Some(sign(secret, 0, &body)), &changed),
            (Some(sign(secret, 0, &body).replace("v1=", "v0=")), &body),
        ] {
            let answer = send(&server, webhook(signature.as_deref(), sent.clone())).await;
            answer.refuses(400, "malformed_request");
        }
        assert_eq!(books(&server, &olga).await, NOTHING);
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        let honest = send(&server, webhook(Some(&sign(secret, -300, &body)), body.clone())).await;
        assert_eq!(honest.status, 200, "five minutes are still in time");
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn another_amount_or_currency_at_the_gateway_credits_nothing() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        take_card(&server, &payment_id).await;
        for other in ["minor_units = 250000", "minor_units = 1", "minor_units = 2500, currency = 'EUR'"] {
            gateway_has(&server, &payment_id, other).await;
            tell(&server, &event(PAID, &payment_id)).await.refuses(409, "conflict");
        }
        assert_eq!(books(&server, &olga).await, NOTHING);
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
    }
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_400_and_one_of_no_concern_is_taken() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        for body in [json!([]), json!({}), json!("event"), event(PAID, &PaymentId::from_row("pay_1".into()))] {
            tell(&server, &body).await.refuses(400, "malformed_request");
        }
        let unknown = PaymentId::new(server.now(), [9; 8]);
        for body in [event("customer.created", &payment_id), event(PAID, &unknown)] {
            assert_eq!(tell(&server, &body).await.status, 200);
        }
        assert_eq!(books(&server, &olga).await, NOTHING);
    }
}

#[tokio::test]
async fn the_same_event_twenty_times_in_parallel_credits_once() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        take_card(&server, &payment_id).await;
        let mut told = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (server, event) = (Arc::<Server>::clone(&server), event(PAID, &payment_id));
            told.spawn(async move { tell(&server, &event).await.status });
        }
        assert_eq!(told.join_all().await, [200; 20]);
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn states_in_the_wrong_order_end_as_paid_and_credit_once() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        for kind in ["cancelled", "failed", "paid", "processing", "failed", "paid", "expired"] {
            gateway_has(&server, &payment_id, &format!("state = '{kind}'")).await;
            assert_eq!(tell(&server, &event(&format!("checkout.session.{kind}"), &payment_id)).await.status, 200);
        }
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Paid);
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn a_paid_card_credits_through_the_webhook_before_the_customer_is_back() {
    for server in databases().await {
        let server = listening(&server, 3_000).await;
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        pay(&server, &payment_id, "4242+4242+4242+4242").await;
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Paid);
        pay(&server, &payment_id, "4242424242424242").await;
        payments::sweep(&server).await.unwrap();
        payments::verify_return(&server, &olga, &payment_id).await.unwrap();
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn a_declined_card_leaves_all_as_it_was() {
    for server in databases().await {
        let server = listening(&server, 3_000).await;
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        pay(&server, &payment_id, "4000000000000002").await;
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Failed);
        assert_eq!(books(&server, &olga).await, NOTHING);
        let page = send(&server, get_page(payment_id.as_str())).await;
        assert!(page.body.contains("This payment was declined"), "{}", page.body);
        assert!(!page.body.contains("<form"));
    }
}

#[tokio::test]
async fn a_customer_who_goes_back_has_cancelled() {
    for server in databases().await {
        let server = listening(&server, 3_000).await;
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let answer = send(&server, submit(&payment_id, "card_number=&action=cancel")).await;
        assert_eq!(answer.status, 303);
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Cancelled);
        pay(&server, &payment_id, "4242424242424242").await;
        assert_eq!(books(&server, &olga).await, NOTHING, "a closed checkout takes no card");
    }
}

#[tokio::test]
async fn a_pending_card_is_decided_after_its_delay() {
    for test_server in databases().await {
        let server = listening(&test_server, 50).await;
        let olga = owner(&server, "olga").await;
        let (paid, failed) = (start(&server, &olga).await, start(&server, &olga).await);
        pay(&server, &paid, "4000000000003220").await;
        pay(&server, &failed, "4000000000009995").await;
        for payment_id in [&paid, &failed] {
            assert_eq!(state(&server, &olga, payment_id).await, PaymentState::Processing);
        }
        assert_eq!(books(&server, &olga).await, NOTHING);
        // The timers run out before the clock of the server says that the cards are due.
        tokio::time::sleep(Duration::from_millis(150)).await;
        test_server.clock.advance_us(SECOND_US);
        becomes(&server, &olga, &paid, PaymentState::Paid).await;
        becomes(&server, &olga, &failed, PaymentState::Failed).await;
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn a_pending_card_is_decided_by_the_sweeper_after_a_restart() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        // Nothing listens at this server's address: every webhook is lost, as in a process that was killed.
        pay(&server, &payment_id, "4000000000003220").await;
        payments::sweep(&server).await.unwrap();
        assert_eq!(books(&server, &olga).await, NOTHING);
        server.clock.advance_us(MINUTE_US);
        let restarted = listening(&server, 3_000).await;
        payments::sweep(&restarted).await.unwrap();
        assert_eq!(state(&restarted, &olga, &payment_id).await, PaymentState::Paid);
        assert_eq!(books(&restarted, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn the_sweeper_credits_what_no_webhook_told() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        pay(&server, &payment_id, "4242424242424242").await;
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        payments::sweep(&server).await.unwrap();
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open, "the webhook has half a minute");
        server.clock.advance_us(MINUTE_US);
        payments::sweep(&server).await.unwrap();
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Paid);
        assert_eq!(tell(&server, &event(PAID, &payment_id)).await.status, 200, "and the webhook comes late");
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn the_return_page_credits_what_no_webhook_told() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let waiting = payments::verify_return(&server, &olga, &payment_id).await.unwrap();
        assert_eq!(waiting.state, PaymentState::Open, "coming back proves nothing");
        pay(&server, &payment_id, "4242424242424242").await;
        let returned = payments::verify_return(&server, &olga, &payment_id).await.unwrap();
        assert_eq!(returned.state, PaymentState::Paid);
        assert_eq!(books(&server, &olga).await, CREDITED_ONCE);
    }
}

#[tokio::test]
async fn a_checkout_that_nobody_pays_expires_after_a_day() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        server.clock.advance_us(DAY_US - SECOND_US);
        payments::sweep(&server).await.unwrap();
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
        server.clock.advance_us(MINUTE_US);
        payments::sweep(&server).await.unwrap();
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Expired);
        let page = send(&server, get_page(payment_id.as_str())).await;
        assert!(page.body.contains("This payment has expired"), "{}", page.body);
        pay(&server, &payment_id, "4242424242424242").await;
        payments::sweep(&server).await.unwrap();
        assert_eq!(books(&server, &olga).await, NOTHING);
    }
}

#[tokio::test]
async fn another_accounts_payment_is_404_and_not_in_the_list() {
    for server in databases().await {
        let (olga, otto) = (owner(&server, "olga").await, owner(&server, "otto").await);
        let payment_id = start(&server, &olga).await;
        let seen = payments::get(&server, &otto.account_id, &payment_id).await.expect_err("hidden").into_problem();
        let verified = payments::verify_return(&server, &otto, &payment_id).await.expect_err("hidden").into_problem();
        assert_eq!((seen.code.status(), verified.code.status()), (404, 404));
        assert!(payments::list(&server, &otto.account_id).await.unwrap().is_empty());
        assert_eq!(payments::list(&server, &olga.account_id).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_payment_page_shows_our_amount_and_works_without_a_script() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        let page = send(&server, get_page(payment_id.as_str())).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        for part in
            [">Card number</label>", ">Pay $25.00</button>", ">Cancel and go back</button>", "4000 0000 0000 9995"]
        {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        assert!(!page.body.contains("<script") && !page.body.contains("style="));
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        let style = Request::get("/pay/style.css").body(Body::empty()).unwrap();
        assert_eq!(send(&server, style).await.header("content-type"), "text/css; charset=utf-8");
    }
}

#[tokio::test]
async fn an_unknown_card_is_refused_beside_its_field_and_what_was_typed_stays() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let payment_id = start(&server, &olga).await;
        for (form, message) in [
            ("card_number=%22%3E%3Cb%3E&action=pay", "only the test cards"),
            ("card_number=++&action=pay", "Enter the card number."),
            ("", "Enter the card number."),
        ] {
            let page = send(&server, submit(&payment_id, form)).await;
            assert_eq!(page.status, 422);
            assert!(page.body.contains(message) && page.body.contains("aria-invalid=\"true\""), "{}", page.body);
            assert!(!page.body.contains("<b>"));
        }
        assert_eq!(state(&server, &olga, &payment_id).await, PaymentState::Open);
    }
}

#[tokio::test]
async fn a_payment_page_of_no_payment_is_404_for_people() {
    for server in databases().await {
        let unknown = PaymentId::new(server.now(), [9; 8]);
        for payment_id in [unknown.as_str(), "pay_1", "..%2Fsettings"] {
            let page = send(&server, get_page(payment_id)).await;
            assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{payment_id}");
        }
        assert_eq!(send(&server, submit(&unknown, "card_number=4242424242424242")).await.status, 404);
    }
}
