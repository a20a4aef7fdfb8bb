//! The sums of usage on both databases: totals are exact however much of the entries is summed up already, whatever the
//! clock did, and however many processes sum up at once.

use crate::shop::{Shop, question, shop};
use crate::support::{START, TestServer, assert_sound, databases, give_credit};
use domain::clock::{DAY_US, HOUR_US, Timestamp};
use domain::credit::Credit;
use domain::ledger::{Channel, Entry, EntryFilter, EntryTotals};
use server::conversations::ask;
use server::ledger::usage::{Effort, sum_up};
use server::{Server, keys, ledger};

/// Charges and grants over some days, by two keys, with a clock that is set back in between.
async fn history(server: &TestServer) -> Shop {
    let shop = shop(server).await;
    let second = keys::create(server, &shop.olga, "Second").await.expect("a key");
    give_credit(server, &shop.olga, 1_000_000).await;
    let hours = [0, 1, 23, 1, 5, 30, -26, 2, 24, 24, 3, -1, 47, 1];
    for (number, hours) in hours.into_iter().enumerate() {
        server.clock.advance_us(hours * HOUR_US);
        let mut asked = question(&shop, Channel::Api, &format!("req_{number}"));
        if number % 3 == 0 {
            asked.key_id = Some(second.key.id.clone());
        }
        ask(server, asked).await.expect("an answer");
        if number % 5 == 0 {
            give_credit(server, &shop.olga, 500).await;
        }
    }
    shop
}

/// All entries, newest first, read page by page.
async fn listed(server: &Server, shop: &Shop, filter: &EntryFilter, page_size: i64) -> (Vec<Entry>, EntryTotals) {
    let (mut entries, mut filter) = (Vec::new(), filter.clone());
    loop {
        let page = ledger::entries(server, &shop.olga.account_id, &filter, page_size).await.expect("a page");
        entries.extend(page.entries);
        let Some(before_seq) = page.next_before_seq else { return (entries, page.totals) };
        filter.before_seq = Some(before_seq);
    }
}

fn selected(entries: &[Entry], filter: &EntryFilter) -> Vec<Entry> {
    let is_selected = |entry: &&Entry| {
        filter.from.is_none_or(|from| entry.at >= from)
            && filter.until.is_none_or(|until| entry.at < until)
            && filter.key_id.as_ref().is_none_or(|id| entry.key.as_ref().is_some_and(|key| key.id == *id))
    };
    entries.iter().filter(is_selected).cloned().collect()
}

fn totals(entries: &[Entry]) -> EntryTotals {
    let sum = |sign: i64| entries.iter().map(|entry| (entry.amount.millionths() * sign).max(0)).sum();
    EntryTotals {
        count: i64::try_from(entries.len()).expect("few"),
        spent: Credit::from_millionths(sum(-1)),
        added: Credit::from_millionths(sum(1)),
    }
}

fn filters(shop: &Shop, end: Timestamp) -> Vec<EntryFilter> {
    let moments = [0, 1, 12, 24, 25, 48, 71, 72, 100].map(|hours| START.start_of_day().plus_us(hours * HOUR_US));
    let mut filters = vec![EntryFilter::default()];
    for from in moments {
        for until in moments.into_iter().chain([end.plus_us(1), end.plus_us(DAY_US)]).filter(|until| *until >= from) {
            let filter = EntryFilter { from: Some(from), until: Some(until), ..EntryFilter::default() };
            filters.push(EntryFilter { key_id: Some(shop.key.key.id.clone()), ..filter.clone() });
            filters.push(filter);
        }
    }
    filters
}

#[tokio::test]
async fn totals_and_pages_are_exact_however_much_is_summed_up() {
    for server in databases().await {
        let shop = history(&server).await;
        let (all, _) = listed(&server, &shop, &EntryFilter::default(), 200).await;
        assert_eq!(all.len(), 18);
        let days = ledger::summary(&server, &shop.olga.account_id).await.expect("a summary").days;
        // First nothing is summed up, then everything, and again changes nothing; `sums.rs` has what lies between.
        for behind_max in [100, 14, 11, 8, 5, 2, 0] {
            sum_up(&server, Effort { behind_max, read: 2, write: 3, rest: 0 }).await.expect("sums up");
            for filter in filters(&shop, server.now()) {
                let expected = selected(&all, &filter);
                let (found, found_totals) = listed(&server, &shop, &filter, 4).await;
                assert_eq!(found_totals, totals(&expected), "{behind_max} {filter:?}");
                assert_eq!(found, expected, "{behind_max} {filter:?}");
            }
            let summary = ledger::summary(&server, &shop.olga.account_id).await.expect("a summary");
            assert_eq!(summary.days, days, "{behind_max}");
            assert_sound(&server).await;
        }
    }
}

#[tokio::test]
async fn two_processes_sum_up_each_entry_once() {
    for server in databases().await {
        let shop = history(&server).await;
        let second = server.second_process().await;
        let rounds = (0..6).map(|round| {
            let server = if round % 2 == 0 { server.clone() } else { second.clone() };
            tokio::spawn(async move { sum_up(&server, Effort { behind_max: 0, read: 1, write: 2, rest: 0 }).await })
        });
        for round in rounds.collect::<Vec<_>>() {
            round.await.expect("ends").expect("sums up");
        }
        sum_up(&server, Effort { behind_max: 0, read: 1, write: 2, rest: 0 }).await.expect("sums up");
        let (mark,): (i64,) = server.db.one("SELECT summed_seq FROM usage_marks", vec![]).await.expect("a mark");
        let (all, found_totals) = listed(&server, &shop, &EntryFilter::default(), 200).await;
        assert_eq!((mark, found_totals), (18, totals(&all)));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn the_verifier_notices_sums_that_were_tampered_with() {
    let statements = [
        "UPDATE usage_days SET spent = spent + 1 WHERE spent > 0",
        "UPDATE usage_days SET first_seq = first_seq - 1",
        "DELETE FROM usage_days WHERE spent > 0",
        "UPDATE usage_marks SET summed_seq = summed_seq - 1",
        "UPDATE usage_marks SET summed_seq = summed_seq + 100",
    ];
    for statement in statements {
        for server in databases().await {
            history(&server).await;
            sum_up(&server, Effort { behind_max: 0, read: 300, write: 1_000, rest: 0 }).await.expect("sums up");
            assert_sound(&server).await;
            server.db.execute(statement, vec![]).await.expect("tampers");
            let broken = ledger::verify::verify(&server.db).await.expect("reads");
            let is_noticed = broken.iter().any(|violation| violation.rule.contains("the sums of each day"));
            assert!(is_noticed, "{statement}: {broken:?}");
        }
    }
}
