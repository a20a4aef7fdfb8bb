//! The decision about credit: the state of an account and a request in, an outcome and the new state out.
//!
//! It knows no clock, no database and no task. Whoever stores the result, on whichever database, runs this same code.
//! [`decide_request`] is the whole decision, with holds, the message window and the caps; [`decide`] is its part for
//! entries that no limit applies to.

mod decision;
mod usage;

pub use decision::{
    Account, Alert, Decision, Hold, HoldState, NEAR_CAP_PERCENT, Request, Spending, WindowPlace, decide_request,
};
pub use usage::{
    USAGE_DAYS_DEFAULT, USAGE_DAYS_MAX, USAGE_SERIES_MAX, UsageBy, UsageDay, UsageDays, UsageOf, UsageSeries, UsageSum,
    UsageSums,
};

use crate::clock::Timestamp;
use crate::credit::Credit;
use crate::id::{ChatbotId, KeyId, PaymentId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The part of an account that a decision reads and changes; one row of `balances`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// The credit in the account. The sum of all entries is this less the debt.
    pub posted: Credit,
    /// The part of `posted` that is set aside.
    pub held: Credit,
    /// Credit that was taken back after it was spent. Whatever becomes free settles it first, so while there is a debt
    /// nothing is available.
    pub debt: Credit,
    /// The number that the next entry gets, from 1.
    pub next_entry: i64,
    /// The number that the next counted message gets, from 1.
    pub next_message: i64,
}

impl AccountState {
    /// An account before its first entry.
    pub const EMPTY: Self =
        Self { posted: Credit::ZERO, held: Credit::ZERO, debt: Credit::ZERO, next_entry: 1, next_message: 1 };

    /// What can be spent now.
    #[must_use]
    pub fn available(&self) -> Credit {
        self.posted.checked_sub(self.held).unwrap_or(Credit::ZERO)
    }

    /// The sum of all entries: negative while more was taken back than there is.
    #[must_use]
    pub fn net(&self) -> Credit {
        // Neither is negative, so the difference fits.
        self.posted.checked_sub(self.debt).unwrap_or(Credit::ZERO)
    }

    fn insufficient(&self, required: Credit) -> Refusal {
        Refusal::InsufficientCredit { required, available: self.available(), debt: self.debt }
    }

    /// Settles the debt with what is free, as far as that goes.
    fn settled(self) -> Self {
        let settled = self.available().min(self.debt);
        let less = |amount: Credit| amount.checked_sub(settled).unwrap_or(Credit::ZERO);
        Self { posted: less(self.posted), debt: less(self.debt), ..self }
    }
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A message by API or widget.
    Charge,
    /// Credit that a payment bought.
    Payment,
    /// Credit given by the operator.
    Grant,
    /// A correction by the operator, in either direction.
    Adjustment,
    /// Credit of a payment that was refunded or disputed; positive where a dispute was won.
    Refund,
}

impl EntryKind {
    pub const ALL: [Self; 5] = [Self::Charge, Self::Payment, Self::Grant, Self::Adjustment, Self::Refund];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Payment => "payment",
            Self::Grant => "grant",
            Self::Adjustment => "adjustment",
            Self::Refund => "refund",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Console,
    Api,
    Widget,
}

impl Channel {
    pub const ALL: [Self; 3] = [Self::Console, Self::Api, Self::Widget];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Api => "api",
            Self::Widget => "widget",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

/// A change of credit that somebody asks for. `amount` is positive where the kind says the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Take the price of one message.
    Charge { price: Credit },
    /// Add what a payment bought.
    Payment { amount: Credit },
    /// Add credit as a gift.
    Grant { amount: Credit },
    /// Take back credit that a payment bought; what is not there any more becomes a debt.
    Refund { amount: Credit },
    /// Give back what a refund took, because a dispute was won.
    GiveBack { amount: Credit },
    /// Correct by a positive or negative amount.
    Adjust { amount: Credit },
}

/// Why nothing was changed, in order of precedence: of several reasons the first is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A price below zero, a payment, grant or refund that is not positive, or a correction of zero.
    AmountOutOfRange,
    /// The hold was settled, released or has expired before.
    HoldEnded { state: HoldState },
    /// A settlement above what was set aside.
    CostAboveHold { cost: Credit, held: Credit },
    /// A hold that nobody may end yet.
    HoldNotExpired { expires_at: Timestamp },
    /// All messages of the window are used.
    WindowFull { retry_at: Timestamp },
    /// The key's cap does not cover the amount until the next month begins.
    KeyCapReached { cap: Credit, spent: Credit, retry_at: Timestamp },
    /// The chatbot's cap does not cover the amount until the next day begins.
    ChatbotCapReached { cap: Credit, spent: Credit, retry_at: Timestamp },
    /// The credit that is left does not cover the amount.
    InsufficientCredit { required: Credit, available: Credit, debt: Credit },
    /// The sum would not fit into 64 bits.
    Overflow,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AmountOutOfRange => f.write_str("this amount is not allowed"),
            Self::HoldEnded { state } => write!(f, "this hold has ended: it is {}", state.as_str()),
            Self::CostAboveHold { cost, held } => {
                write!(f, "this cost {} and only {} was set aside", cost.decimal(), held.decimal())
            }
            Self::HoldNotExpired { expires_at } => write!(f, "this hold runs until {expires_at}"),
            Self::WindowFull { retry_at } => {
                write!(f, "all messages of this window are used; the next one is free at {retry_at}")
            }
            Self::KeyCapReached { cap, spent, .. } => {
                write!(f, "this key may spend {} a month and has spent {}", cap.decimal(), spent.decimal())
            }
            Self::ChatbotCapReached { cap, spent, .. } => {
                write!(f, "this chatbot may spend {} a day and has spent {}", cap.decimal(), spent.decimal())
            }
            Self::InsufficientCredit { required, available, debt } => {
                write!(f, "this needs {} of credit and {} is left", required.decimal(), available.decimal())?;
                if *debt == Credit::ZERO {
                    return Ok(());
                }
                let missing = required.checked_add(*debt).unwrap_or(*required);
                write!(f, "; a debt of {} is settled first, so {} is missing", debt.decimal(), missing.decimal())
            }
            Self::Overflow => f.write_str("the account cannot hold that much credit"),
        }
    }
}

/// An accepted change: the entry to write and the state after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    pub kind: EntryKind,
    pub seq: i64,
    /// Signed: negative takes credit away.
    pub amount: Credit,
    pub after: AccountState,
}

/// Decides one operation.
///
/// # Errors
/// In the order of [`Refusal`]; the state is then unchanged.
pub fn decide(state: AccountState, operation: Operation) -> Result<Posted, Refusal> {
    let (kind, amount) = signed_amount(operation)?;
    let required = amount.negated();
    let is_taken_back = matches!(operation, Operation::Refund { .. });
    if required > Credit::ZERO && required > state.available() && !is_taken_back {
        return Err(state.insufficient(required));
    }
    // What is taken back is owed, and then settled with what is there.
    let (posted, debt) = if is_taken_back {
        (Some(state.posted), state.debt.checked_add(required))
    } else {
        (state.posted.checked_add(amount), Some(state.debt))
    };
    let (posted, debt) = posted.zip(debt).ok_or(Refusal::Overflow)?;
    let next_entry = state.next_entry.checked_add(1).ok_or(Refusal::Overflow)?;
    let after = AccountState { posted, debt, next_entry, ..state }.settled();
    Ok(Posted { kind, seq: state.next_entry, amount, after })
}

fn signed_amount(operation: Operation) -> Result<(EntryKind, Credit), Refusal> {
    let (kind, amount, is_in_range) = match operation {
        Operation::Charge { price } => (EntryKind::Charge, price.negated(), price >= Credit::ZERO),
        Operation::Payment { amount } => (EntryKind::Payment, amount, amount > Credit::ZERO),
        Operation::Grant { amount } => (EntryKind::Grant, amount, amount > Credit::ZERO),
        Operation::Refund { amount } => (EntryKind::Refund, amount.negated(), amount > Credit::ZERO),
        Operation::GiveBack { amount } => (EntryKind::Refund, amount, amount > Credit::ZERO),
        Operation::Adjust { amount } => (EntryKind::Adjustment, amount, amount != Credit::ZERO),
    };
    if is_in_range && amount > Credit::from_millionths(i64::MIN) {
        Ok((kind, amount))
    } else {
        Err(Refusal::AmountOutOfRange)
    }
}

/// One immutable row of the ledger, with the names of what it points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Dense within the account, from 1.
    pub seq: i64,
    pub kind: EntryKind,
    pub amount: Credit,
    /// The sum of all entries up to this one: the credit in the account, or negative the debt.
    pub posted_after: Credit,
    pub at: Timestamp,
    pub request_id: String,
    /// What the caller named the request, where it did.
    pub caller_request_id: Option<String>,
    pub channel: Option<Channel>,
    pub key: Option<Named<KeyId>>,
    pub chatbot: Option<Named<ChatbotId>>,
    pub payment_id: Option<PaymentId>,
    /// What the operator wrote beside a grant or an adjustment.
    pub reason: Option<String>,
}

/// An id with the name it has, or had when it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named<Id> {
    pub id: Id,
    pub name: String,
}

/// The two classes that entries fall into. Messages have a channel and nothing else has one, so sums by channel tell the
/// classes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryClass {
    /// What was charged for messages.
    Messages,
    /// Payments, grants and corrections.
    Changes,
}

impl EntryClass {
    pub const ALL: [Self; 2] = [Self::Messages, Self::Changes];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Changes => "changes",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

/// Which entries a page of the usage list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryFilter {
    pub key_id: Option<KeyId>,
    pub chatbot_id: Option<ChatbotId>,
    pub channel: Option<Channel>,
    pub only: Option<EntryClass>,
    /// Only entries of these chatbots, for a key that may use no others; of none when it is empty.
    pub chatbots: Option<Vec<ChatbotId>>,
    /// Inclusive.
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    /// Only entries with a smaller number: where the page before ended.
    pub before_seq: Option<i64>,
}

/// One page of entries, newest first, with the totals of the whole filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPage {
    pub entries: Vec<Entry>,
    /// The number to give as [`EntryFilter::before_seq`] for the next page; `None` on the last one.
    pub next_before_seq: Option<i64>,
    pub totals: EntryTotals,
}

/// Sums over all entries that a filter selects, not only over the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryTotals {
    pub count: i64,
    /// How much was spent; a positive number.
    pub spent: Credit,
    /// How much was added.
    pub added: Credit,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state(posted: i64, held: i64) -> AccountState {
        AccountState {
            posted: Credit::from_millionths(posted),
            held: Credit::from_millionths(held),
            debt: Credit::ZERO,
            next_entry: 7,
            next_message: 3,
        }
    }

    fn credit(millionths: i64) -> Credit {
        Credit::from_millionths(millionths)
    }

    #[test]
    fn a_decision_follows_its_table() {
        use Refusal::{AmountOutOfRange, InsufficientCredit, Overflow};
        let short = |required, available| {
            Err(InsufficientCredit { required: credit(required), available: credit(available), debt: Credit::ZERO })
        };
        let max = i64::MAX;
        for (posted, held, operation, outcome) in [
            (2_000, 0, Operation::Charge { price: credit(2_000) }, Ok(0)),
            (1_999, 0, Operation::Charge { price: credit(2_000) }, short(2_000, 1_999)),
            (2_000, 1, Operation::Charge { price: credit(2_000) }, short(2_000, 1_999)),
            (0, 0, Operation::Charge { price: credit(0) }, Ok(0)),
            (9, 0, Operation::Charge { price: credit(-1) }, Err(AmountOutOfRange)),
            (0, 0, Operation::Payment { amount: credit(25) }, Ok(25)),
            (0, 0, Operation::Payment { amount: credit(0) }, Err(AmountOutOfRange)),
            (max, 0, Operation::Payment { amount: credit(1) }, Err(Overflow)),
            (5, 0, Operation::Grant { amount: credit(-5) }, Err(AmountOutOfRange)),
            (5, 0, Operation::Adjust { amount: credit(-5) }, Ok(0)),
            (5, 1, Operation::Adjust { amount: credit(-5) }, short(5, 4)),
            (5, 0, Operation::Adjust { amount: credit(0) }, Err(AmountOutOfRange)),
            (5, 0, Operation::Adjust { amount: credit(i64::MIN) }, Err(AmountOutOfRange)),
            (5, 0, Operation::Refund { amount: credit(5) }, Ok(0)),
            (5, 1, Operation::Refund { amount: credit(4) }, Ok(1)),
            (5, 1, Operation::Refund { amount: credit(9) }, Ok(1)),
            (5, 0, Operation::Refund { amount: credit(0) }, Err(AmountOutOfRange)),
            (5, 0, Operation::Refund { amount: credit(i64::MIN) }, Err(AmountOutOfRange)),
        ] {
            let decided = decide(state(posted, held), operation).map(|posted| posted.after.posted.millionths());
            assert_eq!(decided, outcome, "{posted} {held} {operation:?}");
        }
    }

    /// Credit, held and debt before; what happens; credit and debt after it.
    #[test]
    fn a_debt_follows_its_table() {
        let take = |amount| Operation::Refund { amount: credit(amount) };
        let pay = |amount| Operation::Payment { amount: credit(amount) };
        for (posted, held, debt, operation, outcome) in [
            (5, 0, 0, take(4), (1, 0)),
            (5, 0, 0, take(5), (0, 0)),
            (5, 0, 0, take(6), (0, 1)),
            (5, 3, 0, take(6), (3, 4)),
            (3, 3, 4, take(1), (3, 5)),
            (0, 0, 4, pay(3), (0, 1)),
            (0, 0, 4, pay(4), (0, 0)),
            (0, 0, 4, pay(9), (5, 0)),
            (3, 3, 4, pay(9), (8, 0)),
            (0, 0, 4, Operation::Grant { amount: credit(5) }, (1, 0)),
            (0, 0, 4, Operation::Adjust { amount: credit(5) }, (1, 0)),
            (0, 0, 4, Operation::GiveBack { amount: credit(5) }, (1, 0)),
        ] {
            let before = AccountState { debt: credit(debt), ..state(posted, held) };
            let decided = decide(before, operation).expect("nothing refuses it");
            let after = decided.after;
            assert_eq!((after.posted, after.debt), (credit(outcome.0), credit(outcome.1)), "{before:?} {operation:?}");
            assert_eq!(before.net().checked_add(decided.amount), Some(after.net()), "{before:?} {operation:?}");
        }
        let indebted = AccountState { debt: credit(4), ..state(3, 3) };
        let refused = decide(indebted, Operation::Charge { price: credit(2) }).expect_err("nothing is available");
        let text = "this needs 0.000002 of credit and 0.000000 is left; \
                    a debt of 0.000004 is settled first, so 0.000006 is missing";
        assert_eq!(refused.to_string(), text);
        let largest = AccountState { debt: credit(i64::MAX), ..state(0, 0) };
        assert_eq!(decide(largest, take(1)), Err(Refusal::Overflow));
    }

    #[test]
    fn an_accepted_operation_takes_the_next_number_and_leaves_the_rest_alone() {
        let posted = decide(state(10, 2), Operation::Grant { amount: credit(1) }).expect("a grant");
        assert_eq!((posted.seq, posted.after.next_entry), (7, 8));
        assert_eq!((posted.after.held, posted.after.next_message), (credit(2), 3));
    }

    proptest! {
        /// Amounts of this size have no exact floating-point number.
        #[test]
        fn a_price_is_taken_to_the_last_millionth_however_large(price in 0_i64..=i64::MAX, rest in 0_i64..9) {
            let before = AccountState { posted: credit(price.saturating_add(rest)), ..AccountState::EMPTY };
            let posted = decide(before, Operation::Charge { price: credit(price) }).expect("covered");
            prop_assert_eq!(posted.amount.millionths(), -price);
            prop_assert_eq!(posted.after.posted.millionths(), before.posted.millionths() - price);
        }

        #[test]
        fn entries_sum_to_credit_less_debt_and_neither_is_ever_negative(
            amounts in prop::collection::vec((0_u8..6, -3_000_i64..3_000), 1..60),
        ) {
            let mut state = AccountState::EMPTY;
            let mut sum = 0;
            for (kind, amount) in amounts {
                let amount = credit(amount);
                let operation = match kind {
                    0 => Operation::Charge { price: amount },
                    1 => Operation::Payment { amount },
                    2 => Operation::Grant { amount },
                    3 => Operation::Refund { amount },
                    4 => Operation::GiveBack { amount },
                    _ => Operation::Adjust { amount },
                };
                if let Ok(posted) = decide(state, operation) {
                    sum += posted.amount.millionths();
                    state = posted.after;
                }
                prop_assert_eq!(state.net().millionths(), sum);
                prop_assert_eq!((state.posted.millionths(), state.debt.millionths()), (sum.max(0), (-sum).max(0)));
            }
        }
    }
}
