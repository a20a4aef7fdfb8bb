//! The public API through the real router, on both databases: messages and their streams, what can be read, pages, limits,
//! and the document that describes it all.

mod key_holder;
mod requests;
mod support;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use domain::api_key::{KeySettings, Permission};
use futures_util::StreamExt;
use key_holder::{ASK, KeyHolder, key_holder};
use requests::{Answer, send};
use serde_json::{Value, json};
use server::{Server, chatbots, documents, http, keys};
use std::sync::Arc;
use std::time::Duration;
use support::{TestServer, assert_sound, databases, databases_with, owner};
use tower::ServiceExt;

const MESSAGES: &str = "/api/v1/messages";

async fn holder(server: &TestServer, messages: i64) -> KeyHolder {
    let holder = key_holder(server, owner(server, "olga").await, messages).await;
    allow(server, &holder, Permission::ALL.to_vec()).await;
    holder
}

async fn allow(server: &TestServer, holder: &KeyHolder, permissions: Vec<Permission>) {
    change(server, holder, |settings| settings.permissions = permissions).await;
}

async fn change(server: &TestServer, holder: &KeyHolder, change: impl FnOnce(&mut KeySettings)) {
    let key = keys::get(server, &holder.viewer.account_id, &holder.key.key.id).await.expect("the key");
    let mut settings = key.settings;
    change(&mut settings);
    keys::change(server, &holder.viewer, &holder.key.key.id, settings).await.expect("changed");
}

fn call(holder: &KeyHolder, method: Method, path: &str, body: Option<&Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, holder.authorization());
    match body {
        Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body.to_string().into()),
        None => request.body(Body::empty()),
    }
    .expect("a request")
}

async fn get(server: &Arc<Server>, holder: &KeyHolder, path: &str) -> Answer {
    send(server, call(holder, Method::GET, path, None)).await
}

async fn post(server: &Arc<Server>, holder: &KeyHolder, path: &str, body: &Value) -> Answer {
    send(server, call(holder, Method::POST, path, Some(body))).await
}

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
async fn credit_plan_and_entries_say_what_the_console_says() {
    for server in databases().await {
        let holder = holder(&server, 3).await;
        post(&server, &holder, MESSAGES, &holder.question()).await;
        let credit = get(&server, &holder, "/api/v1/credit").await.json();
        let expected = json!({
            "currency": "USD", "credit": "0.004000", "held": "0.000000", "available": "0.004000",
            "price_per_message": "0.002000", "messages_left": 2
        });
        assert_eq!(credit, expected);
        let plan = get(&server, &holder, "/api/v1/plan").await.json();
        assert_eq!((&plan["name"], &plan["api_keys"]), (&json!("Plus"), &json!({ "used": 1, "limit": 5 })));
        assert_eq!(plan["requests"], json!({ "per_minute": 6_000, "per_minute_per_key": 3_000 }));
        let entries = get(&server, &holder, "/api/v1/entries").await.json();
        let entry = &entries["data"][0];
        assert_eq!((&entry["kind"], &entry["amount"]), (&json!("charge"), &json!("-0.002000")));
        assert_eq!((&entry["key"]["name"], &entry["chatbot"]["name"]), (&json!("Production"), &json!("Help centre")));
        assert_eq!(entries["data"][1]["kind"], "grant");
        let changes = get(&server, &holder, "/api/v1/entries?kind=changes").await.json();
        assert_eq!(changes["data"], json!([entries["data"][1]]));
        let path = format!("/api/v1/entries/{}", entry["seq"]);
        assert_eq!(get(&server, &holder, &path).await.json(), *entry);
        get(&server, &holder, "/api/v1/entries/99").await.refuses(404, "not_found");
        let usage = get(&server, &holder, "/api/v1/usage?by=chatbot").await.json();
        let sum = json!({ "messages": 1, "charged": "0.002000" });
        assert_eq!(usage["total"], sum);
        let of = json!([{ "of": "chatbot", "id": holder.chatbot.id, "name": "Help centre", "total": sum }]);
        assert_eq!((&usage["series"], usage["days"].as_array().map(Vec::len)), (&of, Some(30)));
        assert_eq!(usage["days"][29]["sums"], json!([sum]));
    }
}

#[tokio::test]
async fn lists_are_read_page_by_page_without_gaps() {
    for server in databases().await {
        let holder = holder(&server, 20).await;
        let mut last = Value::Null;
        for number in 0..7 {
            server.clock.advance_us(1_000_000);
            let mut question = holder.question();
            if number % 3 == 2 {
                question["conversation_id"] = last["conversation_id"].clone();
            }
            last = post(&server, &holder, MESSAGES, &question).await.json();
        }
        for (path, ids, count) in [("/api/v1/entries", "seq", 8), ("/api/v1/conversations", "id", 5)] {
            let whole = get(&server, &holder, path).await.json();
            let whole = whole["data"].as_array().expect("a list").clone();
            assert_eq!(whole.len(), count, "{path}");
            let (mut paged, mut query) = (Vec::new(), "limit=2".to_owned());
            loop {
                let page = get(&server, &holder, &format!("{path}?{query}")).await.json();
                paged.extend(page["data"].as_array().expect("a list").clone());
                let Some(next) = page["next_cursor"].as_str() else { break };
                query = format!("limit=2&cursor={next}");
            }
            assert_eq!(paged, whole, "{path}");
            assert!(whole.windows(2).all(|pair| pair[0][ids].to_string() != pair[1][ids].to_string()));
        }
        let conversation = last["conversation_id"].as_str().expect("an id");
        let path = format!("/api/v1/conversations/{conversation}");
        assert_eq!(get(&server, &holder, &path).await.json()["messages"], 1);
        let messages = get(&server, &holder, &format!("{path}/messages")).await.json();
        assert_eq!(messages["data"][0]["request_id"], last["request_id"]);
        assert_eq!(messages["data"][0]["sources"][0]["document_name"], "Guide.md");
        assert_eq!(messages["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn a_key_for_some_chatbots_sees_these_and_nothing_of_others() {
    for server in databases().await {
        let holder = holder(&server, 20).await;
        let other = chatbots::create(&server, &holder.viewer, "Other").await.expect("a chatbot");
        let mut to_other = holder.question();
        to_other["chatbot_id"] = json!(other.id);
        let conversation = post(&server, &holder, MESSAGES, &to_other).await.text("conversation_id");
        post(&server, &holder, MESSAGES, &holder.question()).await;
        let added = json!({ "chatbot_id": other.id, "name": "a.md", "text": "Something." });
        let document = post(&server, &holder, "/api/v1/documents", &added).await;
        assert_eq!(document.status, 201);
        let document = format!("/api/v1/documents/{}", document.text("id"));
        change(&server, &holder, |settings| settings.chatbots = Some(vec![holder.chatbot.id.clone()])).await;
        for path in ["/api/v1/chatbots", "/api/v1/conversations", "/api/v1/documents"] {
            let listed = get(&server, &holder, path).await.json();
            assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{path} {listed}");
        }
        for path in [
            format!("/api/v1/chatbots/{}", other.id),
            format!("/api/v1/conversations?chatbot_id={}", other.id),
            format!("/api/v1/conversations/{conversation}"),
            format!("/api/v1/conversations/{conversation}/messages"),
            format!("/api/v1/documents?chatbot_id={}", other.id),
        ] {
            get(&server, &holder, &path).await.refuses(403, "chatbot_not_allowed");
        }
        send(&server, call(&holder, Method::DELETE, &document, None)).await.refuses(403, "chatbot_not_allowed");
        let seen = get(&server, &holder, "/api/v1/entries").await.json();
        assert_eq!(seen["data"].as_array().map(Vec::len), Some(1), "{seen}");
        assert_eq!(get(&server, &holder, "/api/v1/usage").await.json()["total"]["messages"], 1);
        get(&server, &holder, "/api/v1/entries/1").await.refuses(404, "not_found");
        get(&server, &holder, "/api/v1/entries/2").await.refuses(403, "chatbot_not_allowed");
        post(&server, &holder, "/api/v1/documents", &added).await.refuses(403, "chatbot_not_allowed");
        post(&server, &holder, MESSAGES, &to_other).await.refuses(403, "chatbot_not_allowed");
    }
}

#[tokio::test]
async fn each_operation_needs_its_permission() {
    for server in databases().await {
        let holder = holder(&server, 20).await;
        let document = json!({ "chatbot_id": holder.chatbot.id, "name": "a.md", "text": "Something." });
        let document_id = post(&server, &holder, "/api/v1/documents", &document).await.text("id");
        let calls = [
            (Permission::MessagesWrite, Method::POST, MESSAGES.to_owned(), Some(holder.question())),
            (Permission::MessagesWrite, Method::POST, ASK.to_owned(), Some(holder.question())),
            (Permission::UsageRead, Method::GET, "/api/v1/credit".to_owned(), None),
            (Permission::UsageRead, Method::GET, "/api/v1/plan".to_owned(), None),
            (Permission::UsageRead, Method::GET, "/api/v1/entries".to_owned(), None),
            (Permission::UsageRead, Method::GET, "/api/v1/entries/1".to_owned(), None),
            (Permission::UsageRead, Method::GET, "/api/v1/usage".to_owned(), None),
            (Permission::ChatbotsRead, Method::GET, "/api/v1/chatbots".to_owned(), None),
            (Permission::ChatbotsRead, Method::GET, "/api/v1/documents".to_owned(), None),
            (Permission::ChatbotsRead, Method::GET, format!("/api/v1/chatbots/{}", holder.chatbot.id), None),
            (Permission::ConversationsRead, Method::GET, "/api/v1/conversations".to_owned(), None),
            (Permission::DocumentsWrite, Method::POST, "/api/v1/documents".to_owned(), Some(document)),
            (Permission::DocumentsWrite, Method::DELETE, format!("/api/v1/documents/{document_id}"), None),
        ];
        for (permission, method, path, body) in calls {
            let others = Permission::ALL.iter().copied().filter(|other| *other != permission).collect();
            allow(&server, &holder, others).await;
            let refused = send(&server, call(&holder, method.clone(), &path, body.as_ref())).await;
            refused.refuses(403, "permission_missing");
            assert!(refused.text("detail").contains(permission.as_str()), "{}", refused.body);
            allow(&server, &holder, vec![permission]).await;
            let answer = send(&server, call(&holder, method, &path, body.as_ref())).await;
            assert!((200..300).contains(&answer.status), "{path}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_key_that_another_process_deleted_reads_nothing_from_the_next_request_on() {
    for server in databases().await {
        let holder = holder(&server, 20).await;
        assert_eq!(get(&server, &holder, "/api/v1/credit").await.status, 200);
        let other = server.second_process().await;
        keys::delete(&other, &holder.viewer, &holder.key.key.id, "Production").await.expect("deleted");
        for path in ["/api/v1/credit", "/api/v1/chatbots", "/api/v1/conversations", "/api/v1/entries"] {
            get(&server, &holder, path).await.refuses(401, "invalid_credential");
        }
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

#[tokio::test]
async fn what_a_query_does_not_know_is_refused_and_named() {
    for server in databases().await {
        let holder = holder(&server, 1).await;
        for (path, field) in [
            ("/api/v1/entries?form=2026-11-01", "form"),
            ("/api/v1/entries?from=yesterday", "from"),
            ("/api/v1/entries?until=", "until"),
            ("/api/v1/entries?limit=0", "limit"),
            ("/api/v1/entries?kind=charge", "kind"),
            ("/api/v1/usage?by=colour", "by"),
            ("/api/v1/usage?from=2025-01-01&until=2026-11-01", "from"),
            ("/api/v1/conversations?cursor=nothing", "cursor"),
            ("/api/v1/credit?currency=EUR", "currency"),
        ] {
            let refused = get(&server, &holder, path).await;
            refused.refuses(422, "invalid_field");
            assert_eq!(refused.text("field"), field);
        }
    }
}

#[tokio::test]
async fn the_document_describes_what_is_served() {
    let server = databases().await.remove(0);
    let answer = send(&server, Request::get("/openapi.json").body(Body::empty()).expect("a request")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().expect("operations") {
            let address = path
                .replace("{chatbot_id}", "bot_x")
                .replace("{conversation_id}", "x")
                .replace("{document_id}", "x")
                .replace("{seq}", "1");
            let method: Method = method.to_uppercase().parse().expect("a method");
            let request = Request::builder().method(method).uri(&address).body(Body::empty()).expect("a request");
            send(&server, request).await.refuses(401, "missing_credential");
            for part in ["operationId", "summary", "description", "tags"] {
                assert!(operation.get(part).is_some(), "{path}: {part}");
            }
        }
    }
    assert!(paths.len() >= 13);
    let text = answer.body;
    assert!(!text.contains("\"$ref\":\"#/components/schemas/\""), "every reference names something");
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_last_requests_of_a_key_are_listed_with_what_became_of_them() {
    for server in databases().await {
        let holder = holder(&server, 1).await;
        let step = || server.clock.advance_us(1_000);
        post(&server, &holder, MESSAGES, &holder.question()).await;
        step();
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(402, "insufficient_credit");
        step();
        get(&server, &holder, "/api/v1/credit").await;
        step();
        keys::disable(&server, &holder.viewer, &holder.key.key.id).await.expect("off");
        get(&server, &holder, "/api/v1/plan").await.refuses(401, "key_disabled");
        step();
        let wrong = format!("{}:{}", holder.key.key.consumer_key, key_holder::another_secret());
        let request = Request::get("/api/v1/plan").header(header::AUTHORIZATION, wrong).body(Body::empty());
        send(&server, request.expect("a request")).await.refuses(401, "invalid_credential");
        let recent = keys::recent(&server, &holder.viewer.account_id, &holder.key.key.id).await.expect("requests");
        let told: Vec<_> = recent
            .iter()
            .map(|request| {
                let code = request.refused.map_or("", |code| code.as_str());
                (request.operation.as_str(), request.status, code, request.entry.map(|(_, price)| price.millionths()))
            })
            .collect();
        let expected = [
            ("GET /api/v1/plan", 401, "key_disabled", None),
            ("GET /api/v1/credit", 200, "", None),
            ("POST /api/v1/messages", 402, "insufficient_credit", None),
            ("Help centre", 200, "", Some(2_000)),
        ];
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn no_more_than_fifty_requests_of_a_key_are_kept() {
    for server in databases().await {
        let holder = holder(&server, 0).await;
        for round in 0..4 {
            for _ in 0..30 {
                server.clock.advance_us(1_000);
                get(&server, &holder, "/api/v1/credit").await;
            }
            let recent = keys::recent(&server, &holder.viewer.account_id, &holder.key.key.id).await.expect("requests");
            assert_eq!(recent.len(), ((round + 1) * 30).min(50));
            assert_eq!(recent[0].at, server.now());
        }
        let kept: (i64,) = server.db.one("SELECT COUNT(*) FROM key_requests", Vec::new()).await.expect("a count");
        assert_eq!(kept.0, 50);
    }
}
