//! Streamed answers of a slow model server, while the process that tells them is killed.
//!
//! They begin one after another, so that at the kill some are told to their end, some are in the middle and some have not
//! begun. Then each is asked for again under its `Idempotency-Key`: what was paid for has to be there, whole and in the same
//! bytes; what was not is still held, and is given back when its time is over.

use crate::load::Load;
use crate::processes::Processes;
use crate::{Failure, QUESTION, say};
use futures_util::future::join_all;
use serde_json::{Value, json};
use server::random::{self, SystemRandom};
use std::time::Duration;

/// How often the process is killed.
const KILLS: u32 = 3;
/// From the beginning of one answer to that of the next.
const APART: Duration = Duration::from_millis(12);

/// What a client heard.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// The whole answer, and whether it was given before.
    Completed {
        body: String,
        is_replayed: bool,
    },
    Refused(u16),
    /// Nothing, or the beginning.
    BrokenOff,
}

pub async fn cause(load: &Load, processes: &mut Processes, count: u32) -> Result<(), Failure> {
    let Heard::Completed { body, .. } = listen(load, 0, "stream-undisturbed").await else {
        return Err("the model server does not answer".into());
    };
    let answer: Value = serde_json::from_str(&body)?;
    load.log().streamed_answer = answer["chatbot_message"].as_str().map(str::to_owned);
    load.log().accepted.insert("stream-undisturbed".to_owned(), body);
    for kill in 1..=KILLS {
        let chance = u64::from(random::bytes::<1>(&SystemRandom)[0]);
        let until_kill = APART * count + Duration::from_millis(chance * 2);
        let keys: Vec<String> = (0..count).map(|number| format!("stream-{kill}-{number}")).collect();
        let told = keys.iter().zip(0_u32..).map(|(key, number)| async move {
            tokio::time::sleep(APART * number).await;
            listen(load, number as usize, key).await
        });
        let killed = async {
            tokio::time::sleep(until_kill).await;
            processes.kill_one(kill)
        };
        let (told, killed) = tokio::join!(join_all(told), killed);
        killed?;
        load.wait_until_ready().await?;
        let (mut completed, mut found, mut held, mut refused) = (0, 0, 0, 0);
        for ((key, before), number) in keys.iter().zip(told).zip(0..) {
            match (before, listen(load, number, key).await) {
                (Heard::Completed { body, .. }, Heard::Completed { body: again, is_replayed: true })
                    if body == again =>
                {
                    completed += 1;
                    load.log().accepted.insert(key.clone(), body);
                }
                (Heard::BrokenOff, Heard::Completed { body, is_replayed: true }) => {
                    found += 1;
                    load.log().accepted.insert(key.clone(), body);
                }
                (Heard::BrokenOff, Heard::Refused(409)) => held += 1,
                (Heard::Refused(402), Heard::Refused(402)) => refused += 1,
                (Heard::BrokenOff, Heard::Completed { body, is_replayed: false }) => {
                    // It had not been begun, so it is answered now.
                    refused += 1;
                    load.log().accepted.insert(key.clone(), body);
                }
                (before, after) => load.log().wrong.push(format!("{key}: {before:?}, and then {after:?}")),
            }
        }
        load.log().held += held;
        say(&format!(
            "kill {kill}: of {count} streamed answers {completed} were told to their end, {found} paid for and found \
             again, {held} held, {refused} not begun"
        ))?;
    }
    Ok(())
}

async fn listen(load: &Load, number: usize, key: &str) -> Heard {
    let payer = &load.payers[number % load.payers.len()];
    let body = json!({ "chatbot_id": payer.chatbot_id, "user_message": QUESTION, "stream": true });
    let request = load
        .client
        .post(format!("{}/api/v1/messages", load.urls[number % load.urls.len()]))
        .header("authorization", &payer.authorization)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(body.to_string());
    let Ok(response) = request.send().await else { return Heard::BrokenOff };
    let is_replayed = response.headers().contains_key("idempotency-replayed");
    if response.status() != 200 {
        return Heard::Refused(response.status().as_u16());
    }
    let Ok(text) = response.text().await else { return Heard::BrokenOff };
    let completed = text.split_once("event: message.completed\ndata: ");
    let body = completed.and_then(|(_, rest)| rest.split_once("\n\n")).map(|(body, _)| body.to_owned());
    body.map_or(Heard::BrokenOff, |body| Heard::Completed { body, is_replayed })
}
