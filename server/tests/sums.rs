//! Lists, totals, sums of days and the exported file of any filter say the same on both databases, however much is summed
//! up, whatever the clock did, and also of keys and chatbots that were deleted.

use crate::support::{START, TestServer, assert_sound, databases, give_credit, owner};
use domain::account::Viewer;
use domain::clock::{DAY_US, HOUR_US, MINUTE_US, Timestamp};
use domain::credit::Credit;
use domain::id::{ChatbotId, ConversationId, KeyId};
use domain::ledger::{
    Channel, Entry, EntryClass, EntryFilter, EntryKind, EntryTotals, Operation, USAGE_DAYS_MAX, UsageBy, UsageDays,
    UsageOf, UsageSum, UsageSums,
};
use futures_util::TryStreamExt;
use server::ledger::usage::{Effort, sum_up};
use server::ledger::{Command, Message, Work};
use server::random::{SeededRandom, bytes};
use server::{Server, chatbots, keys, ledger};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Chance that is the same in every run.
struct Dice(SeededRandom);

impl Dice {
    fn below(&self, end: usize) -> usize {
        let drawn = u64::from_be_bytes(bytes(&self.0));
        usize::try_from(drawn % u64::try_from(end).expect("small")).expect("small")
    }

    fn one<T: Clone>(&self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn one_or_none<T: Clone>(&self, of: &[T]) -> Option<T> {
        (self.below(3) == 0).then(|| self.one(of))
    }

    fn between(&self, least: i64, most: i64) -> i64 {
        let span = usize::try_from(most - least + 1).expect("a span");
        least + i64::try_from(self.below(span)).expect("small")
    }
}

/// An account with three keys and three chatbots.
struct House {
    olga: Viewer,
    keys: Vec<KeyId>,
    chatbots: Vec<ChatbotId>,
}

async fn house(server: &TestServer) -> House {
    let olga = owner(server, "olga").await;
    let (mut made_keys, mut made_chatbots) = (Vec::new(), Vec::new());
    for name in ["First", "Second", "Third"] {
        made_keys.push(keys::create(server, &olga, name).await.expect("a key").key.id);
        made_chatbots.push(chatbots::create(server, &olga, name).await.expect("a chatbot").id);
        server.clock.advance_us(MINUTE_US);
    }
    give_credit(server, &olga, i64::MAX / 4).await;
    House { olga, keys: made_keys, chatbots: made_chatbots }
}

/// A message that costs so much, as the ledger's writer gets it.
async fn charge(
    server: &TestServer,
    olga: &Viewer,
    key_id: Option<KeyId>,
    chatbot_id: ChatbotId,
    price: i64,
    number: usize,
) {
    let message = Message {
        conversation_id: ConversationId::new(server.now(), bytes(server.random.as_ref())),
        begins: true,
        question: "When are you open?".into(),
        answer: "From nine to five.".into(),
        citations: "[]".into(),
        documents_version: None,
    };
    let command = Command {
        account_id: olga.account_id.clone(),
        request_id: format!("req_{number}"),
        caller_request_id: None,
        channel: if key_id.is_some() { Channel::Api } else { Channel::Widget },
        key_id,
        key_version: None,
        chatbot_id,
        work: Work::Charge { price: Credit::from_millionths(price) },
        message: Some(message),
        once: None,
    };
    ledger::submit(server, command).await.expect("a charge");
}

/// Charges of any size, grants and corrections, while the clock jumps to and fro.
async fn live(server: &TestServer, house: &House, dice: &Dice, numbers: std::ops::Range<usize>) {
    let (has_key, has_chatbot) = (numbers.start == 0, numbers.start == 0);
    // What was deleted before the second part is not asked any more.
    let keys = if has_key { &house.keys[..] } else { &house.keys[1..] };
    let chatbots = if has_chatbot { &house.chatbots[..] } else { &house.chatbots[1..] };
    for number in numbers {
        server.clock.advance_us(dice.between(-5, 9) * HOUR_US + dice.between(-9, 9));
        if number % 9 == 0 {
            let amount = Credit::from_millionths(dice.one(&[-7, 5, 1_000_000_007]));
            let operation = Operation::Adjust { amount };
            ledger::operate(server, &house.olga.account_id, operation, "for a test").await.expect("a correction");
        }
        let key_id = (dice.below(4) > 0).then(|| dice.one(keys));
        let price = dice.one(&[1, 2_000, 1_999, 123_456_789, 9_007_199_254_740_993]);
        charge(server, &house.olga, key_id, dice.one(chatbots), price, number).await;
    }
}

/// A filter by chance; `None` in each part as often as not.
fn filter(house: &House, dice: &Dice, end: Timestamp) -> EntryFilter {
    let moment = || {
        let start = START.start_of_day().us() / HOUR_US;
        let hours = dice.between(start - 30, end.us() / HOUR_US + 30);
        Timestamp::from_us(hours / 24 * DAY_US + if dice.below(2) == 0 { 0 } else { hours % 24 * HOUR_US + 7 })
    };
    let (from, until) = (moment(), moment());
    let chatbots =
        (dice.below(4) == 0).then(|| house.chatbots.iter().filter(|_| dice.below(2) == 0).cloned().collect());
    EntryFilter {
        key_id: dice.one_or_none(&house.keys),
        chatbot_id: dice.one_or_none(&house.chatbots),
        channel: dice.one_or_none(&Channel::ALL),
        only: dice.one_or_none(&EntryClass::ALL),
        chatbots,
        from: (dice.below(3) > 0).then_some(from.min(until)),
        until: (dice.below(3) > 0).then_some(from.max(until)),
        before_seq: None,
    }
}

/// The same filter, decided by eye on each entry.
fn is_selected(entry: &Entry, filter: &EntryFilter) -> bool {
    let is_of = |chatbots: &Vec<ChatbotId>| entry.chatbot.as_ref().is_some_and(|of| chatbots.contains(&of.id));
    let class = if entry.kind == EntryKind::Charge { EntryClass::Messages } else { EntryClass::Changes };
    filter.from.is_none_or(|from| entry.at >= from)
        && filter.until.is_none_or(|until| entry.at < until)
        && filter.key_id.as_ref().is_none_or(|id| entry.key.as_ref().is_some_and(|key| key.id == *id))
        && filter.chatbot_id.as_ref().is_none_or(|id| is_of(&vec![id.clone()]))
        && filter.channel.is_none_or(|channel| entry.channel == Some(channel))
        && filter.only.is_none_or(|only| only == class)
        && filter.chatbots.as_ref().is_none_or(is_of)
}

fn totals(entries: &[Entry]) -> EntryTotals {
    let sum = |sign: i64| entries.iter().map(|entry| (entry.amount.millionths() * sign).max(0)).sum();
    EntryTotals {
        count: i64::try_from(entries.len()).expect("few"),
        spent: Credit::from_millionths(sum(-1)),
        added: Credit::from_millionths(sum(1)),
    }
}

/// All entries of a filter, newest first, read page by page.
async fn listed(server: &Server, house: &House, filter: &EntryFilter, page_size: i64) -> (Vec<Entry>, EntryTotals) {
    let (mut entries, mut filter) = (Vec::new(), filter.clone());
    loop {
        let page = ledger::entries(server, &house.olga.account_id, &filter, page_size).await.expect("a page");
        entries.extend(page.entries);
        let Some(before_seq) = page.next_before_seq else { return (entries, page.totals) };
        filter.before_seq = Some(before_seq);
    }
}

/// What stands for a series in this test.
fn name(of: &UsageOf) -> String {
    match of {
        UsageOf::All => "all".to_owned(),
        UsageOf::Key(key) => format!("{} {}", key.id, key.name),
        UsageOf::NoKey => "no key".to_owned(),
        UsageOf::Chatbot(chatbot) => format!("{} {}", chatbot.id, chatbot.name),
        UsageOf::Channel(channel) => channel.as_str().to_owned(),
        UsageOf::Others => "others".to_owned(),
    }
}

fn name_in(entry: &Entry, by: Option<UsageBy>) -> String {
    match by {
        None => "all".to_owned(),
        Some(UsageBy::Key) => {
            entry.key.as_ref().map_or_else(|| "no key".to_owned(), |key| format!("{} {}", key.id, key.name))
        }
        Some(UsageBy::Chatbot) => {
            entry.chatbot.as_ref().map(|chatbot| format!("{} {}", chatbot.id, chatbot.name)).expect("a chatbot")
        }
        Some(UsageBy::Channel) => entry.channel.expect("a channel").as_str().to_owned(),
    }
}

type Sums = BTreeMap<(Timestamp, String), (i64, i64)>;

fn sums_of(entries: &[Entry], by: Option<UsageBy>) -> Sums {
    let mut sums = Sums::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Charge) {
        let sum = sums.entry((entry.at.start_of_day(), name_in(entry, by))).or_default();
        *sum = (sum.0 + 1, sum.1 - entry.amount.millionths());
    }
    sums
}

fn sums_in(usage: &UsageSums) -> Sums {
    let mut sums = Sums::new();
    for day in &usage.days {
        assert_eq!(day.sums.len(), usage.series.len());
        for (series, sum) in usage.series.iter().zip(&day.sums).filter(|(_, sum)| **sum != UsageSum::default()) {
            let before = sums.insert((day.day, name(&series.of)), (sum.messages, sum.charged.millionths()));
            assert_eq!(before, None, "each series is there once");
        }
    }
    sums
}

/// Sums of days, of series and of everything are those of the entries in the whole days around the filter.
async fn assert_sums(server: &TestServer, house: &House, all: &[Entry], filter: &EntryFilter) {
    let days = UsageDays::around(filter.from, filter.until, server.now());
    for by in [None, Some(UsageBy::Key), Some(UsageBy::Chatbot), Some(UsageBy::Channel)] {
        let found = ledger::usage_sums(server, &house.olga.account_id, filter, by).await;
        let (found, days) = match (found, &days) {
            (Ok(found), Ok(days)) => (found, days),
            (Err(error), Err(expected)) => {
                assert_eq!(error.into_problem().field.as_deref(), Some(expected.field.as_str()));
                continue;
            }
            (found, days) => panic!("{found:?} {days:?}"),
        };
        let rounded = EntryFilter { from: Some(days.from), until: Some(days.until), ..filter.clone() };
        let entries: Vec<Entry> = all.iter().filter(|entry| is_selected(entry, &rounded)).cloned().collect();
        assert_eq!(sums_in(&found), sums_of(&entries, by), "{by:?} {filter:?}");
        assert_eq!(found.days.iter().map(|day| day.day).collect::<Vec<_>>(), days.starts().collect::<Vec<_>>());
        let messages = EntryFilter { only: Some(EntryClass::Messages), ..rounded.clone() };
        let is_none = filter.only == Some(EntryClass::Changes);
        let of_entries = ledger::entries(server, &house.olga.account_id, &messages, 1).await.expect("a page").totals;
        let total = if is_none { EntryTotals::default() } else { of_entries };
        assert_eq!((found.total.messages, found.total.charged), (total.count, total.spent), "{by:?} {filter:?}");
        let (mut of_series, mut of_days) = (UsageSum::default(), UsageSum::default());
        found.series.iter().for_each(|series| of_series.add(series.total));
        found.days.iter().for_each(|day| of_days.add(day.total()));
        assert_eq!((of_series, of_days), (found.total, found.total));
        let is_in_order = found.series.is_sorted_by(|a, b| a.total.charged >= b.total.charged);
        assert!(is_in_order, "{:?}", found.series);
    }
}

async fn exported(server: &TestServer, house: &House, filter: &EntryFilter) -> String {
    let file = ledger::export(Arc::clone(server), house.olga.account_id.clone(), filter.clone()).await.expect("begins");
    file.try_collect().await.expect("a file")
}

/// Everything that says something about a filter says the same.
async fn assert_agreement(server: &TestServer, house: &House, dice: &Dice) {
    let (all, _) = listed(server, house, &EntryFilter::default(), 200).await;
    for round in 0..40 {
        let filter = if round == 0 { EntryFilter::default() } else { filter(house, dice, server.now()) };
        let expected: Vec<Entry> = all.iter().filter(|entry| is_selected(entry, &filter)).cloned().collect();
        let (found, found_totals) = listed(server, house, &filter, dice.between(1, 60)).await;
        assert_eq!(found, expected, "{filter:?}");
        assert_eq!(found_totals, totals(&expected), "{filter:?}");
        assert_sums(server, house, &all, &filter).await;
        let file = exported(server, house, &filter).await;
        let seqs: Vec<String> = expected.iter().map(|entry| entry.seq.to_string()).collect();
        let lines: Vec<&str> = file.lines().skip(1).map(|line| line.split(',').next().unwrap_or("")).collect();
        assert_eq!(lines, seqs);
    }
    for entry in &all {
        let found = ledger::entry(server, &house.olga.account_id, entry.seq).await.expect("an entry");
        assert_eq!(found, *entry);
    }
}

#[tokio::test]
async fn everything_said_about_a_filter_agrees_however_much_is_summed_up() {
    for server in databases().await {
        let dice = Dice(SeededRandom::new(20_261_125));
        let house = house(&server).await;
        live(&server, &house, &dice, 0..70).await;
        assert_agreement(&server, &house, &dice).await;
        sum_up(&server, Effort { behind_max: 0, read: 3, write: 7, rest: 0 }).await.expect("sums up");
        keys::delete(&server, &house.olga, &house.keys[0], "First").await.expect("deletes a key");
        chatbots::delete(&server, &house.olga, &house.chatbots[0]).await.expect("deletes a chatbot");
        live(&server, &house, &dice, 70..130).await;
        assert_agreement(&server, &house, &dice).await;
        sum_up(&server, Effort { behind_max: 0, read: 3, write: 7, rest: 0 }).await.expect("sums up");
        assert_agreement(&server, &house, &dice).await;
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn the_dearest_series_are_told_by_themselves_and_the_rest_together() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        give_credit(&server, &olga, 1_000_000).await;
        for number in 1..=25_usize {
            let chatbot = chatbots::create(&server, &olga, &format!("Chatbot {number}")).await.expect("a chatbot");
            let price = i64::try_from(number).expect("small") * 10;
            charge(&server, &olga, None, chatbot.id.clone(), price, number).await;
            chatbots::delete(&server, &olga, &chatbot.id).await.expect("deletes it");
            if number == 11 {
                sum_up(&server, Effort { behind_max: 0, read: 2, write: 3, rest: 0 }).await.expect("sums up");
            }
        }
        let filter = EntryFilter::default();
        let usage = ledger::usage_sums(&server, &olga.account_id, &filter, Some(UsageBy::Chatbot)).await.expect("sums");
        let series: Vec<(String, i64, i64)> = usage
            .series
            .iter()
            .map(|series| {
                let name = name(&series.of).split_once(' ').map_or("others".to_owned(), |(_, name)| name.to_owned());
                (name, series.total.messages, series.total.charged.millionths())
            })
            .collect();
        let mut expected: Vec<(String, i64, i64)> =
            (6..=25).rev().map(|number| (format!("Chatbot {number}"), 1, number * 10)).collect();
        expected.push(("others".to_owned(), 5, 150));
        assert_eq!(series, expected);
        assert_eq!((usage.total.messages, usage.total.charged.millionths()), (25, 3_250));
    }
}

#[tokio::test]
async fn sums_of_more_than_a_year_are_refused_at_their_beginning() {
    for server in databases().await {
        let olga = owner(&server, "olga").await;
        let today = server.now().start_of_day();
        for (days, field) in [(USAGE_DAYS_MAX - 1, None), (USAGE_DAYS_MAX, Some("from"))] {
            let filter = EntryFilter { from: Some(today.plus_us(-days * DAY_US)), ..EntryFilter::default() };
            let found = ledger::usage_sums(&server, &olga.account_id, &filter, None).await;
            let found = found.map(|usage| usage.days.len()).map_err(|error| error.into_problem().field);
            match field {
                None => assert_eq!(found.expect("a year"), 366),
                Some(field) => assert_eq!(found.expect_err("too long").as_deref(), Some(field)),
            }
        }
        let backwards = EntryFilter { from: Some(today), until: Some(today), ..EntryFilter::default() };
        let refused = ledger::usage_sums(&server, &olga.account_id, &backwards, None).await.expect_err("no days");
        assert_eq!(refused.into_problem().field.as_deref(), Some("until"));
    }
}

#[tokio::test]
async fn somebody_elses_entries_are_neither_found_nor_summed_up() {
    for server in databases().await {
        let (house, eve) = (house(&server).await, owner(&server, "eve").await);
        charge(&server, &house.olga, Some(house.keys[0].clone()), house.chatbots[0].clone(), 2_000, 1).await;
        let filter = EntryFilter { key_id: Some(house.keys[0].clone()), ..EntryFilter::default() };
        let sums = ledger::usage_sums(&server, &eve.account_id, &filter, Some(UsageBy::Key)).await.expect("sums");
        assert_eq!((sums.total, sums.series), (UsageSum::default(), Vec::new()));
        for seq in [1, 2, 0, -1, i64::MAX] {
            let refused = ledger::entry(&server, &eve.account_id, seq).await.expect_err("not hers").into_problem();
            assert_eq!(refused.code.status(), 404);
        }
        assert_eq!(ledger::entry(&server, &house.olga.account_id, 2).await.expect("hers").seq, 2);
    }
}

#[tokio::test]
async fn an_exported_file_is_whole_and_what_is_written_meanwhile_is_not_in_it() {
    for server in databases().await {
        let house = house(&server).await;
        for number in 0..2_001_usize {
            let grant = Operation::Grant { amount: Credit::from_millionths(1) };
            if number % 500 == 0 {
                charge(&server, &house.olga, None, house.chatbots[0].clone(), 7, number).await;
            }
            ledger::operate(&server, &house.olga.account_id, grant, "=1+1").await.expect("a grant");
        }
        sum_up(&server, Effort { behind_max: 0, read: 1_500, write: 1_500, rest: 0 }).await.expect("sums up");
        let account_id = house.olga.account_id.clone();
        let file = ledger::export(Arc::clone(&server), account_id, EntryFilter::default()).await.expect("begins");
        give_credit(&server, &house.olga, 1).await;
        let file: String = file.try_collect().await.expect("a file");
        let lines: Vec<&str> = file.split_terminator("\r\n").skip(1).collect();
        let seqs: Vec<i64> = lines.iter().map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
        assert_eq!(seqs, (1..=2_007).rev().collect::<Vec<_>>());
        let amounts = lines.iter().map(|line| Credit::parse(line.split(',').nth(3).unwrap()).expect("a number"));
        assert_eq!(amounts.map(Credit::millionths).sum::<i64>(), i64::MAX / 4 + 2_001 - 5 * 7);
        assert!(lines[0].ends_with(",'=1+1,"), "{}", lines[0]);
    }
}
