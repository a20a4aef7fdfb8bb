//! How many charges a second the ledger makes durable, without HTTP around it, against one transaction for each charge.
//!
//! `engine [--accounts N] [--callers N] [--seconds N] [--kind …] [server options]`: `charges` writes entries alone,
//! `answers` also the conversation and the message that each was paid for, `single` has a transaction for each charge.
//! `half` measures the peak of `answers` first and then asks half as much, evenly, to compare what the slowest hundredth
//! waits with what a batch takes; how long the machine itself holds up its threads is measured before, and after it what
//! callers of a loop would wait that does nothing but compute and sync. `window` looks up the place of a message in its
//! window and `key` recognises a key that is in memory, each alone. It writes one line of JSON; the cost of a sync on the
//! same disk is measured in the same run.

mod payers;

use clap::{Parser, ValueEnum};
use domain::api_key::read_authorization;
use domain::id::RequestId;
use domain::ledger::{Channel, Operation};
use futures_util::stream::{FuturesUnordered, StreamExt};
use payers::{Failure, PRICE, Payer, payers};
use serde_json::{Value, json};
use server::clock::SystemClock;
use server::ledger::Context;
use server::ledger::steps::{Step, Steps};
use server::random::SystemRandom;
use server::{Config, Server, args, keys, ledger, random};
use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Charges,
    Answers,
    Single,
    Half,
    Window,
    Key,
}

/// How many syncs are measured, and rounds of a loop that does nothing else than compute and sync.
const ROUNDS: usize = 5_000;
/// How often the speed of computing is measured; the fastest counts.
const TRIES: usize = 200;
/// How often callers come to that loop, in microseconds.
const CALLERS_EVERY_US: usize = 10;
/// For how long the clock is looked at.
const LOOK_FOR: Duration = Duration::from_secs(4);
/// From when on somebody was held up.
const PAUSE_MIN: Duration = Duration::from_millis(1);

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

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = std::num::NonZeroU32::MAX;
    let syncs = sync_costs(folder.path())?;
    let profile = Arc::new(Profile::default());
    let (clock, chance) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let server = Server::open_with_steps(config, clock, chance, Arc::<Profile>::clone(&profile)).await?;
    let payers = Arc::new(payers(&server, options.accounts).await?);
    let figures = match options.kind {
        Kind::Window => json!({ "microseconds": window_us(&server, &payers[0]).await? }),
        Kind::Half => half(&server, &payers, &options, &profile, folder.path()).await?,
        Kind::Key => json!({ "microseconds": key_us(&server, &payers[0]).await? }),
        _ => load(&server, &payers, &options).await?,
    };
    server.close().await;
    let kind = format!("{:?}", options.kind).to_lowercase();
    let line = json!({ "kind": kind, "accounts": options.accounts, "syncs": syncs, "figures": figures });
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    if options.profile {
        std::io::stdout().write_all(profile.report().as_bytes())?;
    }
    Ok(())
}

/// Lets so many callers charge for so many seconds.
async fn load(server: &Arc<Server>, payers: &Arc<Vec<Payer>>, options: &Options) -> Result<Value, Failure> {
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..options.callers)
        .map(|number| {
            let caller = Caller { server: Arc::clone(server), payers: Arc::clone(payers), kind: options.kind };
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
    latencies_us.sort_unstable();
    let share = |percent: usize| latencies_us.get(latencies_us.len() * percent / 100).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let per_second = done.load(Ordering::Relaxed) as f64 / seconds;
    Ok(json!({
        "callers": options.callers,
        "per_second": per_second.round(),
        "median_us": share(50),
        "p99_us": share(99),
    }))
}

/// Asks half as much as can be answered at most, whether or not those before are answered. A wait begins when a request is
/// due, even if it could not be sent then.
async fn half(
    server: &Arc<Server>,
    payers: &Arc<Vec<Payer>>,
    options: &Options,
    profile: &Profile,
    folder: &Path,
) -> Result<Value, Failure> {
    let pauses = tokio::task::spawn_blocking(pauses).await??;
    let peak = load(server, payers, options).await?;
    let pause = Duration::from_secs(2).div_f64(peak["per_second"].as_f64().unwrap_or(1.0));
    let batches_before = profile.batches_us().len();
    let caller = Caller { server: Arc::clone(server), payers: Arc::clone(payers), kind: options.kind };
    let seconds = Duration::from_secs(options.seconds);
    let mut latencies_us = tokio::task::spawn_blocking(move || evenly(&caller, pause, seconds)).await??;
    latencies_us.sort_unstable();
    let mut batches_us = profile.batches_us().split_off(batches_before);
    batches_us.sort_unstable();
    let batch_us = batches_us[batches_us.len() / 2];
    let folder = folder.to_path_buf();
    let loop_alone = tokio::task::spawn_blocking(move || loop_alone(&folder, batch_us)).await??;
    Ok(json!({
        "peak": peak["per_second"],
        "median_us": latencies_us[latencies_us.len() / 2],
        "p99_us": latencies_us[latencies_us.len() * 99 / 100],
        "batch_us": batch_us,
        "pauses": pauses,
        "loop_alone": loop_alone,
    }))
}

/// Wakes the thread that waits for answers.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Charges after each `pause`, for so long; returns how long each charge took, in microseconds, from when it was due. One
/// thread sends them all and sees their answers, so that the measurement takes as little as it can of the processor that it
/// shares with the ledger.
fn evenly(caller: &Caller, pause: Duration, ends: Duration) -> Result<Vec<u128>, Failure> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = task::Context::from_waker(&waker);
    let mut pending = FuturesUnordered::new();
    let mut latencies_us = Vec::new();
    let (began, mut due, mut turn) = (Instant::now(), Duration::ZERO, 0);
    while due < ends || !pending.is_empty() {
        while due < ends && due <= began.elapsed() {
            let payer = &caller.payers[turn % caller.payers.len()];
            pending.push(async move { caller.charge(payer).await.map(|()| due) });
            (due, turn) = (due + pause, turn + 1);
        }
        while let Poll::Ready(Some(charged)) = pending.poll_next_unpin(&mut context) {
            latencies_us.push(began.elapsed().saturating_sub(charged?).as_micros());
        }
        if due < ends {
            std::thread::park_timeout(due.saturating_sub(began.elapsed()));
        } else if !pending.is_empty() {
            std::thread::park();
        }
    }
    Ok(latencies_us)
}

/// How often and for how long the machine holds up who does nothing but look at the clock, one thread for each core: what
/// is taken from them is taken from the ledger too.
fn pauses() -> Result<Value, Failure> {
    let cores = std::thread::available_parallelism()?.get();
    let lookers: Vec<_> = (0..cores).map(|_| std::thread::spawn(look_at_the_clock)).collect();
    let mut pauses_us = Vec::new();
    for looker in lookers {
        pauses_us.extend(looker.join().map_err(|_| "a thread panicked")?);
    }
    let sum_us = pauses_us.iter().sum::<u128>();
    Ok(json!({
        "us_a_second": sum_us / u128::from(LOOK_FOR.as_secs()),
        "longest_us": pauses_us.iter().max().copied().unwrap_or_default(),
    }))
}

/// The pauses of one thread, in microseconds.
fn look_at_the_clock() -> Vec<u128> {
    let (began, mut pauses_us) = (Instant::now(), Vec::new());
    let mut last = began;
    while last - began < LOOK_FOR {
        let now = Instant::now();
        if now - last >= PAUSE_MIN {
            pauses_us.push((now - last).as_micros());
        }
        last = now;
    }
    pauses_us
}

const INSERT_COUNTED: &str = "INSERT INTO counted_messages (account_id, number, at) VALUES ($1, $2, $3)";
const SELECT_COUNTED: &str = "
SELECT COUNT(m.at) FROM json_each($2) AS given
LEFT JOIN counted_messages m ON m.account_id = $1 AND m.number = given.value";
const COUNT_GIVEN: &str = "SELECT COUNT(*) FROM json_each($2) AS given WHERE $1 <> given.value";

/// What it costs SQLite to look up one message among 20,000: a thousand look-ups in a statement, less what a statement
/// costs that only reads the thousand numbers.
async fn window_us(server: &Arc<Server>, payer: &Payer) -> Result<f64, Failure> {
    let account_id = payer.account_id.as_str();
    let mut tx = server.db.begin().await?;
    for number in 1..=20_000_i64 {
        tx.execute(INSERT_COUNTED, args![account_id, number, number]).await?;
    }
    tx.commit().await?;
    let numbers: Vec<i64> = (0..1_000).map(|number| number * 7_919 % 20_000 + 1).collect();
    let numbers = serde_json::to_string(&numbers)?;
    let mut costs = Vec::new();
    for sql in [SELECT_COUNTED, COUNT_GIVEN] {
        let mut runs = Vec::new();
        for _ in 0..200 {
            let began = Instant::now();
            let (found,): (i64,) = server.db.one(sql, args![account_id, &numbers]).await?;
            runs.push(began.elapsed().as_secs_f64());
            assert_eq!(found, 1_000, "each of them is there");
        }
        runs.sort_by(f64::total_cmp);
        costs.push(runs[runs.len() / 2]);
    }
    Ok((costs[0] - costs[1]) * 1_000.0)
}

/// What it costs to recognise a key that is in memory, its HMAC included.
async fn key_us(server: &Arc<Server>, payer: &Payer) -> Result<f64, Failure> {
    let credential = read_authorization(Some(&payer.authorization), |_| None).map_err(|_| "no credential")?;
    let calls = 100_000;
    let began = Instant::now();
    for _ in 0..calls {
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        keys::authenticate(server, &credential, from).await.map_err(|refused| refused.error)?;
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(calls))
}

/// Adds up the time between the steps of the writer.
#[derive(Default)]
struct Profile(Mutex<Times>);

#[derive(Default)]
struct Times {
    /// When the step before was reached.
    last: Option<Instant>,
    /// When the batch that is under way was taken, and how long those before took until their commit.
    taken: Option<Instant>,
    batches_us: Vec<u128>,
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
        match step {
            Step::Taken => profile.taken = Some(now),
            Step::Committed => {
                let taken = profile.taken.take();
                profile.batches_us.extend(taken.map(|taken| (now - taken).as_micros()));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Profile {
    fn batches_us(&self) -> Vec<u128> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).batches_us.clone()
    }

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
        let command = payer.charge(&self.server, matches!(self.kind, Kind::Answers | Kind::Half));
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

/// Computes for so long, as long as nobody takes the processor away; the result says nothing.
struct Computing {
    steps_a_us: u64,
}

impl Computing {
    fn new() -> Self {
        const STEPS: u64 = 20_000;
        let tries = (0..TRIES).map(|_| {
            let began = Instant::now();
            Self::run(STEPS);
            began.elapsed().as_nanos()
        });
        let fastest_ns = tries.min().and_then(|least| u64::try_from(least).ok()).unwrap_or(1).max(1);
        Self { steps_a_us: STEPS * 1_000 / fastest_ns }
    }

    fn run(steps: u64) {
        let mut number = 1_u64;
        for _ in 0..steps {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

/// How long each round took that computes for so long, and then how long it took to write a page at the end of a file and to
/// wait until the disk has it, all in microseconds.
fn rounds_us(folder: &Path, compute_us: u64) -> std::io::Result<Vec<(u128, u128)>> {
    let computing = Computing::new();
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        Computing::run(computing.steps_a_us * compute_us);
        let computed = Instant::now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        rounds.push(((computed - began).as_micros(), computed.elapsed().as_micros()));
    }
    Ok(rounds)
}

/// What a sync costs: the median and the slowest hundredth.
fn sync_costs(folder: &Path) -> std::io::Result<Value> {
    let mut costs: Vec<u128> = rounds_us(folder, 0)?.into_iter().map(|(_, synced)| synced).collect();
    costs.sort_unstable();
    Ok(json!({ "median_us": costs[ROUNDS / 2], "p99_us": costs[ROUNDS * 99 / 100] }))
}

/// What the slowest hundredth would wait for if there were nothing but a loop whose rounds are as long as batches, with
/// nobody to answer and no other thread: callers come evenly, and whoever comes before a round begins to write is in it.
fn loop_alone(folder: &Path, batch_us: u128) -> std::io::Result<Value> {
    let mut syncs: Vec<u128> = rounds_us(folder, 0)?.into_iter().map(|(_, synced)| synced).collect();
    syncs.sort_unstable();
    let compute_us = u64::try_from(batch_us.saturating_sub(syncs[ROUNDS / 2])).unwrap_or_default();
    let rounds = rounds_us(folder, compute_us)?;
    let in_time = rounds.iter().flat_map(|(computed, synced)| (0..*computed).map(move |come| computed - come + synced));
    let too_late = rounds.windows(2).flat_map(|pair| {
        let ((_, synced), (computed, next)) = (pair[0], pair[1]);
        (0..synced).map(move |come| synced - come + computed + next)
    });
    let mut waits: Vec<u128> = in_time.chain(too_late).step_by(CALLERS_EVERY_US).collect();
    waits.sort_unstable();
    let mut took: Vec<u128> = rounds.iter().map(|(computed, synced)| computed + synced).collect();
    took.sort_unstable();
    Ok(json!({ "round_us": took[ROUNDS / 2], "p99_us": waits[waits.len() * 99 / 100] }))
}
