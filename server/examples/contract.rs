//! An installation with the public API alone, for `script/contract`, which sends it whatever its description allows and
//! much that it does not.
//!
//! It has an account with a chatbot, documents, conversations, and a key that may do everything; each program that reads
//! the line it prints can call it. The description of what it did is in the log.

use clap::Parser;
use domain::api_key::Permission;
use domain::credit::Credit;
use domain::ledger::{Channel, Operation};
use serde_json::json;
use server::conversations::{Question, ask};
use server::{Config, Server, accounts, chatbots, documents, http, keys, ledger};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

const CREDIT: Credit = Credit::from_millionths(1_000_000_000_000);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = Cli::parse().config;
    server::telemetry::start(&config)?;
    let listener = tokio::net::TcpListener::bind(config.address).await?;
    let server = Server::open(config).await?;
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let viewer = accounts::sign_up(&server, "Olga", "olga@bergfeld.example", "a long password", address).await?;
    ledger::operate(&server, &viewer.account_id, Operation::Grant { amount: CREDIT }, "to be spent").await?;
    let made = keys::create(&server, &viewer, "Everything").await?;
    let mut settings = made.key.settings.clone();
    settings.permissions = Permission::ALL.to_vec();
    keys::change(&server, &viewer, &made.key.id, settings).await?;
    let chatbot = chatbots::create(&server, &viewer, "Help centre").await?;
    let text = "# Opening hours\n\nThe shop is open from nine to five.\n";
    let document = documents::add(&server, &viewer.account_id, &chatbot.id, "Hours.md", text).await?;
    let question = Question {
        account_id: viewer.account_id.clone(),
        key_id: Some(made.key.id.clone()),
        caller: None,
        chatbot_id: chatbot.id.as_str(),
        conversation_id: None,
        message: "When is the shop open?",
        channel: Channel::Api,
        request_id: "req_first".to_owned(),
        caller_request_id: None,
    };
    let reply = ask(&server, question).await?;
    let line = json!({
        "url": format!("http://{}", listener.local_addr()?),
        "authorization": format!("{}:{}", made.key.consumer_key, made.secret.expose()),
        "key_id": made.key.id,
        "chatbot_id": chatbot.id,
        "document_id": document.id,
        "conversation_id": reply.conversation_id,
    });
    writeln!(std::io::stdout(), "{line}")?;
    let service = http::router(server).into_make_service_with_connect_info::<std::net::SocketAddr>();
    Ok(axum::serve(listener, service).await?)
}
