//! Nobody gets at what is another account's in the console: every server function, every plain form and every page, with
//! every id that it takes, asked of the real binary by each persona.
//!
//! What there is to ask is read from the sources, and `calls/mod.rs` has a row for each; a test fails when one has none. The
//! HTTP API has the same in server/tests/strangers.rs.

#![cfg(feature = "ssr")]

#[path = "../server/tests/belongings/mod.rs"]
mod belongings;
mod calls;
mod console;

use app::error::AppError;
use app::plan_change::server_fns::LoadPlanChange;
use app::settings::server_fns::Snapshot;
use belongings::{Belongings, Ids, Rows, belongings};
use calls::{Call, Expect, PAGES, PlainForm, address, calls, open_forms, plain_forms};
use clap::Parser;
use console::{Answer, Console, Credential};
use domain::account::Role;
use domain::problem::ProblemCode;
use leptos::server_fn::ServerFn;
use server::db::Db;
use server::{Config, Server};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const EMAIL: &str = "quillon@bergfeld.example";
/// The key of the victim.
const NAME: &str = "Quillon key";

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    config: Config,
}

/// Two accounts in a running product, and who asks.
struct Scene {
    victim: Belongings,
    stranger: Belongings,
    nothing: Ids,
    /// Member, admin and owner of the stranger's account.
    signed_in: Vec<(&'static str, Credential)>,
    /// Nobody at all, and programs: the console knows no keys, not even the victim's own.
    signed_out: Vec<(&'static str, Credential)>,
    /// The owner of the victim's account.
    own_console: Credential,
    /// What the stranger reads of his own before another account does more and the victim is there.
    read_before: Vec<(&'static str, String)>,
    rows: Rows,
    console: Console,
    _folder: TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let config = Options::parse_from(["artiko", "--data-dir", data_dir.to_str().expect("a path")]).config;
    let config = config.without_database_url();
    let url = config.database_url();
    let server = Server::open(config).await.expect("the installation opens");
    let earlier = belongings(&server, "Umbral").await;
    let stranger = belongings(&server, "Ferrous").await;
    let mut signed_in = Vec::new();
    for (name, role) in [("a member", Role::Member), ("an admin", Role::Admin), ("an owner", Role::Owner)] {
        signed_in.push((name, Some(("cookie", stranger.cookie(&server, role).await))));
    }
    let console = Console::start(&data_dir, folder.path()).await;
    let read_before = read_own(&console, &stranger).await;
    earlier.live_on(&server).await;
    let victim = belongings(&server, "Quillon").await.with_more_entries(&server).await;
    let nothing = Ids::of_nothing(&server);
    server.close().await;
    let rows = Rows::remember(&Db::open(&url).await.expect("the database"), &victim).await;
    let signed_out = vec![
        ("an anonymous", None),
        ("the victim's key", Some(("authorization", victim.authorization()))),
        ("a key of another account", Some(("authorization", stranger.authorization()))),
    ];
    let own_console = Some(("cookie", victim.own_cookie.clone()));
    Scene { victim, stranger, nothing, signed_in, signed_out, own_console, read_before, rows, console, _folder: folder }
}

/// What the owner of an account reads of his own, by every server function that only reads.
async fn read_own(console: &Console, account: &Belongings) -> Vec<(&'static str, String)> {
    let credential = Some(("cookie", account.own_cookie.clone()));
    let mut read = Vec::new();
    // What a plan costs is counted to the moment.
    let is_of_the_moment = |call: &Call| call.path == LoadPlanChange::PATH;
    let reads = calls(&account.ids, &account.ids, NAME).into_iter().filter(Call::only_reads);
    for call in reads.filter(|call| !is_of_the_moment(call)) {
        let answer = console.post(call.path, &call.content_type, call.body, &credential).await;
        assert_eq!(answer.status, 200, "{}: {}", call.path, answer.text());
        read.push((call.path, answer.text()));
    }
    read
}

impl Scene {
    async fn send(&self, form: &PlainForm, credential: &Credential) -> Answer {
        match &form.fields {
            Some(fields) => {
                self.console.submit(&form.path, &form.content_type, fields.clone().into_bytes(), credential).await
            }
            None => self.console.get(&form.path, credential).await,
        }
    }

    async fn call(&self, call: &Call, credential: &Credential) -> Answer {
        self.console.post(call.path, &call.content_type, call.body.clone(), credential).await
    }

    /// Fails when an answer holds something of the victim, or the call changed something of it.
    async fn assert_untouched(&self, answer: &Answer, sent: &[&str], asked: &str) {
        self.victim.assert_not_in(&answer.text(), sent, asked);
        self.rows.assert_unchanged(asked).await;
    }
}

/// The refusal in an answer of a server function; without the name of its request.
fn refusal(answer: &Answer, asked: &str) -> AppError {
    let error: AppError = postcard::from_bytes(&answer.body).unwrap_or_else(|_| panic!("{asked}: {}", answer.text()));
    assert_eq!(answer.status, error.code().status(), "{asked}");
    let mut error = error;
    error.problem.request_id = None;
    error
}

fn assert_answered_as_expected(answer: &Answer, expect: Expect, asked: &str) {
    match expect {
        Expect::NotFound => assert_eq!(refusal(answer, asked).code(), ProblemCode::NotFound, "{asked}"),
        Expect::Refused { field } => {
            let problem = refusal(answer, asked).problem;
            assert_eq!((problem.code, problem.field.as_deref()), (ProblemCode::InvalidField, Some(field)), "{asked}");
        }
        Expect::Own => assert_eq!(answer.status, 200, "{asked}: {}", answer.text()),
        Expect::PaymentNotFound => {
            let snapshot: Snapshot = postcard::from_bytes(&answer.body).expect("a snapshot");
            let payment = snapshot.payment.expect("a payment was named").map_err(|error| error.code());
            assert_eq!(payment, Err(ProblemCode::NotFound), "{asked}");
        }
        Expect::Anybody { status } => assert_eq!(answer.status, status, "{asked}: {}", answer.text()),
    }
}

#[tokio::test]
async fn no_server_function_gives_or_changes_what_is_another_accounts() {
    let scene = scene().await;
    let asked = calls(&scene.victim.ids, &scene.stranger.ids, NAME);
    let of_nothing = calls(&scene.nothing, &scene.stranger.ids, NAME);
    for (call, of_nothing) in asked.iter().zip(&of_nothing) {
        for (persona, credential) in &scene.signed_out {
            let name = format!("{} by {persona}", call.path);
            let answer = scene.call(call, credential).await;
            match call.expect {
                Expect::Anybody { status } => assert_eq!(answer.status, status, "{name}"),
                _ => assert_eq!(refusal(&answer, &name).code(), ProblemCode::SignInRequired, "{name}"),
            }
            scene.assert_untouched(&answer, &[EMAIL], &name).await;
        }
        for (persona, credential) in &scene.signed_in {
            let name = format!("{} by {persona} of another account", call.path);
            let answer = scene.call(call, credential).await;
            assert_answered_as_expected(&answer, call.expect, &name);
            scene.assert_untouched(&answer, &[EMAIL, NAME], &name).await;
            if matches!(call.expect, Expect::NotFound | Expect::Refused { .. }) {
                let nothing = scene.call(of_nothing, credential).await;
                let (refused, nothing) = (refusal(&answer, &name), refusal(&nothing, &name));
                assert_eq!(refused, nothing, "{name}: it can be told from an id of nothing");
            }
        }
    }
    // All that was refused is something that can be done: the owner of the account does it.
    for call in calls(&scene.victim.ids, &scene.victim.ids, NAME) {
        let answer = scene.call(&call, &scene.own_console).await;
        let status = if let Expect::Anybody { status } = call.expect { status } else { 200 };
        assert_eq!(answer.status, status, "{}: {}", call.path, answer.text());
        if call.expect == Expect::PaymentNotFound {
            let snapshot: Snapshot = postcard::from_bytes(&answer.body).expect("a snapshot");
            assert!(snapshot.payment.is_some_and(|payment| payment.is_ok()));
        }
    }
}

#[tokio::test]
async fn what_an_account_reads_does_not_depend_on_what_others_do() {
    let scene = scene().await;
    assert_eq!(read_own(&scene.console, &scene.stranger).await, scene.read_before);
}

#[tokio::test]
async fn no_plain_form_gives_or_changes_what_is_another_accounts() {
    let scene = scene().await;
    let of_nothing = plain_forms(&scene.nothing, &scene.stranger.ids);
    for (form, nothing) in plain_forms(&scene.victim.ids, &scene.stranger.ids).iter().zip(&of_nothing) {
        for (persona, credential) in &scene.signed_out {
            let asked = format!("{} by {persona}", form.path);
            let answer = scene.send(form, credential).await;
            assert_eq!(answer.status, 303, "{asked}: {}", answer.text());
            assert!(answer.location.starts_with("/sign-in?"), "{asked}: {}", answer.location);
            scene.assert_untouched(&answer, &[], &asked).await;
        }
        let (persona, credential) = &scene.signed_in[0];
        let asked = format!("{} by {persona} of another account", form.path);
        let answer = scene.send(form, credential).await;
        assert_eq!(answer.status, form.status, "{asked}: {}", answer.text());
        // The page has the form once more, with what was sent.
        let sent = [scene.victim.ids.chatbot.as_str(), scene.victim.ids.console_conversation.as_str()];
        scene.assert_untouched(&answer, &sent, &asked).await;
        if form.status == 404 {
            let nothing = scene.send(nothing, credential).await;
            assert_eq!(nothing.status, 404, "{asked}: it can be told from an id of nothing");
        }
    }
    for form in plain_forms(&scene.victim.ids, &scene.victim.ids) {
        let answer = scene.send(&form, &scene.own_console).await;
        let is_page =
            ["/documents", "/account", "/settings/billing?saved"].iter().any(|page| answer.location.starts_with(page));
        let is_done = answer.status == 200 || answer.status == 303 && is_page;
        assert!(is_done, "{}: {} {}", form.path, answer.status, answer.text());
    }
}

#[tokio::test]
async fn what_is_open_to_everybody_says_nothing_of_anybody() {
    let scene = scene().await;
    let own = [("the owner", scene.own_console.clone())];
    for form in open_forms(&scene.victim.ids) {
        for (persona, credential) in scene.signed_out.iter().chain(&scene.signed_in).chain(&own) {
            let asked = format!("{} by {persona}", form.path);
            let answer = scene.send(&form, credential).await;
            assert_eq!(answer.status, form.status, "{asked}: {}", answer.text());
            scene.assert_untouched(&answer, &[], &asked).await;
        }
    }
}

#[tokio::test]
async fn no_page_shows_what_is_another_accounts() {
    let scene = scene().await;
    let ids = &scene.victim.ids;
    for (pattern, addresses) in PAGES {
        let is_of_everybody = pattern.ends_with(":operation") || pattern.ends_with(":plan");
        let (is_open, is_of_one) = (pattern.starts_with("/sign-"), pattern.contains(':') && !is_of_everybody);
        for template in addresses {
            let path = address(template, ids);
            for (persona, credential) in &scene.signed_out {
                let asked = format!("{path} by {persona}");
                let answer = scene.console.get(&path, credential).await;
                assert_eq!(answer.status, if is_open { 200 } else { 302 }, "{asked}");
                assert!(is_open || answer.location.starts_with("/sign-in"), "{asked}: {}", answer.location);
                scene.assert_untouched(&answer, &ids.all(), &asked).await;
            }
            for (persona, credential) in &scene.signed_in {
                let asked = format!("{path} by {persona} of another account");
                let answer = scene.console.get(&path, credential).await;
                let known: &[u16] = match (is_open, is_of_one) {
                    // Whoever is signed in is sent on.
                    (true, _) => &[302],
                    (false, true) => &[404],
                    (false, false) => &[200, 404],
                };
                assert!(known.contains(&answer.status), "{asked}: {}", answer.status);
                assert!(is_open || answer.text().contains("Ferrous"), "{asked}: it is not the caller's page");
                scene.assert_untouched(&answer, &ids.all(), &asked).await;
            }
            let answer = scene.console.get(&path, &scene.own_console).await;
            let is_shown = answer.status == 200 && answer.text().contains("Quillon");
            assert!(is_open || is_shown || pattern.contains(":chapter"), "{path}: {}", answer.status);
        }
    }
}

/// What stands in the next quotation marks after each place in the sources where `before` stands.
fn quoted_after(folder: &str, before: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("UTF-8");
            for after in text.split(before).skip(1) {
                let (_, quoted) = after.split_once('"').unwrap_or_else(|| panic!("{}: {before}", path.display()));
                found.push(quoted.split('"').next().unwrap_or_default().to_owned());
            }
        }
    }
    found
}

fn assert_same(in_sources: Vec<String>, rows: impl Iterator<Item = String>) {
    let (in_sources, rows): (BTreeSet<_>, BTreeSet<_>) = (in_sources.into_iter().collect(), rows.collect());
    let missing: Vec<_> = in_sources.difference(&rows).collect();
    let stale: Vec<_> = rows.difference(&in_sources).collect();
    assert!(missing.is_empty(), "add a row to tests/calls for {missing:?}");
    assert!(stale.is_empty(), "tests/calls has a row for what is not there any more: {stale:?}");
}

fn some_ids() -> Ids {
    let id = || "x".to_owned();
    Ids {
        chatbot: id(),
        document: id(),
        conversation: id(),
        console_conversation: id(),
        contact: id(),
        key: id(),
        payment: id(),
        card_setup: id(),
        paid: id(),
        hold: id(),
        account: id(),
        user: id(),
        entry: id(),
    }
}

#[test]
fn everything_that_the_console_answers_has_a_row() {
    let ids = some_ids();
    let endpoints = quoted_after("app/src", "endpoint = ");
    // Each function says where it is.
    assert_eq!(quoted_after("app/src", "#[server"), vec!["/rpc"; endpoints.len()]);
    let paths = endpoints.iter().map(|endpoint| format!("/rpc/{endpoint}")).collect();
    assert_same(paths, calls(&ids, &ids, NAME).iter().map(|call| call.path.to_owned()));
    let forms = plain_forms(&ids, &ids).into_iter().chain(open_forms(&ids));
    let patterns = forms.map(|form| form.pattern.to_owned());
    assert_same(quoted_after("app/src", ".route("), patterns);
    assert_eq!(quoted_after("src", ".route("), Vec::<String>::new());
    assert_same(quoted_after("app/src", "path!("), PAGES.iter().map(|(pattern, _)| (*pattern).to_owned()));
}

/// Both are served by the same threads: what is refused there on one page was the status of another that was waiting.
#[tokio::test]
async fn what_one_is_refused_is_not_what_another_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let config = Options::parse_from(["artiko", "--data-dir", data_dir.to_str().expect("a path")]).config;
    let server = Server::open(config.without_database_url()).await.expect("the installation opens");
    let cookie = Some(("cookie", belongings(&server, "Quillon").await.cookie(&server, Role::Owner).await));
    server.close().await;
    let console = Console::start(&data_dir, folder.path()).await;
    let asked = async |path: &str, credential: &Credential, times: usize| {
        let mut told = BTreeSet::new();
        for _ in 0..times {
            told.insert(console.get(path, credential).await.status);
        }
        told
    };
    let pages = async || asked("/conversations/contacts", &cookie, 200).await;
    let links = async || asked("/confirm-email?token=x", &None, 400).await;
    let (page, other_page, link, other_link) = tokio::join!(pages(), pages(), links(), links());
    assert_eq!([page, other_page], [BTreeSet::from([200]), BTreeSet::from([200])]);
    assert_eq!([link, other_link], [BTreeSet::from([404]), BTreeSet::from([404])]);
}
