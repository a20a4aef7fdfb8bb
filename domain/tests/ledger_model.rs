//! The decision about credit against a model that is written differently: it keeps what happened and adds it up again
//! for every question, where the decision keeps running sums.

use domain::clock::{DAY_US, HOUR_US, MINUTE_US, Timestamp};
use domain::credit::Credit;
use domain::ledger::{
    Account, AccountState, Hold, HoldState, Operation, Request, Spending, WindowPlace, decide_request,
};
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_us(1_795_000_000_000_000);
const WINDOW_US: i64 = HOUR_US;

#[derive(Clone, Debug)]
enum Step {
    Charge(i64),
    FreeMessage,
    CountedCharge(i64),
    Reserve(i64),
    Settle { hold: usize, percent: i64 },
    SettleTooMuch { hold: usize },
    Release { hold: usize },
    Expire { hold: usize },
    Grant(i64),
    Payment(i64),
    Refund(i64),
    GiveBack(i64),
    Adjust(i64),
    WaitMinutes(i64),
    WaitDays(i64),
    CapKey(Option<i64>),
    CapChatbot(Option<i64>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = -2_i64..40;
    let hold = 0_usize..12;
    let step = prop_oneof![
        4 => amount.clone().prop_map(Step::Charge),
        2 => Just(Step::FreeMessage),
        2 => amount.clone().prop_map(Step::CountedCharge),
        4 => amount.clone().prop_map(Step::Reserve),
        3 => (hold.clone(), 0_i64..101).prop_map(|(hold, percent)| Step::Settle { hold, percent }),
        1 => hold.clone().prop_map(|hold| Step::SettleTooMuch { hold }),
        2 => hold.clone().prop_map(|hold| Step::Release { hold }),
        2 => hold.prop_map(|hold| Step::Expire { hold }),
        3 => amount.clone().prop_map(Step::Grant),
        1 => amount.clone().prop_map(Step::Payment),
        2 => amount.clone().prop_map(Step::Refund),
        1 => amount.clone().prop_map(Step::GiveBack),
        1 => amount.prop_map(Step::Adjust),
        2 => (0_i64..90).prop_map(Step::WaitMinutes),
        1 => (0_i64..40).prop_map(Step::WaitDays),
        1 => prop::option::of(0_i64..120).prop_map(Step::CapKey),
        1 => prop::option::of(0_i64..60).prop_map(Step::CapChatbot),
    ];
    prop::collection::vec(step, 1..120)
}

/// What happened, and nothing that is derived from it.
#[derive(Default)]
struct Model {
    entries: Vec<(i64, Timestamp, bool)>,
    messages: Vec<Timestamp>,
    holds: Vec<(i64, Timestamp, bool)>,
    key_cap: Option<i64>,
    chatbot_cap: Option<i64>,
}

impl Model {
    fn net(&self) -> i64 {
        self.entries.iter().map(|(amount, ..)| amount).sum()
    }

    /// What is set aside stays in the account, and everything else settles what is owed.
    fn posted(&self) -> i64 {
        self.net().max(self.held())
    }

    fn debt(&self) -> i64 {
        self.posted() - self.net()
    }

    fn held(&self) -> i64 {
        self.holds.iter().filter(|(.., is_open)| *is_open).map(|(amount, ..)| amount).sum()
    }

    /// Charges since `start`, and holds that were taken since and are still open.
    fn spent_since(&self, start: Timestamp) -> i64 {
        let charged = self.entries.iter().filter(|(_, at, is_charge)| *is_charge && *at >= start);
        let open = self.holds.iter().filter(|(_, at, is_open)| *is_open && *at >= start);
        charged.map(|(amount, ..)| -amount).sum::<i64>() + open.map(|(amount, ..)| amount).sum::<i64>()
    }

    fn allows(&self, amount: i64, counted: Option<u32>, now: Timestamp) -> bool {
        let in_window = self.messages.iter().filter(|at| now.us_since(**at) < WINDOW_US).count();
        let is_capped = |cap: Option<i64>, start| cap.is_some_and(|cap| self.spent_since(start) + amount > cap);
        amount >= 0
            && counted.is_none_or(|limit| in_window < limit as usize)
            && (amount == 0 || !is_capped(self.key_cap, now.start_of_month()))
            && (amount == 0 || !is_capped(self.chatbot_cap, now.start_of_day()))
            && amount <= self.posted() - self.held()
    }
}

/// The thing under test, with the rows that a database would keep.
struct Books {
    account: Account,
    holds: Vec<Hold>,
    accepted: Vec<Timestamp>,
}

impl Books {
    fn ask(&mut self, request: Request, counted: Option<u32>, now: Timestamp) -> bool {
        let accepted_before = |limit: u32| {
            let place = self.account.state.next_message - i64::from(limit) - 1;
            usize::try_from(place).ok().and_then(|place| self.accepted.get(place)).copied()
        };
        let window =
            counted.map(|limit| WindowPlace { limit, window_us: WINDOW_US, accepted_before: accepted_before(limit) });
        let Ok(decision) = decide_request(&Account { window, ..self.account }, request, now) else { return false };
        self.account = Account { state: decision.after, key: decision.key, chatbot: decision.chatbot, ..self.account };
        if let Some(number) = decision.message_number {
            assert_eq!(usize::try_from(number), Ok(self.accepted.len() + 1));
            self.accepted.push(now);
        }
        true
    }

    fn reserve(&mut self, amount: i64, now: Timestamp) -> bool {
        let before = self.account;
        if !self.ask(Request::Reserve { maximum: credit(amount) }, None, now) {
            return false;
        }
        let decided = decide_request(&before, Request::Reserve { maximum: credit(amount) }, now).expect("as before");
        self.holds.push(Hold { expires_at: now.plus_us(10 * MINUTE_US), ..decided.hold.expect("a hold") });
        true
    }

    fn end(&mut self, number: usize, request: impl Fn(Hold) -> Request, state: HoldState, now: Timestamp) -> bool {
        let is_accepted = self.ask(request(self.holds[number]), None, now);
        if is_accepted {
            self.holds[number].state = state;
        }
        is_accepted
    }
}

const fn credit(millionths: i64) -> Credit {
    Credit::from_millionths(millionths)
}

fn charge(books: &mut Books, model: &mut Model, price: i64, counted: Option<u32>, now: Timestamp) {
    let is_accepted = books.ask(Request::Charge { price: credit(price) }, counted, now);
    assert_eq!(is_accepted, model.allows(price, counted, now), "a charge of {price}");
    if is_accepted {
        if price > 0 {
            model.entries.push((-price, now, true));
        }
        if counted.is_some() {
            model.messages.push(now);
        }
    }
}

fn post(books: &mut Books, model: &mut Model, operation: Operation, amount: i64, is_in_range: bool, now: Timestamp) {
    let is_accepted = books.ask(Request::Post(operation), None, now);
    let is_taken_back = matches!(operation, Operation::Refund { .. });
    let is_covered = amount >= 0 || is_taken_back || -amount <= model.posted() - model.held();
    assert_eq!(is_accepted, is_in_range && is_covered, "{operation:?}");
    if is_accepted {
        model.entries.push((amount, now, false));
    }
}

fn end_hold(books: &mut Books, model: &mut Model, step: &Step, now: Timestamp) {
    let (Step::Settle { hold, .. } | Step::SettleTooMuch { hold } | Step::Release { hold } | Step::Expire { hold }) =
        step
    else {
        return;
    };
    if books.holds.is_empty() {
        return;
    }
    let number = hold % books.holds.len();
    let (amount, taken_at, is_open) = model.holds[number];
    let (is_accepted, cost) = match step {
        Step::Settle { percent, .. } => {
            let cost = amount * percent / 100;
            (books.end(number, |hold| Request::Settle { hold, cost: credit(cost) }, HoldState::Settled, now), cost)
        }
        Step::SettleTooMuch { .. } => {
            let cost = credit(amount + 1);
            let is_accepted = books.end(number, |hold| Request::Settle { hold, cost }, HoldState::Settled, now);
            assert!(!is_accepted, "no more than was set aside");
            return;
        }
        Step::Release { .. } => (books.end(number, |hold| Request::Release { hold }, HoldState::Released, now), 0),
        _ => {
            let is_accepted = books.end(number, |hold| Request::Expire { hold }, HoldState::Expired, now);
            assert!(!is_accepted || now.us_since(taken_at) >= 10 * MINUTE_US);
            assert!(is_accepted || !is_open || now.us_since(taken_at) < 10 * MINUTE_US);
            (is_accepted, 0)
        }
    };
    assert!(is_open || !is_accepted, "a hold ends once");
    assert!(is_accepted || !is_open || matches!(step, Step::Expire { .. }), "an open hold can be ended");
    if is_accepted {
        model.holds[number].2 = false;
        if cost > 0 {
            model.entries.push((-cost, now, true));
        }
    }
}

fn take(books: &mut Books, model: &mut Model, step: &Step, limit: u32, now: &mut Timestamp) {
    match *step {
        Step::Charge(price) => charge(books, model, price, None, *now),
        Step::CountedCharge(price) => charge(books, model, price, Some(limit), *now),
        Step::FreeMessage => charge(books, model, 0, Some(limit), *now),
        Step::Reserve(amount) => {
            let is_accepted = books.reserve(amount, *now);
            assert_eq!(is_accepted, model.allows(amount, None, *now), "a hold of {amount}");
            if is_accepted {
                model.holds.push((amount, *now, true));
            }
        }
        Step::Grant(n) => post(books, model, Operation::Grant { amount: credit(n) }, n, n > 0, *now),
        Step::Payment(n) => post(books, model, Operation::Payment { amount: credit(n) }, n, n > 0, *now),
        Step::Refund(n) => post(books, model, Operation::Refund { amount: credit(n) }, -n, n > 0, *now),
        Step::GiveBack(n) => post(books, model, Operation::GiveBack { amount: credit(n) }, n, n > 0, *now),
        Step::Adjust(n) => post(books, model, Operation::Adjust { amount: credit(-n) }, -n, n != 0, *now),
        Step::WaitMinutes(minutes) => *now = now.plus_us(minutes * MINUTE_US),
        Step::WaitDays(days) => *now = now.plus_us(days * DAY_US),
        Step::CapKey(cap) => {
            model.key_cap = cap;
            books.account.key = books.account.key.map(|key| Spending { cap: cap.map(credit), ..key });
        }
        Step::CapChatbot(cap) => {
            model.chatbot_cap = cap;
            books.account.chatbot = books.account.chatbot.map(|chatbot| Spending { cap: cap.map(credit), ..chatbot });
        }
        _ => end_hold(books, model, step, *now),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_decision_is_the_models_and_the_books_agree_after_each_step(steps in steps(), limit in 1_u32..5) {
        let nothing_spent = Some(Spending::default());
        let account =
            Account { state: AccountState::EMPTY, key: nothing_spent, chatbot: nothing_spent, ..Account::default() };
        let mut books = Books { account, holds: Vec::new(), accepted: Vec::new() };
        let mut model = Model::default();
        let mut now = START;
        for step in &steps {
            take(&mut books, &mut model, step, limit, &mut now);
            let state = books.account.state;
            prop_assert_eq!(state.posted.millionths(), model.posted());
            prop_assert_eq!(state.held.millionths(), model.held());
            prop_assert_eq!(state.debt.millionths(), model.debt());
            prop_assert_eq!(usize::try_from(state.next_entry), Ok(model.entries.len() + 1));
            prop_assert!(0 <= model.held() && model.held() <= model.posted() && 0 <= model.debt());
            prop_assert!(model.debt() == 0 || state.available() == Credit::ZERO);
        }
    }
}
