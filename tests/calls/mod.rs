//! Every server function of the console, every plain route of it, and every page, each with what it takes that names
//! something: the rows of the test in which strangers ask for what is not theirs.

use crate::belongings::Ids;
use app::account::server_fns::LoadAlertForm;
use app::chatbots::server_fns as chatbots;
use app::contacts::server_fns as contacts;
use app::conversations::server_fns as conversations;
use app::dashboard::server_fns::LoadOverview;
use app::documents::server_fns as documents;
use app::error::AppError;
use app::plan_change::server_fns::{ChangePlan, LoadPlanChange};
use app::reference::server_fns::{DescribeOperation, LoadOperation, LoadReference};
use app::server_fns::SignOut;
use app::settings::server_fns as settings;
use app::sign_in::server_fns::{SignIn, SignUp};
use app::support::server_fns::{LoadChapter, LoadSupport};
use app::top_up::server_fns as top_up;
use app::usage::filter::Filter;
use app::usage::server_fns as usage;
use leptos::server_fn::ServerFn;
use serde::Serialize;
use serde_json::Value;

/// What is to be answered to somebody who is signed in elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// 404: it is somebody else's.
    NotFound,
    /// 422: a field of the caller's own form names something of somebody else.
    Refused { field: &'static str },
    /// What is the caller's own, whatever ids are named.
    Own,
    /// What is the caller's own, with the news that the payment is not found.
    PaymentNotFound,
    /// To everybody the same, signed in or not.
    Anybody { status: u16 },
}

/// A call of a server function.
pub struct Call {
    pub path: &'static str,
    pub content_type: String,
    pub body: Vec<u8>,
    pub expect: Expect,
}

impl Call {
    /// Whether its arguments travel as those of a function that changes nothing.
    pub fn only_reads(&self) -> bool {
        self.content_type == READING
    }
}

const READING: &str = "application/octet-stream";
const FORM: &str = "application/x-www-form-urlencoded";

/// A call whose arguments travel in Postcard.
fn read<F: ServerFn<Error = AppError> + Serialize>(expect: Expect, function: &F) -> Call {
    let body = postcard::to_allocvec(function).expect("arguments");
    Call { path: F::PATH, content_type: READING.to_owned(), body, expect }
}

/// A call whose arguments travel as a form.
fn write<F: ServerFn<Error = AppError> + Serialize>(expect: Expect, function: &F) -> Call {
    let mut fields = Vec::new();
    flatten("", &serde_json::to_value(function).expect("arguments"), &mut fields);
    Call { path: F::PATH, content_type: FORM.to_owned(), body: fields.join("&").into_bytes(), expect }
}

/// `{"a": {"b": ["c"]}}` as `a[b][0]=c`. No value here needs escaping but spaces and the sign of an e-mail.
fn flatten(name: &str, value: &Value, fields: &mut Vec<String>) {
    let inner = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}%5B{part}%5D") };
    match value {
        Value::Object(object) => object.iter().for_each(|(part, value)| flatten(&inner(part), value, fields)),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(number, value)| flatten(&inner(&number.to_string()), value, fields));
        }
        Value::Null => {}
        Value::String(text) => fields.push(format!("{name}={}", escape(text))),
        other => fields.push(format!("{name}={other}")),
    }
}

fn escape(text: &str) -> String {
    text.replace(' ', "+").replace('@', "%40")
}

/// Every server function with `theirs` at each place where it takes an id, in an order in which `theirs` can do all of it
/// when they are their own. `name` is that of their key.
pub fn calls(theirs: &Ids, own: &Ids, name: &str) -> Vec<Call> {
    let mut calls = reads(theirs);
    calls.extend(of_chatbots(theirs, own));
    calls.extend(of_documents(theirs));
    calls.extend(of_keys(theirs, own, name));
    calls.extend(of_anybody());
    calls.extend(deletions(theirs, name));
    calls.push(write(Expect::Anybody { status: 200 }, &SignOut {}));
    calls
}

fn reads(theirs: &Ids) -> Vec<Call> {
    use Expect::{NotFound, Own, PaymentNotFound};
    let by_key = Filter { key: theirs.key.clone(), ..Filter::default() };
    let by_chatbot = Filter { chatbot: theirs.chatbot.clone(), ..Filter::default() };
    let said_by = conversations::Filter { chatbot: theirs.chatbot.clone(), ..conversations::Filter::default() };
    let (chatbot, key) = (theirs.chatbot.clone(), theirs.key.clone());
    let operation = LoadOperation { id: "createMessage".to_owned(), chatbot, key };
    vec![
        read(Own, &LoadOverview {}),
        read(Own, &LoadAlertForm {}),
        read(Own, &settings::LoadSnapshot { payment: None }),
        read(PaymentNotFound, &settings::LoadSnapshot { payment: Some(theirs.payment.clone()) }),
        read(Own, &settings::LoadOffer {}),
        read(Own, &LoadPlanChange { plan_id: "business".to_owned() }),
        read(Own, &top_up::LoadTopUp { setup: None }),
        read(NotFound, &top_up::LoadTopUp { setup: Some(theirs.card_setup.clone()) }),
        read(NotFound, &settings::LoadKey { key_id: theirs.key.clone() }),
        read(NotFound, &settings::LoadKeyView { key_id: theirs.key.clone() }),
        read(Own, &settings::LoadPayments {}),
        read(NotFound, &settings::LoadKeyRequests { key_id: theirs.key.clone() }),
        read(Own, &usage::LoadUsage { filter: Filter::default() }),
        read(NotFound, &usage::LoadUsage { filter: by_key }),
        read(NotFound, &usage::LoadUsage { filter: by_chatbot }),
        read(NotFound, &usage::LoadKeyChart { key_id: theirs.key.clone() }),
        read(NotFound, &usage::LoadEntry { seq: theirs.entry.clone() }),
        read(Own, &usage::LoadFilterChoices {}),
        read(Own, &conversations::LoadConversationChoices {}),
        read(Own, &conversations::LoadConversations { filter: conversations::Filter::default() }),
        read(NotFound, &conversations::LoadConversations { filter: said_by }),
        read(NotFound, &conversations::LoadConversation { id: theirs.conversation.clone(), after: String::new() }),
        read(Own, &contacts::LoadContacts { show: String::new(), before: String::new() }),
        read(Own, &contacts::LoadContacts { show: "all".to_owned(), before: theirs.contact.clone() }),
        read(Own, &LoadReference {}),
        read(Own, &DescribeOperation { id: operation.id.clone() }),
        // It fills in what it knows of the ids, and something of the caller's own for the others.
        read(Own, &operation),
        read(Own, &LoadSupport {}),
        read(Own, &LoadChapter { chapter: "plan".to_owned() }),
    ]
}

fn of_chatbots(theirs: &Ids, own: &Ids) -> Vec<Call> {
    use Expect::{NotFound, Own};
    let id = || theirs.chatbot.clone();
    let message = || "When is the shop open?".to_owned();
    let settings = |id: &str| chatbots::ChangeSettings {
        id: id.to_owned(),
        welcome_message: "Welcome".to_owned(),
        suggested_questions: String::new(),
        instructions: String::new(),
        answer_engine: String::new(),
        colour: String::new(),
    };
    let widget = |id: &str| chatbots::ChangeWidget {
        id: id.to_owned(),
        allowed_origins: "https://evil.example".to_owned(),
        position: "left".to_owned(),
        theme: "dark".to_owned(),
        takes_contacts: true,
    };
    let ask =
        |id: &str, conversation_id| chatbots::AskChatbot { id: id.to_owned(), conversation_id, message: message() };
    vec![
        read(Own, &chatbots::LoadChatbots {}),
        read(NotFound, &chatbots::LoadChatbot { id: id() }),
        read(NotFound, &chatbots::LoadChatbotView { id: id() }),
        read(NotFound, &chatbots::LoadSettings { id: id() }),
        write(NotFound, &settings(&theirs.chatbot)),
        write(NotFound, &widget(&theirs.chatbot)),
        write(NotFound, &chatbots::RotateWidget { id: id() }),
        write(Own, &chatbots::CreateChatbot { name: "Third".to_owned() }),
        write(NotFound, &chatbots::RenameChatbot { id: id(), name: "Renamed".to_owned() }),
        write(NotFound, &chatbots::CapChatbot { id: id(), daily_cap: "0".to_owned() }),
        write(NotFound, &chatbots::SwitchChatbot { id: id(), is_on: false }),
        write(NotFound, &chatbots::SwitchChatbot { id: id(), is_on: true }),
        write(NotFound, &ask(&theirs.chatbot, None)),
        write(NotFound, &ask(&theirs.chatbot, Some(theirs.console_conversation.clone()))),
        write(NotFound, &ask(&own.chatbot, Some(theirs.console_conversation.clone()))),
        write(NotFound, &contacts::MarkContact { id: theirs.contact.clone(), is_done: true }),
    ]
}

fn of_documents(theirs: &Ids) -> Vec<Call> {
    use Expect::{NotFound, Own};
    let (name, text) = ("new.md".to_owned(), "Something new.".to_owned());
    vec![
        read(Own, &documents::LoadDocuments { chatbot: String::new() }),
        read(NotFound, &documents::LoadDocuments { chatbot: theirs.chatbot.clone() }),
        read(Own, &documents::LoadAddForm {}),
        read(NotFound, &documents::LoadDocument { id: theirs.document.clone() }),
        write(NotFound, &documents::AddDocument { chatbot_id: theirs.chatbot.clone(), name, text }),
        write(NotFound, &documents::TryDocumentAgain { id: theirs.document.clone() }),
    ]
}

fn of_keys(theirs: &Ids, own: &Ids, name: &str) -> Vec<Call> {
    use Expect::{NotFound, Own, Refused};
    let key_id = || theirs.key.clone();
    let form = |chatbots: Vec<String>| settings::KeyForm {
        name: name.to_owned(),
        permissions: vec!["messages:write".to_owned()],
        scope: if chatbots.is_empty() { "all" } else { "chosen" }.to_owned(),
        chatbots,
        expiry: "never".to_owned(),
        last_day: String::new(),
        monthly_cap: String::new(),
        networks: String::new(),
    };
    let regenerate = || settings::RegenerateKey { key_id: key_id(), overlap: "24h".to_owned() };
    let overlap =
        |step: &str| settings::ChangeOverlap { key_id: key_id(), step: step.to_owned(), overlap: "7d".to_owned() };
    let chosen = form(vec![theirs.chatbot.clone()]);
    let (threshold, amount, monthly_ceiling) = ("5".to_owned(), "25".to_owned(), "100".to_owned());
    let top_up = top_up::ChangeTopUp { threshold, amount, monthly_ceiling, is_on: None };
    vec![
        write(Own, &ChangePlan { plan_id: "plus".to_owned(), offered_at: 0 }),
        write(Own, &top_up::SaveCard {}),
        write(Own, &top_up),
        write(Own, &top_up::RemoveCard {}),
        write(Own, &settings::StartPayment { amount: "10".to_owned(), form_id: Some("req_1".to_owned()) }),
        write(Own, &settings::CreateKey { name: "Another".to_owned() }),
        write(NotFound, &settings::ChangeKey { key_id: key_id(), form: form(Vec::new()) }),
        write(Refused { field: "chatbots" }, &settings::ChangeKey { key_id: own.key.clone(), form: chosen }),
        write(NotFound, &settings::SwitchKey { key_id: key_id(), is_on: false }),
        write(NotFound, &settings::SwitchKey { key_id: key_id(), is_on: true }),
        write(NotFound, &regenerate()),
        write(NotFound, &overlap("extend")),
        write(NotFound, &overlap("cancel")),
        write(NotFound, &regenerate()),
        write(NotFound, &overlap("retire")),
    ]
}

/// What asks for a password: the e-mail of somebody else alone opens nothing.
fn of_anybody() -> Vec<Call> {
    let email = || "quillon@bergfeld.example".to_owned();
    let (password, next) = ("some other password".to_owned(), "/settings".to_owned());
    let sign_in = SignIn { email: email(), password: password.clone(), next: next.clone() };
    let sign_up = SignUp { name: "Somebody".to_owned(), email: email(), password, next };
    vec![
        write(Expect::Anybody { status: 401 }, &sign_in),
        // Whoever makes an account has to be told that the e-mail is taken.
        write(Expect::Anybody { status: 409 }, &sign_up),
    ]
}

fn deletions(theirs: &Ids, name: &str) -> Vec<Call> {
    let (key_id, name) = (theirs.key.clone(), name.to_owned());
    vec![
        write(Expect::NotFound, &contacts::DeleteContact { id: theirs.contact.clone() }),
        write(Expect::NotFound, &conversations::DeleteConversation { id: theirs.conversation.clone() }),
        write(Expect::NotFound, &documents::DeleteDocument { id: theirs.document.clone(), chatbot: None }),
        write(Expect::NotFound, &settings::DeleteKey { key_id, name }),
        write(Expect::NotFound, &chatbots::DeleteChatbot { id: theirs.chatbot.clone() }),
    ]
}

/// What the browser itself posts, or gets where there are no fields: the pattern of its route, its address, its fields, and
/// the status for somebody who is signed in elsewhere.
pub struct PlainForm {
    pub pattern: &'static str,
    pub path: String,
    pub content_type: String,
    pub fields: Option<String>,
    pub status: u16,
}

/// The body of a form with a file, and its type.
fn with_file(field: &str, value: &str) -> (String, String) {
    let boundary = "a-line-that-is-in-no-part";
    let part = |disposition: &str, text: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{text}\r\n")
    };
    let field = part(&format!("name=\"{field}\""), value);
    let file = part("name=\"file\"; filename=\"upload.md\"", "Something else.");
    (format!("multipart/form-data; boundary={boundary}"), format!("{field}{file}--{boundary}--\r\n"))
}

pub fn plain_forms(theirs: &Ids, own: &Ids) -> Vec<PlainForm> {
    let form = |pattern, id: &str, fields: String, status| PlainForm {
        pattern,
        path: str::replace(pattern, "{id}", id),
        content_type: FORM.to_owned(),
        fields: Some(fields),
        status,
    };
    let file = |pattern: &'static str, query: String, status| PlainForm {
        pattern,
        path: format!("{pattern}?{query}"),
        content_type: FORM.to_owned(),
        fields: None,
        status,
    };
    let page = |pattern, id: &str, status| PlainForm { fields: None, ..form(pattern, id, String::new(), status) };
    let (csv, said_csv, said_json) = ("/usage/entries.csv", "/conversations/export.csv", "/conversations/export.json");
    let upload = |field: &str, value: &str| {
        let (content_type, body) = with_file(field, value);
        PlainForm { content_type, ..form("/documents/upload", "", body, 404) }
    };
    let (ask, conversation) = ("/chatbots/{id}/ask", &theirs.console_conversation);
    let message = "message=When+is+the+shop+open";
    vec![
        file(csv, String::new(), 200),
        file(csv, format!("key={}", theirs.key), 404),
        file(csv, format!("chatbot={}", theirs.chatbot), 404),
        file("/conversations/contacts.csv", String::new(), 200),
        file(said_csv, String::new(), 200),
        file(said_csv, format!("chatbot={}", theirs.chatbot), 404),
        file(said_json, format!("before={}", theirs.conversation), 200),
        file(said_json, format!("chatbot={}", theirs.chatbot), 404),
        page("/settings/payments/{id}/receipt", &theirs.paid, 404),
        page("/settings/payments/{id}/receipt.pdf", &theirs.paid, 404),
        page("/settings/payments.csv", "", 200),
        page("/settings/billing", "", 200),
        form("/settings/billing", "", "name=Plain&address=&tax_id=".to_owned(), 303),
        form("/settings/keys", "", "name=Plain".to_owned(), 200),
        form("/settings/keys/{id}/regenerate", &theirs.key, "overlap=none".to_owned(), 404),
        form(ask, &theirs.chatbot, format!("{message}&conversation_id="), 404),
        form(ask, &theirs.chatbot, format!("{message}&conversation_id={conversation}"), 404),
        form(ask, &own.chatbot, format!("{message}&conversation_id={conversation}"), 404),
        form("/account/alert", "", "alert_below=3".to_owned(), 303),
        form("/account/confirm-email", "", String::new(), 200),
        upload("chatbot_id", &theirs.chatbot),
        upload("document_id", &theirs.document),
    ]
}

/// What is open to everybody, and says the same to everybody: to the owner of an account, too.
pub fn open_forms(theirs: &Ids) -> Vec<PlainForm> {
    let get = |pattern, path: String, status| PlainForm {
        pattern,
        path,
        content_type: FORM.to_owned(),
        fields: None,
        status,
    };
    let post = |pattern: &'static str, fields: &str, status| PlainForm {
        fields: Some(fields.to_owned()),
        ..get(pattern, pattern.to_owned(), status)
    };
    let (forgot, reset, confirm) = ("/forgot-password", "/reset-password", "/confirm-email");
    let (mails, mail) = ("/operator/mail", "/operator/mail/{account_id}/{id}");
    let token = "0".repeat(64);
    vec![
        get(forgot, forgot.to_owned(), 200),
        post(forgot, "email=nobody%40bergfeld.example", 200),
        get(reset, format!("{reset}?token={token}"), 404),
        post(reset, &format!("token={token}&password=a+long+password"), 404),
        get(confirm, format!("{confirm}?token={token}"), 404),
        post(confirm, &format!("token={token}"), 404),
        get(mails, mails.to_owned(), 404),
        get(mail, format!("/operator/mail/{}/{}", theirs.account, theirs.user), 404),
    ]
}

/// Every page with the addresses at which it is asked for; `{…}` stands for an id.
pub const PAGES: [(&str, &[&str]); 21] = [
    ("/sign-in", &["/sign-in?next={account}"]),
    ("/sign-up", &["/sign-up?next={account}"]),
    // The parent of the pages of those who are signed in, and the first of them.
    ("", &["/"]),
    ("/chatbots", &["/chatbots", "/chatbots?rename={chatbot}", "/chatbots?delete={chatbot}"]),
    ("/chatbots/:id", &["/chatbots/{chatbot}"]),
    (
        "/documents",
        &[
            "/documents?chatbot={chatbot}",
            "/documents?add={chatbot}",
            "/documents?delete={document}",
            "/documents?replace={document}",
        ],
    ),
    ("/conversations", &["/conversations", "/conversations?chatbot={chatbot}&before={conversation}"]),
    ("/conversations/contacts", &["/conversations/contacts", "/conversations/contacts?show=all&before={contact}"]),
    ("/conversations/:id", &["/conversations/{conversation}"]),
    ("/usage", &["/usage", "/usage?key={key}", "/usage?chatbot={chatbot}"]),
    ("/usage/entries/:seq", &["/usage/entries/{entry}"]),
    ("/settings", &["/settings?payment={payment}", "/settings?regenerate-key={key}", "/settings?delete-key={key}"]),
    ("/settings/keys/:id", &["/settings/keys/{key}"]),
    ("/settings/auto-top-up", &["/settings/auto-top-up?card={card_setup}"]),
    ("/settings/plan/:plan", &["/settings/plan/business"]),
    ("/settings/payments", &["/settings/payments"]),
    ("/reference", &["/reference"]),
    ("/reference/:operation", &["/reference/createMessage?chatbot={chatbot}&key={key}"]),
    ("/support", &["/support"]),
    ("/support/guide/:chapter", &["/support/guide/{chatbot}"]),
    ("/account", &["/account"]),
];

/// An address of [`PAGES`] with ids in it.
pub fn address(template: &str, ids: &Ids) -> String {
    let named = [
        ("{account}", &ids.account),
        ("{chatbot}", &ids.chatbot),
        ("{contact}", &ids.contact),
        ("{conversation}", &ids.conversation),
        ("{document}", &ids.document),
        ("{entry}", &ids.entry),
        ("{key}", &ids.key),
        ("{payment}", &ids.payment),
        ("{card_setup}", &ids.card_setup),
    ];
    named.into_iter().fold(template.to_owned(), |address, (name, id)| address.replace(name, id))
}
