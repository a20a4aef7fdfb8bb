//! Who pays during a run, and the database that it all happens in.

use crate::Failure;
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, KeyId, PaymentId};
use domain::ledger::Operation;
use server::{Server, accounts, chatbots, documents, keys, ledger, payments};
use sqlx::{Connection, PgConnection};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

/// An account with a key and a chatbot.
pub struct Payer {
    pub account_id: AccountId,
    pub key_id: KeyId,
    pub authorization: String,
    pub chatbot_id: String,
    /// What it pays from, where that was bought and not given.
    pub payment_id: Option<PaymentId>,
}

/// The first one pays for everything; the others run dry in different places, or have bought what is given back to them
/// while they spend it.
pub async fn payers(server: &Arc<Server>, count: usize) -> Result<Vec<Payer>, Failure> {
    let mut payers = Vec::with_capacity(count);
    for number in 0..count {
        let at: Timestamp = server.now();
        let email = format!("payer{number}@{}.example", at.us());
        let viewer =
            accounts::sign_up(server, "Payer", &email, "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        let chatbot = chatbots::create(server, &viewer, "Help centre").await?;
        documents::add(server, &viewer.account_id, &chatbot.id, "hours.md", "The shop is open from nine to five.")
            .await?;
        let shown = keys::create(server, &viewer, "Production").await?;
        let payment_id = if number % 10 == 3 {
            let started = payments::start(server, &viewer, "5").await?;
            payments::local::submit_card_untold(server, &started.payment_id, "4242 4242 4242 4242").await?;
            payments::look(server, &started.payment_id).await?;
            Some(started.payment_id)
        } else {
            None
        };
        let messages = if number == 0 { 10_000_000 } else { i64::try_from(number % 60)? + 1 };
        let amount = Credit::from_millionths(messages * 2_000);
        if payment_id.is_none() {
            ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the test").await?;
        }
        payers.push(Payer {
            account_id: viewer.account_id,
            key_id: shown.key.id,
            authorization: format!("{}:{}", shown.key.consumer_key, shown.secret.expose()),
            chatbot_id: chatbot.id.to_string(),
            payment_id,
        });
    }
    Ok(payers)
}

/// Makes a database in the PostgreSQL at `cluster` and returns its address. With a folder its tables stand in there; the
/// folder must be PostgreSQL's own and empty.
pub async fn new_database(cluster: &str, tables: Option<&Path>) -> Result<String, Failure> {
    let (server, _) = cluster.rsplit_once('/').ok_or("the address of a database is needed")?;
    let name = format!("crash_{}", std::process::id());
    let mut connection = PgConnection::connect(cluster).await?;
    let place = match tables {
        Some(folder) => {
            let space = format!("CREATE TABLESPACE {name} LOCATION '{}'", folder.display());
            sqlx::raw_sql(sqlx::AssertSqlSafe(space)).execute(&mut connection).await?;
            format!(" TABLESPACE {name}")
        }
        None => String::new(),
    };
    let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}{place}"));
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    Ok(format!("{server}/{name}"))
}
