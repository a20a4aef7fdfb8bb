//! What a person does by a link in a mail: choosing a new password, and confirming an e-mail.
//!
//! An unconfirmed e-mail takes nothing away from its owner, and mails go to it. Confirming counts in one place: whoever
//! runs the installation is recognised by a confirmed e-mail alone.

use crate::db::Tx;
use crate::error::Result;
use crate::mail::{self, Event};
use crate::{Server, args, sessions};
use domain::account::{Viewer, check_new_password, normalise_email};
use domain::clock::{MINUTE_US, Timestamp};
use domain::id::{AccountId, UserId};
use domain::mail::MailKind;
use domain::problem::{Problem, ProblemCode};
use std::net::IpAddr;
use std::sync::Arc;

/// The same person gets at most one mail of the same kind in this time, however often somebody asks for one.
const APART_US: i64 = 5 * MINUTE_US;

/// What such an event is called: the same for all that happens within [`APART_US`].
fn event_id(user_id: &UserId, kind: MailKind, now: Timestamp) -> String {
    format!("{user_id}_{}_{}", kind.as_str(), now.us() / APART_US)
}

/// Asks for the link to a new password. What is answered, and how fast, does not depend on whether there is such a
/// person: that is looked up afterwards.
///
/// # Errors
/// 422 for an e-mail that is none, 429 after too many attempts.
pub fn ask_for_password(server: &Arc<Server>, email: &str, address: IpAddr) -> Result<()> {
    let email = normalise_email(email)?;
    server.attempts.count(address, &email, server.now())?;
    let server = Arc::clone(server);
    tokio::spawn(async move {
        if let Err(error) = send_password_link(&server, &email).await {
            tracing::error!(%error, "a link to a new password could not be written down");
        }
    });
    Ok(())
}

const SELECT_PERSON: &str = "
SELECT m.account_id, u.id FROM users u JOIN members m ON m.user_id = u.id
WHERE u.email = $1
ORDER BY m.created_at, m.account_id
LIMIT 1";

/// Writes down the mail with the link to a new password, if there is such a person.
///
/// # Errors
/// When the database fails.
pub async fn send_password_link(server: &Server, email: &str) -> Result<()> {
    let mut tx = server.db.begin().await?;
    let Some((account_id, user_id)) = tx.optional::<(String, String)>(SELECT_PERSON, args![email]).await? else {
        return Ok(());
    };
    let (account_id, user_id) = (AccountId::from_row(account_id), UserId::from_row(user_id));
    let (kind, now) = (MailKind::PasswordReset, server.now());
    let event = Event {
        account_id: &account_id,
        id: event_id(&user_id, kind, now),
        kind,
        subject_id: None,
        user_id: Some(&user_id),
        detail: "",
    };
    mail::enqueue(&mut tx, event, now).await?;
    tx.commit().await
}

const UPDATE_PASSWORD: &str = "
UPDATE users SET password_hash = $2, confirmed_at = COALESCE(confirmed_at, $3) WHERE id = $1";

/// Sets a new password by the link of a mail, which is used up, and ends all sessions. Whoever could follow the link has
/// confirmed the e-mail too.
///
/// # Errors
/// 422 for `password`, 404 for a link that was used, has ended or never was one.
pub async fn choose_password(server: &Server, token: &str, password: &str, address: IpAddr) -> Result<()> {
    check_new_password(password)?;
    // A password costs some work to hash, so that nobody gets it done without a link that is good.
    require(server, token, MailKind::PasswordReset, address).await?;
    let password_hash = server.passwords.hash(password, server.random.as_ref()).await?;
    let mut tx = server.db.begin().await?;
    let Some((_, user_id)) = mail::follow(server, &mut tx, token, MailKind::PasswordReset).await? else {
        return Err(link_is_over());
    };
    tx.execute(UPDATE_PASSWORD, args![user_id.as_str(), password_hash, server.now().us()]).await?;
    let accounts = sessions::end_all(&mut tx, &user_id).await?;
    tx.commit().await?;
    accounts.iter().for_each(|account_id| server.live.changed(account_id));
    tracing::info!(%user_id, "a password was chosen anew");
    Ok(())
}

/// Refuses a token that does not open this.
///
/// # Errors
/// 404 for a link that was used, has ended or never was one, 429 after too many attempts.
pub async fn require(server: &Server, token: &str, purpose: MailKind, address: IpAddr) -> Result<()> {
    server.attempts.count_address(address, server.now())?;
    if mail::purpose_of(server, token).await? == Some(purpose) { Ok(()) } else { Err(link_is_over()) }
}

fn link_is_over() -> crate::Error {
    let detail = "this link was used already, has ended, or is not whole; ask for a new one";
    Problem::with_detail(ProblemCode::NotFound, detail).into()
}

/// Writes down the mail that asks a person to confirm his e-mail.
pub(crate) async fn ask_to_confirm(tx: &mut Tx, viewer: &Viewer, now: Timestamp) -> Result<()> {
    let kind = MailKind::EmailConfirmation;
    let event = Event {
        account_id: &viewer.account_id,
        id: event_id(&viewer.user_id, kind, now),
        kind,
        subject_id: None,
        user_id: Some(&viewer.user_id),
        detail: "",
    };
    mail::enqueue(tx, event, now).await?;
    Ok(())
}

/// Sends the mail with the link once more, unless the e-mail is confirmed already or one was sent just now.
///
/// # Errors
/// When the database fails.
pub async fn ask_to_confirm_again(server: &Server, viewer: &Viewer) -> Result<()> {
    if viewer.is_confirmed {
        return Ok(());
    }
    let mut tx = server.db.begin().await?;
    ask_to_confirm(&mut tx, viewer, server.now()).await?;
    tx.commit().await
}

const CONFIRM: &str = "UPDATE users SET confirmed_at = $2 WHERE id = $1 AND confirmed_at IS NULL";

/// Confirms an e-mail by the link of a mail, which is used up.
///
/// # Errors
/// 404 for a link that was used, has ended or never was one, 429 after too many attempts.
pub async fn confirm_email(server: &Server, token: &str, address: IpAddr) -> Result<()> {
    require(server, token, MailKind::EmailConfirmation, address).await?;
    let mut tx = server.db.begin().await?;
    let Some((account_id, user_id)) = mail::follow(server, &mut tx, token, MailKind::EmailConfirmation).await? else {
        return Err(link_is_over());
    };
    tx.execute(CONFIRM, args![user_id.as_str(), server.now().us()]).await?;
    tx.commit().await?;
    tracing::info!(%account_id, %user_id, "an e-mail was confirmed");
    Ok(())
}

/// Confirms an e-mail without a mail, for the demonstration.
pub(crate) async fn confirm(server: &Server, user_id: &UserId) -> Result<()> {
    server.db.execute(CONFIRM, args![user_id.as_str(), server.now().us()]).await?;
    Ok(())
}
