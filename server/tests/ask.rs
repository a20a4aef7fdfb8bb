//! The published call through the real router: what it answers, what it costs, and that a refusal costs nothing.

use crate::key_holder::{ASK, PRICE, asks_with, key_holder};
use crate::requests::send;
use crate::support::{assert_sound, databases, owner};
use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::api_key::Overlap;
use domain::id::{ChatbotId, ConversationId};
use serde_json::{Value, json};
use server::{Server, chatbots, keys};
use std::sync::Arc;

#[tokio::test]
async fn a_message_is_answered_from_the_documents_and_charged_once() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let answer = send(&server, holder.asks(&holder.question())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        assert_eq!(body["success"], json!(true));
        assert!(body["chatbot_message"].as_str().unwrap().contains("open from nine to five"), "{body}");
        assert!(ConversationId::parse(body["conversation_id"].as_str().unwrap()).is_some());
        assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
        assert_eq!(answer.header("x-credit-remaining"), "0.004000");
        assert_eq!(answer.header("cache-control"), "no-store");
        let books = holder.books(&server).await;
        assert_eq!((books.available, books.entries, books.spent), (4_000, 2, PRICE.millionths()));
        let key = keys::list(&server, &holder.viewer.account_id).await.unwrap().remove(0);
        assert_eq!((key.spent_this_month, key.last_used_at), (PRICE, Some(server.now())));
    }
}

#[tokio::test]
async fn a_conversation_is_continued_by_its_id_and_begun_by_none() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 20).await;
        let ask = async |conversation_id: Option<Value>| {
            let mut body = holder.question();
            match conversation_id {
                Some(id) => body["conversation_id"] = id,
                None => drop(body.as_object_mut().unwrap().remove("conversation_id")),
            }
            let answer = send(&server, holder.asks(&body)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            answer.text("conversation_id")
        };
        let first = ask(None).await;
        assert_eq!(ask(Some(json!(first))).await, first);
        let mut begun = vec![first];
        for id in [json!(null), json!(""), json!("0"), json!(0)] {
            begun.push(ask(Some(id)).await);
        }
        begun.sort();
        begun.dedup();
        assert_eq!(begun.len(), 5, "each of the five began a conversation of its own");
    }
}

#[tokio::test]
async fn every_refusal_has_its_code_and_charges_nothing() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let other = key_holder(&server, owner(&server, "otto").await, 3).await;
        let theirs = send(&server, other.asks(&other.question())).await.text("conversation_id");
        let before = (holder.books(&server).await, other.books(&server).await);
        let key = holder.authorization();
        let with = |field: &str, value: Value| {
            let mut body = holder.question();
            body[field] = value;
            body.to_string()
        };
        let unknown_bot = ChatbotId::new(server.now(), [1; 8]);
        let unknown_conversation = ConversationId::new(server.now(), [1; 8]);
        for (body, status, code, field) in [
            ("{\"chatbot_id\":".to_owned(), 400, "malformed_request", None),
            (String::new(), 400, "malformed_request", None),
            ("[]".to_owned(), 400, "malformed_request", None),
            ("\u{0}".to_owned(), 400, "malformed_request", None),
            ("{}".to_owned(), 422, "invalid_field", Some("chatbot_id")),
            (with("chatbot_id", json!(7)), 422, "invalid_field", Some("chatbot_id")),
            (with("user_message", json!(null)), 422, "invalid_field", Some("user_message")),
            (with("user_message", json!(["a"])), 422, "invalid_field", Some("user_message")),
            (with("user_message", json!(" \n")), 422, "invalid_field", Some("user_message")),
            (with("user_message", json!("a\u{7}b")), 422, "invalid_field", Some("user_message")),
            (with("user_message", json!("a".repeat(4_001))), 422, "invalid_field", Some("user_message")),
            (with("conversation_id", json!({})), 422, "invalid_field", Some("conversation_id")),
            (with("conversation_id", json!(true)), 422, "invalid_field", Some("conversation_id")),
            (with("chatbot_id", json!("bot_1")), 404, "not_found", None),
            (with("chatbot_id", json!(unknown_bot)), 404, "not_found", None),
            (with("chatbot_id", json!(other.chatbot.id)), 404, "not_found", None),
            (with("conversation_id", json!("conv_1")), 404, "not_found", None),
            (with("conversation_id", json!(12)), 404, "not_found", None),
            (with("conversation_id", json!(unknown_conversation)), 404, "not_found", None),
            (with("conversation_id", json!(theirs)), 404, "not_found", None),
            (with("user_message", json!("a".repeat(70_000))), 413, "too_large", None),
        ] {
            let shown: String = body.chars().take(120).collect();
            let answer = send(&server, asks_with(Some(&key), body)).await;
            answer.refuses(status, code);
            assert_eq!(answer.json()["field"].as_str(), field, "{shown}");
        }
        for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let request = Request::post(ASK)
                .header(header::AUTHORIZATION, &key)
                .header(header::CONTENT_TYPE, content_type)
                .body(Body::from(holder.question().to_string()))
                .unwrap();
            send(&server, request).await.refuses(415, "unsupported_media_type");
        }
        assert_eq!((holder.books(&server).await, other.books(&server).await), before);
    }
}

#[tokio::test]
async fn an_error_in_the_body_does_not_repeat_the_body() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 1).await;
        let answer = send(&server, asks_with(Some(&holder.authorization()), "\"a secret word\"")).await;
        answer.refuses(400, "malformed_request");
        assert!(!answer.body.contains("secret"));
    }
}

#[tokio::test]
async fn fields_that_nobody_knows_are_ignored() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 1).await;
        let mut body = holder.question();
        body["stream"] = json!({ "of": ["consciousness"] });
        assert_eq!(send(&server, holder.asks(&body)).await.status, 200);
    }
}

#[tokio::test]
async fn all_three_forms_of_the_credential_are_accepted() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let pair = holder.authorization();
        let basic = format!("Basic {}", STANDARD.encode(&pair));
        for value in [pair.clone(), basic, format!("Bearer {pair}")] {
            assert_eq!(send(&server, asks_with(Some(&value), holder.question().to_string())).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_credential_that_is_missing_malformed_or_not_valid_is_401_before_anything_else_is_looked_at() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let other = key_holder(&server, owner(&server, "otto").await, 0).await;
        let before = holder.books(&server).await;
        let (key, secret) = (holder.key.key.consumer_key.as_str(), holder.key.secret.expose());
        let (other_key, other_secret) = (other.key.key.consumer_key.as_str(), other.key.secret.expose());
        for (value, code) in [
            (None, "missing_credential"),
            (Some(String::new()), "missing_credential"),
            (Some(key.to_owned()), "malformed_credential"),
            (Some(format!("{key}:{secret}x")), "malformed_credential"),
            (Some(format!("{secret}:{key}")), "malformed_credential"),
            (Some(format!("Digest {key}:{secret}")), "malformed_credential"),
            (Some("Basic !!!".to_owned()), "malformed_credential"),
            (Some(format!("{key}:{other_secret}")), "invalid_credential"),
            (Some(format!("{other_key}:{secret}")), "invalid_credential"),
        ] {
            let answer = send(&server, asks_with(value.as_deref(), "not even JSON")).await;
            answer.refuses(401, code);
            assert!(answer.header("www-authenticate").starts_with("Bearer realm="), "{code}");
            assert!(!answer.body.contains(secret) && !answer.body.contains(other_secret));
        }
        assert_eq!(holder.books(&server).await, before);
    }
}

#[tokio::test]
async fn a_credential_in_the_address_is_refused_even_when_it_is_right() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let (key, secret) = (holder.key.key.consumer_key.as_str(), holder.key.secret.expose());
        for query in [format!("consumer_key={key}&consumer_secret={secret}"), format!("auth={key}%3A{secret}")] {
            for authorization in [None, Some(holder.authorization())] {
                let mut request = asks_with(authorization.as_deref(), holder.question().to_string());
                *request.uri_mut() = format!("{ASK}?{query}").parse().unwrap();
                let answer = send(&server, request).await;
                answer.refuses(401, "credential_in_address");
                assert!(!answer.body.contains(secret));
            }
        }
        assert_eq!(holder.books(&server).await.spent, 0);
    }
}

#[tokio::test]
async fn a_deleted_key_is_refused_on_the_very_next_request() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        assert_eq!(send(&server, holder.asks(&holder.question())).await.status, 200);
        keys::delete(&server, &holder.viewer, &holder.key.key.id, "Production").await.unwrap();
        send(&server, holder.asks(&holder.question())).await.refuses(401, "invalid_credential");
        assert_eq!(holder.books(&server).await.spent, PRICE.millionths());
    }
}

#[tokio::test]
async fn a_regenerated_key_takes_its_new_secret_only() {
    for server in databases().await {
        let mut holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let new = keys::rotate(&server, &holder.viewer, &holder.key.key.id, Overlap::None).await.unwrap();
        send(&server, holder.asks(&holder.question())).await.refuses(401, "secret_rotated");
        holder.key = new;
        assert_eq!(send(&server, holder.asks(&holder.question())).await.status, 200);
    }
}

#[tokio::test]
async fn without_credit_the_refusal_says_what_is_needed_what_is_there_and_where_to_add_balance() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 1).await;
        assert_eq!(send(&server, holder.asks(&holder.question())).await.status, 200);
        let answer = send(&server, holder.asks(&holder.question())).await;
        answer.refuses(402, "insufficient_credit");
        let problem = answer.json();
        assert_eq!((problem["required"].as_str(), problem["available"].as_str()), (Some("0.002000"), Some("0.000000")));
        let url = format!("{}/settings?add-balance=10", server.config.public_url());
        assert_eq!(problem["add_balance_url"].as_str(), Some(url.as_str()));
        let books = holder.books(&server).await;
        assert_eq!((books.available, books.spent), (0, PRICE.millionths()));
    }
}

#[tokio::test]
async fn parallel_messages_never_spend_more_than_there_is() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (server, request) = (Arc::<Server>::clone(&server), holder.asks(&holder.question()));
            asked.spawn(async move { send(&server, request).await.status });
        }
        let mut statuses = asked.join_all().await;
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![200; 3], vec![402; 17]].concat());
        let books = holder.books(&server).await;
        assert_eq!((books.available, books.entries), (0, 4));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn two_requests_that_the_caller_named_alike_are_two_charges() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        for _ in 0..2 {
            let mut request = holder.asks(&holder.question());
            request.headers_mut().insert("x-request-id", "nightly-job".parse().unwrap());
            let answer = send(&server, request).await;
            assert_eq!((answer.status, answer.header("x-request-id")), (200, "nightly-job"));
        }
        assert_eq!(holder.books(&server).await.spent, 2 * PRICE.millionths());
    }
}

#[tokio::test]
async fn a_deleted_chatbot_is_404_and_costs_nothing() {
    for server in databases().await {
        let holder = key_holder(&server, owner(&server, "olga").await, 3).await;
        chatbots::delete(&server, &holder.viewer, &holder.chatbot.id).await.unwrap();
        send(&server, holder.asks(&holder.question())).await.refuses(404, "not_found");
        assert_eq!(holder.books(&server).await.spent, 0);
    }
}
