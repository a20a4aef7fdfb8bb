//! What the reference asks the server: the reader's chatbots and keys, and the texts that are made with them.

use crate::documents::server_fns::Choice;
use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    super::{errors, snippets::Example},
    crate::server_fns::{require_viewer, server},
    domain::ledger::Channel,
};

/// The path of the call.
#[cfg(feature = "ssr")]
const ASK_PATH: &str = "/wp-json/send-message/v1/ask";

/// One row of the table of errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorRow {
    pub status: u16,
    pub code: String,
    pub title: String,
    pub remedy: String,
}

/// The call, its examples and its errors, for one reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    pub url: String,
    /// `$0.002000`
    pub price: String,
    /// Largest body of the call, in bytes.
    pub body_bytes_max: u32,
    pub chatbots: Vec<Choice>,
    pub keys: Vec<Choice>,
    /// The id of the chatbot that is filled in; empty when there is none.
    pub chatbot: String,
    /// The id of the key that is filled in; empty when there is none.
    pub key: String,
    pub curl: String,
    pub javascript: String,
    pub python: String,
    pub error_example: String,
    pub errors: Vec<ErrorRow>,
}

/// Fills in the chatbot and the key that are named, or the first ones.
#[server(prefix = "/rpc", endpoint = "reference/load", input = Postcard, output = Postcard)]
pub async fn load_reference(chatbot: String, key: String) -> Result<Reference, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let keys = server::keys::list(&server, &viewer.account_id).await?;
    let first_chatbot = chatbots.iter().min_by_key(|chatbot| chatbot.created_at);
    let chosen_chatbot = chatbots.iter().find(|candidate| candidate.id.as_str() == chatbot).or(first_chatbot);
    let first_key = keys.iter().min_by_key(|key| key.created_at);
    let chosen_key = keys.iter().find(|candidate| candidate.id.as_str() == key).or(first_key);
    let public_url = server.config.public_url();
    let url = format!("{public_url}{ASK_PATH}");
    let example = Example {
        url: &url,
        chatbot_id: chosen_chatbot.map_or("bot_…", |chatbot| chatbot.id.as_str()),
        consumer_key: chosen_key.map_or("", |key| key.consumer_key.as_str()),
    };
    let price = server.catalogue.price(Channel::Api);
    Ok(Reference {
        price: price.text(server.config.currency),
        body_bytes_max: u32::try_from(server::http::api::ASK_BYTES_MAX).unwrap_or(u32::MAX),
        chatbot: chosen_chatbot.map(|chatbot| chatbot.id.to_string()).unwrap_or_default(),
        key: chosen_key.map(|key| key.id.to_string()).unwrap_or_default(),
        curl: example.curl(),
        javascript: example.javascript(),
        python: example.python(),
        error_example: errors::example(&public_url, price),
        errors: errors::rows(server.catalogue.counts(Channel::Api)),
        chatbots: chatbots.iter().map(|chatbot| choice(chatbot.id.as_str(), &chatbot.name)).collect(),
        keys: keys.iter().map(|key| choice(key.id.as_str(), &key.settings.name)).collect(),
        url,
    })
}

#[cfg(feature = "ssr")]
fn choice(id: &str, name: &str) -> Choice {
    Choice { id: id.to_owned(), name: name.to_owned() }
}
