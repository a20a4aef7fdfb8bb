//! The widget as pages of other people use it, through the real router, on both databases.

use crate::api_holder::{MESSAGES, holder, post};
use crate::key_holder::KeyHolder;
use crate::requests::{Answer, Books, books, send};
use crate::support::{TestServer, assert_sound, databases, databases_with};
use axum::body::Body;
use axum::http::{Method, Request, header};
use domain::credit::Credit;
use domain::id::WidgetId;
use domain::ledger::{Channel, EntryFilter};
use serde_json::{Value, json};
use server::conversations::{self, ConversationFilter};
use server::widgets::{self, WidgetForm};
use server::{Server, chatbots, keys, ledger};
use std::sync::Arc;

const SITE: &str = "https://shop.example.com";

async fn widget(server: &Server, holder: &KeyHolder, allowed_origins: &str) -> WidgetId {
    let form = WidgetForm { allowed_origins, position: "left", theme: "dark", takes_contacts: false };
    widgets::save(server, &holder.viewer, &holder.chatbot.id, form).await.expect("a widget").id
}

fn request(method: Method, path: &str, origin: Option<&str>) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path);
    match origin {
        Some(origin) => request.header(header::ORIGIN, origin),
        None => request,
    }
}

async fn look(server: &Arc<Server>, id: &WidgetId, origin: Option<&str>) -> Answer {
    let request = request(Method::GET, &format!("/widget/{id}"), origin).body(Body::empty()).expect("a request");
    send(server, request).await
}

async fn begin(server: &Arc<Server>, id: &WidgetId, origin: &str) -> Answer {
    let request = request(Method::POST, &format!("/widget/{id}/sessions"), Some(origin));
    send(server, request.body(Body::empty()).expect("a request")).await
}

async fn session(server: &Arc<Server>, id: &WidgetId) -> String {
    let begun = begin(server, id, SITE).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    begun.text("session")
}

fn message(id: &WidgetId, session: &str, text: &str, name: &str) -> Request<Body> {
    message_from(SITE, id, session, text, name)
}

fn message_from(origin: &str, id: &WidgetId, session: &str, text: &str, name: &str) -> Request<Body> {
    request(Method::POST, &format!("/widget/{id}/messages"), Some(origin))
        .header(header::AUTHORIZATION, format!("Bearer {session}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", name)
        .body(json!({ "message": text }).to_string().into())
        .expect("a request")
}

const QUESTION: &str = "When is the shop open?";

/// The data of the last event of a stream, and the texts of those before put together.
fn told(answer: &Answer) -> (String, Value) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut streamed = String::new();
    for event in answer.body.trim_end().split("\n\n") {
        let (name, data) = event.split_once("\ndata: ").expect("an event");
        let data: Value = serde_json::from_str(data).expect("JSON");
        match name {
            "event: delta" => streamed.push_str(data["text"].as_str().expect("text")),
            "event: done" => return (streamed, data),
            other => panic!("{other}: {data}"),
        }
    }
    panic!("no last event: {}", answer.body)
}

async fn asked(server: &Arc<Server>, id: &WidgetId, session: &str, name: &str) -> Value {
    told(&send(server, message(id, session, QUESTION, name)).await).1
}

fn cors(answer: &Answer) -> (&str, &str, &str) {
    let [origin, vary, credentials] =
        ["access-control-allow-origin", "vary", "access-control-allow-credentials"].map(|name| answer.header(name));
    (origin, vary, credentials)
}

#[tokio::test]
async fn only_pages_of_allowed_origins_see_a_widget() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, "https://shop.example.com\nhttps://*.bergfeld.example").await;
        for origin in [SITE, "https://a.b.bergfeld.example"] {
            let seen = look(&server, &id, Some(origin)).await;
            assert_eq!((seen.status, cors(&seen)), (200, (origin, "Origin", "")), "{origin}");
            assert_eq!(
                seen.json(),
                json!({
                    "name": "Help centre", "welcome_message": "", "suggested_questions": [], "colour": "#4b45d6",
                    "ink": "#ffffff", "position": "left", "theme": "dark", "takes_contacts": false
                })
            );
        }
        for origin in [
            None,
            Some("null"),
            Some("http://shop.example.com"),
            Some("https://shop.example.com:8443"),
            Some("https://shop.example.com.evil.test"),
            Some("https://bergfeld.example"),
            Some("https://evilbergfeld.example"),
        ] {
            let refused = look(&server, &id, origin).await;
            refused.refuses(403, "origin_not_allowed");
            assert_eq!(cors(&refused), ("", "Origin", ""), "{origin:?}");
        }
        let twice = request(Method::GET, &format!("/widget/{id}"), Some(SITE)).header(header::ORIGIN, SITE);
        send(&server, twice.body(Body::empty()).unwrap()).await.refuses(403, "origin_not_allowed");
        look(&server, &WidgetId::new(server.now(), [3; 8]), Some(SITE)).await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn pages_of_the_installation_itself_may_show_every_widget_and_no_page_can_pretend_to_be_one() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, "").await;
        look(&server, &id, Some(SITE)).await.refuses(403, "origin_not_allowed");
        let own = server.config.public_url();
        assert_eq!(look(&server, &id, Some(&own)).await.status, 200);
        let path = format!("/widget/{id}");
        let unnamed = |site: &str| request(Method::GET, &path, None).header("sec-fetch-site", site).body(Body::empty());
        assert_eq!(send(&server, unnamed("same-origin").unwrap()).await.status, 200);
        send(&server, unnamed("same-site").unwrap()).await.refuses(403, "origin_not_allowed");
        let preview = Request::get(format!("{path}/preview")).body(Body::empty()).unwrap();
        let preview = send(&server, preview).await;
        assert!(preview.header("content-security-policy").contains("frame-ancestors 'self'"));
        assert!(preview.body.contains(&format!("data-widget=\"{id}\"")), "{}", preview.body);
    }
}

#[tokio::test]
async fn a_browser_is_told_what_it_may_send() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, SITE).await;
        let preflight = |origin| {
            let request = request(Method::OPTIONS, &format!("/widget/{id}/messages"), Some(origin));
            request.header("access-control-request-method", "POST").body(Body::empty()).unwrap()
        };
        let told = send(&server, preflight(SITE)).await;
        assert_eq!((told.status, cors(&told)), (204, (SITE, "Origin", "")));
        assert_eq!(told.header("access-control-allow-headers"), "authorization, content-type, idempotency-key");
        send(&server, preflight("https://other.example")).await.refuses(403, "origin_not_allowed");
    }
}

#[tokio::test]
async fn a_visitor_is_answered_with_passages_and_goes_on_with_his_conversation() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, SITE).await;
        let first = session(&server, &id).await;
        let answer = send(&server, message(&id, &first, QUESTION, "m1")).await;
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("text/event-stream", "no-store"));
        assert_eq!(cors(&answer), (SITE, "Origin", ""));
        assert_eq!(answer.header("access-control-expose-headers"), "retry-after");
        let (streamed, done) = told(&answer);
        assert_eq!(streamed, "The shop is open from nine to five on weekdays. (Guide.md)");
        assert_eq!(done["text"], streamed);
        assert_eq!(done["citations"], json!([{ "document": "Guide.md", "heading": "Opening hours" }]));
        let ids = ["bot_", "acct_", "doc_", "conversation_id"];
        assert!(ids.iter().all(|id| !answer.body.contains(id)), "{}", answer.body);
        server.clock.advance_us(29 * 60_000_000);
        asked(&server, &id, done["session"].as_str().unwrap(), "m2").await;
        let entries = ledger::entries(&server, &holder.viewer.account_id, &EntryFilter::default(), 9).await.unwrap();
        let channels: Vec<_> = entries.entries.iter().filter_map(|entry| entry.channel).map(Channel::as_str).collect();
        assert_eq!(channels, ["widget", "widget"]);
        let everything = ConversationFilter::default();
        let listed = conversations::conversations(&server, &holder.viewer.account_id, &everything, 9).await;
        let listed = listed.unwrap().items;
        assert_eq!(
            (listed.len(), listed[0].conversation.messages, listed[0].conversation.channel.as_str()),
            (1, 2, "widget")
        );
        assert_eq!(holder.books(&server).await.spent, 4_000);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_message_that_is_sent_again_is_paid_for_once_and_nobody_else_gets_its_answer() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, SITE).await;
        let (first, second) = (session(&server, &id).await, session(&server, &id).await);
        let once = asked(&server, &id, &first, "m1").await;
        let again = asked(&server, &id, &first, "m1").await;
        assert_eq!((&once["text"], &once["citations"]), (&again["text"], &again["citations"]));
        assert_eq!(holder.books(&server).await.spent, 2_000);
        let other = send(&server, message(&id, &first, "How do I return a parcel?", "m1")).await;
        other.refuses(422, "idempotency_key_reused");
        asked(&server, &id, &second, "m1").await;
        assert_eq!(holder.books(&server).await.spent, 4_000);
    }
}

#[tokio::test]
async fn a_session_is_for_one_widget_on_one_origin_for_a_while() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, "https://shop.example.com\nhttps://other.example").await;
        let given = session(&server, &id).await;
        let ended = async |request| send(&server, request).await.refuses(401, "widget_session_ended");
        ended(message_from("https://other.example", &id, &given, QUESTION, "m1")).await;
        let mut parts: Vec<&str> = given.split('.').collect();
        let later = (parts[0].parse::<i64>().unwrap() + 1).to_string();
        parts[0] = &later;
        ended(message(&id, &parts.join("."), QUESTION, "m1")).await;
        for token in ["", ".", "...", "nonsense", &given[..given.len() - 1], &format!("{given}0")] {
            ended(message(&id, token, QUESTION, "m1")).await;
        }
        let second = chatbots::create(&server, &holder.viewer, "Second").await.unwrap();
        let form = WidgetForm { allowed_origins: SITE, ..WidgetForm::default() };
        let elsewhere = widgets::save(&server, &holder.viewer, &second.id, form).await.unwrap().id;
        ended(message(&elsewhere, &given, QUESTION, "m1")).await;
        server.clock.advance_us(30 * 60_000_000);
        ended(message(&id, &given, QUESTION, "m1")).await;
        assert_eq!(holder.books(&server).await.spent, 0);
    }
}

#[tokio::test]
async fn a_foreign_page_gets_nothing_and_leaves_nothing() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, SITE).await;
        let given = session(&server, &id).await;
        let before = holder.books(&server).await;
        begin(&server, &id, "https://evil.example").await.refuses(403, "origin_not_allowed");
        let foreign = message_from("https://evil.example", &id, &given, QUESTION, "m1");
        send(&server, foreign).await.refuses(403, "origin_not_allowed");
        assert_eq!(holder.books(&server).await, before);
    }
}

#[tokio::test]
async fn a_new_id_and_a_removed_origin_hold_from_the_next_call_on() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, SITE).await;
        let given = session(&server, &id).await;
        widgets::rotate(&server, &holder.viewer, &holder.chatbot.id).await.unwrap();
        send(&server, message(&id, &given, QUESTION, "m1")).await.refuses(404, "not_found");
        let found = widgets::of_chatbot(&server, &holder.viewer.account_id, &holder.chatbot.id).await.unwrap().unwrap();
        assert!(found.id != id && found.rotated_at == Some(server.now()));
        send(&server, message(&found.id, &given, QUESTION, "m1")).await.refuses(401, "widget_session_ended");
        let given = session(&server, &found.id).await;
        let kept = widget(&server, &holder, "https://other.example").await;
        assert_eq!(kept, found.id, "only rotating changes the id");
        send(&server, message(&kept, &given, QUESTION, "m1")).await.refuses(403, "origin_not_allowed");
        let stranger = crate::support::owner(&server, "eve").await;
        assert!(widgets::rotate(&server, &stranger, &holder.chatbot.id).await.is_err());
        assert!(widgets::of_chatbot(&server, &stranger.account_id, &holder.chatbot.id).await.is_err());
        let form = WidgetForm { allowed_origins: SITE, ..WidgetForm::default() };
        assert!(widgets::save(&server, &stranger, &holder.chatbot.id, form).await.is_err());
    }
}

#[tokio::test]
async fn a_visitor_is_not_told_why_a_chatbot_does_not_answer_and_a_program_is() {
    for server in databases().await {
        let holder = holder(&server, 1).await;
        let id = widget(&server, &holder, SITE).await;
        let given = session(&server, &id).await;
        let (bot, viewer) = (&holder.chatbot.id, &holder.viewer);
        let unavailable = async |name: &str| {
            let refused = send(&server, message(&id, &given, QUESTION, name)).await;
            refused.refuses(402, "chat_unavailable");
            let mut problem = refused.json();
            problem.as_object_mut().unwrap().remove("request_id");
            problem
        };
        chatbots::pause(&server, viewer, bot).await.unwrap();
        let paused = unavailable("m1").await;
        assert_eq!(paused["detail"], "This chat is not available right now.");
        assert!(paused.get("add_balance_url").is_none() && paused.get("available").is_none(), "{paused}");
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(403, "chatbot_paused");
        chatbots::resume(&server, viewer, bot).await.unwrap();
        chatbots::set_daily_cap(&server, viewer, bot, Some(Credit::from_millionths(1_000))).await.unwrap();
        assert_eq!(unavailable("m1").await, paused);
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(403, "chatbot_cap_reached");
        chatbots::set_daily_cap(&server, viewer, bot, None).await.unwrap();
        asked(&server, &id, &given, "m1").await;
        assert_eq!(unavailable("m2").await, paused);
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(402, "insufficient_credit");
        crate::support::give_credit(&server, viewer, 2_000).await;
        asked(&server, &id, &given, "m2").await;
        assert_eq!(holder.books(&server).await.available, 0);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_visitor_and_an_address_can_send_so_much_in_a_minute() {
    for server in databases_with(&["--trusted-proxies", "127.0.0.0/8"]).await {
        let holder = holder(&server, 200).await;
        let id = widget(&server, &holder, SITE).await;
        let given = session(&server, &id).await;
        let behind = |mut request: Request<Body>, address: &str| {
            request.headers_mut().insert("x-forwarded-for", address.parse().unwrap());
            request
        };
        for number in 0..12 {
            told(&send(&server, message(&id, &given, QUESTION, &format!("m{number}"))).await);
        }
        let limited = send(&server, behind(message(&id, &given, QUESTION, "m12"), "203.0.113.9")).await;
        limited.refuses(429, "rate_limited");
        assert!(limited.header("retry-after").parse::<u64>().unwrap() <= 5);
        let mut begun = 1;
        while begin(&server, &id, SITE).await.status == 201 {
            begun += 1;
            assert!(begun <= 31, "sessions of an address are limited");
        }
        assert!(begun >= 30, "{begun}");
        assert_eq!(holder.books(&server).await.spent, 24_000);
    }
}

/// One of the calls of [`a_budget_for_fifty_is_spent_to_the_last_message_by_keys_and_widgets_together`].
async fn call(server: Arc<Server>, holder: Arc<Shop>, number: usize) -> u16 {
    if number % 5 < 3 {
        let key = &holder.keys[number % 5];
        let request =
            Request::post(MESSAGES).header(header::AUTHORIZATION, key).header("content-type", "application/json");
        return send(&server, request.body(holder.question.clone().into()).expect("a request")).await.status;
    }
    let widget = &holder.widgets[number % 5 - 3];
    let address = format!("203.0.113.{number}");
    let begun =
        request(Method::POST, &format!("/widget/{widget}/sessions"), Some(SITE)).header("x-forwarded-for", &address);
    let given = send(&server, begun.body(Body::empty()).expect("a request")).await.text("session");
    let mut asked = message(widget, &given, QUESTION, "m1");
    asked.headers_mut().insert("x-forwarded-for", address.parse().expect("a value"));
    let answer = send(&server, asked).await;
    if answer.status == 200 {
        told(&answer);
    }
    answer.status
}

/// Three keys and two widgets of one account.
struct Shop {
    keys: Vec<String>,
    widgets: Vec<WidgetId>,
    question: String,
}

async fn shop(server: &TestServer, holder: &KeyHolder) -> Arc<Shop> {
    let mut authorizations = vec![holder.authorization()];
    for name in ["Second", "Third"] {
        let shown = keys::create(server, &holder.viewer, name).await.expect("a key");
        authorizations.push(format!("{}:{}", shown.key.consumer_key, shown.secret.expose()));
    }
    let second = chatbots::create(server, &holder.viewer, "Second").await.expect("a chatbot");
    let form = WidgetForm { allowed_origins: SITE, ..WidgetForm::default() };
    let other = widgets::save(server, &holder.viewer, &second.id, form).await.expect("a widget").id;
    let widgets = vec![widget(server, holder, SITE).await, other];
    Arc::new(Shop { keys: authorizations, widgets, question: holder.question().to_string() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_for_fifty_is_spent_to_the_last_message_by_keys_and_widgets_together() {
    for server in databases_with(&["--trusted-proxies", "127.0.0.0/8"]).await {
        let holder = holder(&server, 50).await;
        let shop = shop(&server, &holder).await;
        let calls = (0..200).map(|number| tokio::spawn(call(Arc::clone(&server), Arc::clone(&shop), number)));
        let mut statuses = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            statuses.push(call.await.unwrap());
        }
        let count = |status| statuses.iter().filter(|one| **one == status).count();
        assert_eq!((count(200), count(402)), (50, 150), "{statuses:?}");
        let Books { available, spent, .. } = books(&server, &holder.viewer).await;
        assert_eq!((available, spent), (0, 100_000));
        assert_sound(&server).await;
    }
}
