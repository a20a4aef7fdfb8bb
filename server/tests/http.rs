//! What stands around every route, the health checks, and the live events, through the real router.

use crate::key_holder::{ASK, PRICE, asks_with, key_holder};
use crate::requests::send;
use crate::support::{databases, owner};
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, header};
use axum::routing::post;
use domain::account::Viewer;
use domain::credit::Credit;
use domain::ledger::Operation;
use domain::payment::PaymentState;
use futures_util::{StreamExt, stream};
use server::payments::gateway::Report;
use server::{Server, http, ledger, payments, sessions};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_the_security_headers() {
    for server in databases().await {
        for path in ["/healthz", "/api/v1/nothing", ASK] {
            let answer = send(&server, get(path)).await;
            assert!(answer.header("x-request-id").starts_with("req_"), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("referrer-policy"), "same-origin");
        }
    }
}

#[tokio::test]
async fn a_request_id_of_the_caller_is_taken_over_only_when_it_is_harmless() {
    for server in databases().await {
        for (given, is_taken) in [("job-7.a_b", true), ("two words", false), ("", false), (&"x".repeat(65), false)] {
            let request = Request::get("/api/none").header("x-request-id", given).body(Body::empty()).unwrap();
            let answer = send(&server, request).await;
            answer.refuses(404, "not_found");
            assert_eq!(answer.header("x-request-id") == given, is_taken, "{given}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_allowed_are_problems_too() {
    for server in databases().await {
        for path in ["/wp-json/send-message/v2/ask", "/api/v2/messages", "/webhooks/stripe"] {
            send(&server, get(path)).await.refuses(404, "not_found");
        }
        for (method, path) in [
            (Method::GET, ASK),
            (Method::GET, "/api/v1/messages"),
            (Method::DELETE, ASK),
            (Method::GET, "/webhooks/local"),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = send(&server, request).await;
            answer.refuses(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), "POST", "{path}");
        }
    }
}

#[tokio::test]
async fn readiness_is_the_databases_and_life_is_the_processes() {
    for server in databases().await {
        assert_eq!(send(&server, get("/readyz")).await.status, 200);
        server.db.close().await;
        let answer = send(&server, get("/readyz")).await;
        answer.refuses(503, "unavailable");
        assert_ne!(answer.header("retry-after"), "");
        assert_eq!(send(&server, get("/healthz")).await.status, 200);
    }
}

#[tokio::test]
async fn a_ledger_out_of_reach_is_503_and_never_a_free_answer() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 1).await;
        server.db.close().await;
        let answer = send(&server, holder.asks(&holder.question())).await;
        answer.refuses(503, "unavailable");
        assert!(!answer.body.contains("pool"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    for server in databases().await {
        let panics = Router::new().route("/panics", post(async || -> &'static str { panic!("a secret detail") }));
        let router = http::wrap(Arc::<Server>::clone(&server), panics);
        let response = router.oneshot(Request::post("/panics").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains("internal_error") && !body.contains("secret detail"), "{body}");
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_whether_it_says_so_or_not() {
    for server in databases().await {
        let length = async |body: axum::body::Bytes| body.len().to_string();
        let console = || http::limit_body(Router::new().route("/form", post(length)), 1_000);
        let router = || http::wrap(Arc::<Server>::clone(&server), console());
        for (size, says_so, status) in
            [(1_000, true, 200), (1_001, true, 413), (1_000, false, 200), (1_001, false, 413)]
        {
            let chunk = Ok::<_, io::Error>(vec![b'a'; size]);
            let body = if says_so { Body::from(vec![b'a'; size]) } else { Body::from_stream(stream::iter([chunk])) };
            let mut request = Request::post("/form").body(body).unwrap();
            if says_so {
                request.headers_mut().insert(header::CONTENT_LENGTH, size.into());
            }
            let response = router().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{size} {says_so}");
            let is_problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
            assert_eq!(is_problem, status == 413 && says_so);
        }
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_stopped_and_says_so() {
    for server in databases().await {
        let never = Router::new().route("/never", post(async || std::future::pending::<&'static str>().await));
        let router = http::wrap(Arc::<Server>::clone(&server), never);
        tokio::time::pause();
        let began = tokio::time::Instant::now();
        let response = router.oneshot(Request::post("/never").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 30);
        tokio::time::resume();
        assert_eq!(response.status(), 503);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["code"], "unavailable");
        assert!(problem["detail"].as_str().unwrap().contains("took too long"), "{problem}");
    }
}

#[tokio::test]
async fn what_another_site_makes_a_browser_send_is_refused() {
    for server in databases().await {
        let console = || http::protect_from_cross_site(Router::new().route("/changes", post(async || "changed")));
        let router = || http::wrap(Arc::<Server>::clone(&server), console());
        for (site, origin, status) in [
            (Some("cross-site"), Some("https://evil.example"), 403),
            (Some("same-site"), Some("https://other.console.example"), 403),
            (None, Some("https://evil.example"), 403),
            (None, Some("null"), 403),
            (Some("same-origin"), Some("https://console.example"), 200),
            (None, Some("https://console.example"), 200),
            (None, None, 200),
        ] {
            let mut request = Request::post("/changes").header(header::HOST, "console.example");
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
            let response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), status, "{site:?} {origin:?}");
            let is_problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
            assert_eq!(is_problem, status == 403);
        }
    }
}

/// The events of a signed-in page, as a browser receives them.
struct Page(BodyDataStream);

impl Page {
    async fn open(server: &Arc<Server>, viewer: &Viewer) -> Self {
        let token = sessions::start(server, viewer).await.expect("a session");
        Self::open_with(server, &token).await
    }

    async fn open_with(server: &Arc<Server>, token: &str) -> Self {
        let cookie = format!("{}={token}", sessions::cookie_name(&server.config));
        let request = Request::get("/events").header(header::COOKIE, cookie).body(Body::empty()).expect("a request");
        let response = http::router(Arc::clone(server)).oneshot(request).await.expect("the router answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut page = Self(response.into_body().into_data_stream());
        let opened = page.next(1_000).await.expect("something at once");
        assert!(opened.contains("retry: 1000"), "{opened}");
        page
    }

    /// What arrives within so many milliseconds; `None` for silence, an empty text for the end.
    async fn next(&mut self, milliseconds: u64) -> Option<String> {
        let chunk = tokio::time::timeout(Duration::from_millis(milliseconds), self.0.next()).await.ok()?;
        Some(chunk.map_or(String::new(), |bytes| String::from_utf8_lossy(&bytes.expect("a chunk")).into_owned()))
    }

    async fn hears_a_change(&mut self, milliseconds: u64) {
        let heard = self.next(milliseconds).await;
        assert!(heard.as_ref().is_some_and(|text| text.contains("event: change\ndata: changed\n")), "{heard:?}");
    }
}

#[tokio::test]
async fn every_open_page_of_the_account_hears_of_a_charge_and_no_other_page_does() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let otto = owner(&server, "otto").await;
        let mut first = Page::open(&server, &holder.viewer).await;
        let mut second = Page::open(&server, &holder.viewer).await;
        let mut other = Page::open(&server, &otto).await;
        let request = asks_with(Some(&holder.authorization()), holder.question().to_string());
        assert_eq!(send(&server, request).await.status, 200);
        first.hears_a_change(900).await;
        second.hears_a_change(900).await;
        assert_eq!(other.next(300).await, None);
        assert_eq!(holder.books(&server).await.spent, PRICE.millionths());
    }
}

/// Neither step changes the balance, so looking at it once a second would not do.
#[tokio::test]
async fn a_payment_that_begins_and_one_that_is_declined_are_heard() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let mut page = Page::open(&server, &olga).await;
        let payment_id = payments::start(&server, &olga, "25").await.unwrap().payment_id;
        page.hears_a_change(3_000).await;
        let declined = Report::of(payment_id, PaymentState::Failed);
        payments::fulfil(&server, &declined).await.unwrap();
        page.hears_a_change(3_000).await;
        payments::fulfil(&server, &declined).await.unwrap();
        assert_eq!(page.next(1_500).await, None, "a report that says nothing new is no change");
    }
}

#[tokio::test]
async fn a_change_by_another_process_is_heard_too() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let mut page = Page::open(&server, &olga).await;
        let other = server.second_process().await;
        let amount = Credit::from_millionths(5_000_000);
        ledger::operate(&other, &olga.account_id, Operation::Grant { amount }, "a gift").await.unwrap();
        page.hears_a_change(3_000).await;
        assert_eq!(page.next(1_500).await, None, "one change is told once");
    }
}

#[tokio::test]
async fn the_events_need_a_session_and_end_with_it_and_with_the_server() {
    for server in databases().await {
        send(&server, get("/events")).await.refuses(401, "sign_in_required");
        let cookie = format!("{}={}", sessions::cookie_name(&server.config), "0".repeat(64));
        let request = Request::get("/events").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        send(&server, request).await.refuses(401, "sign_in_required");
        let olga = owner(&server, "olga").await;
        let token = sessions::start(&server, &olga).await.unwrap();
        let (mut ended, mut page) = (Page::open_with(&server, &token).await, Page::open(&server, &olga).await);
        sessions::end(&server, &token).await.unwrap();
        assert_eq!(ended.next(1_000).await.as_deref(), Some(""), "signing out ends what the page hears");
        page.hears_a_change(1_000).await;
        server.stop();
        assert_eq!(page.next(2_000).await.as_deref(), Some(""));
    }
}
