//! What the reference asks the server: the API as its document says it is, and one operation with what the reader has.

use super::document::{Group, Input, OperationLink, Snippet};
use crate::documents::server_fns::Choice;
use crate::error::AppError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    super::{
        description,
        document::Operation,
        errors,
        inputs::inputs,
        openapi::Document,
        overview::{self, Reference},
        sections::{Facts, sections},
        snippets::Call,
    },
    crate::server_fns::{require_viewer, server},
    domain::account::Viewer,
    domain::api_key::{ApiKey, Permission},
    domain::ledger::{Channel, EntryFilter},
    domain::problem::{Problem, ProblemCode},
    serde_json::Value,
    server::Server,
    server::conversations::{ConversationFilter, conversations},
    std::sync::OnceLock,
};

/// What the document says of an operation, as HTML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Described {
    pub request: String,
    /// What comes back, and what is refused.
    pub answer: String,
}

/// A key that may be filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyChoice {
    pub id: String,
    /// It also says when the key lacks the permission.
    pub name: String,
    pub consumer_key: String,
}

/// One operation, with what the reader has filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilledOperation {
    pub groups: Vec<Group>,
    pub link: OperationLink,
    pub snippets: Vec<Snippet>,
    pub inputs: Vec<Input>,
    pub chatbots: Vec<Choice>,
    pub keys: Vec<KeyChoice>,
    /// The id of the chatbot that is filled in; empty when there is none.
    pub chatbot: String,
    /// The id of the key that is filled in; empty when there is none.
    pub key: String,
    /// What sending it from the page costs and does.
    pub warning: String,
}

/// The API as a whole, as HTML.
#[server(prefix = "/rpc", endpoint = "reference/load", input = Postcard, output = Postcard)]
pub async fn load_reference() -> Result<String, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let document = document(&server);
    let plan = server::plans::usage(&server, &viewer.account_id).await?.plan;
    let page_sizes = document.limits("listEntries", "limit");
    let facts = Facts {
        public_url: &server.config.public_url(),
        version: document.version(),
        plan_name: &plan.name,
        requests_per_minute: plan.requests_per_minute,
        requests_per_minute_per_key: plan.requests_per_minute_per_key,
        page_sizes: &page_sizes,
        price: server.catalogue.price(Channel::Api),
    };
    Ok(overview::html(Reference {
        version: document.version().to_owned(),
        groups: document.groups(),
        sections: sections(&facts),
        errors: errors::rows(&document.codes()),
    }))
}

/// Fills in the chatbot and the key that are named; otherwise the first chatbot, and the first key that may do it.
#[server(prefix = "/rpc", endpoint = "reference/operation", input = Postcard, output = Postcard)]
pub async fn load_operation(id: String, chatbot: String, key: String) -> Result<FilledOperation, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let document = document(&server);
    let operation = find(document, &id)?;
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let keys = server::keys::list(&server, &viewer.account_id).await?;
    let first_chatbot = chatbots.iter().min_by_key(|chatbot| chatbot.created_at);
    let chosen_chatbot = chatbots.iter().find(|candidate| candidate.id.as_str() == chatbot).or(first_chatbot);
    let needed = Permission::parse(&operation.link.permission);
    let may = |key: &ApiKey| needed.is_none_or(|needed| key.settings.permissions.contains(&needed));
    let first_key = keys.iter().min_by_key(|key| (!may(key), key.created_at));
    let chosen_key = keys.iter().find(|candidate| candidate.id.as_str() == key).or(first_key);
    let mut known = newest_ids(&server, &viewer, &operation.link.path).await?;
    known.extend(chosen_chatbot.map(|chatbot| ("chatbot_id", chatbot.id.to_string())));
    let body = document.body_of(&operation);
    let public_url = server.config.public_url();
    let consumer_key = chosen_key.map_or("", |key| key.consumer_key.as_str());
    let call = call(&operation, &public_url, consumer_key, &known, &body);
    let key_choice = |key: &ApiKey| KeyChoice {
        id: key.id.to_string(),
        name: key_name(key, may(key), &operation.link.permission),
        consumer_key: key.consumer_key.to_string(),
    };
    Ok(FilledOperation {
        groups: document.groups(),
        snippets: call.snippets(),
        inputs: inputs(&operation, &known, &body),
        chatbot: chosen_chatbot.map(|chatbot| chatbot.id.to_string()).unwrap_or_default(),
        key: chosen_key.map(|key| key.id.to_string()).unwrap_or_default(),
        chatbots: chatbots.iter().map(|chatbot| choice(chatbot.id.as_str(), &chatbot.name)).collect(),
        keys: keys.iter().map(key_choice).collect(),
        warning: warning(&server, &operation),
        link: operation.link.clone(),
    })
}

#[server(prefix = "/rpc", endpoint = "reference/describe", input = Postcard, output = Postcard)]
pub async fn describe_operation(id: String) -> Result<Described, AppError> {
    require_viewer().await?;
    Ok(description::html(find(document(&server()), &id)?))
}

#[cfg(feature = "ssr")]
fn find(document: &Document, id: &str) -> Result<Operation, AppError> {
    let missing = || server::Error::from(Problem::with_detail(ProblemCode::NotFound, "the API has no such operation"));
    Ok(document.operation(id).ok_or_else(missing)?)
}

/// Read once: a process serves one installation, and its document never changes.
#[cfg(feature = "ssr")]
fn document(server: &Server) -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let document = server::http::api::document(&server.config);
        Document::new(serde_json::to_value(document).unwrap_or_default())
    })
}

/// The reader's newest ids of what the path names, so that the call finds something.
#[cfg(feature = "ssr")]
async fn newest_ids(server: &Server, viewer: &Viewer, path: &str) -> Result<Vec<(&'static str, String)>, AppError> {
    let mut ids = Vec::new();
    if path.contains("{document_id}") {
        let documents = server::documents::list(server, &viewer.account_id, None).await?;
        let newest = documents.into_iter().max_by_key(|document| document.created_at);
        ids.extend(newest.map(|document| ("document_id", document.id.to_string())));
    }
    if path.contains("{seq}") {
        let page = server::ledger::entries(server, &viewer.account_id, &EntryFilter::default(), 1).await?;
        ids.extend(page.entries.first().map(|entry| ("seq", entry.seq.to_string())));
    }
    if path.contains("{conversation_id}") {
        let filter = ConversationFilter::default();
        let newest = conversations(server, &viewer.account_id, &filter, 1).await?.items.into_iter().next();
        ids.extend(newest.map(|listed| ("conversation_id", listed.conversation.id.to_string())));
    }
    Ok(ids)
}

/// The call with what has to be sent; what may be left out is.
#[cfg(feature = "ssr")]
fn call<'a>(
    operation: &'a Operation,
    public_url: &str,
    consumer_key: &'a str,
    known: &[(&str, String)],
    body: &[(String, Value)],
) -> Call<'a> {
    let own = |name: &str| known.iter().find(|(known, _)| *known == name).map(|(_, id)| id.clone());
    let mut path = operation.link.path.clone();
    for parameter in operation.parameters.iter().filter(|parameter| parameter.place == "path") {
        let id = own(&parameter.name).unwrap_or_else(|| parameter.name.to_uppercase());
        path = path.replace(&format!("{{{}}}", parameter.name), &id);
    }
    let filled = |(name, example): &(String, Value)| match name.as_str() {
        "chatbot_id" => (name.clone(), own(name).unwrap_or_else(|| "bot_…".to_owned()).into()),
        _ => (name.clone(), example.clone()),
    };
    Call {
        method: &operation.link.method,
        url: format!("{public_url}{path}"),
        body: body.iter().map(filled).collect(),
        consumer_key,
        has_answer: operation.status != 204,
    }
}

/// A key that may not do it can be chosen all the same: it may be given the permission meanwhile.
#[cfg(feature = "ssr")]
fn key_name(key: &ApiKey, may: bool, permission: &str) -> String {
    let name = &key.settings.name;
    if may { name.clone() } else { format!("{name}, which lacks {permission}") }
}

#[cfg(feature = "ssr")]
fn warning(server: &Server, operation: &Operation) -> String {
    let price = || server.catalogue.price(Channel::Api).text(server.config.currency);
    match operation.link.method.as_str() {
        _ if operation.is_paid => format!("This sends a real message and costs {} of API credit.", price()),
        "GET" => "This reads what your account has, and costs nothing.".to_owned(),
        "DELETE" => "This deletes for good what you name, and costs nothing.".to_owned(),
        _ => "This changes what your account has, and costs nothing.".to_owned(),
    }
}

#[cfg(feature = "ssr")]
fn choice(id: &str, name: &str) -> Choice {
    Choice { id: id.to_owned(), name: name.to_owned() }
}
