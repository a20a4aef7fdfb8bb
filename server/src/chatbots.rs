//! Chatbots: make, list, rename, set up, cap, pause, delete.

use crate::db::FromRow;
use crate::error::Result;
use crate::{Server, accounts, answers, args};
use domain::account::Viewer;
use domain::chatbot::Chatbot;
use domain::chatbot_settings::{AnswerEngine, ChatbotSettings, Colour, SettingsChange};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::field;
use domain::id::{AccountId, ChatbotId};
use domain::plan::Limited;
use domain::problem::Problem;

#[derive(FromRow, serde::Deserialize)]
struct ChatbotRow {
    id: String,
    name: String,
    created_at: i64,
    documents: i64,
    daily_cap: Option<i64>,
    spent: i64,
    paused_at: Option<i64>,
}

impl From<ChatbotRow> for Chatbot {
    fn from(row: ChatbotRow) -> Self {
        Self {
            id: ChatbotId::from_row(row.id),
            name: row.name,
            created_at: Timestamp::from_us(row.created_at),
            documents: row.documents,
            daily_cap: row.daily_cap.map(Credit::from_millionths),
            spent_today: Credit::from_millionths(row.spent),
            paused_at: row.paused_at.map(Timestamp::from_us),
        }
    }
}

/// What was spent before `$2`, the beginning of the day, is not spent today. `$3` is one chatbot, or empty for all.
const SELECT_CHATBOTS: &str = "
SELECT c.id, c.name, c.created_at,
       (SELECT COUNT(*) FROM documents d WHERE d.account_id = c.account_id AND d.chatbot_id = c.id) AS documents,
       c.daily_cap, CASE WHEN s.since >= $2 THEN s.spent ELSE 0 END AS spent, c.paused_at
FROM chatbots c LEFT JOIN spendings s ON s.account_id = c.account_id AND s.subject_id = c.id
WHERE c.account_id = $1 AND c.deleted_at IS NULL AND ($3 = '' OR c.id = $3)
ORDER BY c.created_at, c.id
LIMIT 1000";

async fn select(server: &Server, account_id: &AccountId, chatbot_id: &str) -> Result<Vec<Chatbot>> {
    let selected = args![account_id.as_str(), server.now().start_of_day().us(), chatbot_id];
    let rows: Vec<ChatbotRow> = server.db.all(SELECT_CHATBOTS, selected).await?;
    Ok(rows.into_iter().map(Chatbot::from).collect())
}

/// The chatbots of an account, oldest first.
pub async fn list(server: &Server, account_id: &AccountId) -> Result<Vec<Chatbot>> {
    select(server, account_id, "").await
}

/// One chatbot.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn get(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<Chatbot> {
    let found = select(server, account_id, chatbot_id.as_str()).await?.pop();
    Ok(found.ok_or_else(|| Problem::not_found("chatbot"))?)
}

const SELECT_EXISTS: &str = "SELECT COUNT(*) FROM chatbots WHERE account_id = $1 AND id = $2";

/// Checks that the account has, or had, a chatbot.
///
/// # Errors
/// 404 when it never had one of this id.
pub async fn exists(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<()> {
    let scope = args![account_id.as_str(), chatbot_id.as_str()];
    let (found,): (i64,) = server.db.one(SELECT_EXISTS, scope).await?;
    if found == 1 { Ok(()) } else { Err(Problem::not_found("chatbot").into()) }
}

const COUNT_CHATBOTS: &str = "SELECT COUNT(*) FROM chatbots WHERE account_id = $1 AND deleted_at IS NULL";

const INSERT_CHATBOT: &str = "
INSERT INTO chatbots (account_id, id, name, created_at, documents_version) VALUES ($1, $2, $3, $4, 0)";

/// Makes a chatbot.
///
/// # Errors
/// 422 for the name, 403 when the plan has no place left.
pub async fn create(server: &Server, viewer: &Viewer, name: &str) -> Result<Chatbot> {
    let name = field::name("name", name)?;
    let now = server.now();
    let id = ChatbotId::new(now, server.id_bytes());
    let account_id = viewer.account_id.as_str();
    let mut tx = server.db.begin().await?;
    let plan = accounts::lock(server, &mut tx, &viewer.account_id).await?;
    let (used,): (i64,) = tx.one(COUNT_CHATBOTS, args![account_id]).await?;
    plan.allow_one_more(Limited::Chatbots, used)?;
    tx.execute(INSERT_CHATBOT, args![account_id, id.as_str(), name, now.us()]).await?;
    tx.commit().await?;
    server.live.changed(&viewer.account_id);
    let (daily_cap, spent_today, paused_at) = (None, Credit::ZERO, None);
    Ok(Chatbot { id, name: name.to_owned(), created_at: now, documents: 0, daily_cap, spent_today, paused_at })
}

const RENAME_CHATBOT: &str = "
UPDATE chatbots SET name = $3 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Gives a chatbot another name.
///
/// # Errors
/// 422 for the name, 404 when the account has no such chatbot.
pub async fn rename(server: &Server, viewer: &Viewer, chatbot_id: &ChatbotId, name: &str) -> Result<Chatbot> {
    let name = field::name("name", name)?;
    server.db.execute(RENAME_CHATBOT, args![viewer.account_id.as_str(), chatbot_id.as_str(), name]).await?;
    server.live.changed(&viewer.account_id);
    get(server, &viewer.account_id, chatbot_id).await
}

#[derive(FromRow, serde::Deserialize)]
struct SettingsRow {
    welcome_message: String,
    instructions: String,
    suggested_questions: String,
    colour: String,
    answer_engine: String,
}

impl From<SettingsRow> for ChatbotSettings {
    fn from(row: SettingsRow) -> Self {
        Self {
            welcome_message: row.welcome_message,
            instructions: row.instructions,
            suggested_questions: row.suggested_questions.lines().map(str::to_owned).collect(),
            colour: Colour::parse(&row.colour),
            answer_engine: AnswerEngine::parse(&row.answer_engine),
        }
    }
}

const SELECT_SETTINGS: &str = "
SELECT welcome_message, instructions, suggested_questions, colour, answer_engine FROM chatbots
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// What its owner decided about a chatbot.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn settings(server: &Server, account_id: &AccountId, chatbot_id: &ChatbotId) -> Result<ChatbotSettings> {
    let scope = args![account_id.as_str(), chatbot_id.as_str()];
    let row: Option<SettingsRow> = server.db.optional(SELECT_SETTINGS, scope).await?;
    Ok(row.map(ChatbotSettings::from).ok_or_else(|| Problem::not_found("chatbot"))?)
}

const UPDATE_SETTINGS: &str = "
UPDATE chatbots
SET welcome_message = $3, instructions = $4, suggested_questions = $5, colour = $6, answer_engine = $7
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Changes what is named of the settings, and returns them all. It holds from the next message on.
///
/// # Errors
/// 404 when the account has no such chatbot, 422 for what was typed.
pub async fn change_settings(
    server: &Server,
    account_id: &AccountId,
    chatbot_id: &ChatbotId,
    change: &SettingsChange,
) -> Result<ChatbotSettings> {
    let mut tx = server.db.begin().await?;
    // Two changes at once of different fields must both be there in the end.
    accounts::lock(server, &mut tx, account_id).await?;
    let scope = args![account_id.as_str(), chatbot_id.as_str()];
    let row: Option<SettingsRow> = tx.optional(SELECT_SETTINGS, scope).await?;
    let current = row.map(ChatbotSettings::from).ok_or_else(|| Problem::not_found("chatbot"))?;
    let settings = current.changed(change, answers::engines(server))?;
    let updated = args![
        account_id.as_str(),
        chatbot_id.as_str(),
        &settings.welcome_message,
        &settings.instructions,
        settings.suggested_questions.join("\n"),
        settings.colour.as_ref().map_or("", Colour::as_str),
        settings.answer_engine.map_or("", AnswerEngine::as_str),
    ];
    tx.execute(UPDATE_SETTINGS, updated).await?;
    tx.commit().await?;
    server.live.changed(account_id);
    Ok(settings)
}

const UPDATE_CAP: &str = "
UPDATE chatbots SET daily_cap = $3 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Sets how much a chatbot may spend a day (UTC); `None` is no cap. It holds from the next message on.
///
/// # Errors
/// 422 when it is negative, 404 when the account has no such chatbot.
pub async fn set_daily_cap(
    server: &Server,
    viewer: &Viewer,
    chatbot_id: &ChatbotId,
    cap: Option<Credit>,
) -> Result<()> {
    let cap = field::limit("daily_cap", cap)?;
    let changed = args![viewer.account_id.as_str(), chatbot_id.as_str(), cap];
    change(server, viewer, server.db.execute(UPDATE_CAP, changed).await?)
}

const PAUSE: &str = "
UPDATE chatbots SET paused_at = COALESCE(paused_at, $3) WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Lets a chatbot answer nobody but its owner in the console, from the next message on and in every process. Answers that
/// are under way, whose price is set aside already, are finished.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn pause(server: &Server, viewer: &Viewer, chatbot_id: &ChatbotId) -> Result<()> {
    let paused = args![viewer.account_id.as_str(), chatbot_id.as_str(), server.now().us()];
    change(server, viewer, server.db.execute(PAUSE, paused).await?)
}

const RESUME: &str = "
UPDATE chatbots SET paused_at = NULL WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// Lets a chatbot answer everybody again.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn resume(server: &Server, viewer: &Viewer, chatbot_id: &ChatbotId) -> Result<()> {
    let resumed = args![viewer.account_id.as_str(), chatbot_id.as_str()];
    change(server, viewer, server.db.execute(RESUME, resumed).await?)
}

/// Tells the open pages about a change, and whoever named a chatbot that is not there.
fn change(server: &Server, viewer: &Viewer, rows: u64) -> Result<()> {
    server.live.changed(&viewer.account_id);
    if rows == 1 { Ok(()) } else { Err(Problem::not_found("chatbot").into()) }
}

const DELETE_CHATBOT: &str = "
UPDATE chatbots SET deleted_at = $3, documents_version = documents_version + 1
WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

const DELETE_DOCUMENTS: &str = "DELETE FROM documents WHERE account_id = $1 AND chatbot_id = $2";

/// Deletes a chatbot with its documents. Its conversations stay, because each charge points to its answer.
///
/// # Errors
/// 404 when the account has no such chatbot.
pub async fn delete(server: &Server, viewer: &Viewer, chatbot_id: &ChatbotId) -> Result<()> {
    let account_id = viewer.account_id.as_str();
    let mut tx = server.db.begin().await?;
    let deleted = tx.execute(DELETE_CHATBOT, args![account_id, chatbot_id.as_str(), server.now().us()]).await?;
    if deleted == 0 {
        return Err(Problem::not_found("chatbot").into());
    }
    tx.execute(DELETE_DOCUMENTS, args![account_id, chatbot_id.as_str()]).await?;
    tx.commit().await?;
    server.search.forget(chatbot_id);
    server.live.changed(&viewer.account_id);
    Ok(())
}

/// The chatbots that somebody is limited to, for statements that ask `replace($1, chatbot_id, '') <> $1`: all ids in one
/// text with a space before each, and never an empty text, which would choose all chatbots. Ids have one length and hold no
/// space, so none is found across two others.
pub(crate) fn listed(chatbots: &[ChatbotId]) -> String {
    let ids: Vec<&str> = chatbots.iter().map(ChatbotId::as_str).collect();
    format!(" {}", ids.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_no_chatbots_is_not_the_text_that_chooses_all_of_them() {
        assert_eq!(listed(&[]), " ");
        let bots = ["bot_1", "bot_2"].map(|id| ChatbotId::from_row(id.to_owned()));
        assert_eq!(listed(&bots), " bot_1 bot_2");
    }
}
