//! `artiko ledger verify`: reads nothing but the database and checks that its figures are true.
//!
//! Each check is one query that returns what contradicts it, so a sound database answers with no rows.

use crate::args;
use crate::db::{Db, Tx};
use crate::error::Result;

/// A rule that must hold, and the query for rows that break it: an account and what is wrong there.
struct Check {
    rule: &'static str,
    sql: &'static str,
}

/// Something in the database contradicts a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    pub account_id: String,
    pub detail: String,
}

const CHECKS: &[Check] = &[
    Check {
        rule: "the entries of an account sum to its posted credit less its debt",
        sql: "
SELECT b.account_id, 'posted ' || b.posted || ', debt ' || b.debt || ', entries ' || COALESCE(SUM(e.amount), 0)
FROM balances b LEFT JOIN entries e ON e.account_id = b.account_id
GROUP BY b.account_id, b.posted, b.debt
HAVING b.posted - b.debt <> COALESCE(SUM(e.amount), 0)
LIMIT 100",
    },
    Check {
        rule: "nothing is negative, no more is held than posted, and what is free has settled the debt",
        sql: "
SELECT account_id, 'posted ' || posted || ', held ' || held || ', debt ' || debt FROM balances
WHERE posted < 0 OR held < 0 OR held > posted OR debt < 0 OR (debt > 0 AND posted <> held)
LIMIT 100",
    },
    Check {
        rule: "bought = left + used + refunded",
        sql: "
WITH sums AS (
    SELECT account_id,
           CAST(SUM(CASE WHEN kind IN ('payment', 'grant', 'adjustment') THEN amount ELSE 0 END) AS BIGINT) AS bought,
           CAST(SUM(CASE WHEN kind = 'charge' THEN -amount ELSE 0 END) AS BIGINT) AS used,
           CAST(SUM(CASE WHEN kind = 'refund' THEN -amount ELSE 0 END) AS BIGINT) AS refunded
    FROM entries
    GROUP BY account_id
)
SELECT b.account_id, 'bought ' || COALESCE(s.bought, 0) || ', left ' || (b.posted - b.debt) ||
       ', used ' || COALESCE(s.used, 0) || ', refunded ' || COALESCE(s.refunded, 0)
FROM balances b LEFT JOIN sums s ON s.account_id = b.account_id
WHERE COALESCE(s.bought, 0) <> b.posted - b.debt + COALESCE(s.used, 0) + COALESCE(s.refunded, 0)
LIMIT 100",
    },
    Check {
        rule: "every account has a balance and every entry an account",
        sql: "
SELECT id, 'no balance' FROM accounts WHERE id NOT IN (SELECT account_id FROM balances)
UNION ALL
SELECT DISTINCT account_id, 'entries without a balance' FROM entries
WHERE account_id NOT IN (SELECT account_id FROM balances)
LIMIT 100",
    },
    Check {
        rule: "entries are numbered without gaps",
        sql: "
SELECT b.account_id, 'next ' || b.next_entry || ', entries ' || COUNT(e.seq) || ', last ' || COALESCE(MAX(e.seq), 0)
FROM balances b LEFT JOIN entries e ON e.account_id = b.account_id
GROUP BY b.account_id, b.next_entry
HAVING COUNT(e.seq) <> b.next_entry - 1 OR COALESCE(MAX(e.seq), 0) <> b.next_entry - 1
LIMIT 100",
    },
    Check {
        rule: "each entry continues from the one before it",
        sql: "
SELECT e.account_id, 'entry ' || e.seq || ' says ' || e.posted_after
FROM entries e LEFT JOIN entries p ON p.account_id = e.account_id AND p.seq = e.seq - 1
WHERE e.posted_after <> COALESCE(p.posted_after, 0) + e.amount
LIMIT 100",
    },
    Check {
        rule: "each charge paid for exactly one delivered answer",
        sql: "
SELECT e.account_id, 'charge ' || e.seq || ' of request ' || e.request_id
FROM entries e LEFT JOIN messages m ON m.account_id = e.account_id AND m.request_id = e.request_id
WHERE e.kind = 'charge' AND (m.request_id IS NULL OR m.price <> -e.amount)
LIMIT 100",
    },
    Check {
        rule: "messages have a channel, and nothing else that changes credit has one",
        sql: "
SELECT account_id, 'entry ' || seq || ' is a ' || kind || ' by ' || COALESCE(channel, 'no channel')
FROM entries
WHERE (kind = 'charge') <> (channel IS NOT NULL)
LIMIT 100",
    },
    Check {
        rule: "each priced answer was charged exactly once",
        sql: "
SELECT m.account_id, 'message of request ' || m.request_id
FROM messages m
LEFT JOIN entries e ON e.account_id = m.account_id AND e.request_id = m.request_id AND e.kind = 'charge'
WHERE m.price > 0 AND e.seq IS NULL
LIMIT 100",
    },
    Check {
        rule: "each paid payment was credited exactly once, with its own amount",
        sql: "
SELECT p.account_id, 'payment ' || p.id || ' is ' || p.state
FROM payments p
LEFT JOIN entries e ON e.account_id = p.account_id AND e.payment_id = p.id AND e.kind = 'payment'
GROUP BY p.account_id, p.id, p.state, p.credit
HAVING COALESCE(SUM(e.amount), 0) <> CASE WHEN p.state = 'paid' THEN p.credit ELSE 0 END
    OR COUNT(e.seq) <> CASE WHEN p.state = 'paid' AND p.credit > 0 THEN 1 ELSE 0 END
LIMIT 100",
    },
    Check {
        rule: "each credit from a payment, and each refund, belongs to one",
        sql: "
SELECT e.account_id, 'entry ' || e.seq
FROM entries e LEFT JOIN payments p ON p.account_id = e.account_id AND p.id = e.payment_id
WHERE (e.kind IN ('payment', 'refund') AND p.id IS NULL)
   OR (e.kind NOT IN ('payment', 'refund') AND e.payment_id IS NOT NULL)
LIMIT 100",
    },
    // Divided before it is multiplied, so that no amount is too large for the product.
    Check {
        rule: "a payment stands for what it bought less the share that was refunded or disputed",
        sql: "
WITH taken AS (
    SELECT account_id, id, state, credit, credited, minor_units, refunded_minor_units + CASE
        WHEN dispute_state IN ('open', 'lost') THEN disputed_minor_units ELSE 0 END AS units
    FROM payments
)
SELECT account_id, 'payment ' || id || ' says ' || credited || ' of ' || credit
FROM taken
WHERE credited <> CASE
    WHEN state <> 'paid' OR units >= minor_units THEN 0
    ELSE credit - credit / minor_units * units - credit % minor_units * units / minor_units END
LIMIT 100",
    },
    Check {
        rule: "the entries of a payment sum to what it stands for, and it gives back no more than it brought",
        sql: "
WITH sums AS (
    SELECT account_id, payment_id, COUNT(*) AS entries, CAST(SUM(amount) AS BIGINT) AS brought,
           CAST(SUM(CASE WHEN kind = 'refund' THEN amount ELSE 0 END) AS BIGINT) AS given_back
    FROM entries
    WHERE payment_id IS NOT NULL
    GROUP BY account_id, payment_id
)
SELECT p.account_id, 'payment ' || p.id || ' says ' || p.credited || ' in ' || p.revision || ', entries ' ||
       COALESCE(s.brought, 0) || ' in ' || COALESCE(s.entries, 0)
FROM payments p LEFT JOIN sums s ON s.account_id = p.account_id AND s.payment_id = p.id
WHERE p.credited <> COALESCE(s.brought, 0) OR p.revision <> COALESCE(s.entries, 0) OR s.brought < 0
   OR s.given_back > 0
LIMIT 100",
    },
    Check {
        rule: "each paid payment has exactly one receipt, and nothing else has one",
        sql: "
SELECT p.account_id, 'payment ' || p.id || ' is ' || p.state || ' and has ' || COUNT(r.number) || ' receipts'
FROM payments p LEFT JOIN receipts r ON r.account_id = p.account_id AND r.payment_id = p.id
GROUP BY p.account_id, p.id, p.state
HAVING COUNT(r.number) <> CASE WHEN p.state = 'paid' THEN 1 ELSE 0 END
UNION ALL
SELECT r.account_id, 'receipt ' || r.number || ' is of no payment'
FROM receipts r LEFT JOIN payments p ON p.account_id = r.account_id AND p.id = r.payment_id
WHERE p.id IS NULL
LIMIT 100",
    },
    Check {
        rule: "receipts are numbered without gaps",
        sql: "
SELECT account_id, 'receipts ' || COUNT(number) || ', last ' || MAX(number)
FROM receipts
GROUP BY account_id
HAVING COUNT(number) <> MAX(number)
LIMIT 100",
    },
    Check {
        rule: "what was paid is what credit was bought for, with fee and tax",
        sql: "
SELECT account_id, 'payment ' || id || ' of ' || minor_units
FROM payments
WHERE plan_id IS NULL AND credit <> (minor_units - fee_minor_units - tax_minor_units) * 10000
LIMIT 100",
    },
    Check {
        rule: "counted messages are numbered without gaps",
        sql: "
SELECT b.account_id, 'next ' || b.next_message || ', counted ' || COUNT(m.number)
FROM balances b LEFT JOIN counted_messages m ON m.account_id = b.account_id
GROUP BY b.account_id, b.next_message
HAVING COUNT(m.number) <> b.next_message - 1 OR COALESCE(MAX(m.number), 0) <> b.next_message - 1
LIMIT 100",
    },
    Check {
        rule: "each counted message had a free place in its window",
        sql: "
SELECT m.account_id, 'message ' || m.number || ' came ' || (m.at - p.at) || ' µs after message ' || p.number
FROM counted_messages m
JOIN counted_messages p ON p.account_id = m.account_id AND p.number = m.number - m.place_limit
WHERE m.at - p.at < m.window_us
LIMIT 100",
    },
    Check {
        rule: "the open holds of an account sum to its held credit",
        sql: "
SELECT b.account_id, 'held ' || b.held || ', open holds ' || COALESCE(SUM(h.amount), 0)
FROM balances b LEFT JOIN holds h ON h.account_id = b.account_id AND h.state = 'open'
GROUP BY b.account_id, b.held
HAVING b.held <> COALESCE(SUM(h.amount), 0)
LIMIT 100",
    },
    Check {
        rule: "a hold was settled exactly when its request was answered, within what it held",
        sql: "
SELECT h.account_id, 'hold ' || h.id || ' is ' || h.state
FROM holds h LEFT JOIN messages m ON m.account_id = h.account_id AND m.request_id = h.request_id
WHERE (h.state = 'settled' AND (m.request_id IS NULL OR m.price > h.amount))
   OR (h.state <> 'settled' AND m.request_id IS NOT NULL)
LIMIT 100",
    },
    Check {
        rule: "each stored answer of an Idempotency-Key belongs to one delivered answer",
        sql: "
SELECT i.account_id, 'request ' || i.request_id
FROM idempotency_keys i LEFT JOIN messages m ON m.account_id = i.account_id AND m.request_id = i.request_id
WHERE i.body IS NOT NULL AND m.request_id IS NULL
UNION ALL
SELECT account_id, 'request ' || request_id || ' has several keys'
FROM idempotency_keys
GROUP BY account_id, request_id
HAVING COUNT(*) > 1
LIMIT 100",
    },
    Check {
        rule: "an Idempotency-Key without an answer has an open hold",
        sql: "
SELECT i.account_id, 'request ' || i.request_id
FROM idempotency_keys i LEFT JOIN holds h ON h.account_id = i.account_id AND h.request_id = i.request_id
WHERE i.body IS NULL AND (h.state IS NULL OR h.state <> 'open')
LIMIT 100",
    },
    Check {
        rule: "every conversation belongs to a chatbot, and every message to a conversation",
        sql: "
SELECT c.account_id, 'conversation ' || c.id
FROM conversations c LEFT JOIN chatbots b ON b.account_id = c.account_id AND b.id = c.chatbot_id
WHERE b.id IS NULL
UNION ALL
SELECT m.account_id, 'message ' || m.number || ' of conversation ' || m.conversation_id
FROM messages m LEFT JOIN conversations c ON c.account_id = m.account_id AND c.id = m.conversation_id
WHERE c.id IS NULL
LIMIT 100",
    },
    Check {
        rule: "the sums of each day are those of its entries",
        sql: "
WITH sums AS (
    SELECT e.account_id, e.at / 86400000000 * 86400000000 AS day, COALESCE(e.key_id, '') AS key_id,
           COALESCE(e.chatbot_id, '') AS chatbot_id, COALESCE(e.channel, '') AS channel, COUNT(*) AS entries,
           SUM(CASE WHEN e.amount < 0 THEN -e.amount ELSE 0 END) AS spent,
           SUM(CASE WHEN e.amount > 0 THEN e.amount ELSE 0 END) AS added,
           SUM(CASE WHEN e.kind = 'charge' THEN -e.amount ELSE 0 END) AS charged,
           MIN(e.seq) AS first_seq, MAX(e.seq) AS last_seq
    FROM entries e JOIN usage_marks m ON m.account_id = e.account_id AND e.seq <= m.summed_seq
    GROUP BY 1, 2, 3, 4, 5
)
SELECT d.account_id, 'the day at ' || d.day || ' says ' || d.entries || ' entries, spent ' || d.spent
FROM usage_days d
LEFT JOIN sums s ON s.account_id = d.account_id AND s.day = d.day AND s.key_id = d.key_id
                AND s.chatbot_id = d.chatbot_id AND s.channel = d.channel
WHERE s.day IS NULL OR s.entries <> d.entries OR s.spent <> d.spent OR s.added <> d.added OR s.charged <> d.charged
   OR s.first_seq <> d.first_seq OR s.last_seq <> d.last_seq
UNION ALL
SELECT s.account_id, 'the day at ' || s.day || ' is missing'
FROM sums s
LEFT JOIN usage_days d ON d.account_id = s.account_id AND d.day = s.day AND d.key_id = s.key_id
                      AND d.chatbot_id = s.chatbot_id AND d.channel = s.channel
WHERE d.day IS NULL
UNION ALL
SELECT m.account_id, 'entries are summed up to ' || m.summed_seq
FROM usage_marks m LEFT JOIN balances b ON b.account_id = m.account_id
WHERE b.account_id IS NULL OR m.summed_seq >= b.next_entry
LIMIT 100",
    },
    // A period begins with the first entry in it. Later entries belong to it even when the clock was set back. The entries
    // are read once for each step and not once for each key, which `CROSS JOIN` tells SQLite.
    Check {
        rule: "what a key spent this month is the sum of its entries and open holds",
        sql: "
WITH subjects AS (
    SELECT o.account_id, o.id, COALESCE(s.since, 0) AS since, COALESCE(s.spent, 0) AS spent
    FROM api_keys o LEFT JOIN spendings s ON s.account_id = o.account_id AND s.subject_id = o.id
),
firsts AS (
    SELECT e.account_id, e.key_id AS id, MIN(e.seq) AS seq
    FROM entries e CROSS JOIN subjects s
    WHERE s.account_id = e.account_id AND s.id = e.key_id AND e.kind = 'charge' AND e.at >= s.since
    GROUP BY e.account_id, e.key_id
),
charged AS (
    SELECT e.account_id, f.id, -SUM(e.amount) AS amount
    FROM entries e CROSS JOIN firsts f
    WHERE f.account_id = e.account_id AND f.id = e.key_id AND e.kind = 'charge' AND e.seq >= f.seq
    GROUP BY e.account_id, f.id
),
held AS (
    SELECT h.account_id, h.key_id AS id, SUM(h.amount) AS amount
    FROM holds h CROSS JOIN subjects s
    WHERE s.account_id = h.account_id AND s.id = h.key_id AND h.state = 'open' AND h.key_since = s.since
    GROUP BY h.account_id, h.key_id
)
SELECT s.account_id, 'key ' || s.id || ' says ' || s.spent
FROM subjects s
LEFT JOIN charged c ON c.account_id = s.account_id AND c.id = s.id
LEFT JOIN held h ON h.account_id = s.account_id AND h.id = s.id
WHERE s.spent <> COALESCE(c.amount, 0) + COALESCE(h.amount, 0)
LIMIT 100",
    },
    Check {
        rule: "what a chatbot spent today is the sum of its entries and open holds",
        sql: "
WITH subjects AS (
    SELECT o.account_id, o.id, COALESCE(s.since, 0) AS since, COALESCE(s.spent, 0) AS spent
    FROM chatbots o LEFT JOIN spendings s ON s.account_id = o.account_id AND s.subject_id = o.id
),
firsts AS (
    SELECT e.account_id, e.chatbot_id AS id, MIN(e.seq) AS seq
    FROM entries e CROSS JOIN subjects s
    WHERE s.account_id = e.account_id AND s.id = e.chatbot_id AND e.kind = 'charge' AND e.at >= s.since
    GROUP BY e.account_id, e.chatbot_id
),
charged AS (
    SELECT e.account_id, f.id, -SUM(e.amount) AS amount
    FROM entries e CROSS JOIN firsts f
    WHERE f.account_id = e.account_id AND f.id = e.chatbot_id AND e.kind = 'charge' AND e.seq >= f.seq
    GROUP BY e.account_id, f.id
),
held AS (
    SELECT h.account_id, h.chatbot_id AS id, SUM(h.amount) AS amount
    FROM holds h CROSS JOIN subjects s
    WHERE s.account_id = h.account_id AND s.id = h.chatbot_id AND h.state = 'open' AND h.chatbot_since = s.since
    GROUP BY h.account_id, h.chatbot_id
)
SELECT s.account_id, 'chatbot ' || s.id || ' says ' || s.spent
FROM subjects s
LEFT JOIN charged c ON c.account_id = s.account_id AND c.id = s.id
LEFT JOIN held h ON h.account_id = s.account_id AND h.id = s.id
WHERE s.spent <> COALESCE(c.amount, 0) + COALESCE(h.amount, 0)
LIMIT 100",
    },
];

/// How many rules are checked.
#[must_use]
pub const fn rules() -> usize {
    CHECKS.len()
}

/// Checks every rule and returns what breaks one, at most a hundred rows a rule.
pub async fn verify(db: &Db) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for check in CHECKS {
        let rows: Vec<Broken> = db.all(check.sql, args![]).await?;
        violations.extend(rows.into_iter().map(|row| check.violation(row)));
    }
    Ok(violations)
}

/// As [`verify`], with what a transaction has changed and not committed.
pub async fn verify_within(tx: &mut Tx) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for check in CHECKS {
        let rows: Vec<Broken> = tx.all(check.sql, args![]).await?;
        violations.extend(rows.into_iter().map(|row| check.violation(row)));
    }
    Ok(violations)
}

/// An account and what is wrong there.
type Broken = (String, String);

impl Check {
    fn violation(&self, (account_id, detail): Broken) -> Violation {
        Violation { rule: self.rule, account_id, detail }
    }
}
