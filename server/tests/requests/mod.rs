//! Requests through the real router, and what came back: shared by the tests of the HTTP layer.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use domain::account::Viewer;
use domain::ledger::EntryFilter;
use serde_json::{Value, json};
use server::{Server, http, ledger};
use std::sync::{Arc, OnceLock};
use tower::ServiceExt;

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn text(&self, field: &str) -> String {
        self.json()[field].as_str().unwrap_or_default().to_owned()
    }

    /// Checks the form that every refusal has, and its status and code.
    pub fn refuses(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.text("code").as_str()), (status, code), "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], json!(status));
        assert_eq!(problem["success"], json!(false));
        assert_eq!(problem["request_id"].as_str(), Some(self.header("x-request-id")));
        assert!(problem["type"].as_str().is_some_and(|kind| kind.ends_with(&format!("/reference#{code}"))));
        assert!(["title", "detail"].iter().all(|field| problem[field].as_str().is_some_and(|text| !text.is_empty())));
    }
}

/// Sends a request through the real router. Whatever an operation of the API answers must stand in its document.
pub async fn send(server: &Arc<Server>, request: Request<Body>) -> Answer {
    send_through(&http::router(Arc::clone(server)), server, request).await
}

/// As [`send`], through a router that is there already: making one takes longer than most requests.
pub async fn send_through(router: &Router, server: &Arc<Server>, request: Request<Body>) -> Answer {
    let (method, path) = (request.method().as_str().to_lowercase(), request.uri().path().to_owned());
    let response = router.clone().oneshot(request).await.expect("the router answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), 4 * 1024 * 1024).await.expect("the whole body");
    let answer = Answer { status, headers, body: String::from_utf8(bytes.to_vec()).expect("text") };
    assert_documented(server, &method, &path, &answer);
    answer
}

fn assert_documented(server: &Arc<Server>, method: &str, path: &str, answer: &Answer) {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let made = || serde_json::to_value(http::api::document(&server.config)).expect("a document");
    let document = DOCUMENT.get_or_init(made);
    let is_same = |template: &str| {
        let (template, path) = (template.split('/').collect::<Vec<_>>(), path.split('/').collect::<Vec<_>>());
        let part_is_same = |(template, part): (&&str, &&str)| template.starts_with('{') || template == part;
        template.len() == path.len() && template.iter().zip(&path).all(part_is_same)
    };
    let mut paths = document["paths"].as_object().expect("paths").iter();
    let operation = paths.find(|(template, _)| is_same(template)).and_then(|(_, item)| item.get(method));
    let Some(operation) = operation else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not documented", answer.status);
    if answer.status >= 400 {
        let code = answer.text("code");
        let known = &response["content"]["application/problem+json"]["examples"][&code];
        assert!(known.is_object(), "{method} {path}: {code} is not documented");
    }
}

/// What the ledger says about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Books {
    pub available: i64,
    pub entries: i64,
    pub spent: i64,
    pub added: i64,
}

pub async fn books(server: &Arc<Server>, viewer: &Viewer) -> Books {
    let available = ledger::summary(server, &viewer.account_id).await.expect("a summary").available().millionths();
    let totals = ledger::entries(server, &viewer.account_id, &EntryFilter::default(), 1).await.expect("entries").totals;
    assert_eq!(available, totals.added.millionths() - totals.spent.millionths(), "entries sum to the balance");
    Books { available, entries: totals.count, spent: totals.spent.millionths(), added: totals.added.millionths() }
}
