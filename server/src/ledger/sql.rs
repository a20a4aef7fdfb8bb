//! The statements of a batch that read and change rows; those that are added stand in `rows.rs`. What reads takes all that it
//! asks for as one JSON text, so that a batch needs a handful of statements whatever its size, and so does what changes rows on
//! PostgreSQL. On SQLite a row is changed by a statement of its own, with its values in the order of its columns.

use crate::db::Pair;

/// A statement in three parts: what stands before the rows, the columns of the rows, and what stands after them. The
/// rows are called `given`. A fourth part is PostgreSQL's alone.
macro_rules! batch {
    ($before:literal, [$($column:ident $kind:ident),+ $(,)?], $after:literal) => {
        $crate::ledger::sql::batch!($before, [$($column $kind),+], $after, "")
    };
    ($before:literal, [$($column:ident $kind:ident),+ $(,)?], $after:literal, $postgres:literal) => {
        $crate::db::Pair {
            sqlite: concat!(
                $before, "(SELECT key AS place", $(", value ->> '", stringify!($column), "' AS ", stringify!($column)),+,
                " FROM json_each(?)) AS given ", $after
            ),
            postgres: concat!(
                $before, "json_to_recordset(CAST($1 AS json)) AS given(place bigint",
                $(", ", stringify!($column), " ", stringify!($kind)),+, ") ", $after, $postgres
            ),
        }
    };
}

pub(crate) use batch;

/// On PostgreSQL the rows are locked in the order of their ids, so that two batches never wait for each other in a
/// circle; on SQLite the transaction has the only write lock anyway. What a decision needs beside this is read by later
/// statements, which see what the last owner of the locks committed.
pub const LOCK_BALANCES: Pair = batch!(
    "SELECT b.account_id, b.posted, b.held, b.debt, b.next_entry, b.next_message FROM ",
    [account_id TEXT],
    "JOIN balances b ON b.account_id = given.account_id",
    " ORDER BY b.account_id FOR UPDATE OF b"
);

pub const LOAD_SUBJECTS: Pair = batch!(
    "SELECT a.id AS account_id, a.plan_id, a.alert_below, k.id AS key_id, k.deleted_at AS key_deleted_at,
            k.version AS key_version, k.monthly_cap, ks.since AS key_since, ks.spent AS key_spent, c.id AS chatbot_id,
            c.deleted_at AS chatbot_deleted_at, c.paused_at AS chatbot_paused_at, c.documents_version, c.daily_cap,
            cs.since AS chatbot_since, cs.spent AS chatbot_spent FROM ",
    [account_id TEXT, key_id TEXT, chatbot_id TEXT],
    "JOIN accounts a ON a.id = given.account_id
     LEFT JOIN api_keys k ON k.account_id = a.id AND k.id = given.key_id
     LEFT JOIN spendings ks ON ks.account_id = k.account_id AND ks.subject_id = k.id
     LEFT JOIN chatbots c ON c.account_id = a.id AND c.id = given.chatbot_id
     LEFT JOIN spendings cs ON cs.account_id = c.account_id AND cs.subject_id = c.id"
);

pub const LOAD_COUNTED: Pair = batch!(
    "SELECT m.account_id, m.number, m.at FROM ",
    [account_id TEXT, first BIGINT, last BIGINT],
    "JOIN counted_messages m
       ON m.account_id = given.account_id AND m.number >= given.first AND m.number <= given.last"
);

pub const LOAD_CONVERSATIONS: Pair = batch!(
    "SELECT c.account_id, c.id, c.chatbot_id, c.channel, c.next_message FROM ",
    [account_id TEXT, id TEXT],
    "JOIN conversations c ON c.account_id = given.account_id AND c.id = given.id AND c.deleted_at IS NULL"
);

pub const LOAD_IDEMPOTENCY: Pair = batch!(
    "SELECT i.account_id, i.idempotency_key, i.fingerprint, i.request_id, i.body, i.credit_remaining FROM ",
    [account_id TEXT, idempotency_key TEXT],
    "JOIN idempotency_keys i
       ON i.account_id = given.account_id AND i.idempotency_key = given.idempotency_key"
);

pub const LOAD_HOLDS: Pair = batch!(
    "SELECT h.account_id, h.id, h.amount, h.state, h.expires_at, h.key_since, h.chatbot_since FROM ",
    [account_id TEXT, id TEXT],
    "JOIN holds h ON h.account_id = given.account_id AND h.id = given.id"
);

/// Which requests were stored before: asked only after a failure, when it is not known how far it came.
pub const LOAD_MESSAGE_REQUESTS: Pair = batch!(
    "SELECT m.account_id, m.request_id FROM ",
    [account_id TEXT, request_id TEXT],
    "JOIN messages m ON m.request_id = given.request_id AND m.account_id = given.account_id"
);

/// As [`LOAD_MESSAGE_REQUESTS`].
pub const LOAD_HOLD_REQUESTS: Pair = batch!(
    "SELECT h.account_id, h.request_id FROM ",
    [account_id TEXT, request_id TEXT],
    "JOIN holds h ON h.request_id = given.request_id AND h.account_id = given.account_id"
);

pub const UPDATE_CONVERSATIONS: Pair = Pair {
    sqlite: "UPDATE conversations SET next_message = ?3 WHERE account_id = ?1 AND id = ?2",
    ..batch!(
    "UPDATE conversations SET next_message = given.next_message FROM ",
    [account_id TEXT, id TEXT, next_message BIGINT],
    "WHERE conversations.account_id = given.account_id AND conversations.id = given.id"
    )
};

pub const UPDATE_HOLDS: Pair = Pair {
    sqlite: "UPDATE holds SET state = ?3, ended_at = ?4 WHERE account_id = ?1 AND id = ?2",
    ..batch!(
    "UPDATE holds SET state = given.state, ended_at = given.ended_at FROM ",
    [account_id TEXT, id TEXT, state TEXT, ended_at BIGINT],
    "WHERE holds.account_id = given.account_id AND holds.id = given.id"
    )
};

pub const DELETE_IDEMPOTENCY: Pair = Pair {
    sqlite: "DELETE FROM idempotency_keys WHERE body IS NULL AND account_id = ?1
             AND request_id IN (SELECT request_id FROM holds WHERE account_id = ?1 AND id = ?2)",
    ..batch!(
    "DELETE FROM idempotency_keys WHERE body IS NULL AND (account_id, request_id) IN
         (SELECT h.account_id, h.request_id FROM ",
    [account_id TEXT, id TEXT],
    "JOIN holds h ON h.account_id = given.account_id AND h.id = given.id)"
    )
};
