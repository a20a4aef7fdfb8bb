//! The program itself reads documents, in the process that the server starts for each.

#![cfg(feature = "ssr")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// As `server::documents` starts it: with nothing of its own environment, and with pipes.
fn read_document(kind: &str, name: &str, bytes: &[u8]) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_artiko"))
        .args(["read-document", "--", kind, name])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    process.stdin.take().expect("a pipe").write_all(bytes).expect("it reads all of it");
    process.wait_with_output().expect("it ends")
}

#[test]
fn the_program_reads_a_document_within_its_limits() {
    let read = read_document("html", "hours.html", b"<h1>Hours</h1><p>We open at nine.</p>");
    assert!(read.status.success(), "{:?}", read.status);
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "# Hours\n\nWe open at nine.");
}

#[test]
fn the_program_says_why_a_document_cannot_be_read() {
    let read = read_document("docx", "broken.docx", b"PK\x03\x04 nothing more");
    assert_eq!(read.status.code(), Some(3), "{:?}", String::from_utf8_lossy(&read.stdout));
    assert!(!read.stdout.is_empty());
}
