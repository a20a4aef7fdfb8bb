//! Holds that nobody came back for: after a crash, or when the queue was too full to give one back.

use super::{Command, Work};
use crate::error::Result;
use crate::{Server, args};
use domain::id::{AccountId, ChatbotId, HoldId, KeyId};
use domain::ledger::Channel;

/// Most holds that one round gives back.
const ROUND_MAX: i64 = 500;

const SELECT_EXPIRED: &str = "
SELECT account_id, id, request_id, channel, key_id, chatbot_id
FROM holds
WHERE state = 'open' AND expires_at <= $1
ORDER BY expires_at
LIMIT $2";

/// Gives back what is held beyond its time.
///
/// # Errors
/// When the database fails. A hold that ended meanwhile is no error.
pub async fn sweep(server: &Server) -> Result<()> {
    type ExpiredRow = (String, String, String, String, Option<String>, String);
    let rows: Vec<ExpiredRow> = server.db.all(SELECT_EXPIRED, args![server.now().us(), ROUND_MAX]).await?;
    for (account_id, hold_id, request_id, channel, key_id, chatbot_id) in rows {
        let command = Command {
            account_id: AccountId::from_row(account_id),
            request_id,
            caller_request_id: None,
            channel: Channel::parse(&channel).unwrap_or(Channel::Api),
            key_id: key_id.map(KeyId::from_row),
            key_version: None,
            chatbot_id: ChatbotId::from_row(chatbot_id),
            work: Work::Expire { hold_id: HoldId::from_row(hold_id.clone()) },
            message: None,
            once: None,
        };
        if let Err(error) = server.writer.submit(command).await {
            tracing::info!(%error, hold_id, "a hold was not given back by the sweeper");
        }
    }
    Ok(())
}
