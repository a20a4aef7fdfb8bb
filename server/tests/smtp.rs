//! Mails to an SMTP server that was not written here: `script/smtp` starts aiosmtpd and runs these.

use crate::support::{ADDRESS, TestServer, databases_with};
use domain::account::Viewer;
use domain::clock::MINUTE_US;
use domain::mail::{MailKind, MailState};
use server::mail::{self, OutboxMail};
use server::{Server, accounts};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// What `script/smtp` says: the servers without and with TLS, and where they keep mails.
#[expect(clippy::disallowed_methods, reason = "how script/smtp says where its servers are")]
fn named(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: run script/smtp"))
}

/// The mails that were taken for an address.
fn taken(address: &str) -> Vec<String> {
    let folder = PathBuf::from(named("ARTIKO_TEST_SMTP_FOLDER"));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("it works") {
        let path = entry.expect("it works").path();
        if path.extension().is_some_and(|ending| ending == "eml") {
            let text = fs::read_to_string(path).expect("it works").replace("\r\n", "\n");
            if text.starts_with(&format!("X-Envelope-To: {address}\n")) {
                found.push(text);
            }
        }
    }
    found
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    mail.lines().find_map(|line| line.strip_prefix(start.as_str())).unwrap_or_else(|| panic!("no {name} in {mail}"))
}

fn url() -> String {
    format!("smtp://{}", named("ARTIKO_TEST_SMTP"))
}

/// An address that no other test and no other database uses.
fn address(server: &Server, name: &str) -> String {
    format!("{name}-{}-{}@bergfeld.example", server.db.name().to_lowercase(), std::process::id())
}

/// Signs up, which sends a mail.
async fn sign_up(server: &Server, email: &str) -> Viewer {
    accounts::sign_up(server, "Olga Gr\u{fc}n", email, "a long password", ADDRESS).await.expect("it works")
}

async fn row(server: &Server) -> OutboxMail {
    let mut mails = mail::list(server, None).await.expect("it works");
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

/// Sends now, and again whenever the pause is over, so many times.
async fn send(server: &TestServer, times: usize) {
    for _ in 0..times {
        mail::send_waiting(server).await.expect("it works");
        server.clock.advance_us(10 * MINUTE_US);
    }
}

#[tokio::test]
#[ignore = "script/smtp starts the server that it needs"]
async fn a_mail_arrives_whole_and_once() {
    for server in databases_with(&["--smtp-url", &url(), "--mail-from", "Artiko <robot@artiko.example>"]).await {
        let email = address(&server, "olga");
        sign_up(&server, &email).await;
        send(&server, 3).await;
        let row = row(&server).await;
        assert_eq!(
            (row.state, row.attempts, row.kind.as_str()),
            (MailState::Sent, 1, MailKind::EmailConfirmation.as_str())
        );
        let mails = taken(&email);
        assert_eq!(mails.len(), 1);
        let mail = &mails[0];
        assert_eq!(header(mail, "From"), "Artiko <robot@artiko.example>");
        assert_eq!(header(mail, "Subject"), "Confirm your e-mail");
        assert!(header(mail, "Message-ID").ends_with("@artiko.example>"), "{mail}");
        assert!(header(mail, "Date").starts_with("Wed, 18 Nov 2026"), "{mail}");
        assert!(header(mail, "Content-Type").starts_with("multipart/alternative"), "{mail}");
        assert!(mail.contains("/confirm-email?token=") && mail.contains("<p>"), "{mail}");
        assert_eq!(mail::get(&server, &row.account_id, &row.id).await.unwrap().1, None, "no file is kept");
        assert!(!server.folder().join("outbox").exists());
    }
}

#[tokio::test]
#[ignore = "script/smtp starts the server that it needs"]
async fn a_server_that_is_busy_gets_it_later() {
    for server in databases_with(&["--smtp-url", &url()]).await {
        let email = address(&server, "busy");
        sign_up(&server, &email).await;
        send(&server, 2).await;
        let waiting = row(&server).await;
        assert_eq!((waiting.state, waiting.attempts), (MailState::Waiting, 2));
        assert!(waiting.error.contains("come back later"), "{}", waiting.error);
        assert!(taken(&email).is_empty());
        send(&server, 2).await;
        assert_eq!((row(&server).await.attempts, taken(&email).len()), (3, 1));
    }
}

/// What nobody can know: the server has it and did not say so. It gets it again, with the same Message-ID.
#[tokio::test]
#[ignore = "script/smtp starts the server that it needs"]
async fn a_mail_of_which_nobody_heard_is_sent_again_under_the_same_name() {
    for server in databases_with(&["--smtp-url", &url()]).await {
        let email = address(&server, "cut");
        sign_up(&server, &email).await;
        send(&server, 4).await;
        let row = row(&server).await;
        assert_eq!((row.state, row.attempts), (MailState::Sent, 2), "{}", row.error);
        let mails = taken(&email);
        assert_eq!(mails.len(), 2);
        let names: BTreeSet<&str> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
        assert_eq!(names.len(), 1);
    }
}

#[tokio::test]
#[ignore = "script/smtp starts the server that it needs"]
async fn a_mailbox_that_is_gone_is_given_up_and_keeps_nobody_elses_mail_back() {
    for server in databases_with(&["--smtp-url", &url()]).await {
        let (gone, olga) = (address(&server, "gone"), address(&server, "other"));
        sign_up(&server, &gone).await;
        sign_up(&server, &olga).await;
        send(&server, 1).await;
        assert_eq!(taken(&olga).len(), 1);
        send(&server, 3 * 24 * 6 + 60).await;
        let failed = mail::list(&server, Some(MailState::Failed)).await.unwrap();
        assert_eq!(failed.len(), 1);
        assert!(failed[0].error.contains("no such mailbox"), "{}", failed[0].error);
        assert!(taken(&gone).is_empty());
    }
}

#[tokio::test]
#[ignore = "script/smtp starts the server that it needs"]
async fn a_server_with_a_password_gets_it_encrypted_and_otherwise_not_at_all() {
    let server = named("ARTIKO_TEST_SMTP_TLS");
    let right = format!("smtp://artiko:p%40ss%20w%2Frd@{server}?tls=required");
    for (url, is_taken) in [
        (right.clone(), true),
        // Without TLS this server speaks to nobody.
        (right.replace("?tls=required", "?tls=none"), false),
        (right.replace("w%2Frd", "wrong"), false),
        // And a server without TLS gets no password.
        (format!("smtp://artiko:secret@{}?tls=required", named("ARTIKO_TEST_SMTP")), false),
    ] {
        for server in databases_with(&["--smtp-url", &url]).await {
            let email = address(&server, if is_taken { "right" } else { "wrong" });
            sign_up(&server, &email).await;
            send(&server, 1).await;
            let row = row(&server).await;
            assert_eq!(row.state == MailState::Sent, is_taken, "{url}: {}", row.error);
            let mails = taken(&email);
            assert_eq!(mails.len(), usize::from(is_taken));
            assert!(mails.iter().all(|mail| header(mail, "X-Login") == "artiko" && header(mail, "X-Tls") == "True"));
            assert!(!row.error.contains("w/rd") && !row.error.contains("secret"), "{}", row.error);
        }
    }
}
