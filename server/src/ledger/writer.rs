//! The writer: a bounded queue and one thread, which carries out what is asked of the ledger in batches.
//!
//! It has a thread of its own because a batch is a few short steps with the database between them. Among the requests,
//! each step would wait for its turn while the locks are held and everybody else waits for the batch.
//!
//! A batch is what queued up while the last one was synced and until its own is, so there is no timer to tune: batches are
//! small when little is asked and large when much is. A caller is answered when his batch is durable and not before. What
//! has been queued is carried out whether or not its caller still waits.
//!
//! **Invariant:** a batch whose commit did not report is never given up as long as the database may answer: whether it is
//! stored decides between its outcomes and doing it again, so that no charge is lost or doubled.

use super::batch::{Batch, Failure, Outcomes, Run, Surroundings};
use super::command::{Command, Outcome};
use super::loaded::Left;
use super::steps::{Step, Steps};
use crate::clock::Clock;
use crate::db::{self, Db};
use crate::error::{Error, Result};
use crate::live::Live;
use domain::clock::SECOND_US;
use domain::id::AccountId;
use domain::plan::Catalogue;
use domain::problem::{Problem, ProblemCode};
use foldhash::HashSet;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

/// Most commands in one transaction.
const BATCH_MAX: usize = 4_096;
/// How often a batch is run again because another transaction was in its way.
const RETRIES_MAX: u32 = 20;
/// How long a batch whose commit did not report is looked after. Its callers have given up by then.
const RESOLVE_FOR: Duration = Duration::from_secs(25);
const RESOLVE_PAUSE: Duration = Duration::from_millis(50);

struct Job {
    command: Box<Command>,
    reply: oneshot::Sender<Reply>,
}

/// The outcome, and the command with it: its memory is freed where it was made, which is cheaper, and not by the one thread
/// that all wait for.
type Reply = (Result<Outcome>, Box<Command>);

/// What the writer's thread works with.
pub(crate) struct Ledger {
    pub db: Db,
    pub catalogue: Catalogue,
    pub clock: Arc<dyn Clock>,
    pub live: Arc<Live>,
    pub steps: Arc<dyn Steps>,
}

/// The way to the ledger.
pub(crate) struct Writer {
    sender: mpsc::Sender<Job>,
    closing: Arc<Notify>,
    runtime: Handle,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    clock: Arc<dyn Clock>,
    steps: Arc<dyn Steps>,
}

impl Writer {
    /// Starts the thread. It ends when the writer is dropped, after it has carried out what is queued.
    ///
    /// # Errors
    /// When the machine gives no thread.
    pub fn start(ledger: Ledger, queue_max: usize) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(queue_max);
        let closing = Arc::new(Notify::new());
        let (clock, steps) = (Arc::clone(&ledger.clock), Arc::clone(&ledger.steps));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let work = work(ledger, receiver, Arc::clone(&closing));
        std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            runtime.block_on(work);
            drop(runtime);
            let _nobody_waits = end.send(());
        })?;
        Ok(Self { sender, closing, runtime: handle, ended: Mutex::new(Some(ended)), clock, steps })
    }

    /// The writer's thread, for what writes to the database again and again: a transaction there waits for none of the
    /// requests between its statements, so it holds its locks for no longer than the database needs. It is cut off when
    /// the writer ends.
    pub const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Hands a command over and waits until it is durable or refused.
    ///
    /// # Errors
    /// 503 at once when the queue is full, 503 when the database cannot be reached (nothing is charged then), and the
    /// refusals of the decision.
    pub async fn submit(&self, command: Command) -> Result<Outcome> {
        let (reply, answer) = oneshot::channel();
        self.sender.try_send(Job { command: Box::new(command), reply }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => self.overloaded(),
            mpsc::error::TrySendError::Closed(_) => ProblemCode::Unavailable.into(),
        })?;
        self.steps.reached(Step::Queued)?;
        match answer.await {
            Ok((outcome, _command)) => outcome,
            Err(_) => Err(ProblemCode::Unavailable.into()),
        }
    }

    /// Hands a command over and waits for nothing. What does not fit into the queue is left to the sweeper.
    pub fn enqueue(&self, command: Command) {
        let (reply, _nobody) = oneshot::channel();
        let _full = self.sender.try_send(Job { command: Box::new(command), reply });
    }

    fn overloaded(&self) -> Error {
        let detail = "more is asked than can be written; nothing was charged";
        let retry_at = self.clock.now().plus_us(SECOND_US);
        Problem::with_detail(ProblemCode::Unavailable, detail).retry_at(retry_at).into()
    }

    /// Takes nothing more, and returns when everything that is queued has been carried out.
    pub async fn close(&self) {
        self.closing.notify_one();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(ended) = ended else { return };
        if ended.await.is_err() {
            tracing::error!("the ledger's writer did not end in order");
        }
    }
}

async fn work(ledger: Ledger, mut receiver: mpsc::Receiver<Job>, closing: Arc<Notify>) {
    let mut jobs = Vec::new();
    let mut left = None;
    loop {
        tokio::select! {
            taken = receiver.recv_many(&mut jobs, BATCH_MAX) => if taken == 0 { return },
            () = closing.notified() => receiver.close(),
        }
        if jobs.is_empty() {
            continue;
        }
        let batch = std::mem::take(&mut jobs);
        // A panic in one batch costs that batch's answers, not those of all that come after it.
        if AssertUnwindSafe(ledger.carry_out(batch, &mut receiver, &mut left)).catch_unwind().await.is_err() {
            tracing::error!("a batch of the ledger panicked; its callers were answered with 503");
        }
    }
}

/// Takes what has queued up, as far as a batch has room.
fn take(receiver: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>) {
    while jobs.len() < BATCH_MAX {
        let Ok(job) = receiver.try_recv() else { break };
        jobs.push(job);
    }
}

fn commands(jobs: &[Job]) -> Vec<&Command> {
    jobs.iter().map(|job| job.command.as_ref()).collect()
}

impl Ledger {
    async fn carry_out(&self, mut jobs: Vec<Job>, receiver: &mut mpsc::Receiver<Job>, left: &mut Option<Left>) {
        let ran = self.run_first(&mut jobs, receiver, left).await;
        let commands = commands(&jobs);
        let outcomes = match ran {
            Ok(outcomes) => outcomes,
            Err(failure) => self.outcomes(&commands, failure, left).await,
        };
        let accepted = commands.iter().zip(&outcomes);
        let changed: HashSet<&AccountId> = accepted
            .filter(|(_, outcome)| matches!(outcome, Ok(Outcome::Accepted { .. })))
            .map(|(command, _)| &command.account_id)
            .collect();
        for account_id in changed {
            self.live.changed(account_id);
        }
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            // A caller that has gone away is no reason to stop: his request is carried out all the same.
            let _gone = job.reply.send((outcome, job.command));
        }
        let _no_matter = self.steps.reached(Step::Replied);
    }

    /// Runs a batch with all who ask before it is committed.
    async fn run_first(
        &self,
        jobs: &mut Vec<Job>,
        receiver: &mut mpsc::Receiver<Job>,
        left: &mut Option<Left>,
    ) -> std::result::Result<Outcomes, Failure> {
        let begun = self.begin(Run::First, left).await;
        // Whoever asked while the transaction began: after a batch these are many, because its callers have just been
        // answered, and their next requests were on the way.
        take(receiver, jobs);
        let mut batch = begun?;
        batch.add(self.surroundings(), &commands(jobs), &mut None).await?;
        if batch.takes_more() {
            // Whoever asked while those were written would otherwise wait for their sync and then for all of the next batch.
            let added = jobs.len();
            take(receiver, jobs);
            if jobs.len() > added {
                batch.add(self.surroundings(), &commands(&jobs[added..]), &mut None).await?;
            }
        }
        batch.commit(self.steps.as_ref(), left).await
    }

    async fn run_again(
        &self,
        commands: &[&Command],
        unreported: &mut Option<Outcomes>,
        left: &mut Option<Left>,
    ) -> std::result::Result<Outcomes, Failure> {
        let mut batch = self.begin(Run::Again, left).await?;
        match batch.add(self.surroundings(), commands, unreported).await? {
            Some(stored) => Ok(stored),
            None => batch.commit(self.steps.as_ref(), left).await,
        }
    }

    async fn begin(&self, run: Run, left: &mut Option<Left>) -> Result<Batch> {
        self.steps.reached(Step::Taken)?;
        Batch::begin(&self.db, self.steps.as_ref(), run, left).await
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings { catalogue: &self.catalogue, steps: self.steps.as_ref(), now: self.clock.now() }
    }

    /// Carries out a batch that failed; when the database does not take it as a whole, each of its commands alone, so that
    /// one that cannot be stored fails none of the others.
    async fn outcomes(&self, commands: &[&Command], failure: Failure, left: &mut Option<Left>) -> Outcomes {
        let error = match self.persist(commands, failure, left).await {
            Ok(outcomes) => return outcomes,
            Err(error) => error,
        };
        let is_out_of_reach = match &error {
            Error::Database(error) => db::is_out_of_reach(error) || db::is_transient(error),
            Error::Problem(problem) => problem.code == ProblemCode::Unavailable,
            Error::Internal(_) => false,
        };
        if is_out_of_reach {
            tracing::error!(%error, requests = commands.len(), "the ledger cannot be written");
            return commands.iter().map(|_| Err(ProblemCode::Unavailable.into())).collect();
        }
        tracing::error!(%error, requests = commands.len(), "a batch was not taken; each of its requests is tried alone");
        let mut outcomes = Outcomes::with_capacity(commands.len());
        for command in commands {
            let alone = match self.run_again(&[*command], &mut None, left).await {
                Ok(outcomes) => Ok(outcomes),
                Err(failure) => self.persist(&[*command], failure, left).await,
            };
            outcomes.push(alone.and_then(|mut outcomes| outcomes.pop().unwrap_or(Err(Error::internal("no outcome")))));
        }
        outcomes
    }

    /// Runs a batch again after a failure, as often as that may help.
    async fn persist(&self, commands: &[&Command], mut failure: Failure, left: &mut Option<Left>) -> Result<Outcomes> {
        let give_up_at = Instant::now() + RESOLVE_FOR;
        let mut retries = 0;
        let mut unreported: Option<Outcomes> = None;
        loop {
            let error = match failure {
                Failure::AtCommit(error, outcomes) => {
                    tracing::warn!(%error, requests = commands.len(), "a commit did not report; looking for what it left");
                    unreported = Some(outcomes);
                    error
                }
                Failure::BeforeCommit(error) => error,
            };
            let is_transient = matches!(&error, Error::Database(error) if db::is_transient(error));
            if is_transient && retries < RETRIES_MAX {
                retries += 1;
            } else if unreported.is_some() && Instant::now() < give_up_at {
                tokio::time::sleep(RESOLVE_PAUSE).await;
            } else {
                return Err(error);
            }
            failure = match self.run_again(commands, &mut unreported, left).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(failure) => failure,
            };
        }
    }
}
