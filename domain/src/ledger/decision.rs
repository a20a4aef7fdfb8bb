//! The decision about one request: credit, holds, the message window and the caps, weighed together.
//!
//! What it has to know stands in [`Account`]; who calls it has locked all of that, so that no other decision comes in
//! between. It reads no clock: `now` is a parameter, and a clock that was set back neither frees a place in the window
//! nor opens a cap early.

use super::{AccountState, Operation, Posted, Refusal, decide};
use crate::clock::{DAY_US, Timestamp};
use crate::credit::Credit;
use crate::window;

/// The share of a cap at which its owner is told, in percent.
pub const NEAR_CAP_PERCENT: i64 = 80;

/// What was spent in a period, and how much may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    pub cap: Option<Credit>,
    /// Start of the period: of the calendar month for a key, of the day for a chatbot, both in UTC.
    pub since: Timestamp,
    /// Spent and set aside since then; a positive number.
    pub spent: Credit,
}

impl Spending {
    /// The same in a later period, in which nothing is spent yet. An earlier one changes nothing: the clock was set back.
    const fn in_period(self, start: Timestamp) -> Self {
        if start.us() > self.since.us() { Self { cap: self.cap, since: start, spent: Credit::ZERO } } else { self }
    }

    fn plus(self, amount: Credit) -> Result<Self, Refusal> {
        Ok(Self { spent: self.spent.checked_add(amount).ok_or(Refusal::Overflow)?, ..self })
    }

    /// Gives back what a hold had taken, when it was taken in this period.
    fn without(self, hold: &Hold, taken_since: Option<Timestamp>) -> Result<Self, Refusal> {
        if taken_since == Some(self.since) { self.plus(hold.amount.negated()) } else { Ok(self) }
    }

    /// The cap, when it does not cover `amount` more.
    fn refusing(&self, amount: Credit) -> Option<Credit> {
        let is_covered = |cap: Credit| self.spent.checked_add(amount).is_some_and(|sum| sum <= cap);
        self.cap.filter(|cap| amount > Credit::ZERO && !is_covered(*cap))
    }

    fn is_near_cap(&self) -> bool {
        let share = |amount: Credit, percent: i64| i128::from(amount.millionths()) * i128::from(percent);
        self.cap.is_some_and(|cap| cap > Credit::ZERO && share(self.spent, 100) >= share(cap, NEAR_CAP_PERCENT))
    }
}

/// The place in the message window that a message would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowPlace {
    pub limit: u32,
    pub window_us: i64,
    /// When message n − limit was accepted; `None` when there is no such message.
    pub accepted_before: Option<Timestamp>,
}

/// Everything that a decision about an account reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub state: AccountState,
    /// `None` when the request's channel does not count.
    pub window: Option<WindowPlace>,
    /// Of the key that pays; `None` without one.
    pub key: Option<Spending>,
    /// Of the chatbot that answers; `None` without one.
    pub chatbot: Option<Spending>,
    /// The owner is told when less than this is available.
    pub alert_below: Option<Credit>,
}

/// How far a hold has come. Only an open one changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    Open,
    Settled,
    Released,
    Expired,
}

impl HoldState {
    pub const ALL: [Self; 4] = [Self::Open, Self::Settled, Self::Released, Self::Expired];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Credit set aside for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    pub amount: Credit,
    pub state: HoldState,
    pub expires_at: Timestamp,
    /// The period of the key's cap that it was taken from.
    pub key_since: Option<Timestamp>,
    /// The period of the chatbot's cap that it was taken from.
    pub chatbot_since: Option<Timestamp>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A message whose answer is there: takes a place in the window and its price. Free ones leave no entry.
    Charge { price: Credit },
    /// A message whose answer has yet to be written: takes a place in the window and sets its highest price aside.
    Reserve { maximum: Credit },
    /// The answer is there: takes what it cost and gives back the rest.
    Settle { hold: Hold, cost: Credit },
    /// There will be no answer: gives everything back.
    Release { hold: Hold },
    /// Nobody came back for the hold: gives everything back, once its time is over.
    Expire { hold: Hold },
    /// An entry that no limit applies to.
    Post(Operation),
}

/// What the owner is told, once at each crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    CreditLow { below: Credit, available: Credit },
    KeyCapNear { cap: Credit, spent: Credit },
    ChatbotCapNear { cap: Credit, spent: Credit },
}

impl Alert {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreditLow { .. } => "credit_low",
            Self::KeyCapNear { .. } => "key_cap_near",
            Self::ChatbotCapNear { .. } => "chatbot_cap_near",
        }
    }
}

/// An accepted request: what to write, and what the account is afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub after: AccountState,
    pub entry: Option<Posted>,
    /// The number that the message took in the window.
    pub message_number: Option<i64>,
    /// The hold as it is now; for a reservation, the new one without its time of expiry.
    pub hold: Option<Hold>,
    pub key: Option<Spending>,
    pub chatbot: Option<Spending>,
    pub alerts: Vec<Alert>,
}

/// Decides one request.
///
/// # Errors
/// In the order of [`Refusal`]; nothing is then changed.
pub fn decide_request(account: &Account, request: Request, now: Timestamp) -> Result<Decision, Refusal> {
    let rolled = Account {
        key: account.key.map(|key| key.in_period(now.start_of_month())),
        chatbot: account.chatbot.map(|chatbot| chatbot.in_period(now.start_of_day())),
        ..*account
    };
    let mut decision = match request {
        Request::Charge { price } => charge(&rolled, price, now)?,
        Request::Reserve { maximum } => reserve(&rolled, maximum, now)?,
        Request::Settle { hold, cost } => settle(&rolled, hold, cost)?,
        Request::Release { hold } => end(&rolled, hold, HoldState::Released)?,
        Request::Expire { hold } => {
            refuse_ended(&hold)?;
            if now < hold.expires_at {
                return Err(Refusal::HoldNotExpired { expires_at: hold.expires_at });
            }
            end(&rolled, hold, HoldState::Expired)?
        }
        Request::Post(operation) => {
            let posted = decide(rolled.state, operation)?;
            Decision { entry: Some(posted), ..unchanged(&rolled, posted.after) }
        }
    };
    // What a hold gave back settles a debt before anything else.
    decision.after = decision.after.settled();
    decision.alerts = alerts(&rolled, &decision);
    Ok(decision)
}

fn unchanged(account: &Account, after: AccountState) -> Decision {
    let (key, chatbot) = (account.key, account.chatbot);
    Decision { after, entry: None, message_number: None, hold: None, key, chatbot, alerts: Vec::new() }
}

fn charge(account: &Account, price: Credit, now: Timestamp) -> Result<Decision, Refusal> {
    let (state, message_number) = admit(account, price, now)?;
    let entry = if price > Credit::ZERO { Some(decide(state, Operation::Charge { price })?) } else { None };
    let decision = unchanged(account, entry.map_or(state, |entry| entry.after));
    let key = account.key.map(|key| key.plus(price)).transpose()?;
    let chatbot = account.chatbot.map(|chatbot| chatbot.plus(price)).transpose()?;
    Ok(Decision { entry, message_number, key, chatbot, ..decision })
}

fn reserve(account: &Account, maximum: Credit, now: Timestamp) -> Result<Decision, Refusal> {
    let (state, message_number) = admit(account, maximum, now)?;
    let set_aside = state.held.checked_add(maximum).ok_or(Refusal::Overflow)?;
    let key = account.key.map(|key| key.plus(maximum)).transpose()?;
    let chatbot = account.chatbot.map(|chatbot| chatbot.plus(maximum)).transpose()?;
    let hold = Hold {
        amount: maximum,
        state: HoldState::Open,
        expires_at: now,
        key_since: key.map(|key| key.since),
        chatbot_since: chatbot.map(|chatbot| chatbot.since),
    };
    let decision = unchanged(account, AccountState { held: set_aside, ..state });
    Ok(Decision { message_number, hold: Some(hold), key, chatbot, ..decision })
}

/// The checks of a new message, in the order of [`Refusal`]; returns the state with its place in the window taken.
fn admit(account: &Account, amount: Credit, now: Timestamp) -> Result<(AccountState, Option<i64>), Refusal> {
    let state = account.state;
    if amount < Credit::ZERO {
        return Err(Refusal::AmountOutOfRange);
    }
    if let Some(place) = account.window {
        window::check(place.limit, place.window_us, place.accepted_before, now)
            .map_err(|full| Refusal::WindowFull { retry_at: full.retry_at })?;
    }
    if let Some((key, cap)) = account.key.and_then(|key| Some((key, key.refusing(amount)?))) {
        // No month has more than 31 days, so this lies in the next one.
        let retry_at = key.since.plus_us(32 * DAY_US).start_of_month();
        return Err(Refusal::KeyCapReached { cap, spent: key.spent, retry_at });
    }
    if let Some((chatbot, cap)) = account.chatbot.and_then(|chatbot| Some((chatbot, chatbot.refusing(amount)?))) {
        let retry_at = chatbot.since.plus_us(DAY_US);
        return Err(Refusal::ChatbotCapReached { cap, spent: chatbot.spent, retry_at });
    }
    if amount > state.available() {
        return Err(state.insufficient(amount));
    }
    if account.window.is_none() {
        return Ok((state, None));
    }
    let next_message = state.next_message.checked_add(1).ok_or(Refusal::Overflow)?;
    Ok((AccountState { next_message, ..state }, Some(state.next_message)))
}

fn refuse_ended(hold: &Hold) -> Result<(), Refusal> {
    if hold.state == HoldState::Open { Ok(()) } else { Err(Refusal::HoldEnded { state: hold.state }) }
}

fn settle(account: &Account, hold: Hold, cost: Credit) -> Result<Decision, Refusal> {
    if cost < Credit::ZERO {
        return Err(Refusal::AmountOutOfRange);
    }
    refuse_ended(&hold)?;
    if cost > hold.amount {
        return Err(Refusal::CostAboveHold { cost, held: hold.amount });
    }
    // Before what it gives back settles a debt: the answer is there and paid for with what was set aside for it.
    let given_back = end(account, hold, HoldState::Settled)?;
    if cost == Credit::ZERO {
        return Ok(given_back);
    }
    let posted = decide(given_back.after, Operation::Charge { price: cost })?;
    let key = given_back.key.map(|key| key.plus(cost)).transpose()?;
    let chatbot = given_back.chatbot.map(|chatbot| chatbot.plus(cost)).transpose()?;
    Ok(Decision { after: posted.after, entry: Some(posted), key, chatbot, ..given_back })
}

fn end(account: &Account, hold: Hold, state: HoldState) -> Result<Decision, Refusal> {
    refuse_ended(&hold)?;
    let rest = account.state.held.checked_sub(hold.amount).filter(|rest| *rest >= Credit::ZERO);
    let after = AccountState { held: rest.ok_or(Refusal::Overflow)?, ..account.state };
    let key = account.key.map(|key| key.without(&hold, hold.key_since)).transpose()?;
    let chatbot = account.chatbot.map(|chatbot| chatbot.without(&hold, hold.chatbot_since)).transpose()?;
    Ok(Decision { hold: Some(Hold { state, ..hold }), key, chatbot, ..unchanged(account, after) })
}

/// What was crossed between the account before and after.
fn alerts(before: &Account, decision: &Decision) -> Vec<Alert> {
    let mut alerts = Vec::new();
    if let Some(below) = before.alert_below {
        let (was, available) = (before.state.available(), decision.after.available());
        if was >= below && available < below {
            alerts.push(Alert::CreditLow { below, available });
        }
    }
    let crossed = |was: Option<Spending>, is: Option<Spending>| {
        let (was, is) = (was?, is?);
        let cap = is.cap?;
        (!was.is_near_cap() && is.is_near_cap()).then_some((cap, is.spent))
    };
    if let Some((cap, spent)) = crossed(before.key, decision.key) {
        alerts.push(Alert::KeyCapNear { cap, spent });
    }
    if let Some((cap, spent)) = crossed(before.chatbot, decision.chatbot) {
        alerts.push(Alert::ChatbotCapNear { cap, spent });
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn credit(millionths: i64) -> Credit {
        Credit::from_millionths(millionths)
    }

    const NOW: Timestamp = Timestamp::from_us(1_795_000_000_000_000);

    fn spending(cap: i64, spent: i64, since: Timestamp) -> Spending {
        Spending { cap: Some(credit(cap)), since, spent: credit(spent) }
    }

    /// An account on which every limit refuses a charge of 10: each case below lifts one more of them.
    fn all_limits() -> Account {
        Account {
            state: AccountState { posted: credit(9), ..AccountState::EMPTY },
            window: Some(WindowPlace { limit: 1, window_us: 60, accepted_before: Some(NOW) }),
            key: Some(spending(19, 10, NOW.start_of_month())),
            chatbot: Some(spending(19, 10, NOW.start_of_day())),
            alert_below: None,
        }
    }

    #[test]
    fn of_several_reasons_the_first_in_the_order_of_the_list_is_told() {
        let mut account = all_limits();
        let asked = |account: &Account, price| decide_request(account, Request::Charge { price: credit(price) }, NOW);
        assert_eq!(asked(&account, -1), Err(Refusal::AmountOutOfRange));
        assert_eq!(asked(&account, 10), Err(Refusal::WindowFull { retry_at: NOW.plus_us(60) }));
        account.window = None;
        assert!(matches!(asked(&account, 10), Err(Refusal::KeyCapReached { .. })));
        account.key = Some(spending(20, 10, NOW.start_of_month()));
        let tomorrow = NOW.start_of_day().plus_us(DAY_US);
        let capped = Refusal::ChatbotCapReached { cap: credit(19), spent: credit(10), retry_at: tomorrow };
        assert_eq!(asked(&account, 10), Err(capped));
        account.chatbot = Some(spending(20, 10, NOW.start_of_day()));
        let short = Refusal::InsufficientCredit { required: credit(10), available: credit(9), debt: Credit::ZERO };
        assert_eq!(asked(&account, 10), Err(short));
        account.state.posted = credit(10);
        let decision = asked(&account, 10).expect("nothing refuses any more");
        assert_eq!((decision.after.posted, decision.key.map(|key| key.spent)), (Credit::ZERO, Some(credit(20))));
    }

    #[test]
    fn a_cap_opens_with_the_next_period_and_not_when_the_clock_is_set_back() {
        let mut account =
            Account { state: AccountState { posted: credit(100), ..AccountState::EMPTY }, ..Account::default() };
        account.key = Some(spending(10, 10, NOW.start_of_month()));
        let asked = |now| decide_request(&account, Request::Charge { price: credit(1) }, now);
        let Err(Refusal::KeyCapReached { retry_at, .. }) = asked(NOW) else { panic!("the cap is reached") };
        assert_eq!(retry_at.date(), "2026-12-01");
        assert!(asked(retry_at.plus_us(-1)).is_err());
        assert!(asked(NOW.plus_us(-40 * DAY_US)).is_err());
        let decision = asked(retry_at).expect("a new month");
        assert_eq!(decision.key.map(|key| (key.spent, key.since)), Some((credit(1), retry_at)));
    }

    #[test]
    fn an_alert_is_told_at_the_crossing_only() {
        let mut account =
            Account { state: AccountState { posted: credit(100), ..AccountState::EMPTY }, ..Account::default() };
        account.alert_below = Some(credit(95));
        account.key = Some(spending(10, 0, NOW.start_of_month()));
        let mut told = Vec::new();
        for _ in 0..10 {
            let decision = decide_request(&account, Request::Charge { price: credit(1) }, NOW).expect("covered");
            told.push(decision.alerts);
            account = Account { state: decision.after, key: decision.key, ..account };
        }
        let crossings: Vec<usize> = (0..10).filter(|number| !told[*number].is_empty()).collect();
        assert_eq!(crossings, [5, 7]);
        assert_eq!(told[5], [Alert::CreditLow { below: credit(95), available: credit(94) }]);
        assert_eq!(told[7], [Alert::KeyCapNear { cap: credit(10), spent: credit(8) }]);
    }

    #[test]
    fn a_hold_cannot_be_ended_twice_nor_expire_early_nor_cost_more_than_it_holds() {
        let account =
            Account { state: AccountState { posted: credit(10), ..AccountState::EMPTY }, ..Account::default() };
        let reserved = decide_request(&account, Request::Reserve { maximum: credit(7) }, NOW).expect("covered");
        let hold = Hold { expires_at: NOW.plus_us(5), ..reserved.hold.expect("a hold") };
        let account = Account { state: reserved.after, ..account };
        assert_eq!(account.state.available(), credit(3));
        let asked = |request| decide_request(&account, request, NOW);
        let above = Refusal::CostAboveHold { cost: credit(8), held: credit(7) };
        assert_eq!(asked(Request::Settle { hold, cost: credit(8) }), Err(above));
        assert_eq!(asked(Request::Expire { hold }), Err(Refusal::HoldNotExpired { expires_at: NOW.plus_us(5) }));
        let settled = asked(Request::Settle { hold, cost: credit(4) }).expect("within the hold");
        assert_eq!((settled.after.posted, settled.after.held), (credit(6), Credit::ZERO));
        let hold = settled.hold.expect("a hold");
        for request in [Request::Settle { hold, cost: credit(1) }, Request::Release { hold }, Request::Expire { hold }]
        {
            assert_eq!(asked(request), Err(Refusal::HoldEnded { state: HoldState::Settled }), "{request:?}");
        }
    }
}
