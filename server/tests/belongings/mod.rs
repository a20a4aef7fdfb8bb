//! An account in which there is one of everything: the persona of the tests in which others ask for what is not theirs.
//!
//! Every name and text of it holds its mark, so that whatever of it reaches somebody else can be recognised.

#![allow(dead_code, reason = "the tests of the console use a part of this file")]

use domain::account::{Role, Viewer};
use domain::api_key::{KeySettings, Permission, ShownOnce};
use domain::chatbot::{Chatbot, Document};
use domain::chatbot_settings::SettingsChange;
use domain::contact::ContactText;
use domain::credit::Credit;
use domain::id::{
    AccountId, CardSetupId, ChatbotId, ContactId, ConversationId, DocumentId, HoldId, KeyId, PaymentId, RequestId,
    UserId, WidgetId,
};
use domain::ledger::{Channel, Operation};
use domain::mail::MailState;
use domain::top_up::TopUpRules;
use domain::widget::Origin;
use server::contacts::{self, ContactState};
use server::conversations::{Begun, Question, Start};
use server::db::Db;
use server::ledger::usage::{self, Effort};
use server::widgets::{self, WidgetForm};
use server::{
    Server, accounts, args, chatbots, conversations, documents, keys, ledger, mail, payments, random, receipts,
    sessions,
};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CREDIT: Credit = Credit::from_millionths(20_000_000);

/// The ids of an account, each under the name that parameters have for it.
#[derive(Clone, Debug)]
pub struct Ids {
    pub chatbot: String,
    pub document: String,
    /// Of the channel API.
    pub conversation: String,
    /// Of the channel console.
    pub console_conversation: String,
    pub contact: String,
    pub key: String,
    /// It is open.
    pub payment: String,
    /// An open attempt to save a card.
    pub card_setup: String,
    /// A payment that is paid and has a receipt.
    pub paid: String,
    pub hold: String,
    pub account: String,
    pub user: String,
    /// The number of its last entry.
    pub entry: String,
}

impl Ids {
    /// Well-formed ids of nothing.
    pub fn of_nothing(server: &Server) -> Self {
        let (now, random) = (server.now(), [9; domain::id::RANDOM_BYTES]);
        Self {
            chatbot: ChatbotId::new(now, random).to_string(),
            document: DocumentId::new(now, random).to_string(),
            conversation: ConversationId::new(now, random).to_string(),
            console_conversation: ConversationId::new(now, random).to_string(),
            contact: ContactId::new(now, random).to_string(),
            key: KeyId::new(now, random).to_string(),
            payment: PaymentId::new(now, random).to_string(),
            card_setup: CardSetupId::new(now, random).to_string(),
            paid: PaymentId::new(now, random).to_string(),
            hold: HoldId::new(now, random).to_string(),
            account: AccountId::new(now, random).to_string(),
            user: UserId::new(now, random).to_string(),
            entry: "999999".to_owned(),
        }
    }

    /// The id that a parameter of this name takes, if it takes one.
    pub fn named(&self, parameter: &str) -> Option<&str> {
        Some(match parameter {
            "chatbot_id" => &self.chatbot,
            "document_id" => &self.document,
            "conversation_id" => &self.conversation,
            "key_id" => &self.key,
            "payment_id" => &self.payment,
            "setup_id" => &self.card_setup,
            "seq" => &self.entry,
            _ => return None,
        })
    }

    pub fn all(&self) -> [&str; 12] {
        [
            &self.chatbot,
            &self.document,
            &self.conversation,
            &self.console_conversation,
            &self.contact,
            &self.key,
            &self.payment,
            &self.card_setup,
            &self.paid,
            &self.hold,
            &self.account,
            &self.user,
        ]
    }
}

/// An account with one of everything, and a second chatbot.
pub struct Belongings {
    pub mark: &'static str,
    pub viewer: Viewer,
    pub ids: Ids,
    /// Of all chatbots.
    pub key: ShownOnce,
    /// It may do everything, with the second chatbot.
    pub narrow_key: ShownOnce,
    pub second: Chatbot,
    /// Of its owner, who is signed in.
    pub own_cookie: String,
    /// What a body may hold of nobody but the account itself.
    pub traces: Vec<String>,
    /// Keeps the hold open.
    _begun: Box<Begun>,
}

fn everything() -> KeySettings {
    KeySettings {
        name: String::new(),
        permissions: Permission::ALL.to_vec(),
        chatbots: None,
        expires_at: None,
        monthly_cap: None,
        networks: Vec::new(),
    }
}

pub async fn belongings(server: &Arc<Server>, mark: &'static str) -> Belongings {
    let email = format!("{mark}@bergfeld.example");
    let viewer = accounts::sign_up(server, mark, &email, "a long password", ADDRESS).await.expect("signs up");
    let account_id = viewer.account_id.clone();
    let reason = format!("because it is {mark}");
    ledger::operate(server, &account_id, Operation::Grant { amount: CREDIT }, &reason).await.expect("a grant");
    // Some of its entries are summed up by day, and those to come are not.
    usage::sum_up(server, Effort { behind_max: 0, read: 100, write: 100, rest: 0 }).await.expect("sums");
    let payment = payments::start(server, &viewer, "10").await.expect("a payment").payment_id;
    let card_page = payments::cards::begin(server, &viewer).await.expect("a page");
    let card_setup = card_page.rsplit('/').next().expect("a path").to_owned();
    let offered = server.config.add_balance_rules();
    let rules = TopUpRules::read("5", "25", "100", &offered).expect("rules");
    payments::top_up::change(server, &viewer, &rules, false).await.expect("changes");
    let chatbot = chatbots::create(server, &viewer, &format!("{mark} help")).await.expect("a chatbot");
    let change = SettingsChange { welcome_message: Some(format!("This is {mark}.")), ..SettingsChange::default() };
    chatbots::change_settings(server, &account_id, &chatbot.id, &change).await.expect("settings");
    let form =
        WidgetForm { allowed_origins: "https://shop.example.com", takes_contacts: true, ..WidgetForm::default() };
    let widget = widgets::save(server, &viewer, &chatbot.id, form).await.expect("a widget");
    let contact = contact(server, &viewer, &widget.id, mark).await;
    let second = chatbots::create(server, &viewer, "Second").await.expect("a chatbot");
    let text = format!("# Hours\n\nThe shop {mark} is open from nine to five.\n");
    let document =
        documents::add(server, &account_id, &chatbot.id, &format!("{mark}.md"), &text).await.expect("a document");
    break_document(server, &document).await;
    documents::add(server, &account_id, &second.id, "second.md", "Open.").await.expect("a document");
    let key = key(server, &viewer, &format!("{mark} key"), None).await;
    let narrow_key = key_of(server, &viewer, "Narrow", &second).await;
    let mut asked = Vec::new();
    for channel in [Channel::Api, Channel::Console] {
        let key_id = (channel == Channel::Api).then(|| key.key.id.clone());
        let question = question(server, &viewer, key_id, &chatbot.id, channel);
        asked.push(conversations::ask(server, question).await.expect("an answer").conversation_id.to_string());
    }
    let question = question(server, &viewer, Some(key.key.id.clone()), &chatbot.id, Channel::Api);
    let begun = conversations::begin(server, question, Credit::from_millionths(5_000), None).await;
    let Ok(Start::Begun(begun)) = begun else { panic!("a hold was expected") };
    let (hold,): (String,) = server
        .db
        .one("SELECT id FROM holds WHERE account_id = $1", args![account_id.as_str()])
        .await
        .expect("the hold");
    let ids = Ids {
        chatbot: chatbot.id.to_string(),
        document: document.id.to_string(),
        console_conversation: asked.pop().expect("of the console"),
        conversation: asked.pop().expect("of the API"),
        contact: contact.to_string(),
        key: key.key.id.to_string(),
        payment: payment.to_string(),
        card_setup,
        paid: pay(server, &viewer).await.to_string(),
        hold,
        account: account_id.to_string(),
        user: viewer.user_id.to_string(),
        entry: "2".to_owned(),
    };
    let mut traces = vec![mark.to_owned(), key.secret.expose().to_owned(), narrow_key.secret.expose().to_owned()];
    traces.extend(ids.all().map(str::to_owned));
    traces.extend([key.key.consumer_key.to_string(), narrow_key.key.consumer_key.to_string()]);
    traces.extend([narrow_key.key.id.to_string(), second.id.to_string(), widget.id.to_string()]);
    send_mails(server).await;
    let own_cookie = cookie(server, &viewer).await;
    traces.extend(own_cookie.split_once('=').map(|(_, token)| token.to_owned()));
    Belongings { mark, viewer, ids, key, narrow_key, second, own_cookie, traces, _begun: begun }
}

/// Pays with a test card. The receipt has the account's mark on it.
async fn pay(server: &Server, viewer: &Viewer) -> PaymentId {
    let address = format!("{} street", viewer.name);
    receipts::save_billing_details(server, viewer, &viewer.name, &address, "").await.expect("saved");
    let payment_id = payments::start(server, viewer, "10").await.expect("a payment").payment_id;
    payments::local::submit_card_untold(server, &payment_id, "4242424242424242").await.expect("a test card");
    payments::look(server, &payment_id).await.expect("paid");
    payment_id
}

/// Waits until all mails are sent, by whatever process, so that nothing of them changes any more.
async fn send_mails(server: &Server) {
    for _ in 0..500 {
        mail::send_waiting(server).await.expect("mails are sent");
        let counts = mail::counts(server).await.expect("counted");
        if counts.iter().all(|(state, count)| *count == 0 || matches!(state, MailState::Sent | MailState::Failed)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("some mails are not sent");
}

/// What a visitor left on the page that shows the widget.
async fn contact(server: &Server, viewer: &Viewer, widget: &WidgetId, mark: &str) -> ContactId {
    let origin = Origin::parse("https://shop.example.com").expect("an origin");
    let visited = widgets::visit(server, widget, origin).await.expect("a page");
    let token = widgets::begin_session(server, &visited).expect("a token");
    let session = widgets::read_session(server, &visited, &token).expect("a session");
    let text = ContactText::read(mark, &format!("{mark}@visitor.example"), &format!("Call {mark}")).expect("in order");
    contacts::leave(server, &visited, &session, None, &text).await.expect("left");
    let left = contacts::list(server, &viewer.account_id, ContactState::Open, None, 1).await.expect("a list");
    left.items.into_iter().next().expect("it was left").id
}

/// Gives a document a file that could not be read; it is answered from as before.
async fn break_document(server: &Server, document: &Document) {
    const INSERT_FILE: &str = "
INSERT INTO document_files (account_id, document_id, bytes) SELECT account_id, id, $2 FROM documents WHERE id = $1";
    const FAIL: &str = "UPDATE documents SET state = 'failed', reason = $2 WHERE id = $1";
    let id = document.id.as_str();
    let file = args![id, document.name.as_bytes().to_vec()];
    assert_eq!(server.db.execute(INSERT_FILE, file).await.expect("a file"), 1);
    let reason = format!("it holds {}", document.name);
    server.db.execute(FAIL, args![id, reason]).await.expect("failed");
}

async fn key(server: &Server, viewer: &Viewer, name: &str, chatbots: Option<Vec<ChatbotId>>) -> ShownOnce {
    let mut shown = keys::create(server, viewer, name).await.expect("a key");
    let settings = KeySettings { name: name.to_owned(), chatbots, ..everything() };
    shown.key = keys::change(server, viewer, &shown.key.id, settings).await.expect("changed");
    shown
}

/// A key that may do everything, with one chatbot.
async fn key_of(server: &Server, viewer: &Viewer, name: &str, chatbot: &Chatbot) -> ShownOnce {
    key(server, viewer, name, Some(vec![chatbot.id.clone()])).await
}

fn question<'a>(
    server: &Server,
    viewer: &Viewer,
    key_id: Option<KeyId>,
    chatbot_id: &'a ChatbotId,
    channel: Channel,
) -> Question<'a> {
    Question {
        account_id: viewer.account_id.clone(),
        key_id,
        caller: None,
        chatbot_id: chatbot_id.as_str(),
        conversation_id: None,
        message: "When is the shop open?",
        channel,
        request_id: RequestId::new(server.now(), random::bytes(server.random.as_ref())).to_string(),
        caller_request_id: None,
    }
}

async fn cookie(server: &Server, viewer: &Viewer) -> String {
    let token = sessions::start(server, viewer).await.expect("a session");
    format!("{}={token}", sessions::cookie_name(&server.config))
}

impl Belongings {
    pub fn authorization(&self) -> String {
        authorization(&self.key)
    }

    /// The cookie of somebody in this account.
    pub async fn cookie(&self, server: &Server, role: Role) -> String {
        let viewer = if role == Role::Owner { self.viewer.clone() } else { self.join(server, role).await };
        cookie(server, &viewer).await
    }

    /// With entries of numbers that other accounts do not have.
    pub async fn with_more_entries(mut self, server: &Server) -> Self {
        let entry = Operation::Grant { amount: CREDIT };
        for _ in 0..3 {
            let reason = format!("{} once more", self.mark);
            let posted = ledger::operate(server, &self.viewer.account_id, entry, &reason).await.expect("a grant");
            self.ids.entry = posted.seq.to_string();
        }
        self
    }

    /// Does once more all that an account can see the figures of.
    pub async fn live_on(&self, server: &Server) {
        let (viewer, account_id) = (&self.viewer, &self.viewer.account_id);
        let more = Operation::Grant { amount: CREDIT };
        ledger::operate(server, account_id, more, "once more").await.expect("a grant");
        payments::start(server, viewer, "25").await.expect("a payment");
        keys::create(server, viewer, "One more").await.expect("a key");
        let chatbot = chatbots::create(server, viewer, "One more").await.expect("a chatbot");
        documents::add(server, account_id, &chatbot.id, "more.md", "Open.").await.expect("a document");
        for channel in [Channel::Api, Channel::Console] {
            let key_id = (channel == Channel::Api).then(|| self.key.key.id.clone());
            let question = question(server, viewer, key_id, &chatbot.id, channel);
            conversations::ask(server, question).await.expect("an answer");
        }
    }

    async fn join(&self, server: &Server, role: Role) -> Viewer {
        const INSERT_USER: &str =
            "INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, '', $4)";
        const INSERT_MEMBER: &str =
            "INSERT INTO members (account_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)";
        let (now, name) = (server.now(), format!("{} {}", self.mark, role.as_str()));
        let viewer = Viewer {
            user_id: UserId::new(now, random::bytes(server.random.as_ref())),
            role,
            email: format!("{}-{}@bergfeld.example", self.mark, role.as_str()),
            name,
            ..self.viewer.clone()
        };
        let user_id = viewer.user_id.as_str();
        let user = args![user_id, &viewer.email, &viewer.name, now.us()];
        server.db.execute(INSERT_USER, user).await.expect("a user");
        let member = args![viewer.account_id.as_str(), user_id, role.as_str(), now.us()];
        server.db.execute(INSERT_MEMBER, member).await.expect("a member");
        viewer
    }

    /// Fails when a body holds something of this account beside `sent`, which the caller named himself.
    pub fn assert_not_in(&self, body: &str, sent: &[&str], asked: &str) {
        let body = sent.iter().fold(body.to_lowercase(), |body, sent| body.replace(&sent.to_lowercase(), ""));
        for trace in &self.traces {
            assert!(!body.contains(&trace.to_lowercase()), "{asked}: the answer holds {trace}\n{body}");
        }
    }
}

pub fn authorization(key: &ShownOnce) -> String {
    format!("{}:{}", key.key.consumer_key, key.secret.expose())
}

/// Columns that change by themselves or by the account's own keys: when a key was used and how often, when a gateway was
/// asked last, and whether its webhook was taken.
const OWN_PACE: [(&str, &str); 7] = [
    ("api_keys", "last_used_at"),
    ("api_keys", "last_used_from"),
    ("api_keys", "secret_used_at"),
    ("api_keys", "secret_uses"),
    ("payments", "checked_at"),
    ("card_setups", "checked_at"),
    ("local_checkouts", "told"),
];

/// Tables in which nothing belongs to an account.
const OF_NOBODY: [&str; 2] = ["_sqlx_migrations", "versions"];

const COLUMNS_OF_SQLITE: &str = "
SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
WHERE m.type = 'table' ORDER BY m.name, p.cid LIMIT 1000";

const COLUMNS_OF_POSTGRES: &str = "
SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, ordinal_position LIMIT 1000";

/// All rows of one account, in every table.
pub struct Rows {
    db: Db,
    account_id: String,
    /// A key whose own requests are noted, refusals too.
    noting_key_id: String,
    select: &'static str,
    before: Vec<(String, String)>,
}

impl Rows {
    /// Remembers the rows as they are now.
    pub async fn remember(db: &Db, account: &Belongings) -> Self {
        let select = Box::leak(select_rows(db).await.into_boxed_str());
        let account_id = account.viewer.account_id.to_string();
        let noting_key_id = account.narrow_key.key.id.to_string();
        let mut rows = Self { db: db.clone(), account_id, noting_key_id, select, before: Vec::new() };
        rows.before = rows.read().await;
        let tables: std::collections::BTreeSet<&str> = rows.before.iter().map(|(table, _)| table.as_str()).collect();
        for table in [
            "accounts",
            "users",
            "api_keys",
            "entries",
            "holds",
            "messages",
            "payments",
            "sessions",
            "top_ups",
            "receipts",
            "sessions",
            "usage_days",
        ] {
            assert!(tables.contains(table), "the account has no {table}");
        }
        rows
    }

    async fn read(&self) -> Vec<(String, String)> {
        let read = self.db.all(self.select, args![&self.account_id, &self.noting_key_id]).await;
        let mut rows: Vec<(String, String)> = read.expect("the rows");
        rows.sort();
        rows
    }

    /// Fails when there is another row than before, or one less.
    pub async fn assert_unchanged(&self, asked: &str) {
        let now = self.read().await;
        let gone: Vec<_> = self.before.iter().filter(|row| !now.contains(row)).collect();
        let new: Vec<_> = now.iter().filter(|row| !self.before.contains(row)).collect();
        assert!(gone.is_empty() && new.is_empty(), "{asked} changed {gone:#?} to {new:#?}");
    }
}

/// One statement that reads every row of account `$1` as text; `$2` is the key whose requests are left out.
async fn select_rows(db: &Db) -> String {
    let columns = if db.name() == "SQLite" { COLUMNS_OF_SQLITE } else { COLUMNS_OF_POSTGRES };
    let columns: Vec<(String, String)> = db.all(columns, args![]).await.expect("the columns");
    for (table, column) in OWN_PACE {
        assert!(columns.iter().any(|(t, c)| (t.as_str(), c.as_str()) == (table, column)), "{table} has no {column}");
    }
    let mut select = String::new();
    for table in columns.chunk_by(|(one, _), (other, _)| one == other) {
        let name = table[0].0.as_str();
        if OF_NOBODY.contains(&name) {
            continue;
        }
        let has = |column: &str| table.iter().any(|(_, c)| c == column);
        let condition = match name {
            "accounts" => "id = $1",
            "users" => "id IN (SELECT user_id FROM members WHERE account_id = $1)",
            "key_requests" => "account_id = $1 AND key_id <> $2",
            _ if has("account_id") => "account_id = $1",
            _ => panic!("say what of the table {name} belongs to an account"),
        };
        let kept = table.iter().filter(|(t, c)| !OWN_PACE.contains(&(t.as_str(), c.as_str())));
        let text: Vec<String> = kept.map(|(_, c)| format!("'{c}=' || COALESCE(CAST({c} AS TEXT), 'NULL')")).collect();
        let union = if select.is_empty() { "" } else { " UNION ALL " };
        let _written =
            write!(select, "{union}SELECT '{name}', {} FROM {name} WHERE {condition}", text.join(" || ' ' || "));
    }
    select
}
