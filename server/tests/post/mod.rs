//! The mails of an installation as their readers get them: shared by the tests of mail.

use domain::mail::MailState;
use server::Server;
use server::mail::{self, OutboxMail, ReadableMail};

/// Sends what waits, and returns all mails of a kind that were ever sent, the newest first.
pub async fn sent(server: &Server, kind: &str) -> Vec<(OutboxMail, ReadableMail)> {
    mail::send_waiting(server).await.expect("mails are sent");
    let mut found = Vec::new();
    for row in mail::list(server, Some(MailState::Sent)).await.expect("the mails") {
        if row.kind == kind {
            let (row, said) = mail::get(server, &row.account_id, &row.id).await.expect("a mail");
            found.push((row, said.expect("it is kept as a file")));
        }
    }
    found
}

/// The only mail of a kind that was ever sent.
pub async fn only(server: &Server, kind: &str) -> (OutboxMail, ReadableMail) {
    let mut found = sent(server, kind).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The token of the link in a mail.
pub fn token(mail: &ReadableMail) -> String {
    let (_, rest) = mail.text.split_once("?token=").expect("a link");
    let token: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(token.len(), 64, "256 bits");
    token
}
