//! The server that troubles befall: the product's own routes, and two more: one sets credit aside, one gives payments back.

use crate::{Failure, QUESTION};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use domain::chatbot::Answer;
use domain::credit::Credit;
use domain::id::{AccountId, KeyId, RequestId};
use domain::ledger::Channel;
use server::conversations::{Question, Start, Told, begin, finish};
use server::{Config, Server, http, payments, random, telemetry};
use std::sync::Arc;
use std::time::Duration;

pub async fn serve(config: Config) -> Result<(), Failure> {
    telemetry::start(&config)?;
    let listener = tokio::net::TcpListener::bind(config.address).await?;
    let server = Server::open(config).await?;
    let more = Router::new()
        .route("/held/{account}/{key}/{chatbot}", post(held))
        .route("/refunded/{payment}", post(refunded))
        .with_state(Arc::clone(&server));
    let limits = http::Limits::of(&server.config);
    http::serve(listener, http::router(server).merge(more), limits, std::future::pending()).await;
    Ok(())
}

/// Sets credit aside, takes its time, and then settles it, gives it back, or forgets it.
async fn held(
    State(server): State<Arc<Server>>,
    Path((account, key, chatbot)): Path<(String, String, String)>,
) -> String {
    let request_id = RequestId::new(server.now(), random::bytes(server.random.as_ref())).to_string();
    let question = Question {
        account_id: AccountId::from_row(account),
        key_id: Some(KeyId::from_row(key)),
        caller: None,
        chatbot_id: &chatbot,
        conversation_id: None,
        message: QUESTION,
        channel: Channel::Api,
        request_id,
        caller_request_id: None,
    };
    let Ok(Start::Begun(begun)) = begin(&server, question, Credit::from_millionths(9_000), None).await else {
        return String::new();
    };
    let [chance] = random::bytes(server.random.as_ref());
    tokio::time::sleep(Duration::from_millis(u64::from(chance))).await;
    if chance.is_multiple_of(3) {
        return String::new();
    }
    let answer = Answer { text: "Yes.".to_owned(), citations: Vec::new() };
    let cost = Credit::from_millionths(i64::from(chance) * 10);
    let name = |told: &Told<'_>| told.conversation_id.to_string();
    finish(&server, begun, &answer, cost, name).await.map(|delivery| delivery.body).unwrap_or_default()
}

/// Gives a tenth of a payment back, as long as something is left of it.
async fn refunded(State(server): State<Arc<Server>>, Path(payment): Path<String>) -> String {
    let refunded = payments::refund(&server, &payment, Some("0.50"), "for the test").await;
    refunded.map(|payment| payment.refunded_minor_units.to_string()).unwrap_or_default()
}
