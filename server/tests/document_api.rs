//! Documents through the HTTP API: files in forms, their states, replacing and trying again.

use crate::api_holder::holder;
use crate::files::{Placed, pdf};
use crate::key_holder::KeyHolder;
use crate::requests::{Answer, send};
use crate::support::databases;
use axum::body::Body;
use axum::http::{Method, Request};
use domain::field::FILE_BYTES_MAX;
use serde_json::{Value, json};
use server::Server;
use std::sync::Arc;
use std::time::Duration;

const DOCUMENTS: &str = "/api/v1/documents";
const BOUNDARY: &str = "a-line-that-is-in-no-part";

fn part(disposition: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

fn file(name: &str, bytes: &[u8]) -> Vec<u8> {
    part(&format!("name=\"file\"; filename=\"{name}\""), bytes)
}

async fn send_form(server: &Arc<Server>, holder: &KeyHolder, method: Method, path: &str, parts: &[Vec<u8>]) -> Answer {
    let body = [parts.concat(), format!("--{BOUNDARY}--\r\n").into_bytes()].concat();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", holder.authorization())
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    send(server, request.body(Body::from(body)).expect("a request")).await
}

async fn call(server: &Arc<Server>, holder: &KeyHolder, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = Request::builder().method(method).uri(path).header("authorization", holder.authorization());
    let request = request.header("content-type", "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    send(server, request.body(body).expect("a request")).await
}

/// The document once its file is read or has failed.
async fn read(server: &Arc<Server>, holder: &KeyHolder, id: &str) -> Value {
    for _ in 0..600 {
        let document = call(server, holder, Method::GET, &format!("{DOCUMENTS}/{id}"), None).await;
        assert_eq!(document.status, 200, "{}", document.body);
        if ["ready", "failed"].contains(&document.text("state").as_str()) {
            return document.json();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{id} is not read");
}

#[tokio::test]
async fn a_file_is_uploaded_replaced_and_tried_again() {
    for server in databases().await {
        let holder = holder(&server, 20).await;
        let chatbot = part("name=\"chatbot_id\"", holder.chatbot.id.as_str().as_bytes());
        let guide = pdf(&[&[Placed { left: 50, top: 60, size: 11, text: "Words" }]]);
        let added = send_form(&server, &holder, Method::POST, DOCUMENTS, &[chatbot, file("guide.pdf", &guide)]).await;
        assert_eq!((added.status, added.text("state").as_str()), (201, "waiting"), "{}", added.body);
        let document = read(&server, &holder, &added.text("id")).await;
        assert_eq!((&document["state"], &document["reason"]), (&json!("ready"), &Value::Null));
        assert_eq!(
            (&document["kind"], &document["pages"], &document["passages"]),
            (&json!("pdf"), &json!(1), &json!(1))
        );
        let path = format!("{DOCUMENTS}/{}", added.text("id"));
        call(&server, &holder, Method::POST, &format!("{path}/try-again"), None).await.refuses(409, "conflict");
        let broken = send_form(&server, &holder, Method::PUT, &path, &[file("cut.pdf", &guide[..200])]).await;
        assert_eq!((broken.status, broken.text("name").as_str()), (200, "cut.pdf"), "{}", broken.body);
        let document = read(&server, &holder, &added.text("id")).await;
        assert_eq!((&document["state"], &document["passages"]), (&json!("failed"), &json!(1)));
        assert!(document["reason"].as_str().is_some_and(|reason| reason.contains("damaged")), "{document}");
        let again = call(&server, &holder, Method::POST, &format!("{path}/try-again"), None).await;
        assert_eq!((again.status, again.text("state").as_str()), (200, "waiting"), "{}", again.body);
        assert_eq!(read(&server, &holder, &added.text("id")).await["state"], "failed");
        let text = json!({ "name": "text.md", "text": "Other words." });
        let replaced = call(&server, &holder, Method::PUT, &path, Some(&text)).await;
        assert_eq!((replaced.text("state").as_str(), replaced.text("id")), ("ready", added.text("id")));
    }
}

#[tokio::test]
async fn a_form_that_cannot_be_taken_is_refused_and_adds_nothing() {
    for server in databases().await {
        let holder = holder(&server, 20).await;
        let chatbot = || part("name=\"chatbot_id\"", holder.chatbot.id.as_str().as_bytes());
        let html = || file("a.html", b"<p>Words");
        let large = file("large.pdf", &[b"%PDF-1.4".as_slice(), &vec![b' '; FILE_BYTES_MAX]].concat());
        for (parts, status, code) in [
            (vec![chatbot()], 422, "invalid_field"),
            (vec![html()], 422, "invalid_field"),
            (vec![chatbot(), html(), html()], 422, "invalid_field"),
            (vec![part("name=\"chatbot_id\"", b"bot_of_nobody"), html()], 404, "not_found"),
            (vec![chatbot(), file("a.png", b"\x89PNG")], 415, "unsupported_media_type"),
            (vec![chatbot(), large], 413, "too_large"),
            (vec![chatbot(), file("huge.pdf", &vec![b' '; FILE_BYTES_MAX + 100_000])], 413, "too_large"),
        ] {
            send_form(&server, &holder, Method::POST, DOCUMENTS, &parts).await.refuses(status, code);
        }
        let broken_off = Request::builder().method(Method::POST).uri(DOCUMENTS);
        let broken_off = broken_off.header("authorization", holder.authorization());
        let broken_off = broken_off.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        send(&server, broken_off.body(Body::from(chatbot())).unwrap()).await.refuses(400, "malformed_request");
        let listed = call(&server, &holder, Method::GET, DOCUMENTS, None).await;
        assert_eq!(listed.json()["data"].as_array().map(Vec::len), Some(1));
    }
}
