//! One batch, a transaction: everything that commands concern is loaded, each is decided in memory in the order of its
//! arrival, and all that follows is written, in a handful of statements however many they are. Whoever comes until then is
//! added in the same way, before all is committed at once.

use super::command::{Command, Outcome, Work};
use super::loaded::{AccountNow, ConversationNow, IdempotencyNow, Known, Left, Loaded, SubjectNow};
use super::rows::{ConversationRow, CountedRow, EntryRow, HoldRow, IdempotencyRow, MessageRow, Rows, Shared};
use super::steps::{Step, Steps};
use crate::db::{self, Db, Mark, Tx};
use crate::error::{Error, Result};
use domain::clock::Timestamp;
use domain::id::KeyId;
use domain::ledger::{Account, Channel, Decision, Hold, HoldState, Request, WindowPlace, decide_request};
use domain::plan::Catalogue;
use domain::problem::{Problem, ProblemCode};

pub(super) type Outcomes = Vec<Result<Outcome>>;

/// Why a batch did not end with its outcomes.
pub(super) enum Failure {
    /// Before the commit was asked for, or the commit is known to have failed: nothing of the batch is durable.
    BeforeCommit(Error),
    /// The commit was asked for and did not report: the batch is durable or not, and these are its outcomes if it is.
    AtCommit(Error, Outcomes),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::BeforeCommit(error)
    }
}

/// What commands are decided with.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub catalogue: &'a Catalogue,
    pub steps: &'a dyn Steps,
    pub now: Timestamp,
}

/// How a batch came about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    First,
    /// After a failure: what is stored already is looked up, so that nothing is stored twice.
    Again,
}

/// A batch that has begun: its transaction, and what it has decided and written so far.
pub(super) struct Batch {
    tx: Tx,
    mark: Option<Mark>,
    known: Known,
    run: Run,
    outcomes: Outcomes,
}

impl Batch {
    /// Begins the transaction. `left` is what the batch before knew of accounts and then what this one does; nothing, unless
    /// this one is durable.
    pub async fn begin(db: &Db, steps: &dyn Steps, run: Run, left: &mut Option<Left>) -> Result<Self> {
        let tx = db.begin().await?;
        let mark = tx.mark()?;
        steps.reached(Step::Begun)?;
        let known = left.take().map(|left| left.known(mark)).unwrap_or_default();
        Ok(Self { tx, mark, known, run, outcomes: Outcomes::new() })
    }

    /// Whether commands may be added to those that are there. On PostgreSQL they may not: accounts are locked in the order
    /// of their ids, so that two processes never wait for each other, and there might be some that come before these.
    pub const fn takes_more(&self) -> bool {
        self.tx.is_sqlite()
    }

    /// Decides commands and writes what follows; nothing is durable.
    ///
    /// `unreported` are the outcomes of an earlier run whose commit did not report. When that run turns out to be stored
    /// they are returned, and there is nothing to commit; the locks make sure that it has ended one way or the other.
    pub async fn add(
        &mut self,
        with: Surroundings<'_>,
        commands: &[&Command],
        unreported: &mut Option<Outcomes>,
    ) -> Result<Option<Outcomes>> {
        let mut loaded = Loaded::lock(&mut self.tx, with.catalogue, commands, std::mem::take(&mut self.known)).await?;
        with.steps.reached(Step::Locked)?;
        loaded.load(&mut self.tx, with.catalogue, commands).await?;
        if self.run == Run::Again {
            loaded.load_requests(&mut self.tx, commands).await?;
        }
        with.steps.reached(Step::Loaded)?;
        if unreported.is_some() && commands.iter().any(|command| loaded.is_stored(command)) {
            return Ok(unreported.take());
        }
        let mut rows = Rows::default();
        self.outcomes.reserve(commands.len());
        for command in commands {
            self.outcomes.push(carry_out(&mut loaded, &mut rows, with, command));
        }
        with.steps.reached(Step::Decided)?;
        rows.write(&mut self.tx, &loaded.changed(), with.steps).await?;
        self.known = loaded.known();
        Ok(None)
    }

    /// Makes everything durable; only then it returns the outcomes, in the order in which the commands were added.
    pub async fn commit(self, steps: &dyn Steps, left: &mut Option<Left>) -> std::result::Result<Outcomes, Failure> {
        steps.reached(Step::Committing)?;
        if let Err(error) = self.tx.commit().await {
            let is_known = matches!(&error, Error::Database(error) if db::is_known_to_have_failed(error));
            return Err(if is_known { Failure::BeforeCommit(error) } else { Failure::AtCommit(error, self.outcomes) });
        }
        if let Err(error) = steps.reached(Step::Committed) {
            return Err(Failure::AtCommit(error, self.outcomes));
        }
        *left = self.mark.map(|mark| Left { mark, accounts: self.known });
        Ok(self.outcomes)
    }
}

/// Decides one command and notes what it changes.
///
/// # Errors
/// In this order: 422 and 409 for the Idempotency-Key, 409 for a request that was carried out before, 404 for the account
/// and the chatbot, 403 when that is paused, 404 for the conversation, 401 when the key was deleted meanwhile, then those
/// of [`decide_request`].
fn carry_out<'a>(
    loaded: &mut Loaded,
    rows: &mut Rows<'a>,
    with: Surroundings<'_>,
    command: &'a Command,
) -> Result<Outcome> {
    let is_repeated = loaded.is_stored(command);
    let account = loaded.account(&command.account_id)?;
    if let Some(outcome) = replayed(account, command)? {
        return Ok(outcome);
    }
    if is_repeated {
        return Err(Problem::with_detail(ProblemCode::Conflict, "this request was carried out before").into());
    }
    let chatbot = account.chatbots.get(command.chatbot_id.as_str()).copied();
    let key = command.key_id.as_ref().and_then(|key_id| account.keys.get(key_id.as_str())).copied();
    if command.work.is_new() {
        let chatbot = chatbot.filter(|chatbot| !chatbot.is_deleted).ok_or_else(|| Problem::not_found("chatbot"))?;
        if chatbot.is_paused && command.channel != Channel::Console {
            return Err(ProblemCode::ChatbotPaused.into());
        }
    }
    let made_from = command.message.as_ref().and_then(|message| message.documents_version);
    if made_from.is_some() && made_from != chatbot.map(|chatbot| chatbot.version) {
        return Ok(Outcome::Stale);
    }
    let number = message_number(account, command)?;
    if command.work.is_new() && command.key_id.is_some() {
        let key = key.filter(|key| !key.is_deleted).ok_or(ProblemCode::InvalidCredential)?;
        if command.key_version.is_some_and(|checked| checked != key.version) {
            return Ok(Outcome::KeyChanged);
        }
    }
    let request = request(account, command)?;
    let window = window(account, with.catalogue, command);
    let (of_key, of_chatbot) = (key.map(|key| key.spending), chatbot.map(|chatbot| chatbot.spending));
    let before =
        Account { state: account.state, window, key: of_key, chatbot: of_chatbot, alert_below: account.alert_below };
    let decision = decide_request(&before, request, with.now)?;
    note_subjects(account, command, &decision);
    note_rows(account, rows, command, &decision, with.now);
    if let (Some(number), Some(place)) = (decision.message_number, window) {
        note_counted(account, rows, command, (number, place), with.now);
    }
    note_message(account, rows, command, number, with.now);
    note_idempotency(account, rows, command, &decision, with.now);
    account.state = decision.after;
    account.is_changed = true;
    loaded.note_request(command);
    Ok(Outcome::Accepted { available: decision.after.available(), at: with.now })
}

fn replayed(account: &AccountNow, command: &Command) -> Result<Option<Outcome>> {
    let Some(once) = &command.once else { return Ok(None) };
    let Some(stored) = account.idempotency.get(&once.key) else { return Ok(None) };
    if stored.fingerprint != once.fingerprint {
        return Err(ProblemCode::IdempotencyKeyReused.into());
    }
    match &stored.answer {
        Some((body, credit_remaining)) => {
            Ok(Some(Outcome::Replayed { body: body.clone(), credit_remaining: *credit_remaining }))
        }
        // Its own settlement completes what its reservation began.
        None if stored.request_id == command.request_id => Ok(None),
        None => Err(ProblemCode::RequestInProgress.into()),
    }
}

/// The number of the message in its conversation; zero where there is no message.
fn message_number(account: &AccountNow, command: &Command) -> Result<i64> {
    let Some(message) = &command.message else { return Ok(0) };
    let found = account.conversations.get(message.conversation_id.as_str());
    if message.begins && found.is_none() {
        return Ok(1);
    }
    let is_its_own = |found: &&ConversationNow| {
        found.chatbot_id == command.chatbot_id.as_str() && found.channel == command.channel.as_str()
    };
    let found = found.filter(is_its_own).ok_or_else(|| Problem::not_found("conversation"))?;
    Ok(found.next_message)
}

fn request(account: &AccountNow, command: &Command) -> Result<Request> {
    let hold = || -> Result<Hold> {
        let hold_id = command.work.hold_id().ok_or_else(|| Error::internal("no hold is named"))?;
        let found = account.holds.get(hold_id.as_str());
        Ok(found.copied().ok_or_else(|| Problem::not_found("hold"))?)
    };
    Ok(match command.work {
        Work::Charge { price } => Request::Charge { price },
        Work::Reserve { maximum, .. } => Request::Reserve { maximum },
        Work::Settle { cost, .. } => Request::Settle { hold: hold()?, cost },
        Work::Release { .. } => Request::Release { hold: hold()? },
        Work::Expire { .. } => Request::Expire { hold: hold()? },
    })
}

fn window(account: &AccountNow, catalogue: &Catalogue, command: &Command) -> Option<WindowPlace> {
    (command.work.is_new() && catalogue.counts(command.channel)).then(|| WindowPlace {
        limit: account.messages_per_window,
        window_us: catalogue.window_us(),
        accepted_before: account
            .counted
            .get(&(account.state.next_message - i64::from(account.messages_per_window)))
            .copied(),
    })
}

fn note_subjects(account: &mut AccountNow, command: &Command, decision: &Decision) {
    let note = |subject: Option<&mut SubjectNow>, spending| {
        if let (Some(subject), Some(spending)) = (subject, spending) {
            *subject = SubjectNow { spending, is_changed: true, ..*subject };
        }
    };
    let key_id = command.key_id.as_ref().map(KeyId::as_str);
    note(key_id.and_then(|key_id| account.keys.get_mut(key_id)), decision.key);
    note(account.chatbots.get_mut(command.chatbot_id.as_str()), decision.chatbot);
}

fn note_rows<'a>(
    account: &mut AccountNow,
    rows: &mut Rows<'a>,
    command: &'a Command,
    decision: &Decision,
    now: Timestamp,
) {
    let account_id = command.account_id.as_str();
    let key_id = command.key_id.as_ref().map(KeyId::as_str);
    let chatbot_id = command.chatbot_id.as_str();
    if let Some(entry) = decision.entry {
        rows.entries.push(EntryRow {
            account_id,
            seq: entry.seq,
            kind: entry.kind.as_str(),
            amount: entry.amount.millionths(),
            posted_after: entry.after.net().millionths(),
            at: now.us(),
            request_id: &command.request_id,
            channel: command.channel.as_str(),
            key_id,
            chatbot_id,
            caller_request_id: command.caller_request_id.as_deref(),
        });
    }
    for alert in &decision.alerts {
        rows.tell(command, *alert, now);
    }
    let Some(hold) = decision.hold else { return };
    if let Work::Reserve { hold_id, lasts_us, .. } = &command.work {
        let expires_at = now.plus_us(*lasts_us);
        account.holds.insert(hold_id.to_string(), Hold { expires_at, ..hold });
        rows.holds.push(HoldRow {
            account_id,
            id: hold_id.as_str(),
            request_id: &command.request_id,
            amount: hold.amount.millionths(),
            state: hold.state.as_str(),
            channel: command.channel.as_str(),
            key_id,
            chatbot_id,
            key_since: hold.key_since.map(Timestamp::us),
            chatbot_since: hold.chatbot_since.map(Timestamp::us),
            created_at: now.us(),
            expires_at: expires_at.us(),
        });
    } else if let Some(hold_id) = command.work.hold_id() {
        rows.end_hold(account_id, hold_id.as_str(), hold.state, now);
        account.holds.insert(hold_id.to_string(), hold);
    }
}

fn note_counted<'a>(
    account: &mut AccountNow,
    rows: &mut Rows<'a>,
    command: &'a Command,
    (number, place): (i64, WindowPlace),
    now: Timestamp,
) {
    account.counted.insert(number, now);
    rows.counted.push(CountedRow {
        account_id: command.account_id.as_str(),
        number,
        at: now.us(),
        place_limit: i64::from(place.limit),
        window_us: place.window_us,
    });
}

fn note_message<'a>(account: &mut AccountNow, rows: &mut Rows<'a>, command: &'a Command, number: i64, now: Timestamp) {
    let Some(message) = &command.message else { return };
    let account_id = command.account_id.as_str();
    let (id, chatbot_id, channel) =
        (message.conversation_id.as_str(), command.chatbot_id.as_str(), command.channel.as_str());
    if number == 1 {
        let created_at = now.us();
        rows.conversations.push(ConversationRow { account_id, id, chatbot_id, channel, created_at, next_message: 2 });
    }
    account.take_message_number(id, chatbot_id, channel, number);
    let price = match command.work {
        Work::Charge { price } => price,
        Work::Settle { cost, .. } => cost,
        _ => domain::credit::Credit::ZERO,
    };
    rows.messages.push(MessageRow {
        account_id,
        conversation_id: id,
        number,
        request_id: &command.request_id,
        question: Shared(&message.question),
        answer: Shared(&message.answer),
        citations: Shared(&message.citations),
        price: price.millionths(),
        at: now.us(),
    });
}

fn note_idempotency<'a>(
    account: &mut AccountNow,
    rows: &mut Rows<'a>,
    command: &'a Command,
    decision: &Decision,
    now: Timestamp,
) {
    let is_given_up = decision.hold.is_some_and(|hold| matches!(hold.state, HoldState::Released | HoldState::Expired));
    if let Some(hold_id) = command.work.hold_id().filter(|_| is_given_up) {
        rows.forget_idempotency(command.account_id.as_str(), hold_id.as_str());
        account.idempotency.retain(|_, stored| stored.answer.is_some() || stored.request_id != command.request_id);
    }
    let Some(once) = &command.once else { return };
    let credit_remaining = decision.after.available();
    let answer = once.body.clone().map(|body| (body, credit_remaining));
    let (fingerprint, request_id) = (once.fingerprint.clone(), command.request_id.clone());
    account.idempotency.insert(once.key.clone(), IdempotencyNow { fingerprint, request_id, answer });
    rows.idempotency.push(IdempotencyRow {
        account_id: command.account_id.as_str(),
        idempotency_key: &once.key,
        fingerprint: &once.fingerprint,
        request_id: &command.request_id,
        body: once.body.as_deref(),
        credit_remaining: once.body.as_ref().map(|_| credit_remaining.millionths()),
        created_at: now.us(),
    });
}
