//! What a program can read by the public API, through the real router, on both databases: pages, permissions, the document
//! that describes it all, and the last requests of a key.

use crate::api_holder::{MESSAGES, allow, call, change, get, holder, post};
use crate::key_holder::ASK;
use crate::requests::send;
use crate::support::databases;
use axum::body::Body;
use axum::http::{Method, Request, header};
use domain::api_key::Permission;
use serde_json::{Value, json};
use server::{chatbots, keys};

#[tokio::test]
async fn credit_plan_and_entries_say_what_the_console_says() {
    for server in databases().await {
        let holder = holder(&server, 3).await;
        post(&server, &holder, MESSAGES, &holder.question()).await;
        let credit = get(&server, &holder, "/api/v1/credit").await.json();
        let expected = json!({
            "currency": "USD", "credit": "0.004000", "held": "0.000000", "available": "0.004000", "debt": "0.000000",
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
        let mut named = call(&holder, Method::POST, MESSAGES, Some(&holder.question()));
        named.headers_mut().insert("x-request-id", "job-7".parse().expect("a value"));
        let answer = send(&server, named).await;
        assert_eq!(answer.header("x-request-id"), "job-7");
        let named = get(&server, &holder, "/api/v1/entries?limit=1").await.json();
        let named = &named["data"][0];
        assert_eq!(
            (&named["caller_request_id"], &named["request_id"]),
            (&json!("job-7"), &answer.json()["request_id"])
        );
        assert_eq!(entry["caller_request_id"], Value::Null);
        let changes = get(&server, &holder, "/api/v1/entries?kind=changes").await.json();
        assert_eq!(changes["data"], json!([entries["data"][1]]));
        let path = format!("/api/v1/entries/{}", entry["seq"]);
        assert_eq!(get(&server, &holder, &path).await.json(), *entry);
        get(&server, &holder, "/api/v1/entries/99").await.refuses(404, "not_found");
        let usage = get(&server, &holder, "/api/v1/usage?by=chatbot").await.json();
        let sum = json!({ "messages": 2, "charged": "0.004000" });
        assert_eq!(usage["total"], sum);
        let of = json!([{ "of": "chatbot", "id": holder.chatbot.id, "name": "Help centre", "total": sum }]);
        assert_eq!((&usage["series"], usage["days"].as_array().map(Vec::len)), (&of, Some(30)));
        assert_eq!(usage["days"][29]["sums"], json!([sum]));
    }
}

#[tokio::test]
async fn a_paused_chatbot_says_so_and_refuses_messages() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let path = format!("/api/v1/chatbots/{}", holder.chatbot.id);
        assert_eq!(get(&server, &holder, &path).await.json()["is_paused"], false);
        chatbots::pause(&server, &holder.viewer, &holder.chatbot.id).await.expect("pauses");
        assert_eq!(get(&server, &holder, &path).await.json()["is_paused"], true);
        assert_eq!(get(&server, &holder, "/api/v1/chatbots").await.json()["data"][0]["is_paused"], true);
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(403, "chatbot_paused");
        send(&server, holder.asks(&holder.question())).await.refuses(403, "chatbot_paused");
        assert_eq!(holder.books(&server).await.spent, 0);
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
            assert!(whole.windows(2).all(|pair| pair[0][ids] != pair[1][ids]));
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
        let settings = format!("/api/v1/chatbots/{}/settings", holder.chatbot.id);
        let replacement = json!({ "name": "b.md", "text": "Something else." });
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
            (Permission::ChatbotsRead, Method::GET, settings.clone(), None),
            (Permission::ChatbotsWrite, Method::PATCH, settings, Some(json!({ "welcome_message": "Hello" }))),
            (Permission::ConversationsRead, Method::GET, "/api/v1/conversations".to_owned(), None),
            (Permission::DocumentsWrite, Method::POST, "/api/v1/documents".to_owned(), Some(document)),
            (Permission::ChatbotsRead, Method::GET, format!("/api/v1/documents/{document_id}"), None),
            (Permission::DocumentsWrite, Method::PUT, format!("/api/v1/documents/{document_id}"), Some(replacement)),
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
        let wrong = format!("{}:{}", holder.key.key.consumer_key, crate::key_holder::another_secret());
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
