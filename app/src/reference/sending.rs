//! Sends an operation from the page as a program would: with a key, to the address of the page, and without the cookie
//! of the person who looks at it.

use super::document::{Input, InputKind, OperationLink};
use js_sys::futures::JsFuture;
use js_sys::{JSON, Object, Reflect, encode_uri_component};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{FormData, Headers, RequestCredentials, RequestInit, Response, UrlSearchParams};

/// The headers that are shown, as they are written.
const SHOWN_HEADERS: [&str; 7] = [
    "Content-Type",
    "X-Request-Id",
    "X-Credit-Remaining",
    "Idempotency-Replayed",
    "Retry-After",
    "RateLimit-Policy",
    "RateLimit",
];

/// What came back.
#[derive(Clone, Default)]
pub struct Received {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// JSON is laid out; anything else is as it came.
    pub body: String,
    pub problem: Option<ReceivedProblem>,
}

/// A refusal in the words of its problem.
#[derive(Clone)]
pub struct ReceivedProblem {
    pub title: String,
    pub detail: String,
    pub code: String,
    /// Where balance is added, when that is what is missing.
    pub add_balance_url: Option<String>,
}

/// A call as it will be sent.
pub struct Prepared {
    address: String,
    request: RequestInit,
}

/// The name of an input in its form.
pub fn input_name(input: &Input) -> String {
    format!("{}.{}", input.place, input.name)
}

/// Puts together what the form holds. Empty inputs that need not be sent are left out.
///
/// # Errors
/// When the browser does not accept a header.
pub fn prepare(link: &OperationLink, inputs: &[Input], form: &FormData, credential: &str) -> Result<Prepared, JsValue> {
    let mut address = link.path.clone();
    let (query, headers, body) = (UrlSearchParams::new()?, Headers::new()?, Object::new());
    headers.set("Authorization", credential)?;
    for input in inputs {
        let typed = form.get(&input_name(input)).as_string().unwrap_or_default();
        if typed.is_empty() && !(input.is_required && input.place == "body") {
            continue;
        }
        match input.place.as_str() {
            "path" => {
                let escaped = String::from(encode_uri_component(&typed));
                address = address.replace(&format!("{{{}}}", input.name), &escaped);
            }
            "query" => query.append(&input.name, &typed),
            "header" => headers.set(&input.name, &typed)?,
            _ => {
                let value = if input.kind == InputKind::Flag { JsValue::TRUE } else { typed.into() };
                Reflect::set(&body, &input.name.as_str().into(), &value)?;
            }
        }
    }
    let query = String::from(query.to_string());
    if !query.is_empty() {
        address = address + "?" + &query;
    }
    let request = RequestInit::new();
    request.set_method(&link.method);
    request.set_credentials(RequestCredentials::Omit);
    if inputs.iter().any(|input| input.place == "body") {
        headers.set("Content-Type", "application/json")?;
        request.set_body(&JSON::stringify(&body)?.into());
    }
    request.set_headers(&headers);
    Ok(Prepared { address, request })
}

/// # Errors
/// When the server cannot be reached.
pub async fn send(Prepared { address, request }: Prepared) -> Result<Received, JsValue> {
    let response = JsFuture::from(window().fetch_with_str_and_init(&address, &request)).await?;
    let response: Response = response.unchecked_into();
    let body = JsFuture::from(response.text()?).await?;
    let parsed = body.as_string().and_then(|text| JSON::parse(&text).ok());
    let headers = response.headers();
    let shown = |name: &'static str| Some((name, headers.get(name).ok().flatten()?));
    let status = response.status();
    Ok(Received {
        status,
        headers: SHOWN_HEADERS.into_iter().filter_map(shown).collect(),
        problem: parsed.as_ref().filter(|_| status >= 400).map(problem),
        body: parsed.and_then(|value| pretty(&value)).or(body.as_string()).unwrap_or_default(),
    })
}

fn pretty(value: &JsValue) -> Option<String> {
    let text = JSON::stringify_with_replacer_and_space(value, &JsValue::NULL, &2.into());
    text.ok().map(String::from)
}

fn problem(value: &JsValue) -> ReceivedProblem {
    let field = |name: &str| Reflect::get(value, &name.into()).ok().and_then(|field| field.as_string());
    ReceivedProblem {
        title: field("title").unwrap_or_default(),
        detail: field("detail").unwrap_or_default(),
        code: field("code").unwrap_or_default(),
        add_balance_url: field("add_balance_url"),
    }
}
