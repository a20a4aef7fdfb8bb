//! Signatures of webhooks for others to check, and others' to be checked: `script/stripe signatures` puts Stripe's own
//! package on the other side.
//!
//!     signatures write 1000     prints so many signed bodies, one JSON object a line
//!     signatures check          reads such lines, with what is to be thought of each, and fails where it thinks otherwise

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use domain::clock::{SECOND_US, Timestamp};
use serde::{Deserialize, Serialize};
use server::payments::signature::{sign, verify};
use server::random::{Random, SeededRandom, bytes};
use std::io::BufRead;
use std::process::ExitCode;

/// Any time will do; both sides are told.
const BEGIN_S: i64 = 1_795_000_000;

#[derive(Serialize)]
struct Signed {
    secret: String,
    at_s: i64,
    body: String,
    header: String,
}

#[derive(Deserialize)]
struct Given {
    secrets: Vec<String>,
    now_s: i64,
    body: String,
    header: String,
    is_good: bool,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next().and_then(|count| count.parse().ok())) {
        (Some("write"), Some(count)) => write(count),
        (Some("check"), None) => check(),
        _ => {
            println!("usage: signatures write COUNT | signatures check");
            ExitCode::FAILURE
        }
    }
}

fn write(count: i64) -> ExitCode {
    let random = SeededRandom::new(1);
    for number in 0..count {
        let (secret, at_s) = (format!("whsec_{}", text(&random, 32)), BEGIN_S + number);
        let body = serde_json::json!({ "id": format!("evt_{number}"), "text": text(&random, 200), "umlaut": "ü€" });
        let body = body.to_string();
        let header = sign(secret.as_bytes(), Timestamp::from_us(at_s * SECOND_US), body.as_bytes());
        let signed = serde_json::to_string(&Signed { secret, at_s, body, header }).expect("serialisable");
        println!("{signed}");
    }
    ExitCode::SUCCESS
}

/// Characters that JSON writes as they are.
fn text(random: &dyn Random, length: usize) -> String {
    let digit = |_| char::from(b'a' + bytes::<1>(random)[0] % 26);
    (0..length).map(digit).collect()
}

fn check() -> ExitCode {
    let mut count = 0;
    for line in std::io::stdin().lock().lines() {
        let given: Given = serde_json::from_str(&line.expect("a line")).expect("what is documented above");
        let secrets = given.secrets.iter().map(String::as_bytes);
        let now = Timestamp::from_us(given.now_s * SECOND_US);
        let is_good = verify(secrets, Some(&given.header), given.body.as_bytes(), now).is_ok();
        if is_good != given.is_good {
            println!("believed: {is_good}, to be believed: {}: {}", given.is_good, given.header);
            return ExitCode::FAILURE;
        }
        count += 1;
    }
    println!("{count}");
    ExitCode::SUCCESS
}
