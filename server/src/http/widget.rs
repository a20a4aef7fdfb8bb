//! What the widget asks from the pages that show it: how it looks, a session for its visitor, answers, and to keep what he
//! leaves for people to answer.
//!
//! **Invariants:** every call says from which page it comes, and is refused unless the owner of the widget allows that
//! page; only such a page can read the answer. A visitor is never told why a chatbot does not answer: credit, cap and
//! pause are its owner's business.

use super::answer_events;
use super::caller::client_address;
use super::json::JsonObject;
use super::middleware::RequestName;
use super::problem::{self, Refused};
use crate::contacts;
use crate::conversations::{self, Delivery, Question, Told};
use crate::idempotency::OnceKey;
use crate::widgets::{self, Session, Visited};
use crate::{Error, Server};
use axum::extract::{Extension, Path, Request, State};
use axum::middleware::Next;
use axum::response::sse::Event;
use axum::response::{Html, IntoResponse, Response};
use domain::chatbot_settings::{Colour, DEFAULT_COLOUR};
use domain::contact::ContactText;
use domain::id::{ConversationId, RequestId, WidgetId};
use domain::ledger::Channel;
use domain::problem::{Problem, ProblemCode};
use domain::widget::Origin;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Largest body of a visitor's message, in bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 * 1024;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest name that the widget gives to a message, in bytes.
const MESSAGE_NAME_BYTES_MAX: usize = 64;
/// The browser itself says so of a page of the installation's own, which need not name its origin.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The page in which the owner sees his widget runs its script and nothing else, in pages of the console only.
const PREVIEW_POLICY: &str =
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'self'";

/// Stands before every call of a widget: it comes from an allowed page, and only that page may read what is answered.
pub(super) async fn admit(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    mut request: Request,
    next: Next,
) -> Response {
    let visited = match page_of(&server, request.headers()) {
        Some(origin) => visit(&server, &id, origin).await,
        None => Err(ProblemCode::OriginNotAllowed.into()),
    };
    let mut response = match visited {
        Ok(visited) => {
            let origin = visited.origin.to_string();
            request.extensions_mut().insert(visited);
            let mut response = next.run(request).await;
            if let Ok(origin) = HeaderValue::try_from(origin) {
                response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
            }
            response
        }
        Err(refused) => refused.into_response(),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The origin that the browser names; exactly one.
fn page_of(server: &Server, headers: &HeaderMap) -> Option<Origin> {
    let mut named = headers.get_all(ORIGIN).iter();
    let (first, second) = (named.next(), named.next());
    match first {
        Some(origin) if second.is_none() => Origin::parse(origin.to_str().ok()?),
        Some(_) => None,
        None => {
            let is_own = headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin");
            is_own.then(|| Origin::parse(&server.config.public_url())).flatten()
        }
    }
}

async fn visit(server: &Server, id: &str, origin: Origin) -> Result<Visited, Refused> {
    let missing = || Refused::with_detail(ProblemCode::NotFound, "there is no such widget");
    let id = WidgetId::parse(id).ok_or_else(missing)?;
    Ok(widgets::visit(server, &id, origin).await?)
}

/// What a browser asks before it sends a message from another origin.
pub(super) async fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// How the widget looks and what it says first.
#[derive(Serialize)]
pub(super) struct Appearance {
    name: String,
    welcome_message: String,
    suggested_questions: Vec<String>,
    colour: String,
    /// What can be read on the colour.
    ink: &'static str,
    position: &'static str,
    theme: &'static str,
    /// Whether a visitor may leave a contact request.
    takes_contacts: bool,
}

pub(super) async fn appearance(Extension(visited): Extension<Visited>) -> axum::Json<Appearance> {
    let Visited { widget, chatbot_name, settings, .. } = visited;
    let colour = settings.colour.or_else(|| Colour::parse(DEFAULT_COLOUR));
    axum::Json(Appearance {
        name: chatbot_name,
        welcome_message: settings.welcome_message,
        suggested_questions: settings.suggested_questions,
        ink: colour.as_ref().map_or("#ffffff", Colour::ink),
        colour: colour.as_ref().map_or(DEFAULT_COLOUR, Colour::as_str).to_owned(),
        position: widget.position.as_str(),
        theme: widget.theme.as_str(),
        takes_contacts: widget.takes_contacts,
    })
}

/// A visitor's address, where the limits on it count.
fn address_of(server: &Server, request: &HeaderMap, extensions: &http::Extensions) -> IpAddr {
    client_address(&server.config, request, extensions)
}

fn rate_limited(server: &Server, wait: Duration) -> Refused {
    let wait_us = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
    let detail = "too many messages in a short time; wait a moment";
    Problem::with_detail(ProblemCode::RateLimited, detail).retry_at(server.now().plus_us(wait_us)).into()
}

/// Begins the session of a visitor.
pub(super) async fn begin_session(
    State(server): State<Arc<Server>>,
    Extension(visited): Extension<Visited>,
    request: Request,
) -> Result<Response, Refused> {
    let address = address_of(&server, request.headers(), request.extensions());
    if let Some(wait) = server.visitors.take_session(address) {
        return Err(rate_limited(&server, wait));
    }
    let session = widgets::begin_session(&server, &visited)?;
    Ok((StatusCode::CREATED, axum::Json(json!({ "session": session }))).into_response())
}

/// Answers a message of a visitor, as server-sent events: `delta` with a piece of the answer, then `done` with all of it,
/// the passages, and the session to go on with; or `error`.
pub(super) async fn send_message(
    State(server): State<Arc<Server>>,
    Extension(visited): Extension<Visited>,
    Extension(name): Extension<RequestName>,
    request: Request,
) -> Result<Response, Refused> {
    let (headers, address) = (request.headers().clone(), address_of(&server, request.headers(), request.extensions()));
    let session = session_of(&server, &visited, &headers)?;
    if let Some(wait) = server.visitors.take_message(&session.name, address) {
        return Err(rate_limited(&server, wait));
    }
    let fields = <JsonObject as axum::extract::FromRequest<_>>::from_request(request, &server).await?;
    let message = fields.text("message")?;
    let once = once_key(&headers, &session, &fields.body)?;
    let question = Question {
        account_id: visited.account_id.clone(),
        key_id: None,
        caller: None,
        chatbot_id: visited.widget.chatbot_id.as_str(),
        conversation_id: session.conversation_id.as_ref().map(ConversationId::as_str),
        message,
        channel: Channel::Widget,
        request_id: RequestId::new(server.now(), server.id_bytes()).to_string(),
        caller_request_id: None,
    };
    tracing::info!(entry_request_id = question.request_id, "a visitor asks");
    let answer = conversations::stream(&server, question, once, body).await.map_err(for_visitor)?;
    let listener = Listener { server, visited, session, request_name: name.text };
    let mut response = answer_events::respond(listener, answer);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn session_of(server: &Server, visited: &Visited, headers: &HeaderMap) -> Result<Session, Refused> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    Ok(widgets::read_session(server, visited, token.unwrap_or_default())?)
}

/// Keeps what a visitor leaves for people to answer; it costs nothing.
pub(super) async fn leave_contact(
    State(server): State<Arc<Server>>,
    Extension(visited): Extension<Visited>,
    request: Request,
) -> Result<Response, Refused> {
    let (headers, address) = (request.headers().clone(), address_of(&server, request.headers(), request.extensions()));
    let session = session_of(&server, &visited, &headers)?;
    if let Some(wait) = server.visitors.take_contact(&session.name, address) {
        return Err(rate_limited(&server, wait));
    }
    let fields = <JsonObject as axum::extract::FromRequest<_>>::from_request(request, &server).await?;
    let name = fields.changed_text("name")?.unwrap_or_default();
    let text = ContactText::read(&name, fields.text("email")?, fields.text("message")?).map_err(Error::from)?;
    let once = once_key(&headers, &session, &fields.body)?;
    contacts::leave(&server, &visited, &session, once.as_ref(), &text).await?;
    let session = widgets::renewed(&server, &visited, &session, None)?;
    Ok((StatusCode::CREATED, axum::Json(json!({ "session": session }))).into_response())
}

/// The name that the widget gave what it sends, within the visitor's session: nobody else's message has it.
fn once_key(headers: &HeaderMap, session: &Session, body: &[u8]) -> Result<Option<OnceKey>, Refused> {
    let Some(name) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let name = name.as_bytes();
    let name = &name[..name.len().min(MESSAGE_NAME_BYTES_MAX + 1)];
    if name.is_empty() || name.len() > MESSAGE_NAME_BYTES_MAX {
        return Err(ProblemCode::MalformedRequest.into());
    }
    let key = [b"widget-", session.name.as_bytes(), b"-", name].concat();
    Ok(Some(OnceKey::read(&key, "widget", body)?))
}

/// Credit, caps, pauses and deleted chatbots all look the same from outside.
fn for_visitor(error: Error) -> Refused {
    let refused = Refused::from(error);
    match refused.problem().code {
        ProblemCode::InsufficientCredit
        | ProblemCode::ChatbotCapReached
        | ProblemCode::ChatbotPaused
        | ProblemCode::MessageWindowFull
        | ProblemCode::NotFound => {
            tracing::info!(code = refused.problem().code.as_str(), "a widget is not available");
            Refused::with_detail(ProblemCode::ChatUnavailable, "This chat is not available right now.")
        }
        _ => refused,
    }
}

/// What a stream needs to end with.
struct Listener {
    server: Arc<Server>,
    visited: Visited,
    session: Session,
    request_name: String,
}

/// The answer as it is kept; the conversation goes into the session and not to the page.
fn body(told: &Told<'_>) -> String {
    let citation = |citation: &domain::chatbot::Citation| json!({ "document": citation.document_name, "heading": citation.heading });
    let citations: Vec<Value> = told.answer.citations.iter().map(citation).collect();
    let kept = json!({ "conversation_id": told.conversation_id, "text": told.answer.text, "citations": citations });
    kept.to_string()
}

impl answer_events::Listener for Listener {
    const PIECE: &'static str = "delta";
    const TEXT: &'static str = "text";

    fn complete(&self, delivery: Delivery) -> Event {
        let mut told: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
        let conversation_id = told["conversation_id"].as_str().and_then(ConversationId::parse);
        let session = match widgets::renewed(&self.server, &self.visited, &self.session, conversation_id) {
            Ok(session) => session,
            Err(error) => return self.refuse(error),
        };
        let done = json!({ "text": told["text"].take(), "citations": told["citations"].take(), "session": session });
        Event::default().event("done").data(done.to_string())
    }

    fn refuse(&self, error: Error) -> Event {
        let refused = for_visitor(error);
        Event::default().event("error").data(problem::body(&self.server, &self.request_name, refused.problem()))
    }
}

/// The page in which the owner sees his widget, as it is on other pages.
pub(super) async fn preview(Path(id): Path<String>) -> Result<Response, Refused> {
    let id = WidgetId::parse(&id).ok_or_else(|| Refused::from(ProblemCode::NotFound))?;
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Preview of the widget</title>\n\
         <script src=\"/widget.js\" data-widget=\"{id}\" async></script>\n</head>\n<body>\n</body>\n</html>\n"
    );
    let headers = [(CONTENT_SECURITY_POLICY, PREVIEW_POLICY), (CACHE_CONTROL, "no-store")];
    Ok((headers, Html(page)).into_response())
}
