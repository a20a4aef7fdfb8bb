//! The outbox: who sends which mail, when it is tried again, and what became of it.
//!
//! Several processes may look at the same database. A mail is claimed by a row that says until when it is left to whoever
//! claimed it; sending takes less time than that. A process that ends in the middle leaves its mail to the next one that
//! looks after that time. Nothing is locked while a mail is on its way.

use super::{ReadableMail, name_of, render};
use crate::db::FromRow;
use crate::error::{Error, Result};
use crate::{Server, args};
use domain::clock::{DAY_US, MINUTE_US, Timestamp};
use domain::mail::{MailKind, MailState, next_try};
use domain::problem::Problem;
use lettre::Address;
use lettre::message::Mailbox;

/// How long a mail is left to whoever claimed it: longer than sending may take.
const CLAIM_US: i64 = 5 * MINUTE_US;
/// How long mails are kept after their event, and their files with them.
const KEPT_US: i64 = 90 * DAY_US;

/// A mail that this process is to send.
pub(super) struct Claimed {
    pub account_id: String,
    pub id: String,
    pub kind: MailKind,
    subject_id: Option<String>,
    user_id: Option<String>,
    pub threshold: i64,
    pub amount: i64,
    pub detail: String,
    pub at: Timestamp,
    attempts: i64,
}

impl Claimed {
    /// The key, chatbot or payment that it is about.
    pub fn subject(&self) -> &str {
        self.subject_id.as_deref().unwrap_or_default()
    }

    /// Whom it is for.
    pub fn person(&self) -> &str {
        self.user_id.as_deref().unwrap_or_default()
    }
}

#[derive(FromRow, serde::Deserialize)]
struct ClaimedRow {
    kind: String,
    subject_id: Option<String>,
    user_id: Option<String>,
    threshold: i64,
    amount: i64,
    detail: String,
    at: i64,
    attempts: i64,
}

/// Sends what waits, one after the other, and returns when nothing does.
///
/// # Errors
/// When the database fails. A mail that cannot be sent is no error; it is tried again.
pub async fn send_waiting(server: &Server) -> Result<()> {
    while !server.is_stopping() {
        let Some(mail) = claim(server).await? else { break };
        send(server, &mail).await?;
    }
    Ok(())
}

const SELECT_WAITING: &str = "
SELECT account_id, id FROM outbox
WHERE state IN ('waiting', 'sending') AND next_try_at <= $1
ORDER BY next_try_at, at, id
LIMIT 8";

/// `$4` is until when the mail is left to whoever claims it.
const CLAIM: &str = "
UPDATE outbox SET state = 'sending', attempts = attempts + 1, next_try_at = $4
WHERE account_id = $1 AND id = $2 AND state IN ('waiting', 'sending') AND next_try_at <= $3
RETURNING kind, subject_id, user_id, threshold, amount, detail, at, attempts";

/// Takes the mail that has waited longest; `None` when there is none that is not somebody else's.
async fn claim(server: &Server) -> Result<Option<Claimed>> {
    let now = server.now();
    loop {
        let waiting: Vec<(String, String)> = server.db.all(SELECT_WAITING, args![now.us()]).await?;
        if waiting.is_empty() {
            return Ok(None);
        }
        for (account_id, id) in waiting {
            let mut tx = server.db.begin().await?;
            let claim = args![&account_id, &id, now.us(), now.plus_us(CLAIM_US).us()];
            let row: Option<ClaimedRow> = tx.optional(CLAIM, claim).await?;
            let Some(row) = row else { continue };
            let kind =
                MailKind::parse(&row.kind).ok_or_else(|| Error::internal("a stored mail is of no known kind"))?;
            let mut mail = Claimed {
                account_id,
                id,
                kind,
                subject_id: row.subject_id,
                user_id: row.user_id,
                threshold: row.threshold,
                amount: row.amount,
                detail: row.detail,
                at: Timestamp::from_us(row.at),
                attempts: row.attempts,
            };
            if mail.user_id.is_none() {
                mail.user_id = share_out(&mut tx, &mail).await?;
            }
            tx.commit().await?;
            return Ok(Some(mail));
        }
    }
}

const SELECT_MANAGERS: &str = "
SELECT user_id FROM members WHERE account_id = $1 AND role IN ('owner', 'admin') ORDER BY created_at, user_id LIMIT 100";

const ADDRESS: &str = "UPDATE outbox SET user_id = $3 WHERE account_id = $1 AND id = $2";

const COPY: &str = "
INSERT INTO outbox (account_id, id, kind, subject_id, user_id, threshold, amount, detail, at)
SELECT account_id, $3, kind, subject_id, $4, threshold, amount, detail, at
FROM outbox WHERE account_id = $1 AND id = $2
ON CONFLICT (account_id, id) DO NOTHING";

/// Makes a mail to the account one to each of its owners and admins: the first gets this one, the others get copies, so
/// that an address which takes no mail keeps nobody else's back. Returns the first.
async fn share_out(tx: &mut crate::db::Tx, mail: &Claimed) -> Result<Option<String>> {
    let managers: Vec<(String,)> = tx.all(SELECT_MANAGERS, args![&mail.account_id]).await?;
    let mut managers = managers.into_iter().map(|(user_id,)| user_id);
    let Some(first) = managers.next() else { return Ok(None) };
    tx.execute(ADDRESS, args![&mail.account_id, &mail.id, &first]).await?;
    for user_id in managers {
        let id = format!("{} {user_id}", mail.id);
        tx.execute(COPY, args![&mail.account_id, &mail.id, id, user_id]).await?;
    }
    Ok(Some(first))
}

const SELECT_PERSON: &str = "
SELECT u.name, u.email FROM users u JOIN members m ON m.user_id = u.id WHERE m.account_id = $1 AND u.id = $2";

async fn send(server: &Server, mail: &Claimed) -> Result<()> {
    let person: Option<(String, String)> =
        server.db.optional(SELECT_PERSON, args![&mail.account_id, mail.person()]).await?;
    let Some((name, email)) = person else { return give_up(server, mail, "there is nobody to send it to").await };
    let Ok(address) = email.parse::<Address>() else { return give_up(server, mail, "the e-mail takes no mail").await };
    let letter = match render::letter(server, mail).await {
        Ok(Ok(letter)) => letter,
        Ok(Err(reason)) => return give_up(server, mail, reason).await,
        // It must not keep others back, which may be put together.
        Err(error) => return try_later(server, mail, &error.to_string()).await,
    };
    let to = Mailbox::new(Some(name), address);
    match server.mailer.send(&to, &letter, &name_of(&mail.account_id, &mail.id), server.now()).await {
        Ok(()) => mark_sent(server, mail).await,
        Err(reason) => try_later(server, mail, &reason).await,
    }
}

/// Whatever somebody else made of it meanwhile: it is on its way.
const MARK_SENT: &str = "
UPDATE outbox SET state = 'sent', sent_at = $3, error = '' WHERE account_id = $1 AND id = $2";

async fn mark_sent(server: &Server, mail: &Claimed) -> Result<()> {
    server.db.execute(MARK_SENT, args![&mail.account_id, &mail.id, server.now().us()]).await?;
    tracing::info!(account_id = mail.account_id, mail = mail.id, kind = mail.kind.as_str(), "a mail was sent");
    Ok(())
}

/// Only of one's own attempt: somebody else may be trying again already, or have sent it.
const MARK_UNSENT: &str = "
UPDATE outbox SET state = $4, next_try_at = $5, error = $6
WHERE account_id = $1 AND id = $2 AND state = 'sending' AND attempts = $3";

/// Longest reason that is kept, in characters: a server may say a lot.
const REASON_CHARACTERS_MAX: usize = 300;

fn kept(reason: &str) -> String {
    reason.chars().take(REASON_CHARACTERS_MAX).collect()
}

async fn mark_unsent(server: &Server, mail: &Claimed, state: MailState, reason: &str, at: Timestamp) -> Result<()> {
    let row = args![&mail.account_id, &mail.id, mail.attempts, state.as_str(), at.us(), kept(reason)];
    server.db.execute(MARK_UNSENT, row).await?;
    Ok(())
}

async fn try_later(server: &Server, mail: &Claimed, reason: &str) -> Result<()> {
    let Some(at) = next_try(mail.kind, mail.at, mail.attempts, server.now()) else {
        return give_up(server, mail, reason).await;
    };
    let (kind, attempts) = (mail.kind.as_str(), mail.attempts);
    tracing::warn!(account_id = mail.account_id, mail = mail.id, kind, attempts, reason, "a mail could not be sent");
    mark_unsent(server, mail, MailState::Waiting, reason, at).await
}

async fn give_up(server: &Server, mail: &Claimed, reason: &str) -> Result<()> {
    let (kind, attempts) = (mail.kind.as_str(), mail.attempts);
    tracing::warn!(account_id = mail.account_id, mail = mail.id, kind, attempts, reason, "a mail was given up");
    mark_unsent(server, mail, MailState::Failed, reason, server.now()).await
}

/// The end is part of the name, so that a key with a new end is told of again. `$4` and `$5` are the ends that are told
/// of now, `$3` is how many days before.
const INSERT_REMINDERS: &str = "
INSERT INTO outbox (account_id, id, kind, subject_id, detail, at)
SELECT account_id, id || '_ends_' || CAST(expires_at AS TEXT) || '_' || CAST($3 AS TEXT), $2, id,
       CAST(expires_at AS TEXT), $1
FROM api_keys
WHERE deleted_at IS NULL AND disabled_at IS NULL AND expires_at > $4 AND expires_at <= $5
ON CONFLICT (account_id, id) DO NOTHING";

/// Writes down mails about keys that end within seven days, and again about those that end within one.
///
/// # Errors
/// When the database fails.
pub async fn remind_of_keys(server: &Server) -> Result<()> {
    let now = server.now();
    for (days, from, until) in [("7", DAY_US, 7 * DAY_US), ("1", 0, DAY_US)] {
        let ends =
            args![now.us(), MailKind::KeyExpiring.as_str(), days, now.plus_us(from).us(), now.plus_us(until).us()];
        server.db.execute(INSERT_REMINDERS, ends).await?;
    }
    Ok(())
}

const DELETE_OLD: &str = "
DELETE FROM outbox WHERE state IN ('sent', 'failed') AND at < $1 RETURNING account_id, id";

/// Forgets mails of long ago, with their files.
///
/// # Errors
/// When the database fails.
pub async fn forget_old(server: &Server) -> Result<()> {
    const COUNT_OLD: &str = "SELECT COUNT(*) FROM outbox WHERE state IN ('sent', 'failed') AND at < $1";
    let before = server.now().plus_us(-KEPT_US).us();
    let (old,): (i64,) = server.db.one(COUNT_OLD, args![before]).await?;
    if old == 0 {
        return Ok(());
    }
    let mut tx = server.db.begin().await?;
    let gone: Vec<(String, String)> = tx.all(DELETE_OLD, args![before]).await?;
    tx.commit().await?;
    for (account_id, id) in gone {
        server.mailer.forget(&name_of(&account_id, &id)).await;
    }
    Ok(())
}

/// A mail as those who run the installation see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMail {
    pub account_id: String,
    pub id: String,
    pub kind: String,
    /// Whom it is for; nothing until it is sent for the first time.
    pub email: Option<String>,
    pub state: MailState,
    pub attempts: i64,
    pub at: Timestamp,
    pub next_try_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed; empty when it did not.
    pub error: String,
}

#[derive(FromRow, serde::Deserialize)]
struct OutboxRow {
    account_id: String,
    id: String,
    kind: String,
    email: Option<String>,
    state: String,
    attempts: i64,
    at: i64,
    next_try_at: i64,
    sent_at: Option<i64>,
    error: String,
}

impl OutboxRow {
    fn read(self) -> Result<OutboxMail> {
        let state = MailState::parse(&self.state).ok_or_else(|| Error::internal("a mail is in no known state"))?;
        Ok(OutboxMail {
            account_id: self.account_id,
            id: self.id,
            kind: self.kind,
            email: self.email,
            state,
            attempts: self.attempts,
            at: Timestamp::from_us(self.at),
            next_try_at: Timestamp::from_us(self.next_try_at),
            sent_at: self.sent_at.map(Timestamp::from_us),
            error: self.error,
        })
    }
}

/// How many mails there are in a state.
pub type OutboxCount = (MailState, i64);

/// How many mails there are in each state.
///
/// # Errors
/// When the database fails.
pub async fn counts(server: &Server) -> Result<Vec<OutboxCount>> {
    const COUNT: &str = "SELECT state, COUNT(*) FROM outbox GROUP BY state";
    let rows: Vec<(String, i64)> = server.db.all(COUNT, args![]).await?;
    let count = |state: MailState| rows.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, count)| *count);
    Ok(MailState::ALL.into_iter().map(|state| (state, count(state))).collect())
}

const SELECT_MAILS: &str = "
SELECT o.account_id, o.id, o.kind, u.email, o.state, o.attempts, o.at, o.next_try_at, o.sent_at, o.error
FROM outbox o LEFT JOIN users u ON u.id = o.user_id
WHERE $1 = '' OR o.state = $1
ORDER BY o.at DESC, o.account_id, o.id
LIMIT 200";

/// The newest 200 mails of all accounts, of one state or of any: for those who run the installation.
///
/// # Errors
/// When the database fails.
pub async fn list(server: &Server, state: Option<MailState>) -> Result<Vec<OutboxMail>> {
    let state = state.map_or("", MailState::as_str);
    let rows: Vec<OutboxRow> = server.db.all(SELECT_MAILS, args![state]).await?;
    rows.into_iter().map(OutboxRow::read).collect()
}

const SELECT_MAIL: &str = "
SELECT o.account_id, o.id, o.kind, u.email, o.state, o.attempts, o.at, o.next_try_at, o.sent_at, o.error
FROM outbox o LEFT JOIN users u ON u.id = o.user_id
WHERE o.account_id = $1 AND o.id = $2";

/// One mail, with what it says where it is kept as a file: for those who run the installation.
///
/// # Errors
/// 404 when there is none.
pub async fn get(server: &Server, account_id: &str, id: &str) -> Result<(OutboxMail, Option<ReadableMail>)> {
    let row: Option<OutboxRow> = server.db.optional(SELECT_MAIL, args![account_id, id]).await?;
    let mail = row.ok_or_else(|| Problem::not_found("mail"))?.read()?;
    let said = server.mailer.read(&name_of(account_id, id)).await?;
    Ok((mail, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_says_a_lot_fills_no_database() {
        let said = "ü".repeat(100_000);
        assert_eq!(kept(&said), said[..2 * REASON_CHARACTERS_MAX]);
        assert_eq!(kept("mailbox full"), "mailbox full");
    }
}
