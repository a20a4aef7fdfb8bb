//! What is left of the ledger's speed when much more is asked of it than it can write, and how soon the rest is told so.
//!
//! The peak is measured first: callers that ask again as soon as they are answered. Then requests come at a multiple of it,
//! whether or not those before them are answered, as they do from many customers. The two alternate, so that whatever else
//! the machine does meets both. They run in this process and on its cores, without HTTP around them. One line of JSON says
//! how it went; `--ledger-queue` is what there is to choose.
//!
//! Making so many requests takes the cores from the ledger. So the peak is measured once more beside a maker of the other
//! four fifths, who throws them away: against that peak, the share says what overload does to the ledger, and not what it
//! does to a machine that has to be customer and server at once.

mod payers;

use clap::Parser;
use domain::problem::ProblemCode;
use payers::{Failure, Payer, payers};
use serde_json::json;
use server::ledger::Command;
use server::ledger::verify::verify;
use server::{Config, Server, ledger};
use std::io::Write;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 100)]
    accounts: usize,
    /// Callers that measure the peak
    #[arg(long, default_value_t = 2_048)]
    callers: usize,
    /// How many times the peak is asked for then
    #[arg(long, default_value_t = 5)]
    times: u32,
    /// Length of each measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How often each is done; of the rates the median counts, of the waiting times all
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    config: Config,
}

/// How long it took until requests were answered.
#[derive(Default)]
struct Answers {
    accepted: Vec<Duration>,
    refused: Vec<Duration>,
    failed: Vec<String>,
}

struct Load {
    server: Arc<Server>,
    payers: Vec<Payer>,
    answers: Mutex<Answers>,
}

/// How often a pacer hands out what is due.
const TICK: Duration = Duration::from_millis(1);
/// How long it takes until the queue is full and all goes on evenly; what is answered before that does not count.
const WARM_UP: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.sign_in_attempts_per_minute = NonZeroU32::MAX;
    let queue = config.ledger_queue.get();
    let server = Server::open(config).await?;
    let payers = payers(&server, options.accounts).await?;
    let load = Arc::new(Load { server, payers, answers: Mutex::default() });
    let length = Duration::from_secs(options.seconds);
    let callers = options.callers.min(queue as usize);
    let mut rates: [Vec<f64>; 6] = Default::default();
    let mut answers = Answers::default();
    for _ in 0..options.rounds {
        let alone = peak(&load, callers, length).await?;
        let beside = peak_beside(&load, callers, alone * f64::from(options.times - 1), length).await?;
        let (offered, goodput, told) = overload(&load, alone * f64::from(options.times), length).await?;
        let round = [alone, beside, offered, goodput, goodput / alone, goodput / beside];
        for (rates, rate) in rates.iter_mut().zip(round) {
            rates.push(rate);
        }
        answers.add(told);
    }
    let [alone, beside, offered, goodput, of_alone, of_beside] = rates.map(median);
    let broken = verify(&load.server.db).await?;
    load.server.close().await;
    if let Some(failed) = answers.failed.first() {
        return Err(format!("{} requests failed, the first one: {failed}", answers.failed.len()).into());
    }
    if !broken.is_empty() {
        return Err(format!("the books are not sound: {broken:?}").into());
    }
    let [accepted, refused] = [answers.accepted, answers.refused].map(Sorted::new);
    let line = json!({
        "database": load.server.db.name(),
        "queue": queue,
        "seconds": options.seconds,
        "peak_per_second": alone.round(),
        "peak_beside_the_maker_per_second": beside.round(),
        "offered_per_second": offered.round(),
        "goodput_per_second": goodput.round(),
        "goodput_of_peak": (of_alone * 1_000.0).round() / 1_000.0,
        "goodput_of_peak_beside_the_maker": (of_beside * 1_000.0).round() / 1_000.0,
        "refused": refused.0.len(),
        "refused_median_ms": refused.share_ms(0.5),
        "refused_99_ms": refused.share_ms(0.99),
        "refused_slowest_ms": refused.share_ms(1.0),
        "accepted_median_ms": accepted.share_ms(0.5),
        "accepted_99_ms": accepted.share_ms(0.99),
    });
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

impl Answers {
    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.refused.extend(other.refused);
        self.failed.extend(other.failed);
    }
}

struct Sorted(Vec<Duration>);

impl Sorted {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    fn share_ms(&self, share: f64) -> Option<f64> {
        let place = ((self.0.len().saturating_sub(1)) as f64 * share) as usize;
        Some((self.0.get(place)?.as_secs_f64() * 1e5).round() / 100.0)
    }
}

/// How many a second are answered when each caller waits for his answer.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
async fn peak(load: &Arc<Load>, callers: usize, length: Duration) -> Result<f64, Failure> {
    let began = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|number| {
            let load = Arc::clone(load);
            tokio::spawn(async move {
                let mut turn = number;
                while began.elapsed() < length {
                    load.ask(turn).await;
                    turn += 1;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    let answers = load.take();
    Ok(answers.accepted.len() as f64 / began.elapsed().as_secs_f64())
}

/// The same, while requests are made and thrown away at a steady rate.
async fn peak_beside(load: &Arc<Load>, callers: usize, per_second: f64, length: Duration) -> Result<f64, Failure> {
    let maker = Arc::clone(load);
    let made = tokio::spawn(async move {
        pace(per_second, length, |turn| {
            let load = Arc::clone(&maker);
            tokio::spawn(async move { drop(std::hint::black_box(load.command(turn))) });
        })
        .await;
    });
    let peak = peak(load, callers, length).await?;
    made.await?;
    Ok(peak)
}

/// Calls `hand_out` at a steady rate; returns how often.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
async fn pace(per_second: f64, length: Duration, mut hand_out: impl FnMut(usize)) -> usize {
    let began = Instant::now();
    let mut handed_out = 0;
    let mut interval = tokio::time::interval(TICK);
    while began.elapsed() < length {
        interval.tick().await;
        let due = (began.elapsed().as_secs_f64() * per_second) as usize;
        while handed_out < due {
            hand_out(handed_out);
            handed_out += 1;
        }
    }
    handed_out
}

/// Asks at a steady rate; returns what was asked and what was accepted a second, and all answers.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
async fn overload(load: &Arc<Load>, per_second: f64, length: Duration) -> Result<(f64, f64, Answers), Failure> {
    // Nothing is kept of them: what has been answered must not fill the memory.
    let ask = |turn| {
        let load = Arc::clone(load);
        tokio::spawn(async move { load.ask(turn).await });
    };
    let asked_before = pace(per_second, WARM_UP, ask).await;
    let (before, began) = (load.count_accepted(), Instant::now());
    let asked = pace(per_second, length, ask).await;
    // What was accepted while requests came; what still waits then is answered without competition.
    let seconds = began.elapsed().as_secs_f64();
    let goodput = (load.count_accepted() - before) as f64 / seconds;
    while load.count() < asked_before + asked {
        tokio::time::sleep(TICK).await;
    }
    Ok((asked as f64 / seconds, goodput, load.take()))
}

impl Load {
    fn answers(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Answers {
        std::mem::take(&mut *self.answers())
    }

    fn count_accepted(&self) -> usize {
        self.answers().accepted.len()
    }

    fn count(&self) -> usize {
        let answers = self.answers();
        answers.accepted.len() + answers.refused.len() + answers.failed.len()
    }

    async fn ask(&self, turn: usize) {
        let began = Instant::now();
        let outcome = ledger::submit(&self.server, self.command(turn)).await;
        let after = began.elapsed();
        let mut answers = self.answers();
        match outcome.map_err(server::Error::into_problem) {
            Ok(_) => answers.accepted.push(after),
            Err(problem) if problem.code == ProblemCode::Unavailable => answers.refused.push(after),
            Err(problem) => answers.failed.push(format!("{problem:?}")),
        }
    }

    fn command(&self, turn: usize) -> Command {
        self.payers[turn % self.payers.len()].charge(&self.server, true)
    }
}
