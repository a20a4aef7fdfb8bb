//! How many charges a second the ledger makes durable, without HTTP around it, against one transaction for each charge.
//!
//! `engine [--accounts N] [--callers N] [--seconds N] [--kind charges|answers|single] [server options]`: `charges` writes
//! entries alone, `answers` also the conversation and the message that each was paid for, `single` is the baseline. The
//! cost of a sync on the same disk is measured in the same run.

use clap::{Parser, ValueEnum};
use domain::credit::Credit;
use domain::id::{AccountId, ChatbotId, ConversationId, KeyId, RequestId};
use domain::ledger::{Channel, Operation};
use server::clock::SystemClock;
use server::ledger::steps::{Step, Steps};
use server::ledger::{Command, Context, Message, Work};
use server::random::SystemRandom;
use server::{Config, Server, accounts, chatbots, keys, ledger, random};
use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Charges,
    Answers,
    Single,
}

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 1)]
    accounts: usize,
    #[arg(long, default_value_t = 4_096)]
    callers: usize,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    #[arg(long, value_enum, default_value = "charges")]
    kind: Kind,
    /// Also print how the writer's time is spent
    #[arg(long)]
    profile: bool,
    #[command(flatten)]
    config: Config,
}

#[expect(clippy::struct_field_names, reason = "these are the names of the columns")]
struct Payer {
    account_id: AccountId,
    key_id: KeyId,
    chatbot_id: ChatbotId,
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = std::num::NonZeroU32::MAX;
    let sync_us = sync_cost_us(folder.path())?;
    let profile = Arc::new(Profile::default());
    let (clock, chance) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let server = Server::open_with_steps(config, clock, chance, Arc::<Profile>::clone(&profile)).await?;
    let payers = Arc::new(payers(&server, options.accounts).await?);
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..options.callers)
        .map(|number| {
            let caller = Caller { server: Arc::clone(&server), payers: Arc::clone(&payers), kind: options.kind };
            let done = Arc::clone(&done);
            let until = began + Duration::from_secs(options.seconds);
            tokio::spawn(async move { caller.work(number, until, &done).await })
        })
        .collect();
    let mut latencies_us = Vec::new();
    for caller in callers {
        latencies_us.extend(caller.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    server.close().await;
    latencies_us.sort_unstable();
    let share = |percent: usize| latencies_us.get(latencies_us.len() * percent / 100).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = done.load(Ordering::Relaxed) as f64 / seconds;
    let line = format!(
        "{:?}: {} accounts, {} callers: {per_second:.0} a second; median {} µs, 99 % {} µs; one sync {sync_us} µs\n",
        options.kind,
        options.accounts,
        options.callers,
        share(50),
        share(99),
    );
    std::io::stdout().write_all(line.as_bytes())?;
    if options.profile {
        std::io::stdout().write_all(profile.report().as_bytes())?;
    }
    Ok(())
}

/// Adds up the time between the steps of the writer.
#[derive(Default)]
struct Profile(Mutex<Times>);

#[derive(Default)]
struct Times {
    /// When the step before was reached.
    last: Option<Instant>,
    /// How long the writer took to reach a step, and how often it did.
    steps: HashMap<Step, (Duration, u32)>,
}

impl Steps for Profile {
    fn reached(&self, step: Step) -> server::Result<()> {
        if step == Step::Queued {
            return Ok(());
        }
        let mut profile = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let since = profile.last.replace(now).map_or(Duration::ZERO, |before| now - before);
        let spent = profile.steps.entry(step).or_default();
        *spent = (spent.0 + since, spent.1 + 1);
        Ok(())
    }
}

impl Profile {
    fn report(&self) -> String {
        let profile = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut steps: Vec<_> = profile.steps.iter().collect();
        steps.sort_by_key(|(_, (spent, _))| std::cmp::Reverse(*spent));
        let lines = steps.iter().map(|(step, (spent, times))| format!("{step:?}: {spent:.2?} in {times} batches"));
        lines.collect::<Vec<_>>().join("\n") + "\n"
    }
}

struct Caller {
    server: Arc<Server>,
    payers: Arc<Vec<Payer>>,
    kind: Kind,
}

const PRICE: Credit = Credit::from_millionths(2_000);
const QUESTION: &str = "When is the shop open?";
const ANSWER: &str = "The shop is open from nine to five on weekdays. (Opening hours)";

impl Caller {
    async fn work(&self, number: usize, until: Instant, done: &AtomicU64) -> Result<Vec<u128>, Failure> {
        let mut latencies_us = Vec::new();
        let mut turn = number;
        while Instant::now() < until {
            let payer = &self.payers[turn % self.payers.len()];
            turn += 1;
            let began = Instant::now();
            if self.kind == Kind::Single {
                self.charge_alone(payer).await?;
            } else {
                self.charge(payer).await?;
            }
            latencies_us.push(began.elapsed().as_micros());
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(latencies_us)
    }

    fn request_id(&self) -> String {
        RequestId::new(self.server.now(), random::bytes(self.server.random.as_ref())).to_string()
    }

    async fn charge(&self, payer: &Payer) -> Result<(), Failure> {
        let message = (self.kind == Kind::Answers).then(|| Message {
            conversation_id: ConversationId::new(self.server.now(), random::bytes(self.server.random.as_ref())),
            begins: true,
            question: QUESTION.to_owned(),
            answer: ANSWER.to_owned(),
            citations: "[]".to_owned(),
            documents_version: None,
        });
        let command = Command {
            account_id: payer.account_id.clone(),
            request_id: self.request_id(),
            channel: Channel::Api,
            key_id: Some(payer.key_id.clone()),
            chatbot_id: payer.chatbot_id.clone(),
            work: Work::Charge { price: PRICE },
            message,
            once: None,
        };
        ledger::submit(&self.server, command).await?;
        Ok(())
    }

    async fn charge_alone(&self, payer: &Payer) -> Result<(), Failure> {
        let context = Context {
            request_id: self.request_id(),
            channel: Some(Channel::Api),
            key_id: Some(payer.key_id.clone()),
            chatbot_id: Some(payer.chatbot_id.clone()),
            ..Context::default()
        };
        let mut tx = self.server.db.begin().await?;
        let operation = Operation::Charge { price: PRICE };
        ledger::post(&mut tx, &payer.account_id, operation, &context, self.server.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn payers(server: &Arc<Server>, count: usize) -> Result<Vec<Payer>, Failure> {
    let mut payers = Vec::with_capacity(count);
    for number in 0..count {
        let email = format!("payer{number}@{}.example", server.now().us());
        let viewer =
            accounts::sign_up(server, "Payer", &email, "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
        let chatbot = chatbots::create(server, &viewer, "Help centre").await?;
        let key = keys::create(server, &viewer, "Production").await?.key;
        let amount = Credit::from_millionths(1_000_000_000_000);
        ledger::operate(server, &viewer.account_id, Operation::Grant { amount }, "for the measurement").await?;
        payers.push(Payer { account_id: viewer.account_id, key_id: key.id, chatbot_id: chatbot.id });
    }
    Ok(payers)
}

/// What it costs to write a page at the end of a file and to wait until the disk has it; the median of 200.
fn sync_cost_us(folder: &std::path::Path) -> std::io::Result<u128> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let mut costs = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        costs.push(began.elapsed().as_micros());
    }
    costs.sort_unstable();
    Ok(costs[costs.len() / 2])
}
