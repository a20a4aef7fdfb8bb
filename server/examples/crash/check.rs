//! Compares what the clients know with what the database holds, and gives back what was held when a process ended.

use crate::load::Load;
use crate::{Failure, say};
use domain::clock::HOUR_US;
use server::clock::{Clock, ManualClock, SystemClock};
use server::ledger::verify::verify;
use server::random::{Random, SystemRandom};
use server::{Config, Server, ledger, payments};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Fewer than the server gives back at once.
const HOLDS_A_ROUND: i64 = 400;

/// Ends with what is wrong, if anything is. `trouble` says what the processes went through.
pub async fn check(config: Config, load: &Load, trouble: &str) -> Result<(), Failure> {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let chance: Arc<dyn Random> = Arc::new(SystemRandom);
    let server = Server::open_with(config, shared, chance).await?;
    let mut wrong = std::mem::take(&mut load.log().wrong);
    wrong.extend(broken_rules(&server).await?);
    wrong.extend(differences(&server, load).await?);
    let (open,): (i64,) = server.db.one("SELECT COUNT(*) FROM holds WHERE state = 'open'", vec![]).await?;
    let held = load.log().held;
    if load.log().streamed_answer.is_some() && open != held {
        wrong.push(format!("{open} holds are open, and clients were told of {held}"));
    }
    clock.advance_us(HOUR_US);
    // A round gives back a few hundred.
    for _ in 0..=open / HOLDS_A_ROUND {
        ledger::sweep_holds(&server).await?;
    }
    let (left,): (i64,) = server.db.one("SELECT CAST(COALESCE(SUM(held), 0) AS BIGINT) FROM balances", vec![]).await?;
    if left != 0 {
        wrong.push(format!("{left} is held after the recovery time"));
    }
    let repaired = reconciled(&server, &mut wrong).await?;
    wrong.extend(broken_rules(&server).await?);
    server.close().await;
    report(load, trouble, open, repaired)?;
    if wrong.is_empty() {
        return say("every answer is charged once and every charge is answered once; the books are sound");
    }
    let count = wrong.len();
    wrong.truncate(20);
    Err(format!("{count} things are wrong, among them:\n{}", wrong.join("\n")).into())
}

async fn broken_rules(server: &Server) -> Result<Vec<String>, Failure> {
    Ok(verify(&server.db).await?.into_iter().map(|found| format!("{found:?}")).collect())
}

/// What a process gave back and ended before it took the credit is found by comparing, and nothing else differs.
async fn reconciled(server: &Server, wrong: &mut Vec<String>) -> Result<usize, Failure> {
    let found = payments::reconcile(server, 1, "the check").await?.differences;
    wrong.extend(found.iter().filter(|found| !found.is_repaired).map(|found| format!("{found:?}")));
    let again = payments::reconcile(server, 1, "the check").await?.differences;
    wrong.extend(again.iter().map(|found| format!("repaired and still different: {found:?}")));
    Ok(found.len())
}

/// Answers that are not stored exactly once, and charges that nobody was told of.
async fn differences(server: &Server, load: &Load) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    let rows: Vec<(String, String)> = server.db.all("SELECT conversation_id, answer FROM messages", vec![]).await?;
    let stored: HashMap<String, usize> = rows.iter().fold(HashMap::new(), |mut counts, (conversation_id, _)| {
        *counts.entry(conversation_id.clone()).or_default() += 1;
        counts
    });
    let held: Vec<(String,)> = server
        .db
        .all("SELECT m.conversation_id FROM messages m JOIN holds h ON h.request_id = m.request_id", vec![])
        .await?;
    let mut held: HashSet<String> = held.into_iter().map(|(conversation_id,)| conversation_id).collect();
    let log = load.log();
    if let Some(whole) = &log.streamed_answer {
        // Its holds are known one by one.
        held.clear();
        for (conversation_id, answer) in rows.iter().filter(|(_, answer)| answer != whole) {
            wrong.push(format!("{conversation_id} is charged with a part of its answer: {answer}"));
        }
    }
    let mut told = HashSet::new();
    for (key, body) in &log.accepted {
        let answer: serde_json::Value = serde_json::from_str(body)?;
        let conversation_id = answer["conversation_id"].as_str().unwrap_or_default().to_owned();
        if stored.get(&conversation_id) != Some(&1) {
            wrong.push(format!("{key} was answered and its answer is stored {:?} times", stored.get(&conversation_id)));
        }
        told.insert(conversation_id);
    }
    for conversation_id in stored.keys().filter(|id| !held.contains(*id) && !told.contains(*id)) {
        wrong.push(format!("{conversation_id} was charged and never answered"));
    }
    for conversation_id in log.settled.iter().filter(|id| !held.contains(*id)) {
        wrong.push(format!("{conversation_id} was settled and is not stored"));
    }
    Ok(wrong)
}

fn report(load: &Load, trouble: &str, open: i64, repaired: usize) -> Result<(), Failure> {
    let log = load.log();
    say(&format!(
        "{trouble}: {} answered, {} refused, {} sent again after no or no final answer, {} repeated after the answer, \
         {} answered with 503 after at most {:.2} s, {} holds settled, {open} holds given back after their time, \
         {} refunds, {repaired} of them heard of later",
        log.accepted.len(),
        log.refused,
        log.resent,
        log.repeated,
        log.unavailable,
        log.slowest_unavailable.as_secs_f64(),
        log.settled.len(),
        log.refunds,
    ))
}
