//! A program that calls the API: the persona of the tests of the published call.

use crate::requests::{Books, books};
use axum::body::Body;
use axum::http::{Request, header};
use domain::account::Viewer;
use domain::api_key::ShownOnce;
use domain::chatbot::Chatbot;
use domain::credit::Credit;
use domain::ledger::Operation;
use serde_json::{Value, json};
use server::{Server, chatbots, documents, keys, ledger};
use std::sync::Arc;

pub const ASK: &str = "/wp-json/send-message/v1/ask";

/// A program with a key of an account that has a chatbot, a document, and credit for `messages` messages.
pub struct KeyHolder {
    pub viewer: Viewer,
    pub key: ShownOnce,
    pub chatbot: Chatbot,
}

pub const PRICE: Credit = Credit::from_millionths(2_000);

pub async fn key_holder(server: &Arc<Server>, viewer: Viewer, messages: i64) -> KeyHolder {
    let key = keys::create(server, &viewer, "Production").await.expect("a key");
    let chatbot = chatbots::create(server, &viewer, "Help centre").await.expect("a chatbot");
    let text = "# Opening hours\n\nThe shop is open from nine to five on weekdays.\n\n# Returns\n\nA parcel can be returned within thirty days.\n";
    documents::add(server, &viewer.account_id, &chatbot.id, "Guide.md", text).await.expect("a document");
    if messages > 0 {
        let amount = Credit::from_millionths(messages * PRICE.millionths());
        ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the test")
            .await
            .expect("a grant");
    }
    KeyHolder { viewer, key, chatbot }
}

impl KeyHolder {
    pub fn authorization(&self) -> String {
        format!("{}:{}", self.key.key.consumer_key, self.key.secret.expose())
    }

    pub fn question(&self) -> Value {
        json!({ "chatbot_id": self.chatbot.id, "user_message": "When is the shop open?", "conversation_id": null })
    }

    /// The call as documented, with a body of one's own.
    pub fn asks(&self, body: &Value) -> Request<Body> {
        asks_with(Some(&self.authorization()), body.to_string())
    }

    pub async fn books(&self, server: &Arc<Server>) -> Books {
        books(server, &self.viewer).await
    }
}

pub fn asks_with(authorization: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post(ASK).header(header::CONTENT_TYPE, "application/json");
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    request.body(body.into()).expect("a request")
}

/// A secret that is well formed and no key's.
pub fn another_secret() -> String {
    domain::api_key::PlainSecret::new(&[7; 32]).expose().to_owned()
}
