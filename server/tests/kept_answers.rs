//! What is kept for repetitions must not be in the way of other requests, however much it is.

use crate::support::databases;

/// As the ledger's writer asks when a hold ends without an answer. The driver's rows are id, parent, unused, text.
const PLAN: &str = "EXPLAIN QUERY PLAN
DELETE FROM idempotency_keys WHERE body IS NULL AND (account_id, request_id) IN
    (SELECT h.account_id, h.request_id FROM holds h WHERE h.account_id = 'acct' AND h.id = 'hold')";

#[tokio::test]
async fn a_hold_that_ends_without_an_answer_finds_its_key_among_the_unanswered_alone() {
    for server in databases().await {
        if server.db.name() != "SQLite" {
            continue;
        }
        let steps: Vec<(i64, i64, i64, String)> = server.db.all(PLAN, vec![]).await.expect("a plan");
        let is_found = |text: &str| text.contains("idempotency_keys_unanswered (account_id=? AND request_id=?)");
        assert!(steps.iter().any(|(_, _, _, text)| is_found(text)), "{steps:?}");
    }
}
