//! How long the sums of a chart take for an account with ten million messages in ninety days.
//!
//! `usage [--entries N] [--behind N] [--readings N] [server options]` fills the tables directly, because living through so
//! many messages would take an hour, sums them up as the server does, leaves some behind the mark, and reads the sums by
//! chatbot again and again. It writes one line of JSON.

use clap::Parser;
use domain::clock::{DAY_US, Timestamp};
use domain::credit::Credit;
use domain::id::AccountId;
use domain::ledger::{EntryClass, EntryFilter, Operation, UsageBy};
use serde_json::{Value, json};
use server::clock::SystemClock;
use server::ledger::usage::{Effort, sum_up};
use server::random::SystemRandom;
use server::{Config, Server, accounts, args, chatbots, keys, ledger};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 10_000_000)]
    entries: i64,
    /// How many of them are not summed up
    #[arg(long, default_value_t = 5_000)]
    behind: i64,
    #[arg(long, default_value_t = 300)]
    readings: usize,
    #[command(flatten)]
    config: Config,
}

const DAYS: i64 = 90;
const KEYS: i64 = 5;
const CHATBOTS: i64 = 10;
const PRICE: i64 = 2_000;
/// Entries of one statement.
const STEP: i64 = 250_000;
/// The grant that pays for all of them is entry 1.
const GRANTED: i64 = 1_000_000_000_000;

/// `$2` ids of keys and `$3` ids of chatbots, each in one text without spaces: all ids of a kind are equally long.
const FILL: &str = "
WITH RECURSIVE numbered(seq) AS (
    SELECT CAST($4 AS BIGINT) UNION ALL SELECT seq + 1 FROM numbered WHERE seq < $5
)
INSERT INTO entries (account_id, seq, kind, amount, posted_after, at, request_id, channel, key_id, chatbot_id)
SELECT $1, seq, 'charge', -$6, $7 - (seq - 1) * $6, $8 + seq * $9, 'req_' || CAST(1000000000 + seq AS TEXT),
       'api', substr($2, CAST(seq % $10 AS INTEGER) * 25 + 1, 25),
       substr($3, CAST(seq * 7919 / 13 % $11 AS INTEGER) * 25 + 1, 25)
FROM numbered";

/// Up to where the server is to sum up: what lies behind that is left alone.
const SET_LAST: &str = "UPDATE balances SET next_entry = $2, posted = $3 WHERE account_id = $1";
const SELECT_MARK: &str = "SELECT summed_seq FROM usage_marks WHERE account_id = $1";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    let server = Server::open_with(config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let began = Instant::now();
    let account_id = fill(&server, &options).await?;
    let filled_s = began.elapsed().as_secs();
    let mut figures = json!({
        "database": server.db.name(), "entries": options.entries, "behind": options.behind, "filled_s": filled_s,
    });
    for days in [30, DAYS] {
        figures[format!("days_{days}")] = measure(&server, &account_id, days, &options).await?;
    }
    server.close().await;
    std::io::stdout().write_all(format!("{figures}\n").as_bytes())?;
    Ok(())
}

async fn fill(server: &Arc<Server>, options: &Options) -> Result<AccountId, Failure> {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let email = format!("owner@{}.example", server.now().us());
    let viewer = accounts::sign_up(server, "Owner", &email, "a long password", address).await?;
    let (mut key_ids, mut chatbot_ids) = (String::new(), String::new());
    for number in 0..KEYS {
        key_ids += keys::create(server, &viewer, &format!("Key {number}")).await?.key.id.as_str();
    }
    for number in 0..CHATBOTS {
        chatbot_ids += chatbots::create(server, &viewer, &format!("Chatbot {number}")).await?.id.as_str();
    }
    let amount = Credit::from_millionths(GRANTED);
    ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the measurement").await?;
    let account_id = viewer.account_id.as_str();
    let start = server.now().start_of_day().plus_us(-(DAYS - 1) * DAY_US);
    let step_us = server.now().us_since(start) / (options.entries + 1);
    let (last, last_summed) = (options.entries + 1, options.entries + 1 - options.behind);
    let mut first = 2;
    while first <= last {
        let until = last.min(first + STEP - 1);
        let row = args![
            account_id,
            &key_ids,
            &chatbot_ids,
            first,
            until,
            PRICE,
            GRANTED,
            start.us(),
            step_us,
            KEYS,
            CHATBOTS
        ];
        server.db.execute(FILL, row).await?;
        first = until + 1;
    }
    let posted = GRANTED - (last_summed - 1) * PRICE;
    server.db.execute(SET_LAST, args![account_id, last_summed + 1, posted]).await?;
    loop {
        // The server sums up by itself meanwhile; whoever is slower stops.
        sum_up(server, Effort { behind_max: 0, read: 50_000, write: 50_000, rest: 0 }).await?;
        let mark: Option<(i64,)> = server.db.optional(SELECT_MARK, args![account_id]).await?;
        if mark == Some((last_summed,)) {
            return Ok(viewer.account_id);
        }
    }
}

/// Reads the sums of the last days again and again, and checks each reading against the number of entries in them.
async fn measure(server: &Server, account_id: &AccountId, days: i64, options: &Options) -> Result<Value, Failure> {
    let today = server.now().start_of_day();
    let from: Timestamp = today.plus_us(-(days - 1) * DAY_US);
    let filter = EntryFilter { from: Some(from), only: Some(EntryClass::Messages), ..EntryFilter::default() };
    let messages = ledger::entries(server, account_id, &filter, 1).await?.totals.count;
    let mut readings_us = Vec::with_capacity(options.readings);
    for _ in 0..options.readings {
        let began = Instant::now();
        let sums = ledger::usage_sums(server, account_id, &filter, Some(UsageBy::Chatbot)).await?;
        readings_us.push(began.elapsed().as_micros());
        assert_eq!(sums.total.messages, messages, "the sums are those of the entries");
    }
    readings_us.sort_unstable();
    let share = |percent: usize| readings_us[readings_us.len() * percent / 100];
    Ok(json!({ "messages": messages, "median_us": share(50), "p99_us": share(99) }))
}
