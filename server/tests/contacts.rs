//! Contact requests: left by visitors of a widget through the real router, and read by the account, on both databases.

use crate::api_holder::holder;
use crate::key_holder::KeyHolder;
use crate::requests::{Answer, send};
use crate::support::{TestServer, assert_sound, databases, databases_with, owner};
use axum::body::Body;
use axum::http::{Request, header};
use domain::clock::DAY_US;
use domain::contact::{CONTACTS_MAX, ContactRequest};
use domain::id::WidgetId;
use domain::problem::ProblemCode;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use server::contacts::{self, ContactState};
use server::widgets::{self, WidgetForm};
use server::{Server, args, chatbots, conversations};
use std::sync::Arc;

const SITE: &str = "https://shop.example.com";

async fn widget(server: &Server, holder: &KeyHolder, takes_contacts: bool) -> WidgetId {
    let form = WidgetForm { allowed_origins: SITE, takes_contacts, ..WidgetForm::default() };
    widgets::save(server, &holder.viewer, &holder.chatbot.id, form).await.expect("a widget").id
}

fn post(path: &str, session: &str, name: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header(header::ORIGIN, SITE)
        .header(header::AUTHORIZATION, format!("Bearer {session}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", name)
        .body(body.to_string().into())
        .expect("a request")
}

async fn session(server: &Arc<Server>, id: &WidgetId) -> String {
    let begun = send(server, post(&format!("/widget/{id}/sessions"), "", "s", &json!({}))).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    begun.text("session")
}

/// Asks something; returns the session that goes on with the conversation.
async fn asked(server: &Arc<Server>, id: &WidgetId, session: &str) -> String {
    let question = json!({ "message": "Do you repair lamps?" });
    let answer = send(server, post(&format!("/widget/{id}/messages"), session, "m1", &question)).await;
    let (_, done) = answer.body.trim_end().rsplit_once("event: done\ndata: ").expect("answered");
    serde_json::from_str::<Value>(done).expect("JSON")["session"].as_str().expect("a session").to_owned()
}

fn vera(message: &str) -> Value {
    json!({ "name": "Vera", "email": "Vera@Example.com", "message": message })
}

async fn leave(server: &Arc<Server>, id: &WidgetId, session: &str, name: &str, body: &Value) -> Answer {
    send(server, post(&format!("/widget/{id}/contacts"), session, name, body)).await
}

async fn listed(server: &Server, holder: &KeyHolder, state: ContactState) -> Vec<ContactRequest> {
    contacts::list(server, &holder.viewer.account_id, state, None, 50).await.expect("a list").items
}

#[tokio::test]
async fn a_visitor_leaves_a_contact_request_and_it_is_read_marked_exported_and_deleted() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let (id, account_id) = (widget(&server, &holder, true).await, &holder.viewer.account_id);
        let given = asked(&server, &id, &session(&server, &id).await).await;
        let before = holder.books(&server).await;
        let left = leave(&server, &id, &given, "c1", &vera(" Mine is =broken, \"really\" ")).await;
        assert_eq!((left.status, left.header("access-control-allow-origin")), (201, SITE), "{}", left.body);
        assert!(!left.text("session").is_empty());
        assert_eq!(holder.books(&server).await, before, "it costs nothing");
        let [contact] = &listed(&server, &holder, ContactState::Open).await[..] else { panic!("one was left") };
        assert_eq!((contact.text.name.as_str(), contact.text.email.as_str()), ("Vera", "vera@example.com"));
        assert_eq!(contact.text.message, "Mine is =broken, \"really\"");
        assert_eq!((contact.origin.as_str(), contact.chatbot_name.as_str()), (SITE, "Help centre"));
        let conversation_id = contact.conversation_id.as_ref().expect("something was said before");
        conversations::conversation(&server, account_id, conversation_id).await.expect("the conversation");

        contacts::mark(&server, account_id, &contact.id, true).await.expect("done");
        assert_eq!(listed(&server, &holder, ContactState::Open).await, []);
        assert_eq!(listed(&server, &holder, ContactState::All).await[0].done_at, Some(server.now()));
        contacts::mark(&server, account_id, &contact.id, false).await.expect("open again");
        assert_eq!(listed(&server, &holder, ContactState::Open).await.len(), 1);

        let file: Vec<String> =
            contacts::export(Arc::clone(&server), account_id.clone()).try_collect().await.expect("a file");
        let file = file.concat();
        assert_eq!(file.matches("\r\n").count(), 2);
        let row = format!("{conversation_id},{SITE},Vera,vera@example.com,\"Mine is =broken, \"\"really\"\"\"\r\n");
        assert!(file.ends_with(&row), "{file}");

        let stranger = owner(&server, "eve").await;
        for refused in [
            contacts::mark(&server, &stranger.account_id, &contact.id, true).await,
            contacts::delete(&server, &stranger.account_id, &contact.id).await,
        ] {
            assert_eq!(refused.expect_err("not hers").into_problem().code, ProblemCode::NotFound);
        }
        assert_eq!(contacts::list(&server, &stranger.account_id, ContactState::All, None, 9).await.unwrap().items, []);
        contacts::delete(&server, account_id, &contact.id).await.expect("deleted");
        assert_eq!(listed(&server, &holder, ContactState::All).await, []);
        let twice = contacts::delete(&server, account_id, &contact.id).await.expect_err("gone");
        assert_eq!(twice.into_problem().code, ProblemCode::NotFound);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn what_is_sent_again_is_kept_once_and_pages_hold_all() {
    for server in databases_with(&["--trusted-proxies", "127.0.0.0/8"]).await {
        let holder = holder(&server, 5).await;
        let id = widget(&server, &holder, true).await;
        let (first, second) = (session(&server, &id).await, session(&server, &id).await);
        for (session, name, message) in
            [(&first, "c1", "One"), (&first, "c1", "One"), (&first, "c1", "Two"), (&second, "c1", "One")]
        {
            assert_eq!(leave(&server, &id, session, name, &vera(message)).await.status, 201);
            server.clock.advance_us(20_000_000);
        }
        let messages = |contacts: &[ContactRequest]| -> Vec<String> {
            contacts.iter().map(|contact| contact.text.message.clone()).collect()
        };
        assert_eq!(messages(&listed(&server, &holder, ContactState::All).await), ["One", "Two", "One"]);
        let page = async |before| {
            contacts::list(&server, &holder.viewer.account_id, ContactState::All, before, 2).await.expect("a page")
        };
        let newest = page(None).await;
        assert_eq!(messages(&newest.items), ["One", "Two"]);
        let before = newest.next.and_then(|id| domain::id::ContactId::parse(&id)).expect("there are more");
        let oldest = page(Some(&before)).await;
        assert_eq!((messages(&oldest.items), oldest.next), (vec!["One".to_owned()], None));
        assert!(
            listed(&server, &holder, ContactState::All).await.iter().all(|contact| contact.conversation_id.is_none())
        );
    }
}

#[tokio::test]
async fn a_contact_request_is_taken_without_credit_and_refused_where_its_owner_takes_none() {
    for server in databases().await {
        let holder = holder(&server, 0).await;
        let id = widget(&server, &holder, true).await;
        let given = session(&server, &id).await;
        let message = post(&format!("/widget/{id}/messages"), &given, "m1", &json!({ "message": "Hello?" }));
        send(&server, message).await.refuses(402, "chat_unavailable");
        chatbots::pause(&server, &holder.viewer, &holder.chatbot.id).await.unwrap();
        assert_eq!(leave(&server, &id, &given, "c1", &vera("Please call")).await.status, 201);

        for (body, field) in [
            (json!({ "email": "vera@example.com" }), "message"),
            (json!({ "email": "vera", "message": "Hello" }), "email"),
            (json!({ "name": "a".repeat(81), "email": "v@e.com", "message": "Hello" }), "name"),
        ] {
            let given = session(&server, &id).await;
            let refused = leave(&server, &id, &given, "c2", &body).await;
            assert_eq!((refused.status, refused.text("field").as_str()), (422, field), "{}", refused.body);
        }
        leave(&server, &id, "nonsense", "c3", &vera("Hello")).await.refuses(401, "widget_session_ended");
        let mut foreign = post(&format!("/widget/{id}/contacts"), &given, "c3", &vera("Hello"));
        foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
        send(&server, foreign).await.refuses(403, "origin_not_allowed");
        widget(&server, &holder, false).await;
        leave(&server, &id, &session(&server, &id).await, "c3", &vera("Hello")).await.refuses(404, "not_found");
        assert_eq!(listed(&server, &holder, ContactState::All).await.len(), 1);
    }
}

/// So many contact requests as `$3` says.
const FILL: &str = "
INSERT INTO contact_requests (account_id, id, chatbot_id, name, email, message, origin, once, created_at)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $3)
SELECT $1, 'ctc_' || CAST(n AS TEXT), $2, '', '', '', '', CAST(n AS TEXT), 1 FROM numbers";

#[tokio::test]
async fn a_visitor_an_address_and_an_account_can_leave_so_many() {
    for server in databases().await {
        let holder = holder(&server, 0).await;
        let id = widget(&server, &holder, true).await;
        let given = session(&server, &id).await;
        for number in 0..3 {
            assert_eq!(leave(&server, &id, &given, &format!("c{number}"), &vera("Hello")).await.status, 201);
        }
        leave(&server, &id, &given, "c3", &vera("Hello")).await.refuses(429, "rate_limited");
        let mut left = 3;
        while leave(&server, &id, &session(&server, &id).await, "c", &vera("Hello")).await.status == 201 {
            left += 1;
            assert!(left <= 11, "contact requests of an address are limited");
        }
        assert!(left >= 9, "{left}");
    }
    for server in databases().await {
        let holder = holder(&server, 0).await;
        let id = widget(&server, &holder, true).await;
        let all = args![holder.viewer.account_id.as_str(), holder.chatbot.id.as_str(), CONTACTS_MAX - 1];
        server.db.execute(FILL, all).await.expect("filled");
        let given = session(&server, &id).await;
        assert_eq!(leave(&server, &id, &given, "c1", &vera("The last")).await.status, 201);
        leave(&server, &id, &given, "c2", &vera("One too many")).await.refuses(402, "chat_unavailable");
    }
}

#[tokio::test]
async fn a_contact_request_goes_with_its_conversation_or_when_it_is_as_old() {
    for server in databases().await {
        let holder = holder(&server, 5).await;
        let (id, account_id) = (widget(&server, &holder, true).await, &holder.viewer.account_id);
        let given = asked(&server, &id, &session(&server, &id).await).await;
        assert_eq!(leave(&server, &id, &given, "c1", &vera("After asking")).await.status, 201);
        server.clock.advance_us(1);
        assert_eq!(leave(&server, &id, &session(&server, &id).await, "c1", &vera("Before")).await.status, 201);
        let messages = async |server: &TestServer| {
            let all = listed(server, &holder, ContactState::All).await;
            all.into_iter().map(|contact| contact.text.message).collect::<Vec<_>>()
        };
        let conversation = listed(&server, &holder, ContactState::All).await.pop().unwrap().conversation_id.unwrap();
        conversations::delete(&server, account_id, &conversation).await.expect("deleted");
        assert_eq!(messages(&server).await, ["Before"]);
        // The session still names the conversation, which is none any more.
        assert_eq!(leave(&server, &id, &given, "c2", &vera("Afterwards")).await.status, 201);
        assert_eq!(listed(&server, &holder, ContactState::All).await[0].conversation_id, None);
        let sweep = async |server: &TestServer| {
            conversations::delete_before(server, server.now().plus_us(-30 * DAY_US)).await.expect("sweeps");
        };
        server.clock.advance_us(30 * DAY_US);
        sweep(&server).await;
        assert_eq!(messages(&server).await.len(), 2);
        server.clock.advance_us(1);
        sweep(&server).await;
        assert_eq!(messages(&server).await, Vec::<String>::new());
        assert_sound(&server).await;
    }
}
