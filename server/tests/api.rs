//! Messages by the public API through the real router, on both databases: their bodies, their streams, the limits, and the
//! ways to send a credential.

use crate::api_holder::{MESSAGES, call, get, holder, post};
use crate::key_holder::{ASK, KeyHolder};
use crate::requests::send;
use crate::support::{TestServer, assert_sound, databases, databases_with};
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use futures_util::StreamExt;
use serde_json::{Value, json};
use server::{chatbots, documents, http};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

fn streamed(holder: &KeyHolder) -> Value {
    let mut question = holder.question();
    question["stream"] = json!(true);
    question
}

/// The events of a stream: name and data.
fn events(body: &str) -> Vec<(String, Value)> {
    let event = |block: &str| {
        let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some((line("event: ")?, serde_json::from_str(&line("data: ")?).expect("JSON")))
    };
    body.split("\n\n").filter_map(event).collect()
}

#[tokio::test]
async fn a_message_is_the_published_call_with_its_passages_its_price_and_what_is_left() {
    for server in databases().await {
        let holder = holder(&server, 3).await;
        let published = post(&server, &holder, ASK, &holder.question()).await.json();
        let answer = post(&server, &holder, MESSAGES, &holder.question()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        assert_eq!(body["chatbot_message"], published["chatbot_message"]);
        assert_eq!(body["citations"][0]["document_name"], "Guide.md");
        assert_eq!((body["price"].as_str(), body["credit_remaining"].as_str()), (Some("0.002000"), Some("0.002000")));
        assert_eq!(answer.header("x-credit-remaining"), "0.002000");
        assert_eq!(body["request_id"].as_str(), Some(answer.header("x-request-id")));
        let mut next = holder.question();
        next["conversation_id"] = body["conversation_id"].clone();
        let continued = post(&server, &holder, MESSAGES, &next).await.json();
        assert_eq!(continued["conversation_id"], body["conversation_id"]);
        let refused = post(&server, &holder, MESSAGES, &next).await;
        refused.refuses(402, "insufficient_credit");
        assert_eq!(holder.books(&server).await.spent, 6_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_repeated_message_gets_the_same_bytes_and_is_paid_once() {
    for server in databases().await {
        let holder = holder(&server, 10).await;
        for body in [holder.question(), streamed(&holder)] {
            let key = format!("again-{}", body["stream"]);
            let again = || {
                let mut request = call(&holder, Method::POST, MESSAGES, Some(&body));
                request.headers_mut().insert("idempotency-key", key.parse().expect("a value"));
                request
            };
            let before = holder.books(&server).await.entries;
            let first = send(&server, again()).await;
            let second = send(&server, again()).await;
            assert_eq!((first.status, &first.body), (200, &second.body));
            assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
            assert_eq!(holder.books(&server).await.entries, before + 1);
        }
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_stream_sends_the_answer_in_pieces_and_ends_with_what_it_cost() {
    for server in databases().await {
        let holder = holder(&server, 2).await;
        let whole = post(&server, &holder, MESSAGES, &holder.question()).await.json();
        let answer = post(&server, &holder, MESSAGES, &streamed(&holder)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
        let events = events(&answer.body);
        let (last, deltas) = events.split_last().expect("events");
        let text: String = deltas.iter().map(|(_, data)| data["text"].as_str().expect("text")).collect();
        assert!(deltas.len() > 1 && deltas.iter().all(|(name, _)| name == "message.delta"));
        assert_eq!((last.0.as_str(), Some(text.as_str())), ("message.completed", whole["chatbot_message"].as_str()));
        assert_eq!(last.1["citations"], whole["citations"]);
        assert_eq!(last.1["credit_remaining"], "0.000000");
        assert_eq!(holder.books(&server).await.spent, 4_000);
        // Without credit there is no stream but a refusal.
        post(&server, &holder, MESSAGES, &streamed(&holder)).await.refuses(402, "insufficient_credit");
        assert_sound(&server).await;
    }
}

async fn open_stream(server: &TestServer, holder: &KeyHolder) -> axum::response::Response {
    let request = call(holder, Method::POST, MESSAGES, Some(&streamed(holder)));
    let response = http::router(Arc::clone(server)).oneshot(request).await.expect("answers");
    assert_eq!(response.status(), 200);
    response
}

async fn held(server: &TestServer, holder: &KeyHolder) -> i64 {
    server::ledger::summary(server, &holder.viewer.account_id).await.expect("a summary").held.millionths()
}

#[tokio::test]
async fn who_leaves_before_the_first_piece_pays_nothing_and_who_leaves_after_it_has_paid() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let unread = open_stream(&server, &holder).await;
        assert_eq!(held(&server, &holder).await, 2_000);
        drop(unread);
        for _ in 0..200 {
            if held(&server, &holder).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((held(&server, &holder).await, holder.books(&server).await.spent), (0, 0));
        let mut body = open_stream(&server, &holder).await.into_body().into_data_stream();
        let first = body.next().await.expect("a piece").expect("bytes");
        assert!(first.starts_with(b"event: message.delta"));
        drop(body);
        assert_eq!((held(&server, &holder).await, holder.books(&server).await.spent), (0, 2_000));
        let listed = get(&server, &holder, "/api/v1/conversations").await.json();
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn an_answer_that_fails_in_a_stream_is_an_error_event_and_costs_nothing() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let response = open_stream(&server, &holder).await;
        chatbots::delete(&server, &holder.viewer, &holder.chatbot.id).await.expect("deleted");
        let body = to_bytes(response.into_body(), 10_000).await.expect("the whole stream");
        let events = events(std::str::from_utf8(&body).expect("text"));
        assert_eq!(events.len(), 1);
        assert_eq!((events[0].0.as_str(), events[0].1["code"].as_str()), ("error", Some("not_found")));
        for _ in 0..200 {
            if held(&server, &holder).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((held(&server, &holder).await, holder.books(&server).await.spent), (0, 0));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn documents_that_change_while_a_stream_begins_are_what_it_answers_from() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        post(&server, &holder, MESSAGES, &holder.question()).await;
        let response = open_stream(&server, &holder).await;
        let other = server.second_process().await;
        let text = "# Opening hours\n\nThe shop is open on Sundays only.\n";
        let account_id = &holder.viewer.account_id;
        for document in documents::list(&other, account_id, None).await.expect("documents") {
            documents::delete(&other, account_id, &document.id).await.expect("deleted");
        }
        documents::add(&other, account_id, &holder.chatbot.id, "New.md", text).await.expect("added");
        let body = to_bytes(response.into_body(), 10_000).await.expect("the whole stream");
        let events = events(std::str::from_utf8(&body).expect("text"));
        let (name, completed) = events.last().expect("an event");
        assert_eq!(
            (name.as_str(), &completed["citations"][0]["document_name"]),
            ("message.completed", &json!("New.md"))
        );
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn the_limits_of_the_plan_are_told_and_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let plans = folder.path().join("plans.toml");
    let text =
        include_str!("../plans.toml").replace("requests_per_minute_per_key = 3000", "requests_per_minute_per_key = 3");
    std::fs::write(&plans, text.replace("requests_per_minute = 6000", "requests_per_minute = 5")).expect("written");
    for server in databases_with(&["--plans", plans.to_str().expect("a path")]).await {
        let holder = holder(&server, 20).await;
        let first = get(&server, &holder, "/api/v1/credit").await;
        assert_eq!(first.header("ratelimit-policy"), "\"key\";q=3;w=60, \"account\";q=5;w=60");
        assert_eq!(first.header("ratelimit"), "\"key\";r=2;t=20, \"account\";r=4;t=12");
        for _ in 0..2 {
            assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.status, 200);
        }
        let refused = post(&server, &holder, MESSAGES, &holder.question()).await;
        refused.refuses(429, "rate_limited");
        assert!(refused.header("ratelimit").starts_with("\"key\";r=0;t=60"), "{}", refused.header("ratelimit"));
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=20).contains(&wait), "{wait}");
        assert_eq!(holder.books(&server).await.spent, 4_000);
    }
}

#[tokio::test]
async fn a_credential_is_taken_in_three_forms_and_never_from_the_address() {
    for server in databases().await {
        let holder = holder(&server, 20).await;
        let credential = holder.authorization();
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &credential);
        for value in [credential.clone(), format!("Bearer {credential}"), format!("Basic {basic}")] {
            let request = Request::get("/api/v1/credit").header(header::AUTHORIZATION, value).body(Body::empty());
            assert_eq!(send(&server, request.expect("a request")).await.status, 200);
        }
        let (key, secret) = credential.split_once(':').expect("two halves");
        let path = format!("/api/v1/credit?consumer_key={key}&consumer_secret={secret}");
        let refused = send(&server, Request::get(path).body(Body::empty()).expect("a request")).await;
        refused.refuses(401, "credential_in_address");
        assert!(refused.header("www-authenticate").starts_with("Bearer realm="));
        assert!(!refused.body.contains(secret));
        let missing = send(&server, Request::get("/api/v1/credit").body(Body::empty()).expect("a request")).await;
        missing.refuses(401, "missing_credential");
        assert!(missing.header("www-authenticate").starts_with("Bearer realm="));
    }
}
