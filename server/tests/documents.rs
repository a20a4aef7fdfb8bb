//! Documents made of files: uploaded, read in a process of their own, replaced, tried again.

use crate::files::{Placed, bare_pages, docx, pdf, protected, zip_bomb};
use crate::shop::{Shop, question, shop};
use crate::support::{databases, databases_with, give_credit};
use domain::chatbot::{Document, DocumentKind, DocumentState};
use domain::clock::MINUTE_US;
use domain::field::DOCUMENT_BYTES_MAX;
use domain::ledger::Channel;
use domain::problem::ProblemCode;
use server::conversations::ask;
use server::documents::{self, File};
use server::{Result, Server, args, chatbots};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const PRICE: i64 = 2_000;

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> File {
    File { name: name.to_owned(), media_type: None, bytes: bytes.into() }
}

fn page(text: &'static str) -> [Placed; 1] {
    [Placed { left: 50, top: 60, size: 11, text }]
}

async fn upload(server: &Server, shop: &Shop, file: File) -> Result<Document> {
    documents::upload(server, &shop.olga.account_id, &shop.chatbot.id, file).await
}

async fn get(server: &Server, shop: &Shop, document: &Document) -> Document {
    documents::get(server, &shop.olga.account_id, &document.id).await.expect("the document")
}

/// The document once its file is read or has failed.
async fn read(server: &Server, shop: &Shop, document: &Document) -> Document {
    until(server, shop, document, |state| matches!(state, DocumentState::Ready | DocumentState::Failed { .. })).await
}

async fn until(
    server: &Server,
    shop: &Shop,
    document: &Document,
    is_reached: impl Fn(&DocumentState) -> bool,
) -> Document {
    let mut changes = server.live.subscribe(&shop.olga.account_id);
    let reached = async {
        loop {
            changes.borrow_and_update();
            let document = get(server, shop, document).await;
            if is_reached(&document.state) {
                return document;
            }
            // Another process may have changed it.
            let _told = tokio::time::timeout(Duration::from_millis(100), changes.changed()).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reached).await.expect("it is read")
}

fn reason(document: &Document) -> &str {
    let DocumentState::Failed { reason } = &document.state else { panic!("{:?}", document.state) };
    reason
}

/// A program that reads in place of the product, and the folder that it is in.
fn reader(script: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("reader");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("may be run");
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    (folder, path)
}

#[tokio::test]
async fn each_kind_of_file_is_read_and_answered_from_with_its_place() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10 * PRICE).await;
        let guide = pdf(&[&page("Nothing here."), &page("Umbrellas are lent out at the entrance.")]);
        let handbook = docx("Lockers", "A locker opens with a coin.");
        let web: &[u8] = b"<h1>Wardrobe</h1><p>Coats are kept on the first floor.";
        let table: &[u8] = b"Article,Price\nPostcard,1.50\n";
        for (name, bytes, kind, pages, question_of, answer, place) in [
            ("guide.pdf", guide.as_slice(), DocumentKind::Pdf, Some(2), "umbrellas", "at the entrance", Some(2)),
            ("handbook.docx", &handbook, DocumentKind::Docx, None, "locker", "opens with a coin", None),
            ("web.html", web, DocumentKind::Html, None, "coats", "on the first floor", None),
            ("table.csv", table, DocumentKind::Csv, None, "postcard", "Price: 1.50", None),
        ] {
            let added = upload(&server, &shop, file(name, bytes)).await.expect("uploaded");
            assert_eq!((added.state.clone(), added.passages), (DocumentState::Waiting, 0));
            let document = read(&server, &shop, &added).await;
            assert_eq!(
                (&document.state, document.kind, document.pages),
                (&DocumentState::Ready, kind, pages),
                "{name}"
            );
            assert_eq!(document.size_bytes, i64::try_from(bytes.len()).unwrap());
            let question =
                server::conversations::Question { message: question_of, ..question(&shop, Channel::Console, name) };
            let reply = ask(&server, question).await.expect("answered");
            let citation = &reply.answer.citations[0];
            assert!(citation.text.contains(answer), "{name}: {citation:?}");
            assert_eq!((citation.document_name.as_str(), citation.page), (name, place));
        }
        let files: (i64,) = server.db.one("SELECT COUNT(*) FROM document_files", args![]).await.unwrap();
        assert_eq!(files.0, 0, "files that were read are forgotten");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_fails_alone_and_says_why() {
    for server in databases().await {
        let shop = shop(&server).await;
        let whole = pdf(&[&page("Words")]);
        let mut nested = b"%PDF-1.4\n1 0 obj\n".to_vec();
        nested.extend(b"[".repeat(3_000_000));
        let mut uploaded = Vec::new();
        for (name, bytes, why) in [
            ("bomb.docx", zip_bomb(), "larger than 64 MiB"),
            ("pages.pdf", bare_pages(10_000), "has 10000 pages"),
            ("cut.pdf", whole[..whole.len() / 3].to_vec(), "damaged"),
            ("nested.pdf", nested, "damaged"),
            ("locked.pdf", protected(&whole, "secret"), "password"),
            ("empty.pdf", pdf(&[&[]]), "no text"),
            ("archive.docx", b"PK\x03\x04 and nothing more".to_vec(), "damaged"),
            ("long.html", format!("<p>{}", "word ".repeat(500_000)).into_bytes(), "more text"),
        ] {
            uploaded.push((name, upload(&server, &shop, file(name, bytes)).await.expect("uploaded"), why));
        }
        let good = upload(&server, &shop, file("good.html", "<p>Words")).await.expect("uploaded");
        for (name, document, why) in uploaded {
            let failed = read(&server, &shop, &document).await;
            assert!(reason(&failed).contains(why), "{name}: {}", reason(&failed));
        }
        assert_eq!(read(&server, &shop, &good).await.state, DocumentState::Ready);
    }
}

#[tokio::test]
async fn a_reader_that_panics_hangs_or_says_too_much_fails_the_file_alone() {
    for (script, why) in [
        ("exit 101", "damaged"),
        ("kill -ABRT $$", "memory"),
        ("exec sleep 600", "too long"),
        ("exec cat /dev/zero", "more text"),
        ("printf 'because of this'; exit 3", "because of this"),
    ] {
        let (_folder, path) = reader(script);
        let limit = if script.contains("sleep") { "300" } else { "20000" };
        for server in databases_with(&["--document-reader", &path, "--document-reading-ms", limit]).await {
            let shop = shop(&server).await;
            let document = upload(&server, &shop, file("a.html", "<p>Words")).await.expect("uploaded");
            let failed = read(&server, &shop, &document).await;
            assert!(reason(&failed).contains(why), "{script}: {}", reason(&failed));
        }
    }
}

#[tokio::test]
async fn what_is_refused_takes_no_place_and_what_failed_does() {
    for server in databases().await {
        let shop = shop(&server).await;
        let refused = upload(&server, &shop, file("a.png", b"\x89PNG".as_slice())).await.unwrap_err().into_problem();
        assert_eq!(refused.code, ProblemCode::UnsupportedMediaType);
        let nowhere = domain::id::ChatbotId::from_row("bot_x".into());
        let other = documents::upload(&server, &shop.olga.account_id, &nowhere, file("a.html", "<p>a"));
        assert_eq!(other.await.unwrap_err().into_problem().code, ProblemCode::NotFound);
        assert_eq!(documents::list(&server, &shop.olga.account_id, None).await.unwrap().len(), 1);
        let limit = server::plans::usage(&server, &shop.olga.account_id).await.unwrap().documents.limit;
        let broken = upload(&server, &shop, file("cut.docx", b"PK\x03\x04".as_slice())).await.expect("uploaded");
        for number in 2..limit {
            documents::add(&server, &shop.olga.account_id, &shop.chatbot.id, &number.to_string(), "Words")
                .await
                .unwrap();
        }
        reason(&read(&server, &shop, &broken).await);
        let full = upload(&server, &shop, file("a.html", "<p>a")).await.unwrap_err().into_problem();
        assert_eq!(full.code, ProblemCode::LimitReached);
    }
}

#[tokio::test]
async fn the_longest_text_is_taken_and_one_byte_more_is_not() {
    for server in databases().await {
        let shop = shop(&server).await;
        let (account_id, chatbot_id) = (&shop.olga.account_id, &shop.chatbot.id);
        let mut text = "word ".repeat(DOCUMENT_BYTES_MAX / 5);
        text += &"x".repeat(DOCUMENT_BYTES_MAX - text.len());
        let taken = documents::add(&server, account_id, chatbot_id, "Long", &text).await.expect("fits");
        assert_eq!(usize::try_from(taken.size_bytes), Ok(DOCUMENT_BYTES_MAX));
        text.push('x');
        let refused =
            documents::add(&server, account_id, chatbot_id, "Longer", &text).await.unwrap_err().into_problem();
        assert_eq!(refused.code, ProblemCode::InvalidField);
        assert_eq!(get(&server, &shop, &taken).await.passages, taken.passages);
    }
}

#[tokio::test]
async fn a_replaced_document_keeps_its_id_and_is_answered_from_until_the_new_file_is_read() {
    for server in databases().await {
        let shop = shop(&server).await;
        give_credit(&server, &shop.olga, 10 * PRICE).await;
        let account_id = &shop.olga.account_id;
        let document = documents::list(&server, account_id, None).await.unwrap().remove(0);
        let answer = async || {
            let question = question(&shop, Channel::Console, &format!("{:?}", std::time::Instant::now()));
            ask(&server, question).await.expect("answered").answer.text
        };
        let broken = documents::replace(&server, account_id, &document.id, file("broken.pdf", b"%PDF-1.4".as_slice()));
        let broken = broken.await.expect("replaced");
        assert_eq!(
            (&broken.id, broken.name.as_str(), broken.created_at),
            (&document.id, "broken.pdf", document.created_at)
        );
        reason(&read(&server, &shop, &document).await);
        assert!(answer().await.contains("nine to five"));
        let good = documents::replace(&server, account_id, &document.id, file("good.html", "<p>We are open at night."));
        good.await.expect("replaced");
        assert_eq!(read(&server, &shop, &document).await.state, DocumentState::Ready);
        assert!(answer().await.contains("open at night"));
        let text = documents::replace_by_text(&server, account_id, &document.id, "text.md", "We are open on Sundays.");
        assert_eq!(text.await.expect("replaced").state, DocumentState::Ready);
        assert!(answer().await.contains("open on Sundays"));
        assert_eq!(documents::list(&server, account_id, None).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn only_what_failed_is_tried_again() {
    let (folder, path) = reader("exit 101");
    for server in databases_with(&["--document-reader", &path]).await {
        std::fs::write(&path, "#!/bin/sh\nexit 101\n").unwrap();
        let shop = shop(&server).await;
        let account_id = &shop.olga.account_id;
        let ready = documents::list(&server, account_id, None).await.unwrap().remove(0);
        let refused = documents::try_again(&server, account_id, &ready.id).await.unwrap_err().into_problem();
        assert_eq!(refused.code, ProblemCode::Conflict);
        let document = upload(&server, &shop, file("a.html", "<p>Words")).await.expect("uploaded");
        reason(&read(&server, &shop, &document).await);
        std::fs::write(&path, "#!/bin/sh\necho Words\n").unwrap();
        documents::try_again(&server, account_id, &document.id).await.expect("tried again");
        let document = read(&server, &shop, &document).await;
        assert_eq!((&document.state, document.passages), (&DocumentState::Ready, 1));
    }
    drop(folder);
}

#[tokio::test]
async fn what_a_process_left_in_the_middle_is_read_by_another_after_its_time() {
    let (_folder, path) = reader("exec sleep 600");
    for hanging in databases_with(&["--document-reader", &path, "--document-reading-ms", "600000"]).await {
        let shop = shop(&hanging).await;
        let document = upload(&hanging, &shop, file("a.html", "<p>Words")).await.expect("uploaded");
        until(&hanging, &shop, &document, |state| *state == DocumentState::Reading).await;
        let mut config = hanging.config.clone();
        config.document_reader = option_env!("CARGO_BIN_EXE_document_reader").map(Into::into);
        config.document_reading_ms = None;
        let clock: Arc<dyn server::clock::Clock> = hanging.clock.clone();
        let other = Server::open_with(config, clock, Arc::new(server::random::SystemRandom)).await.expect("opens");
        documents::read_waiting(&other).await.expect("looks");
        assert_eq!(get(&other, &shop, &document).await.state, DocumentState::Reading, "it is left to who has it");
        hanging.clock.advance_us(2 * MINUTE_US);
        documents::read_waiting(&other).await.expect("reads");
        let document = read(&other, &shop, &document).await;
        assert_eq!((&document.state, document.passages), (&DocumentState::Ready, 1));
        hanging.stop();
        other.stop();
    }
}

#[tokio::test]
async fn a_process_that_stops_gives_its_file_back() {
    let (_folder, path) = reader("exec sleep 600");
    for server in databases_with(&["--document-reader", &path, "--document-reading-ms", "600000"]).await {
        let shop = shop(&server).await;
        let document = upload(&server, &shop, file("a.html", "<p>Words")).await.expect("uploaded");
        until(&server, &shop, &document, |state| *state == DocumentState::Reading).await;
        server.stop();
        until(&server, &shop, &document, |state| *state == DocumentState::Waiting).await;
    }
}

#[tokio::test]
async fn a_file_is_read_once_however_many_processes_there_are() {
    let (folder, path) = reader("echo >> \"$(dirname \"$0\")/read-$4\"; echo Words");
    for server in databases_with(&["--document-reader", &path]).await {
        let shop = shop(&server).await;
        let others = [server.second_process().await, server.second_process().await];
        let mut uploaded = Vec::new();
        for number in 0..12 {
            let name = format!("{number}-{}.html", server.db.name());
            uploaded.push(upload(&server, &shop, file(&name, "<p>Words")).await.expect("uploaded"));
            for other in &others {
                tokio::spawn(read_all(Arc::clone(other)));
            }
        }
        for document in &uploaded {
            assert_eq!(read(&server, &shop, document).await.state, DocumentState::Ready);
            let times = std::fs::read_to_string(folder.path().join(format!("read-{}", document.name))).expect("read");
            assert_eq!(times.lines().count(), 1, "{}", document.name);
        }
        let (version,): (i64,) = server.db.one("SELECT MAX(documents_version) FROM chatbots", args![]).await.unwrap();
        assert_eq!(version, 1 + 12, "each changed the documents once");
    }
}

async fn read_all(server: Arc<Server>) {
    documents::read_waiting(&server).await.expect("reads");
}

#[tokio::test]
async fn what_was_deleted_while_it_was_read_stays_deleted() {
    let (_folder, path) = reader("sleep 0.3; echo Words");
    for server in databases_with(&["--document-reader", &path]).await {
        let shop = shop(&server).await;
        let account_id = &shop.olga.account_id;
        let of_chatbot = upload(&server, &shop, file("a.html", "<p>Words")).await.expect("uploaded");
        let other = chatbots::create(&server, &shop.olga, "Other").await.expect("a chatbot");
        let deleted =
            documents::upload(&server, account_id, &other.id, file("b.html", "<p>Words")).await.expect("uploaded");
        for document in [&of_chatbot, &deleted] {
            until(&server, &shop, document, |state| *state == DocumentState::Reading).await;
        }
        documents::delete(&server, account_id, &deleted.id).await.expect("deleted");
        chatbots::delete(&server, &shop.olga, &shop.chatbot.id).await.expect("deleted");
        documents::read_waiting(&server).await.expect("reads");
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(documents::list(&server, account_id, None).await.unwrap().is_empty());
        let files: (i64,) = server.db.one("SELECT COUNT(*) FROM document_files", args![]).await.unwrap();
        assert_eq!(files.0, 0);
    }
}
