//! What `ask` is measured against, and `ask` itself, on one listener: `script/bench` starts it and loads its routes.
//!
//! `/memory` answers every request with the same text and does nothing else, so the ratio of `ask` to it says what
//! keys, search, ledger and disk cost. `/unstored` is the same route without the ledger: the API's guard recognises the key
//! and counts the call against its limits, the handler reads the fields and finds the answer, and nothing is written, so the
//! ratio of `ask` to it says what a durable charge costs. `/unguarded` does that without limits and without the headers that
//! tell them. `/single` does all that `ask` does with one transaction for each request, which is how such a call is commonly
//! built, so the ratio to it says what the writer gains. It makes its own accounts in a folder of its own (or in the
//! database that is named), writes one line of JSON that says how to call it, and runs until it is stopped.

use axum::Extension;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clap::Parser;
use domain::api_key::read_authorization;
use domain::chatbot::Answer;
use domain::credit::Credit;
use domain::id::{ChatbotId, ConversationId, RequestId};
use domain::ledger::{Channel, Operation};
use domain::problem::ProblemCode;
use serde_json::{Value, json};
use server::http::{JsonObject, Refused};
use server::ledger::Context;
use server::{Config, Server, accounts, answers, args, chatbots, documents, http, keys, ledger, random};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    /// How many accounts there are, each with a chatbot and a key
    #[arg(long, default_value_t = 1)]
    accounts: usize,
    /// The documents of each chatbot
    #[arg(long)]
    documents: Vec<PathBuf>,
    #[arg(long, default_value = "how often can I see the secret?")]
    question: String,
    #[command(flatten)]
    config: Config,
}

type Failure = Box<dyn Error + Send + Sync>;

const ASK: &str = "/wp-json/send-message/v1/ask";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = std::num::NonZeroU32::MAX;
    let server = Server::open(config).await?;
    let mut calls = Vec::with_capacity(options.accounts);
    for number in 0..options.accounts {
        calls.push(payer(&server, &options, number).await?);
    }
    let listener = http::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let url = format!("http://{}", listener.local_addr()?);
    let answer: &'static str = answer_of(&server, &calls).await?.leak();
    let memory = move |_body: Bytes| async move { ([(CONTENT_TYPE, "application/json")], answer) };
    let unstored = post(unstored).layer(DefaultBodyLimit::max(http::api::ASK_BYTES_MAX));
    let compared = http::api::guarded(&server, Router::new().route("/unstored", unstored))
        .route("/unguarded", post(unguarded))
        .route("/single", post(single))
        .with_state(Arc::clone(&server));
    let compared = http::middleware::wrap(Arc::clone(&server), compared);
    let router = http::router(Arc::clone(&server)).merge(Router::new().route("/memory", post(memory))).merge(compared);
    let lines: Vec<Value> = calls.into_iter().map(|(authorization, body)| json!([authorization, body])).collect();
    let line = json!({ "url": url, "ask": ASK, "calls": lines });
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    let limits = http::Limits::of(&server.config);
    http::serve(listener, router, limits, std::future::pending()).await;
    Ok(())
}

/// The header and the body of a call.
type Call = (String, String);

/// Makes an account with a chatbot, a key and credit; returns its call.
async fn payer(server: &Arc<Server>, options: &Options, number: usize) -> Result<Call, Failure> {
    let email = format!("payer{number}@{}.example", server.now().us());
    let viewer = accounts::sign_up(server, "Payer", &email, "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
    let chatbot = chatbots::create(server, &viewer, "Help centre").await?;
    for path in &options.documents {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        documents::add(server, &viewer.account_id, &chatbot.id, &name, &std::fs::read_to_string(path)?).await?;
    }
    let amount = Credit::from_millionths(1_000_000_000_000);
    ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the measurement").await?;
    let body = json!({ "chatbot_id": chatbot.id, "user_message": options.question }).to_string();
    let key = keys::create(server, &viewer, "Production").await?;
    Ok((format!("{}:{}", key.key.consumer_key, key.secret.expose()), body))
}

/// An answer of the size that `ask` gives.
async fn answer_of(server: &Arc<Server>, calls: &[Call]) -> Result<String, Failure> {
    let (authorization, body) = calls.first().ok_or("no accounts")?;
    alone(server, Some(authorization), body.as_bytes()).await
}

/// The whole call in one transaction of its own.
async fn single(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(alone(&server, authorization(&headers), &body).await)
}

/// The whole call but for what is written.
async fn unstored(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<keys::Caller>,
    fields: JsonObject,
) -> Result<Response, Refused> {
    let (chatbot_id, question) = (fields.text("chatbot_id")?, fields.text("user_message")?);
    let found = answered(&server, caller, chatbot_id, question).await.map_err(|_| ProblemCode::InternalError)?;
    // Like a call that is paid for, so that the guard does not note it among those that cost nothing.
    Ok((Extension(http::api::Charged), [(CACHE_CONTROL, "no-store")], respond(Ok(found.body()))).into_response())
}

/// The same without limits and without the headers that tell them.
async fn unguarded(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    respond(found(&server, authorization(&headers), &body).await.map(|found| found.body()))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
}

fn respond(body: Result<String, Failure>) -> Response {
    match body {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What a call asks, and what is answered.
struct Found {
    caller: keys::Caller,
    chatbot_id: ChatbotId,
    conversation_id: ConversationId,
    question: String,
    answer: Answer,
}

impl Found {
    fn body(&self) -> String {
        let Self { conversation_id, answer, .. } = self;
        json!({ "success": true, "conversation_id": conversation_id, "chatbot_message": answer.text }).to_string()
    }
}

async fn found(server: &Arc<Server>, authorization: Option<&str>, body: &[u8]) -> Result<Found, Failure> {
    let credential = read_authorization(authorization, |_| None).map_err(|_| "no credential")?;
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let caller = keys::authenticate(server, &credential, from).await.map_err(|refused| refused.error)?;
    let fields: Value = serde_json::from_slice(body)?;
    let chatbot_id = fields["chatbot_id"].as_str().ok_or("no chatbot")?;
    let question = fields["user_message"].as_str().ok_or("no message")?;
    answered(server, caller, chatbot_id, question).await
}

async fn answered(
    server: &Arc<Server>,
    caller: keys::Caller,
    chatbot_id: &str,
    question: &str,
) -> Result<Found, Failure> {
    let (chatbot_id, question) = (ChatbotId::parse(chatbot_id).ok_or("no chatbot")?, question.to_owned());
    let (answer, _) = answers::answer(server, &caller.account_id, &chatbot_id, &question).await?;
    let conversation_id = ConversationId::new(server.now(), random::bytes(server.random.as_ref()));
    Ok(Found { caller, chatbot_id, conversation_id, question, answer })
}

const INSERT_CONVERSATION: &str = "
INSERT INTO conversations (account_id, id, chatbot_id, channel, created_at, next_message)
VALUES ($1, $2, $3, 'api', $4, 2)";
const INSERT_MESSAGE: &str = "
INSERT INTO messages (account_id, conversation_id, number, request_id, question, answer, citations, price, at)
VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8)";

async fn alone(server: &Arc<Server>, authorization: Option<&str>, body: &[u8]) -> Result<String, Failure> {
    let found = found(server, authorization, body).await?;
    let now = server.now();
    let request_id = RequestId::new(now, random::bytes(server.random.as_ref())).to_string();
    let (account_id, price) = (found.caller.account_id.as_str(), server.catalogue.price_per_message);
    let citations = serde_json::to_string(&found.answer.sources())?;
    let conversation = args![account_id, found.conversation_id.as_str(), found.chatbot_id.as_str(), now.us()];
    let message = args![
        account_id,
        found.conversation_id.as_str(),
        &request_id,
        found.question.as_str(),
        found.answer.text.as_str(),
        citations,
        price.millionths(),
        now.us()
    ];
    let body = found.body();
    let mut tx = server.db.begin().await?;
    tx.execute(INSERT_CONVERSATION, conversation).await?;
    tx.execute(INSERT_MESSAGE, message).await?;
    let context = Context {
        request_id,
        channel: Some(Channel::Api),
        key_id: Some(found.caller.key_id.clone()),
        chatbot_id: Some(found.chatbot_id.clone()),
        ..Context::default()
    };
    ledger::post(&mut tx, &found.caller.account_id, Operation::Charge { price }, &context, now).await?;
    tx.commit().await?;
    Ok(body)
}
