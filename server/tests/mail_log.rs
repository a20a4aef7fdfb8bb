//! What is logged of mails, and what never is.

use crate::listener::Log;
use crate::post::{only, token};
use crate::support::{ADDRESS, databases, databases_with, owner};
use server::{Server, mail, recovery};
use std::fs;
use std::sync::Arc;

#[tokio::test]
async fn the_log_names_mails_and_holds_neither_links_nor_addresses_nor_passwords() {
    for server in databases().await {
        let (log, guard) = Log::listen(tracing::Level::DEBUG);
        let olga = owner(&server, "olga").await;
        recovery::send_password_link(&server, &olga.email).await.unwrap();
        let token = token(&only(&server, "password_reset").await.1);
        recovery::choose_password(&server, &token, "another password", ADDRESS).await.unwrap();
        drop(guard);
        let text = log.text();
        assert!(text.contains("a mail was sent") && text.contains("kind=\"password_reset\""), "{text}");
        for secret in [&token, &olga.email, "another password"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "hush-hush\n").unwrap();
    let file = ["--smtp-url", "smtp://olga@127.0.0.1:9?tls=none", "--smtp-password-file", password.to_str().unwrap()];
    for options in [&["--smtp-url", "smtp://olga:hush-hush@127.0.0.1:9"][..], &file] {
        for server in databases_with(options).await {
            let (log, guard) = Log::listen(tracing::Level::DEBUG);
            let server: &Arc<Server> = &server;
            owner(server, "olga").await;
            mail::send_waiting(server).await.unwrap();
            drop(guard);
            let stored = &mail::list(server, None).await.unwrap()[0].error;
            let text = format!("{}\n{stored}\n{}\n{:?}", log.text(), server.config.summary(), server.config);
            assert!(text.contains("a mail could not be sent") && !stored.is_empty(), "{text}");
            assert!(text.contains("mail by 127.0.0.1"), "{text}");
            assert!(!text.contains("hush"), "{text}");
        }
    }
}
