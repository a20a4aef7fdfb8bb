//! What a batch knows: the accounts it concerns as the database has them, and then as its decisions leave them.
//!
//! **Invariant:** what one batch leaves is known to the next one only where the database itself says that nobody has
//! written in between, and only after the first one is durable. SQLite says so; on PostgreSQL everything is read again.

use super::command::{Command, Work};
use super::rows::{BalanceRow, NextMessageRow, SpendingRow};
use super::sql;
use crate::args;
use crate::db::{self, Mark, Pair, Row, Tx};
use crate::error::{Error, Result};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, KeyId};
use domain::ledger::{AccountState, Hold, HoldState, Spending};
use domain::plan::Catalogue;
use domain::problem::Problem;
use foldhash::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

/// A key or a chatbot: what spends.
#[derive(Clone, Copy, Debug)]
pub(super) struct SubjectNow {
    pub spending: Spending,
    pub is_deleted: bool,
    /// A chatbot only: it answers nobody but its owner.
    pub is_paused: bool,
    /// Of a key, or of a chatbot's documents.
    pub version: i64,
    pub is_changed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ConversationNow {
    pub chatbot_id: String,
    pub channel: String,
    pub next_message: i64,
    /// It was there before this batch and goes on in it.
    is_continued: bool,
}

#[derive(Clone, Debug)]
pub(super) struct IdempotencyNow {
    pub fingerprint: String,
    pub request_id: String,
    pub answer: Option<(String, Credit)>,
}

#[derive(Debug, Default)]
pub(super) struct AccountNow {
    pub state: AccountState,
    pub messages_per_window: u32,
    pub alert_below: Option<Credit>,
    pub keys: HashMap<String, SubjectNow>,
    pub chatbots: HashMap<String, SubjectNow>,
    pub conversations: HashMap<String, ConversationNow>,
    pub idempotency: HashMap<String, IdempotencyNow>,
    pub holds: HashMap<String, Hold>,
    /// When the messages were accepted that decide about new ones, by their number.
    pub counted: HashMap<i64, Timestamp>,
    pub is_changed: bool,
}

impl AccountNow {
    /// Keeps what concerns every request: the account's own state, and the keys and chatbots that spend.
    fn forget_requests(&mut self) {
        self.is_changed = false;
        self.keys.values_mut().chain(self.chatbots.values_mut()).for_each(|subject| subject.is_changed = false);
        self.conversations = HashMap::default();
        self.idempotency = HashMap::default();
        self.holds = HashMap::default();
        self.counted = HashMap::default();
    }

    pub fn take_message_number(&mut self, id: &str, chatbot_id: &str, channel: &str, number: i64) {
        if let Some(found) = self.conversations.get_mut(id) {
            found.next_message = number + 1;
            found.is_continued = true;
            return;
        }
        let begun = ConversationNow {
            chatbot_id: chatbot_id.to_owned(),
            channel: channel.to_owned(),
            next_message: number + 1,
            is_continued: false,
        };
        self.conversations.insert(id.to_owned(), begun);
    }
}

/// Rows that a batch has changed: of accounts, of what keys and chatbots spend, and of conversations.
#[derive(Default)]
pub(super) struct Changed<'a> {
    pub balances: Vec<BalanceRow<'a>>,
    pub spendings: Vec<SpendingRow<'a>>,
    pub conversations: Vec<NextMessageRow<'a>>,
}

#[derive(Serialize, PartialEq, Eq, Hash)]
struct AccountPart<'a> {
    account_id: &'a str,
}

#[derive(Serialize, PartialEq, Eq, Hash)]
#[expect(clippy::struct_field_names, reason = "these are the names of the columns")]
struct SubjectPart<'a> {
    account_id: &'a str,
    key_id: Option<&'a str>,
    chatbot_id: &'a str,
}

#[derive(Serialize)]
struct CountedPart<'a> {
    account_id: &'a str,
    first: i64,
    last: i64,
}

#[derive(Serialize, PartialEq, Eq, Hash)]
struct IdPart<'a> {
    account_id: &'a str,
    id: &'a str,
}

#[derive(Serialize, PartialEq, Eq, Hash)]
struct IdempotencyPart<'a> {
    account_id: &'a str,
    idempotency_key: &'a str,
}

#[derive(Serialize)]
struct RequestPart<'a> {
    account_id: &'a str,
    request_id: &'a str,
}

/// An account with what is posted, held and owed, and the numbers of its next entry and message.
type StateRow = (String, i64, i64, i64, i64, i64);

/// Its fields stand in the order of the columns.
#[derive(db::FromRow, Deserialize)]
struct SubjectRow {
    account_id: String,
    plan_id: String,
    alert_below: Option<i64>,
    key_id: Option<String>,
    key_deleted_at: Option<i64>,
    key_version: Option<i64>,
    monthly_cap: Option<i64>,
    key_since: Option<i64>,
    key_spent: Option<i64>,
    chatbot_id: Option<String>,
    chatbot_deleted_at: Option<i64>,
    chatbot_paused_at: Option<i64>,
    documents_version: Option<i64>,
    daily_cap: Option<i64>,
    chatbot_since: Option<i64>,
    chatbot_spent: Option<i64>,
}

fn spending(cap: Option<i64>, since: Option<i64>, spent: Option<i64>) -> Spending {
    Spending {
        cap: cap.map(Credit::from_millionths),
        since: Timestamp::from_us(since.unwrap_or_default()),
        spent: Credit::from_millionths(spent.unwrap_or_default()),
    }
}

impl SubjectRow {
    fn note(self, account: &mut AccountNow, catalogue: &Catalogue) -> Result<()> {
        let plan = catalogue.plan_or_default(&self.plan_id);
        account.messages_per_window =
            plan.ok_or_else(|| Error::internal("the catalogue has no default plan"))?.messages_per_window;
        account.alert_below = self.alert_below.map(Credit::from_millionths);
        if let Some(key_id) = self.key_id {
            let spending = spending(self.monthly_cap, self.key_since, self.key_spent);
            let is_deleted = self.key_deleted_at.is_some();
            let version = self.key_version.unwrap_or_default();
            let key = SubjectNow { spending, is_deleted, is_paused: false, version, is_changed: false };
            account.keys.insert(key_id, key);
        }
        if let Some(chatbot_id) = self.chatbot_id {
            let spending = spending(self.daily_cap, self.chatbot_since, self.chatbot_spent);
            let version = self.documents_version.unwrap_or_default();
            let is_deleted = self.chatbot_deleted_at.is_some();
            let is_paused = self.chatbot_paused_at.is_some();
            let chatbot = SubjectNow { spending, is_deleted, is_paused, version, is_changed: false };
            account.chatbots.insert(chatbot_id, chatbot);
        }
        Ok(())
    }
}

/// Accounts with their keys and chatbots, as the commands before left them.
pub(super) type Known = HashMap<String, AccountNow>;

/// Above so many accounts, only those that the last commands concerned stay known.
const KNOWN_MAX: usize = 4_096;

/// Accounts as the batches before left them. They are true for the next batch if nobody else has written in between.
pub(super) struct Left {
    pub mark: Mark,
    pub accounts: Known,
}

impl Left {
    /// What of it is true in a transaction with this mark.
    pub fn known(self, mark: Option<Mark>) -> Known {
        if mark.is_some_and(|mark| mark.follows(&self.mark)) { self.accounts } else { Known::default() }
    }
}

/// Everything that some commands of a batch concern.
#[derive(Default)]
pub(super) struct Loaded {
    accounts: Known,
    /// Accounts that are known and that these commands do not concern.
    others: Known,
    /// Account and request of what was stored before. Filled only after a failure.
    stored: HashSet<(String, String)>,
    is_stored_known: bool,
}

/// The different ones of some rows, in the order in which they come.
fn distinct<T: std::hash::Hash + Eq>(rows: impl Iterator<Item = T>) -> HashSet<T> {
    rows.collect()
}

pub(super) fn json(rows: &impl Serialize) -> Result<String> {
    serde_json::to_string(rows).map_err(Error::internal)
}

async fn all<R: Row>(tx: &mut Tx, pair: &Pair, rows: &impl Serialize) -> Result<Vec<R>> {
    let sql = tx.pick(pair);
    tx.all(sql, args![json(rows)?]).await
}

impl Loaded {
    /// Locks the accounts until the transaction ends, and reads them with the keys and chatbots that spend, where they are
    /// not known. What is not an account's own row is read after the locks are held, so it is what the last owner of the
    /// locks left.
    pub async fn lock(tx: &mut Tx, catalogue: &Catalogue, commands: &[&Command], mut known: Known) -> Result<Self> {
        let accounts = commands.iter().filter_map(|command| known.remove_entry(command.account_id.as_str())).collect();
        let mut loaded = Self { accounts, others: known, ..Self::default() };
        loaded.read_unknown(tx, catalogue, commands).await?;
        Ok(loaded)
    }

    async fn read_unknown(&mut self, tx: &mut Tx, catalogue: &Catalogue, commands: &[&Command]) -> Result<()> {
        let unknown: Vec<&Command> = commands.iter().copied().filter(|command| !self.knows(command)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let accounts = distinct(unknown.iter().map(|command| AccountPart { account_id: command.account_id.as_str() }));
        let subjects = distinct(unknown.iter().map(|command| SubjectPart {
            account_id: command.account_id.as_str(),
            key_id: command.key_id.as_ref().map(KeyId::as_str),
            chatbot_id: command.chatbot_id.as_str(),
        }));
        let balances: Vec<StateRow> = all(tx, &sql::LOCK_BALANCES, &accounts).await?;
        let subjects: Vec<SubjectRow> = all(tx, &sql::LOAD_SUBJECTS, &subjects).await?;
        for (account_id, posted, held, debt, next_entry, next_message) in balances {
            let [posted, held, debt] = [posted, held, debt].map(Credit::from_millionths);
            self.accounts.entry(account_id).or_default().state =
                AccountState { posted, held, debt, next_entry, next_message };
        }
        for row in subjects {
            if let Some(account) = self.accounts.get_mut(&row.account_id) {
                row.note(account, catalogue)?;
            }
        }
        Ok(())
    }

    fn knows(&self, command: &Command) -> bool {
        let Some(account) = self.accounts.get(command.account_id.as_str()) else { return false };
        account.chatbots.contains_key(command.chatbot_id.as_str())
            && command.key_id.as_ref().is_none_or(|key_id| account.keys.contains_key(key_id.as_str()))
    }

    /// What is known to whoever comes next in this transaction, and to the next batch once this one is durable.
    pub fn known(self) -> Known {
        let mut accounts = self.accounts;
        for account in accounts.values_mut() {
            account.forget_requests();
        }
        if accounts.len() + self.others.len() <= KNOWN_MAX {
            accounts.extend(self.others);
        }
        accounts
    }

    /// Reads what else the decisions need.
    pub async fn load(&mut self, tx: &mut Tx, catalogue: &Catalogue, commands: &[&Command]) -> Result<()> {
        self.load_counted(tx, catalogue, commands).await?;
        self.load_conversations(tx, commands).await?;
        self.load_idempotency(tx, commands).await?;
        self.load_holds(tx, commands).await
    }

    async fn load_counted(&mut self, tx: &mut Tx, catalogue: &Catalogue, commands: &[&Command]) -> Result<()> {
        let mut places: HashMap<&str, i64> = HashMap::default();
        for command in commands.iter().filter(|command| command.work.is_new() && catalogue.counts(command.channel)) {
            *places.entry(command.account_id.as_str()).or_default() += 1;
        }
        let parts: Vec<CountedPart<'_>> = places
            .into_iter()
            .filter_map(|(account_id, places)| {
                let account = self.accounts.get(account_id)?;
                let first = account.state.next_message - i64::from(account.messages_per_window);
                Some(CountedPart { account_id, first, last: first + places - 1 })
            })
            .collect();
        if parts.is_empty() {
            return Ok(());
        }
        let rows: Vec<(String, i64, i64)> = all(tx, &sql::LOAD_COUNTED, &parts).await?;
        for (account_id, number, at) in rows {
            if let Some(account) = self.accounts.get_mut(&account_id) {
                account.counted.insert(number, Timestamp::from_us(at));
            }
        }
        Ok(())
    }

    async fn load_conversations(&mut self, tx: &mut Tx, commands: &[&Command]) -> Result<()> {
        let named = commands.iter().filter_map(|command| {
            let message = command.message.as_ref().filter(|message| !message.begins)?;
            Some(IdPart { account_id: command.account_id.as_str(), id: message.conversation_id.as_str() })
        });
        let parts = distinct(named);
        if parts.is_empty() {
            return Ok(());
        }
        let rows: Vec<(String, String, String, String, i64)> = all(tx, &sql::LOAD_CONVERSATIONS, &parts).await?;
        for (account_id, id, chatbot_id, channel, next_message) in rows {
            if let Some(account) = self.accounts.get_mut(&account_id) {
                let found = ConversationNow { chatbot_id, channel, next_message, is_continued: false };
                account.conversations.insert(id, found);
            }
        }
        Ok(())
    }

    async fn load_idempotency(&mut self, tx: &mut Tx, commands: &[&Command]) -> Result<()> {
        type IdempotencyRow = (String, String, String, String, Option<String>, Option<i64>);
        let parts = distinct(commands.iter().filter_map(|command| {
            let once = command.once.as_ref()?;
            Some(IdempotencyPart { account_id: command.account_id.as_str(), idempotency_key: &once.key })
        }));
        if parts.is_empty() {
            return Ok(());
        }
        let rows: Vec<IdempotencyRow> = all(tx, &sql::LOAD_IDEMPOTENCY, &parts).await?;
        for (account_id, key, fingerprint, request_id, body, credit_remaining) in rows {
            if let Some(account) = self.accounts.get_mut(&account_id) {
                let credit_remaining = Credit::from_millionths(credit_remaining.unwrap_or_default());
                let answer = body.map(|body| (body, credit_remaining));
                account.idempotency.insert(key, IdempotencyNow { fingerprint, request_id, answer });
            }
        }
        Ok(())
    }

    async fn load_holds(&mut self, tx: &mut Tx, commands: &[&Command]) -> Result<()> {
        type HoldRow = (String, String, i64, String, i64, Option<i64>, Option<i64>);
        let parts = distinct(commands.iter().filter_map(|command| {
            Some(IdPart { account_id: command.account_id.as_str(), id: command.work.hold_id()?.as_str() })
        }));
        if parts.is_empty() {
            return Ok(());
        }
        let rows: Vec<HoldRow> = all(tx, &sql::LOAD_HOLDS, &parts).await?;
        for (account_id, id, amount, state, expires_at, key_since, chatbot_since) in rows {
            let state = HoldState::parse(&state).ok_or_else(|| Error::internal("a hold in an unknown state"))?;
            let hold = Hold {
                amount: Credit::from_millionths(amount),
                state,
                expires_at: Timestamp::from_us(expires_at),
                key_since: key_since.map(Timestamp::from_us),
                chatbot_since: chatbot_since.map(Timestamp::from_us),
            };
            if let Some(account) = self.accounts.get_mut(&account_id) {
                account.holds.insert(id, hold);
            }
        }
        Ok(())
    }

    /// Reads which of the requests are stored already.
    pub async fn load_requests(&mut self, tx: &mut Tx, commands: &[&Command]) -> Result<()> {
        let parts: Vec<RequestPart<'_>> = commands
            .iter()
            .map(|command| RequestPart { account_id: command.account_id.as_str(), request_id: &command.request_id })
            .collect();
        let in_messages: Vec<(String, String)> = all(tx, &sql::LOAD_MESSAGE_REQUESTS, &parts).await?;
        let in_holds: Vec<(String, String)> = all(tx, &sql::LOAD_HOLD_REQUESTS, &parts).await?;
        // The hold of a settlement has the settlement's own request: it says nothing about whether that was stored.
        let reserves = |(_, request_id): &(String, String)| {
            let is_reserved = |command: &&&Command| matches!(command.work, Work::Reserve { .. });
            commands.iter().filter(is_reserved).any(|command| command.request_id == *request_id)
        };
        self.stored.extend(in_messages);
        self.stored.extend(in_holds.into_iter().filter(reserves));
        self.is_stored_known = true;
        Ok(())
    }

    /// Whether the command was carried out before; false as long as that was not asked.
    pub fn is_stored(&self, command: &Command) -> bool {
        if !self.is_stored_known {
            return false;
        }
        if matches!(command.work, Work::Release { .. } | Work::Expire { .. }) {
            let account = self.accounts.get(command.account_id.as_str());
            let hold = account.zip(command.work.hold_id()).and_then(|(account, id)| account.holds.get(id.as_str()));
            return hold.is_some_and(|found| found.state != HoldState::Open);
        }
        // A tuple of texts cannot be looked up by borrowed ones; this happens after failures only.
        self.stored.contains(&(command.account_id.to_string(), command.request_id.clone()))
    }

    /// Notes that a command is carried out, so that another one of the same request in this batch is not.
    pub fn note_request(&mut self, command: &Command) {
        if self.is_stored_known && !matches!(command.work, Work::Release { .. } | Work::Expire { .. }) {
            self.stored.insert((command.account_id.to_string(), command.request_id.clone()));
        }
    }

    pub fn account(&mut self, account_id: &AccountId) -> Result<&mut AccountNow> {
        Ok(self.accounts.get_mut(account_id.as_str()).ok_or_else(|| Problem::not_found("account"))?)
    }

    /// The rows that differ from what was loaded.
    pub fn changed(&self) -> Changed<'_> {
        let mut changed = Changed::default();
        for (account_id, account) in self.accounts.iter().filter(|(_, account)| account.is_changed) {
            let state = account.state;
            changed.balances.push(BalanceRow {
                account_id,
                posted: state.posted.millionths(),
                held: state.held.millionths(),
                debt: state.debt.millionths(),
                next_entry: state.next_entry,
                next_message: state.next_message,
            });
            let spent = account.keys.iter().chain(&account.chatbots).filter(|(_, subject)| subject.is_changed);
            changed.spendings.extend(spent.map(|(id, subject)| SpendingRow {
                account_id,
                subject_id: id,
                since: subject.spending.since.us(),
                spent: subject.spending.spent.millionths(),
            }));
            let continued = account.conversations.iter().filter(|(_, conversation)| conversation.is_continued);
            changed.conversations.extend(continued.map(|(id, conversation)| NextMessageRow {
                account_id,
                id,
                next_message: conversation.next_message,
            }));
        }
        changed
    }
}
