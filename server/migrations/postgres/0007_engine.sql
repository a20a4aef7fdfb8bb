-- The tables of entries and messages once more, with their uniqueness on the id of the request first: such ids sort by
-- time, so that the index is written at its end and not at a place of its own for every account.
CREATE TABLE entries_by_request (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'payment', 'grant', 'adjustment', 'refund')),
    amount BIGINT NOT NULL,
    posted_after BIGINT NOT NULL CHECK (posted_after >= 0),
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    channel TEXT,
    key_id TEXT,
    chatbot_id TEXT,
    payment_id TEXT,
    reason TEXT,
    PRIMARY KEY (account_id, seq),
    UNIQUE (request_id, account_id, kind)
);

INSERT INTO entries_by_request
    (account_id, seq, kind, amount, posted_after, at, request_id, channel, key_id, chatbot_id, payment_id, reason)
SELECT account_id, seq, kind, amount, posted_after, at, request_id, channel, key_id, chatbot_id, payment_id, reason
FROM entries;

DROP TABLE entries;
ALTER TABLE entries_by_request RENAME TO entries;

CREATE INDEX entries_by_time ON entries (account_id, at);

CREATE TABLE messages_by_request (
    account_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    citations TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, conversation_id, number),
    UNIQUE (request_id, account_id),
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id)
);

INSERT INTO messages_by_request
    (account_id, conversation_id, number, request_id, question, answer, citations, price, at)
SELECT account_id, conversation_id, number, request_id, question, answer, citations, price, at
FROM messages;

DROP TABLE messages;
ALTER TABLE messages_by_request RENAME TO messages;

-- What a key spent since the start of a month, and a chatbot since the start of a day; kept with the entries.
ALTER TABLE api_keys ADD COLUMN monthly_cap BIGINT CHECK (monthly_cap >= 0);
ALTER TABLE api_keys ADD COLUMN spent_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN spent BIGINT NOT NULL DEFAULT 0 CHECK (spent >= 0);
ALTER TABLE chatbots ADD COLUMN daily_cap BIGINT CHECK (daily_cap >= 0);
ALTER TABLE chatbots ADD COLUMN spent_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chatbots ADD COLUMN spent BIGINT NOT NULL DEFAULT 0 CHECK (spent >= 0);

-- The rule under which each message was accepted, so that it can be checked after the plan has changed.
ALTER TABLE counted_messages ADD COLUMN place_limit BIGINT;
ALTER TABLE counted_messages ADD COLUMN window_us BIGINT;

-- The owner is told when less than this is available.
ALTER TABLE accounts ADD COLUMN alert_below BIGINT CHECK (alert_below >= 0);

UPDATE api_keys SET spent_since = CAST(EXTRACT(EPOCH FROM date_trunc('month', now() AT TIME ZONE 'UTC')) AS BIGINT) * 1000000;
UPDATE api_keys SET spent = COALESCE((
    SELECT -SUM(e.amount) FROM entries e
    WHERE e.account_id = api_keys.account_id AND e.key_id = api_keys.id AND e.kind = 'charge'
      AND e.at >= api_keys.spent_since), 0);
UPDATE chatbots SET spent_since = CAST(EXTRACT(EPOCH FROM date_trunc('day', now() AT TIME ZONE 'UTC')) AS BIGINT) * 1000000;
UPDATE chatbots SET spent = COALESCE((
    SELECT -SUM(e.amount) FROM entries e
    WHERE e.account_id = chatbots.account_id AND e.chatbot_id = chatbots.id AND e.kind = 'charge'
      AND e.at >= chatbots.spent_since), 0);

-- Credit set aside for answers that are being written.
CREATE TABLE holds (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released', 'expired')),
    channel TEXT NOT NULL,
    key_id TEXT,
    chatbot_id TEXT NOT NULL,
    -- The periods of the caps that it was taken from, so that it is given back to the same ones.
    key_since BIGINT,
    chatbot_since BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (account_id, id),
    UNIQUE (request_id, account_id)
);

CREATE INDEX holds_open ON holds (expires_at) WHERE state = 'open';

-- The first answer to each Idempotency-Key. While a hold is open for it, there is no answer yet.
CREATE TABLE idempotency_keys (
    account_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request_id TEXT NOT NULL,
    body TEXT,
    credit_remaining BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- What owners have to be told, written in the transaction that crossed a threshold.
CREATE TABLE outbox (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('credit_low', 'key_cap_near', 'chatbot_cap_near')),
    -- The key or the chatbot that it is about.
    subject_id TEXT,
    threshold BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    at BIGINT NOT NULL,
    sent_at BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX outbox_unsent ON outbox (at) WHERE sent_at IS NULL;

-- Counts the changes of what processes keep in memory, so that each notices what another one changed.
CREATE TABLE versions (
    topic TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

INSERT INTO versions (topic, version) VALUES ('api_keys', 1);

CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
FOR EACH ROW EXECUTE FUNCTION refuse_entry_change();

CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
FOR EACH ROW EXECUTE FUNCTION refuse_entry_change();

CREATE TRIGGER entries_are_never_truncated BEFORE TRUNCATE ON entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_entry_change();
