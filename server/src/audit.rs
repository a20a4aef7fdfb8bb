//! The audit: what operators did to an account, and what the server repaired by itself. One line for each act, written in
//! the transaction that did it, so that there is neither an act without a line nor a line without an act.

use crate::db::{FromRow, Tx};
use crate::error::Result;
use crate::{Server, args};
use domain::clock::Timestamp;
use domain::id::{AccountId, AuditId};

/// Who acts where no person does.
pub const ITSELF: &str = "artiko";

/// What somebody does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act<'a> {
    pub actor: &'a str,
    /// `grant`, `adjust`, `refund` or `repair`.
    pub action: &'static str,
    /// What it is done to.
    pub subject: &'a str,
    /// What it comes to, and why.
    pub detail: &'a str,
}

/// A line as it stands in the audit.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, serde::Deserialize)]
pub struct Line {
    at: i64,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
}

impl Line {
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        Timestamp::from_us(self.at)
    }
}

const INSERT_LINE: &str = "
INSERT INTO audit (account_id, id, at, actor, action, subject, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Writes a line in the caller's transaction.
pub(crate) async fn note(
    server: &Server,
    tx: &mut Tx,
    account_id: &AccountId,
    act: Act<'_>,
    now: Timestamp,
) -> Result<()> {
    let Act { actor, action, subject, detail } = act;
    let id = AuditId::new(now, server.id_bytes());
    tx.execute(INSERT_LINE, args![account_id.as_str(), id.as_str(), now.us(), actor, action, subject, detail]).await?;
    Ok(())
}

const SELECT_LINES: &str = "
SELECT at, actor, action, subject, detail FROM audit WHERE account_id = $1 ORDER BY at DESC, id DESC LIMIT 1000";

/// The newest thousand lines of an account, newest first.
pub async fn list(server: &Server, account_id: &AccountId) -> Result<Vec<Line>> {
    server.db.all(SELECT_LINES, args![account_id.as_str()]).await
}
