//! Every operation of the public API, with what it takes that names something: read from the OpenAPI document, so that a
//! test which tries them all leaves none out.

use crate::belongings::Ids;
use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Map, Value, json};
use server::{Server, http};

/// What the document does not say about an operation.
pub struct Row {
    pub operation: &'static str,
    /// The fields of its body that are no ids, as JSON: one for each way through it.
    pub bodies: &'static [&'static str],
    /// Whether a key that is limited to some chatbots gets less from it.
    pub is_limited: bool,
}

const fn row(operation: &'static str, bodies: &'static [&'static str], is_limited: bool) -> Row {
    Row { operation, bodies, is_limited }
}

const NO_BODY: &[&str] = &[""];
const QUESTION: &str = r#"{"user_message": "When is the shop open?"}"#;
const STREAMED_QUESTION: &str = r#"{"user_message": "When is the shop open?", "stream": true}"#;

/// In the order in which the account itself can do all of them.
const OPERATIONS: [Row; 20] = [
    row("ask", &[QUESTION], true),
    row("createMessage", &[QUESTION, STREAMED_QUESTION], true),
    row("getCredit", NO_BODY, false),
    row("getPlan", NO_BODY, false),
    row("getUsage", NO_BODY, true),
    row("listEntries", NO_BODY, true),
    row("getEntry", NO_BODY, true),
    row("listChatbots", NO_BODY, true),
    row("getChatbot", NO_BODY, true),
    row("getChatbotSettings", NO_BODY, true),
    row("changeChatbotSettings", &[r#"{"welcome_message": "Something new."}"#], true),
    row("listConversations", NO_BODY, true),
    row("getConversation", NO_BODY, true),
    row("listMessages", NO_BODY, true),
    row("listDocuments", NO_BODY, true),
    row("createDocument", &[r#"{"name": "new.md", "text": "Something new."}"#], true),
    row("getDocument", NO_BODY, true),
    row("tryDocumentAgain", NO_BODY, true),
    row("replaceDocument", &[r#"{"name": "other.md", "text": "Something else."}"#], true),
    row("deleteDocument", NO_BODY, true),
];

/// Parameters and fields that name nothing.
const NAMING_NOTHING: [&str; 17] = [
    "by",
    "channel",
    "kind",
    "limit",
    "cursor",
    "from",
    "until",
    "user_message",
    "stream",
    "name",
    "text",
    "welcome_message",
    "instructions",
    "suggested_questions",
    "colour",
    "answer_engine",
    "Idempotency-Key",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Path,
    Query,
    Body,
}

/// A parameter or a field that takes an id.
pub struct Taken {
    pub name: String,
    pub place: Place,
    pub is_required: bool,
}

pub struct Operation {
    pub row: &'static Row,
    pub body: &'static str,
    pub method: Method,
    pub path: String,
    pub takes: Vec<Taken>,
    pub has_cursor: bool,
}

/// The operations of the document, each with its row, in the order of the rows.
pub fn operations(server: &Server) -> Vec<Operation> {
    let document = serde_json::to_value(http::api::document(&server.config)).expect("a document");
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, described) in methods.as_object().expect("methods") {
            let name = described["operationId"].as_str().expect("a name");
            let row = OPERATIONS.iter().position(|row| row.operation == name);
            let row = row.unwrap_or_else(|| panic!("{method} {path}: add a row for {name} to OPERATIONS"));
            let method: Method = method.to_uppercase().parse().expect("a method");
            for body in OPERATIONS[row].bodies {
                let (takes, has_cursor) = taken(&document, described);
                let (method, path) = (method.clone(), path.clone());
                found.push((row, Operation { row: &OPERATIONS[row], body, method, path, takes, has_cursor }));
            }
        }
    }
    found.sort_by_key(|(row, _)| *row);
    let mut described: Vec<&str> = found.iter().map(|(_, operation)| operation.row.operation).collect();
    described.dedup();
    assert_eq!(described, OPERATIONS.map(|row| row.operation), "each row is an operation of the document");
    found.into_iter().map(|(_, operation)| operation).collect()
}

/// What an operation takes that names something, and whether it has pages.
fn taken(document: &Value, described: &Value) -> (Vec<Taken>, bool) {
    let mut given: Vec<Taken> = Vec::new();
    for parameter in described["parameters"].as_array().into_iter().flatten() {
        let place = match parameter["in"].as_str() {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            _ => Place::Body,
        };
        let name = parameter["name"].as_str().expect("a name").to_owned();
        given.push(Taken { name, place, is_required: place == Place::Path });
    }
    let reference = described["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
    if let Some(name) = reference.and_then(|reference| reference.rsplit('/').next()) {
        let schema = &document["components"]["schemas"][name];
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for field in schema["properties"].as_object().expect("fields").keys() {
            let is_required = required.contains(&json!(field));
            given.push(Taken { name: field.clone(), place: Place::Body, is_required });
        }
    }
    let has_cursor = given.iter().any(|taken| taken.name == "cursor");
    given.retain(|taken| !NAMING_NOTHING.contains(&taken.name.as_str()));
    (given, has_cursor)
}

impl Operation {
    /// The request in which the ids at the places of `chosen` are `theirs`, and the others that it needs are `own`.
    pub fn request(&self, chosen: u32, theirs: &Ids, own: &Ids) -> Request<Body> {
        let mut path = self.path.clone();
        let mut query = Vec::new();
        let mut body: Map<String, Value> = serde_json::from_str(self.body).unwrap_or_default();
        for (number, taken) in self.takes.iter().enumerate() {
            let is_chosen = chosen & (1 << number) != 0;
            if !is_chosen && !taken.is_required {
                continue;
            }
            let ids = if is_chosen { theirs } else { own };
            let id = ids.named(&taken.name).unwrap_or_else(|| {
                panic!("say in Ids what {} names, or in NAMING_NOTHING that it names nothing", taken.name)
            });
            match taken.place {
                Place::Path => path = path.replace(&format!("{{{}}}", taken.name), id),
                Place::Query => query.push(format!("{}={id}", taken.name)),
                Place::Body => drop(body.insert(taken.name.clone(), json!(id))),
            }
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let request = Request::builder().method(&self.method).uri(format!("{path}{query}"));
        if body.is_empty() {
            return request.body(Body::empty()).expect("a request");
        }
        let body = Value::Object(body).to_string();
        request.header(header::CONTENT_TYPE, "application/json").body(body.into()).expect("a request")
    }

    /// Each choice of places at which somebody else's id can stand.
    pub fn choices(&self) -> std::ops::Range<u32> {
        1..1 << self.takes.len()
    }

    /// Whether what is chosen is this one alone.
    pub fn names_only(&self, name: &str, chosen: u32) -> bool {
        self.takes.iter().enumerate().all(|(number, taken)| (chosen & (1 << number) != 0) == (taken.name == name))
    }

    pub fn name(&self, persona: &str, chosen: u32) -> String {
        let names = self.takes.iter().enumerate().filter(|(number, _)| chosen & (1 << number) != 0);
        let names: Vec<&str> = names.map(|(_, taken)| taken.name.as_str()).collect();
        format!("{} by {persona} with the victim's {names:?}", self.row.operation)
    }
}
