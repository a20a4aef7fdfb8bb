//! The links in mails that open something: a new password, the confirmation of an e-mail.
//!
//! What makes a link secret is 256 random bits, made when the mail is sent and stored only as their SHA-256. So neither
//! the outbox nor a copy of the database opens anything. Each attempt to send a mail makes a link of its own, because the
//! one before may have arrived; following one ends all others of the same person and purpose.

use crate::db::Tx;
use crate::error::Result;
use crate::secrets::hex;
use crate::{Server, args, random};
use domain::clock::{DAY_US, HOUR_US};
use domain::id::{AccountId, UserId};
use domain::mail::MailKind;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const TOKEN_BYTES: usize = 32;

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes())).to_string()
}

/// How long a link of this purpose opens something, from when its mail is sent.
const fn lasts_us(purpose: MailKind) -> i64 {
    match purpose {
        MailKind::PasswordReset => HOUR_US,
        _ => 7 * DAY_US,
    }
}

const DELETE_EXPIRED: &str = "DELETE FROM mail_links WHERE expires_at <= $1";

const INSERT_LINK: &str = "
INSERT INTO mail_links (token_hash, account_id, user_id, purpose, expires_at) VALUES ($1, $2, $3, $4, $5)";

/// Makes a link and returns the token that opens it.
pub(super) async fn make(
    server: &Server,
    account_id: &str,
    user_id: &str,
    purpose: MailKind,
) -> Result<Zeroizing<String>> {
    let token = hex(&random::bytes::<TOKEN_BYTES>(server.random.as_ref()));
    let now = server.now();
    let mut tx = server.db.begin().await?;
    tx.execute(DELETE_EXPIRED, args![now.us()]).await?;
    let expires_at = now.plus_us(lasts_us(purpose)).us();
    tx.execute(INSERT_LINK, args![hash(&token), account_id, user_id, purpose.as_str(), expires_at]).await?;
    tx.commit().await?;
    Ok(token)
}

const SELECT_PURPOSE: &str = "SELECT purpose FROM mail_links WHERE token_hash = $1 AND expires_at > $2";

/// What a token opens now; nothing when it was used, has ended, or never was one.
pub async fn purpose_of(server: &Server, token: &str) -> Result<Option<MailKind>> {
    let row: Option<(String,)> = server.db.optional(SELECT_PURPOSE, args![hash(token), server.now().us()]).await?;
    Ok(row.and_then(|(purpose,)| MailKind::parse(&purpose)))
}

/// Of two that follow the same link at once, one deletes the row and the other finds none.
const DELETE_LINK: &str = "
DELETE FROM mail_links WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING account_id, user_id";

const DELETE_OTHERS: &str = "DELETE FROM mail_links WHERE user_id = $1 AND purpose = $2";

/// Uses a link up, and with it all others of the same person and purpose; returns whose it was.
pub async fn follow(
    server: &Server,
    tx: &mut Tx,
    token: &str,
    purpose: MailKind,
) -> Result<Option<(AccountId, UserId)>> {
    let link = args![hash(token), purpose.as_str(), server.now().us()];
    let row: Option<(String, String)> = tx.optional(DELETE_LINK, link).await?;
    let Some((account_id, user_id)) = row else { return Ok(None) };
    tx.execute(DELETE_OTHERS, args![&user_id, purpose.as_str()]).await?;
    Ok(Some((AccountId::from_row(account_id), UserId::from_row(user_id))))
}
