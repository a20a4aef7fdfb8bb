//! A program that may do everything, and its calls.

use crate::key_holder::{KeyHolder, key_holder};
use crate::requests::{Answer, send};
use crate::support::{TestServer, owner};
use axum::body::Body;
use axum::http::{Method, Request, header};
use domain::api_key::{KeySettings, Permission};
use serde_json::Value;
use server::{Server, keys};
use std::sync::Arc;

pub const MESSAGES: &str = "/api/v1/messages";

pub async fn holder(server: &TestServer, messages: i64) -> KeyHolder {
    let holder = key_holder(server, owner(server, "olga").await, messages).await;
    allow(server, &holder, Permission::ALL.to_vec()).await;
    holder
}

pub async fn allow(server: &TestServer, holder: &KeyHolder, permissions: Vec<Permission>) {
    change(server, holder, |settings| settings.permissions = permissions).await;
}

pub async fn change(server: &TestServer, holder: &KeyHolder, change: impl FnOnce(&mut KeySettings)) {
    let key = keys::get(server, &holder.viewer.account_id, &holder.key.key.id).await.expect("the key");
    let mut settings = key.settings;
    change(&mut settings);
    keys::change(server, &holder.viewer, &holder.key.key.id, settings).await.expect("changed");
}

pub fn call(holder: &KeyHolder, method: Method, path: &str, body: Option<&Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, holder.authorization());
    match body {
        Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body.to_string().into()),
        None => request.body(Body::empty()),
    }
    .expect("a request")
}

pub async fn get(server: &Arc<Server>, holder: &KeyHolder, path: &str) -> Answer {
    send(server, call(holder, Method::GET, path, None)).await
}

pub async fn post(server: &Arc<Server>, holder: &KeyHolder, path: &str, body: &Value) -> Answer {
    send(server, call(holder, Method::POST, path, Some(body))).await
}
