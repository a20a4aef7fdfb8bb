//! A day in the life of a ledger, a hundred thousand times: requests, repetitions of them, crashes before and after the
//! commit, and clocks that jump. Each life follows from its seed alone; a failure names the seed.

use domain::clock::{DAY_US, HOUR_US, MINUTE_US, SECOND_US, Timestamp};
use domain::credit::Credit;
use domain::ledger::{
    Account, AccountState, EntryKind, Hold, HoldState, Operation, Request, Spending, WindowPlace, decide_request,
};
use std::collections::HashMap;

const SEEDS: u64 = 100_000;
const STEPS: u32 = 40;
const LIMIT: u32 = 4;
const WINDOW_US: i64 = 3 * HOUR_US;
const KEY_CAP: i64 = 400;
const PRICE: i64 = 7;
const START: Timestamp = Timestamp::from_us(1_795_000_000_000_000);

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn amount(&mut self, sides: u64) -> i64 {
        i64::try_from(self.next(sides)).expect("small")
    }
}

/// What is durable.
#[derive(Clone, Default)]
struct Stored {
    state: AccountState,
    key: Spending,
    entries: Vec<i64>,
    accepted: Vec<Timestamp>,
    holds: Vec<(Hold, u64)>,
    /// Request → whether it was accepted.
    requests: HashMap<u64, bool>,
    charged: HashMap<u64, u32>,
}

impl Stored {
    fn account(&self, is_counted: bool) -> Account {
        let place = usize::try_from(self.state.next_message - i64::from(LIMIT) - 1).ok();
        let accepted_before = place.and_then(|place| self.accepted.get(place)).copied();
        let window = is_counted.then_some(WindowPlace { limit: LIMIT, window_us: WINDOW_US, accepted_before });
        Account { state: self.state, window, key: Some(self.key), chatbot: None, alert_below: None }
    }

    /// One transaction: everything in it becomes durable, or nothing.
    fn run(&mut self, id: u64, request: Request, is_counted: bool, now: Timestamp) -> bool {
        let Ok(decision) = decide_request(&self.account(is_counted), request, now) else {
            return false;
        };
        self.state = decision.after;
        self.key = decision.key.expect("a key");
        if let Some(entry) = decision.entry {
            assert_eq!(usize::try_from(entry.seq), Ok(self.entries.len() + 1));
            self.entries.push(entry.amount.millionths());
            if entry.kind == EntryKind::Charge {
                *self.charged.entry(id).or_default() += 1;
            }
        }
        if decision.message_number.is_some() {
            self.accepted.push(now);
        }
        match (request, decision.hold) {
            (Request::Reserve { .. }, Some(hold)) => {
                self.holds.push((Hold { expires_at: now.plus_us(5 * MINUTE_US), ..hold }, id));
            }
            (_, Some(hold)) => {
                let place = self.holds.iter().position(|(_, of)| *of == id).expect("a stored hold");
                self.holds[place].0 = hold;
            }
            _ => {}
        }
        true
    }

    fn check(&self, seed: u64) {
        let net: i64 = self.entries.iter().sum();
        let open = self.holds.iter().filter(|(hold, _)| hold.state == HoldState::Open);
        let held: i64 = open.map(|(hold, _)| hold.amount.millionths()).sum();
        let (posted, debt) = (self.state.posted.millionths(), self.state.debt.millionths());
        assert_eq!(posted - debt, net, "seed {seed}: entries sum to what is posted less what is owed");
        assert_eq!(self.state.held.millionths(), held, "seed {seed}: open holds sum to what is held");
        assert!(0 <= held && held <= posted && 0 <= debt, "seed {seed}: nothing is negative");
        assert!(debt == 0 || posted == held, "seed {seed}: what is free settles what is owed");
        assert!(self.key.spent.millionths() <= KEY_CAP, "seed {seed}: the cap is kept");
        assert!(self.key.spent >= Credit::ZERO, "seed {seed}: no hold was given back twice");
        assert!(self.charged.values().all(|times| *times == 1), "seed {seed}: nothing is charged twice");
        for start in &self.accepted {
            let inside = self.accepted.iter().filter(|at| (0..WINDOW_US).contains(&at.us_since(*start))).count();
            assert!(inside <= LIMIT as usize, "seed {seed}: the window is kept");
        }
    }
}

fn jump(dice: &mut Dice) -> i64 {
    let size = [SECOND_US, MINUTE_US, HOUR_US, DAY_US][usize::try_from(dice.next(4)).expect("small")];
    if dice.next(4) == 0 { -size } else { size }
}

fn new_request(dice: &mut Dice, stored: &Stored) -> (Request, bool, Option<u64>) {
    let amount = Credit::from_millionths(dice.amount(120));
    match dice.next(12) {
        10 => (Request::Post(Operation::Refund { amount }), false, None),
        11 => (Request::Post(Operation::GiveBack { amount }), false, None),
        0 | 1 => (Request::Charge { price: Credit::from_millionths(PRICE) }, false, None),
        2 => (Request::Charge { price: Credit::ZERO }, true, None),
        3 | 4 => (Request::Reserve { maximum: amount }, dice.next(3) == 0, None),
        5 => (Request::Post(Operation::Grant { amount }), false, None),
        6 => (Request::Post(Operation::Adjust { amount: amount.negated() }), false, None),
        kind => {
            let Some(place) = u64::try_from(stored.holds.len()).ok().filter(|count| *count > 0) else {
                return (Request::Post(Operation::Payment { amount }), false, None);
            };
            let (hold, of) = stored.holds[usize::try_from(dice.next(place)).expect("small")];
            let cost = Credit::from_millionths(dice.amount(130));
            let request = match kind {
                7 => Request::Settle { hold, cost },
                8 => Request::Release { hold },
                _ => Request::Expire { hold },
            };
            (request, false, Some(of))
        }
    }
}

fn live(seed: u64) {
    let mut dice = Dice(seed);
    let mut stored = Stored { state: AccountState::EMPTY, ..Stored::default() };
    stored.key.cap = Some(Credit::from_millionths(KEY_CAP));
    let mut now = START;
    let mut sent: Vec<(u64, Request, bool)> = Vec::new();
    for step in 0..STEPS {
        now = now.plus_us(dice.amount(600) * SECOND_US);
        if dice.next(12) == 0 {
            now = now.plus_us(jump(&mut dice));
        }
        let is_repetition = !sent.is_empty() && dice.next(4) == 0;
        let (id, request, is_counted) = if is_repetition {
            sent[usize::try_from(dice.next(sent.len() as u64)).expect("small")]
        } else {
            let (request, is_counted, of) = new_request(&mut dice, &stored);
            (of.unwrap_or(u64::from(step)), request, is_counted)
        };
        sent.push((id, request, is_counted));
        // A hold's own state decides about its repetition; everything else is recognised by its request.
        let ends_hold = matches!(request, Request::Settle { .. } | Request::Release { .. } | Request::Expire { .. });
        let mut transaction = stored.clone();
        if ends_hold {
            let Some((hold, _)) = transaction.holds.iter().find(|(_, of)| *of == id).copied() else { continue };
            let request = match request {
                Request::Settle { cost, .. } => Request::Settle { hold, cost },
                Request::Release { .. } => Request::Release { hold },
                _ => Request::Expire { hold },
            };
            transaction.run(id, request, is_counted, now);
        } else if transaction.requests.get(&id) != Some(&true) {
            let is_accepted = transaction.run(id, request, is_counted, now);
            transaction.requests.insert(id, is_accepted);
        }
        // A crash before the commit loses the transaction, one after it only the answer.
        if dice.next(6) != 0 {
            stored = transaction;
        }
        stored.check(seed);
    }
}

#[test]
fn a_hundred_thousand_lives_leave_sound_books() {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || (0..SEEDS).filter(|seed| seed % threads == thread).for_each(live));
        }
    });
}
