//! Nobody gets at what is another account's: every operation of the API with every id that it takes, and every route beside
//! it, by each persona, on both databases.
//!
//! The operations and their ids are read from the OpenAPI document, the routes from the source. `operations/mod.rs` and
//! [`ROUTES`] have a row for each, and a test fails when one has none. The console has the same in tests/strangers.rs.

use crate::belongings::{Belongings, Ids, Rows, authorization, belongings};
use crate::operations::{Operation, operations};
use crate::requests::{Answer, send_through};
use crate::support::{TestServer, databases, databases_with};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use domain::account::Role;
use futures_util::StreamExt;
use serde_json::{Value, json};
use server::{http, keys, payments};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

async fn send_as(scene: &Scene<'_>, mut request: Request<Body>, credential: Option<(&str, &str)>) -> Answer {
    if let Some((name, value)) = credential {
        let name: header::HeaderName = name.parse().expect("a name");
        request.headers_mut().insert(name, value.parse().expect("a value"));
    }
    send_through(&scene.router, scene.server, request).await
}

/// An answer without the name of its request.
fn nameless(answer: &Answer) -> (u16, Value) {
    let mut body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (answer.status, body)
}

struct Scene<'a> {
    server: &'a TestServer,
    router: Router,
    victim: Belongings,
    stranger: Belongings,
    rows: Rows,
}

async fn scene(server: &TestServer) -> Scene<'_> {
    let victim = belongings(server, "Quillon").await.with_more_entries(server).await;
    server.clock.advance_us(1_000_000);
    let stranger = belongings(server, "Ferrous").await;
    // So that nothing of the victim is waiting to be written.
    keys::list(server, &victim.viewer.account_id).await.expect("keys");
    let rows = Rows::remember(&server.db, &victim).await;
    Scene { server, router: http::router(Arc::clone(server)), victim, stranger, rows }
}

/// Who has no key: nobody, and whoever is signed in to the console, in this account or in another.
async fn without_key(scene: &Scene<'_>) -> Vec<(&'static str, Option<(&'static str, String)>)> {
    let own = scene.victim.own_cookie.clone();
    let mut personas = vec![("an anonymous", None), ("the victim without its key", Some(("cookie", own)))];
    for (name, role) in [("a member", Role::Member), ("an admin", Role::Admin), ("an owner", Role::Owner)] {
        personas.push((name, Some(("cookie", scene.stranger.cookie(scene.server, role).await))));
    }
    personas
}

/// A catalogue in which one account has room for all that it does here, and two together have not.
fn narrow_plans(folder: &TempDir) -> String {
    let path = folder.path().join("plans.toml");
    let plans = include_str!("../plans.toml").replace("documents = 100", "documents = 4");
    fs::write(&path, plans).expect("written");
    path.to_str().expect("a path").to_owned()
}

#[tokio::test]
async fn no_operation_gives_or_changes_what_is_another_accounts() {
    let folder = tempfile::tempdir().expect("a folder");
    for server in databases_with(&["--plans", &narrow_plans(&folder)]).await {
        let scene = scene(&server).await;
        let (operations, without_key) = (operations(&server), without_key(&scene).await);
        for operation in &operations {
            let every = operation.choices().last().unwrap_or(0);
            for (persona, credential) in &without_key {
                let credential = credential.as_ref().map(|(name, value)| (*name, value.as_str()));
                let asked = operation.name(persona, every);
                let request = operation.request(every, &scene.victim.ids, &scene.victim.ids);
                let answer = send_as(&scene, request, credential).await;
                answer.refuses(401, "missing_credential");
                scene.victim.assert_not_in(&answer.body, &[], &asked);
                scene.rows.assert_unchanged(&asked).await;
            }
            key_of_another_account(&scene, operation).await;
        }
        // All that was refused is something that can be done: the account itself does it.
        let own = scene.victim.authorization();
        for operation in &operations {
            for chosen in [0].into_iter().chain(operation.choices()) {
                let request = operation.request(chosen, &scene.victim.ids, &scene.victim.ids);
                // These can be done once.
                let is_once = operation.method == Method::DELETE || operation.row.operation == "tryDocumentAgain";
                if is_once && chosen == 0 {
                    continue;
                }
                let answer = send_as(&scene, request, Some(("authorization", &own))).await;
                let asked = operation.name("the account itself", chosen);
                assert!((200..300).contains(&answer.status), "{asked}: {}", answer.body);
            }
        }
    }
}

async fn key_of_another_account(scene: &Scene<'_>, operation: &Operation) {
    let Scene { server, victim, stranger, rows, .. } = scene;
    let credential = stranger.authorization();
    let credential = Some(("authorization", credential.as_str()));
    let nothing = Ids::of_nothing(server);
    let reads = operation.method == Method::GET;
    if reads && !operation.takes.iter().any(|taken| taken.is_required) {
        let answer = send_as(scene, operation.request(0, &victim.ids, &stranger.ids), credential).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        victim.assert_not_in(&answer.body, &[], &operation.name("a key of another account", 0));
    }
    for chosen in operation.choices() {
        let asked = operation.name("a key of another account", chosen);
        let answer = send_as(scene, operation.request(chosen, &victim.ids, &stranger.ids), credential).await;
        assert_eq!((answer.status, answer.text("code").as_str()), (404, "not_found"), "{asked}: {}", answer.body);
        victim.assert_not_in(&answer.body, &[], &asked);
        rows.assert_unchanged(&asked).await;
        let of_nothing = send_as(scene, operation.request(chosen, &nothing, &stranger.ids), credential).await;
        assert_eq!(nameless(&answer), nameless(&of_nothing), "{asked}: it can be told from an id of nothing");
    }
    if operation.has_cursor {
        for id in victim.ids.all() {
            let asked = format!("{} with the cursor {id}", operation.row.operation);
            let mut request = operation.request(0, &stranger.ids, &stranger.ids);
            *request.uri_mut() = format!("{}?cursor={id}", request.uri()).parse().expect("an address");
            let answer = send_as(scene, request, credential).await;
            assert!([200, 422].contains(&answer.status), "{asked}: {}", answer.body);
            victim.assert_not_in(&answer.body, &[], &asked);
        }
    }
}

/// What an account reads of its own, by every operation that only reads.
async fn read_own(server: &TestServer, account: &Belongings) -> Vec<(String, String)> {
    let (router, credential) = (http::router(Arc::clone(server)), account.authorization());
    let mut read = Vec::new();
    for operation in operations(server).iter().filter(|operation| operation.method == Method::GET) {
        for chosen in [0].into_iter().chain(operation.choices()) {
            let mut request = operation.request(chosen, &account.ids, &account.ids);
            request.headers_mut().insert("authorization", credential.parse().expect("a value"));
            let answer = send_through(&router, server, request).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            read.push((operation.name("its own key", chosen), answer.body));
        }
    }
    read
}

#[tokio::test]
async fn what_an_account_reads_does_not_depend_on_what_others_do() {
    for server in databases().await {
        let earlier = belongings(&server, "Umbral").await;
        let account = belongings(&server, "Ferrous").await;
        let before = read_own(&server, &account).await;
        earlier.live_on(&server).await;
        belongings(&server, "Quillon").await;
        assert_eq!(read_own(&server, &account).await, before);
    }
}

#[tokio::test]
async fn a_key_of_the_account_for_one_chatbot_gets_nothing_of_another_chatbot() {
    for server in databases().await {
        let scene = scene(&server).await;
        let Scene { victim, rows, .. } = &scene;
        let credential = authorization(&victim.narrow_key);
        let credential = Some(("authorization", credential.as_str()));
        let allowed = Ids { chatbot: victim.second.id.to_string(), ..victim.ids.clone() };
        let mark = victim.mark.to_owned();
        for operation in operations(&server).iter().filter(|operation| operation.row.is_limited) {
            let holds = |body: &str| {
                let traces = [&victim.ids.chatbot, &victim.ids.document, &victim.ids.conversation, &mark];
                traces.into_iter().find(|trace| body.to_lowercase().contains(&trace.to_lowercase())).cloned()
            };
            if operation.method == Method::GET && !operation.takes.iter().any(|taken| taken.is_required) {
                let answer = send_as(&scene, operation.request(0, &allowed, &allowed), credential).await;
                assert_eq!((answer.status, holds(&answer.body)), (200, None), "{}", operation.row.operation);
            }
            for chosen in operation.choices() {
                let asked = operation.name("a key for another chatbot", chosen);
                let answer = send_as(&scene, operation.request(chosen, &victim.ids, &allowed), credential).await;
                assert_eq!(holds(&answer.body), None, "{asked}");
                rows.assert_unchanged(&asked).await;
                if operation.names_only("key_id", chosen) {
                    // What another key spent on the chatbot of this one.
                    assert_eq!(answer.status, 200, "{asked}: {}", answer.body);
                    continue;
                }
                let refusal = (answer.status, answer.text("code"));
                let known = [(403, "chatbot_not_allowed".to_owned()), (404, "not_found".to_owned())];
                assert!(known.contains(&refusal), "{asked}: {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn the_idempotency_key_of_another_account_is_a_key_like_any_other() {
    for server in databases().await {
        let Scene { victim, stranger, router, .. } = scene(&server).await;
        let operations = operations(&server);
        let asking = operations.iter().filter(|operation| operation.body.contains("user_message"));
        for (number, operation) in asking.enumerate() {
            let ask = async |own: &Belongings, theirs: &Ids, authorization: String| {
                let mut request = operation.request(0, theirs, theirs);
                let headers = request.headers_mut();
                headers.insert("idempotency-key", format!("once-{number}").parse().expect("a value"));
                headers.insert("authorization", authorization.parse().expect("a value"));
                (send_through(&router, &server, request).await, own.mark)
            };
            let (first, _) = ask(&victim, &victim.ids, victim.authorization()).await;
            assert_eq!(first.status, 200, "{}", first.body);
            let rows = Rows::remember(&server.db, &victim).await;
            let (other, mark) = ask(&stranger, &stranger.ids, stranger.authorization()).await;
            assert_eq!((other.status, other.header("idempotency-replayed")), (200, ""), "{}", other.body);
            assert!(other.body.contains(mark));
            victim.assert_not_in(&other.body, &[], operation.row.operation);
            // The very same request, by a key that may not ask this chatbot.
            let (narrow, _) = ask(&victim, &victim.ids, authorization(&victim.narrow_key)).await;
            narrow.refuses(403, "chatbot_not_allowed");
            rows.assert_unchanged(operation.row.operation).await;
        }
    }
}

/// What a route beside the API answers to somebody without a credential, somebody signed in elsewhere, and a key of
/// another account, by method. Any other method is refused with 405.
struct Route {
    pattern: &'static str,
    answers: &'static [(&'static str, [u16; 3])],
}

const fn route(pattern: &'static str, answers: &'static [(&'static str, [u16; 3])]) -> Route {
    Route { pattern, answers }
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const NOWHERE: &[(&str, [u16; 3])] =
    &[("GET", [404; 3]), ("POST", [404; 3]), ("PUT", [404; 3]), ("PATCH", [404; 3]), ("DELETE", [404; 3])];

const ROUTES: [Route; 17] = [
    // What is heard there has a test of its own below.
    route("/events", &[("GET", [401, 200, 401])]),
    // Nothing is believed without the signature.
    route("/webhooks/local", &[("POST", [400; 3])]),
    // There is only that of the gateway in use.
    route("/webhooks/stripe", NOWHERE),
    // It opens for whoever has the address, which cannot be guessed: it tells the amount and takes a card.
    route("/pay/{payment_id}", &[("GET", [200; 3]), ("POST", [422; 3])]),
    // It opens likewise, and tells nothing.
    route("/pay/cards/{setup_id}", &[("GET", [200; 3]), ("POST", [422; 3])]),
    route("/pay/style.css", &[("GET", [200; 3])]),
    route("/healthz", &[("GET", [200; 3])]),
    route("/readyz", &[("GET", [200; 3])]),
    route("/openapi.json", &[("GET", [200; 3])]),
    route("/wp-json/{*rest}", NOWHERE),
    route("/api/{*rest}", NOWHERE),
    route("/webhooks/{*rest}", NOWHERE),
    // They say nothing to whoever does not come from a page that the widget's owner allows; tests/widget.rs has the rest.
    route("/widget/{id}", &[("GET", [403; 3])]),
    route("/widget/{id}/sessions", &[("POST", [403; 3])]),
    route("/widget/{id}/messages", &[("POST", [403; 3])]),
    route("/widget/{id}/contacts", &[("POST", [403; 3])]),
    route("/widget/{id}/preview", &[("GET", [404; 3])]),
];

/// The patterns of all routes in the sources of the HTTP layer. Whoever adds one in another way has to teach it to this
/// function.
fn routes_in_the_sources() -> BTreeSet<String> {
    let mut patterns = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for way in [".nest(", ".route_service(", ".nest_service(", ".fallback(", ".fallback_service("] {
                assert!(!text.contains(way), "{} adds routes by {way}", path.display());
            }
            for after in text.split(".route(").skip(1) {
                let pattern = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                patterns.insert(pattern.unwrap_or_else(|| panic!("{}: no pattern", path.display())).to_owned());
            }
        }
    }
    patterns
}

#[test]
fn every_route_beside_the_operations_has_a_row() {
    let rows: BTreeSet<String> = ROUTES.iter().map(|route| route.pattern.to_owned()).collect();
    let found = routes_in_the_sources();
    let missing: Vec<_> = found.difference(&rows).collect();
    assert!(missing.is_empty(), "add a row to ROUTES for {missing:?}");
    assert_eq!(found, rows, "each row is a route of the sources");
}

#[tokio::test]
async fn no_route_beside_the_operations_gives_or_changes_what_is_another_accounts() {
    for server in databases().await {
        let scene = scene(&server).await;
        let cookie = scene.stranger.cookie(&server, Role::Owner).await;
        let credentials = [None, Some(("cookie", cookie)), Some(("authorization", scene.stranger.authorization()))];
        for route in &ROUTES {
            for id in scene.victim.ids.all() {
                let is_setup = id == scene.victim.ids.card_setup;
                let is_payment = [&scene.victim.ids.payment, &scene.victim.ids.paid].iter().any(|of| *of == id);
                let path = route.pattern.replace("{payment_id}", id).replace("{*rest}", &format!("v1/x/{id}"));
                let path = path.replace("{id}", id).replace("{setup_id}", id);
                for (number, credential) in credentials.iter().enumerate() {
                    let credential = credential.as_ref().map(|(name, value)| (*name, value.as_str()));
                    for method in METHODS {
                        let answers = route.answers.iter().find(|(of, _)| *of == method);
                        let mut expected = answers.map_or(405, |(_, statuses)| statuses[number]);
                        let is_of_another_kind = route.pattern.contains("{payment_id}") && !is_payment
                            || route.pattern.contains("{setup_id}") && !is_setup;
                        if is_of_another_kind && answers.is_some() {
                            expected = 404;
                        }
                        let asked = format!("{method} {path} as {credential:?}");
                        one_route(&scene, (method, &path, expected), credential, &asked).await;
                    }
                }
                if path == route.pattern {
                    break;
                }
            }
        }
    }
}

async fn one_route(
    scene: &Scene<'_>,
    (method, path, expected): (&str, &str, u16),
    credential: Option<(&str, &str)>,
    asked: &str,
) {
    // An event that would pay for the victim, signed by somebody who does not know the secret.
    let body = json!({
        "id": "evt_1", "type": "checkout.session.paid", "created": scene.server.now().us() / 1_000_000,
        "data": { "object": {
            "client_reference_id": scene.victim.ids.payment, "amount_total": 1_000, "currency": "usd"
        } }
    })
    .to_string();
    let signature = payments::signature::sign(b"not the secret", scene.server.now(), body.as_bytes());
    let mut request = Request::builder().method(method).uri(path).header(payments::signature::HEADER, signature);
    if path.starts_with("/pay/") {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let request = request.body(Body::from(if path.starts_with("/pay/") { "card_number=1".to_owned() } else { body }));
    let request = request.expect("a request");
    if path == "/events" && expected == 200 {
        return;
    }
    let answer = send_as(scene, request, credential).await;
    assert_eq!(answer.status, expected, "{asked}: {}", answer.body);
    let ids = &scene.victim.ids;
    let sent: &[&str] = if path.starts_with("/pay/") { &[&ids.payment, &ids.paid] } else { &[] };
    scene.victim.assert_not_in(&answer.body, sent, asked);
    scene.rows.assert_unchanged(asked).await;
}

#[tokio::test]
async fn who_listens_to_the_changes_of_his_account_hears_nothing_of_another() {
    for server in databases().await {
        let Scene { victim, stranger, .. } = scene(&server).await;
        let cookie = stranger.cookie(&server, Role::Member).await;
        let request = Request::get("/events").header(header::COOKIE, cookie).body(Body::empty()).expect("a request");
        let response = http::router(Arc::clone(&server)).oneshot(request).await.expect("answers");
        assert_eq!(response.status(), 200);
        let mut body = response.into_body().into_data_stream();
        body.next().await.expect("the beginning").expect("bytes");
        crate::support::give_credit(&server, &victim.viewer, 1_000).await;
        // Longer than the time after which the balance is looked at.
        let heard = tokio::time::timeout(Duration::from_millis(1_500), body.next()).await;
        assert!(heard.is_err(), "heard {heard:?}");
        crate::support::give_credit(&server, &stranger.viewer, 1_000).await;
        let heard = tokio::time::timeout(Duration::from_secs(20), body.next()).await.expect("in time");
        let heard = heard.expect("an event").expect("bytes");
        assert_eq!(String::from_utf8_lossy(&heard), "event: change\ndata: changed\n\n");
    }
}
