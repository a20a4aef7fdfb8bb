//! Widgets: what the owner of a chatbot decides about its widget, and what a visitor's browser is told of it.
//! `sessions.rs` has the visitors' sessions.

mod sessions;

pub use sessions::{Session, begin_session, read_session, renewed};

use crate::db::FromRow;
use crate::error::{Error, Result};
use crate::{Server, args, chatbots};
use domain::account::Viewer;
use domain::chatbot_settings::ChatbotSettings;
use domain::clock::Timestamp;
use domain::id::{AccountId, ChatbotId, WidgetId};
use domain::problem::{Problem, ProblemCode};
use domain::widget::{AllowedOrigin, Origin, Position, Theme, Widget, read_origins};

#[derive(FromRow, serde::Deserialize)]
struct WidgetRow {
    id: String,
    allowed_origins: String,
    position: String,
    theme: String,
    takes_contacts: i64,
    rotated_at: Option<i64>,
}

impl WidgetRow {
    fn read(self, chatbot_id: &ChatbotId) -> Widget {
        Widget {
            id: WidgetId::from_row(self.id),
            chatbot_id: chatbot_id.clone(),
            allowed_origins: allowed(&self.allowed_origins),
            position: Position::parse(&self.position).unwrap_or_default(),
            theme: Theme::parse(&self.theme).unwrap_or_default(),
            takes_contacts: self.takes_contacts != 0,
            rotated_at: self.rotated_at.map(Timestamp::from_us),
        }
    }
}

/// Origins as they are stored. What cannot be read allows nothing.
fn allowed(text: &str) -> Vec<AllowedOrigin> {
    text.lines().filter_map(|line| AllowedOrigin::parse(line).ok()).collect()
}

const SELECT_WIDGET: &str = "
SELECT id, allowed_origins, position, theme, takes_contacts, rotated_at FROM widgets WHERE account_id = $1 AND chatbot_id = $2";

/// The widget of a chatbot, once its owner has made one.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn of_chatbot(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<Option<Widget>> {
    chatbots::get(server, account_id, chatbot_id).await?;
    let row: Option<WidgetRow> =
        server.db.optional(SELECT_WIDGET, args![account_id.as_str(), chatbot_id.as_str()]).await?;
    Ok(row.map(|row| row.read(chatbot_id)))
}

/// What is decided about a widget, as it was typed.
#[derive(Clone, Copy, Debug, Default)]
pub struct WidgetForm<'a> {
    /// One a line.
    pub allowed_origins: &'a str,
    pub position: &'a str,
    pub theme: &'a str,
    pub takes_contacts: bool,
}

const UPSERT_WIDGET: &str = "
INSERT INTO widgets (account_id, chatbot_id, id, allowed_origins, position, theme, takes_contacts, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account_id, chatbot_id) DO UPDATE
SET allowed_origins = excluded.allowed_origins, position = excluded.position, theme = excluded.theme,
    takes_contacts = excluded.takes_contacts";

/// Changes the widget of a chatbot, and makes it the first time. Pages that are not allowed any more are refused from
/// the next call on.
///
/// # Errors
/// 404 when the account has no such chatbot, 422 for what was typed.
pub async fn save(server: &Server, viewer: &Viewer, chatbot_id: &ChatbotId, form: WidgetForm<'_>) -> Result<Widget> {
    chatbots::get(server, &viewer.account_id, chatbot_id).await?;
    let origins = read_origins(form.allowed_origins)?;
    let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
    let now = server.now();
    let id = WidgetId::new(now, server.id_bytes());
    let saved = args![
        viewer.account_id.as_str(),
        chatbot_id.as_str(),
        id.as_str(),
        origins.join("\n"),
        Position::parse(form.position).unwrap_or_default().as_str(),
        Theme::parse(form.theme).unwrap_or_default().as_str(),
        i64::from(form.takes_contacts),
        now.us(),
    ];
    server.db.execute(UPSERT_WIDGET, saved).await?;
    server.live.changed(&viewer.account_id);
    let saved = of_chatbot(server, &viewer.account_id, chatbot_id).await?;
    saved.ok_or_else(|| Error::internal("a widget that was just saved is not there"))
}

const ROTATE: &str = "
UPDATE widgets SET id = $3, rotated_at = $4 WHERE account_id = $1 AND chatbot_id = $2";

/// Gives a widget another id. The old one is nothing from the next call on, and neither are its visitors' sessions.
///
/// # Errors
/// 404 when the account has no such chatbot, or it has no widget.
pub async fn rotate(server: &Server, viewer: &Viewer, chatbot_id: &ChatbotId) -> Result<()> {
    chatbots::get(server, &viewer.account_id, chatbot_id).await?;
    let now = server.now();
    let id = WidgetId::new(now, server.id_bytes());
    let rotated = args![viewer.account_id.as_str(), chatbot_id.as_str(), id.as_str(), now.us()];
    let rows = server.db.execute(ROTATE, rotated).await?;
    server.live.changed(&viewer.account_id);
    if rows == 1 { Ok(()) } else { Err(Problem::not_found("widget").into()) }
}

/// A widget as a visitor's browser meets it.
#[derive(Clone, Debug)]
pub struct Visited {
    pub widget: Widget,
    pub account_id: AccountId,
    pub chatbot_name: String,
    pub settings: ChatbotSettings,
    /// The page that shows it.
    pub origin: Origin,
}

#[derive(FromRow, serde::Deserialize)]
struct VisitedRow {
    account_id: String,
    chatbot_id: String,
    name: String,
}

/// The one query that is not asked within an account: the id of a widget names it.
const SELECT_VISITED: &str = "
SELECT w.account_id, w.chatbot_id, c.name
FROM widgets w
JOIN chatbots c ON c.account_id = w.account_id AND c.id = w.chatbot_id
WHERE w.id = $1 AND c.deleted_at IS NULL";

/// The widget of an id, for a page of `origin`. Pages of this installation itself may show every widget: there is one
/// that shows its owner what visitors see.
///
/// # Errors
/// 404 when there is no such widget, 403 when its owner does not allow the origin.
pub async fn visit(server: &Server, id: &WidgetId, origin: Origin) -> Result<Visited> {
    let row: Option<VisitedRow> = server.db.optional(SELECT_VISITED, args![id.as_str()]).await?;
    let row = row.ok_or_else(no_widget)?;
    let (account_id, chatbot_id) = (AccountId::from_row(row.account_id), ChatbotId::from_row(row.chatbot_id));
    let found = of_chatbot(server, &account_id, &chatbot_id).await?;
    // It may have got another id between the two questions.
    let widget = found.filter(|widget| widget.id == *id).ok_or_else(no_widget)?;
    let is_own = || Origin::parse(&server.config.public_url()).as_ref() == Some(&origin);
    if !widget.allowed_origins.iter().any(|allowed| allowed.matches(&origin)) && !is_own() {
        return Err(ProblemCode::OriginNotAllowed.into());
    }
    let settings = chatbots::settings(server, &account_id, &chatbot_id).await?;
    Ok(Visited { widget, account_id, chatbot_name: row.name, settings, origin })
}

fn no_widget() -> Problem {
    Problem::with_detail(ProblemCode::NotFound, "there is no such widget")
}
