-- Entries, conversations and messages once more, without what costs each request a write and no query needs: the index
-- of entries by time (days have a table of their own now), the index of conversations by chatbot, and references whose
-- other side the writer has just read under its lock. `ledger verify` checks those.
CREATE TABLE entries_without_time (
    account_id TEXT NOT NULL,
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

INSERT INTO entries_without_time
    (account_id, seq, kind, amount, posted_after, at, request_id, channel, key_id, chatbot_id, payment_id, reason)
SELECT account_id, seq, kind, amount, posted_after, at, request_id, channel, key_id, chatbot_id, payment_id, reason
FROM entries;

CREATE TABLE messages_alone (
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
    UNIQUE (request_id, account_id)
);

INSERT INTO messages_alone
    (account_id, conversation_id, number, request_id, question, answer, citations, price, at)
SELECT account_id, conversation_id, number, request_id, question, answer, citations, price, at
FROM messages;

CREATE TABLE conversations_alone (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('console', 'api', 'widget')),
    created_at BIGINT NOT NULL,
    next_message BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

INSERT INTO conversations_alone (account_id, id, chatbot_id, channel, created_at, next_message)
SELECT account_id, id, chatbot_id, channel, created_at, next_message
FROM conversations;

DROP TABLE entries;
DROP TABLE messages;
DROP TABLE conversations;
ALTER TABLE entries_without_time RENAME TO entries;
ALTER TABLE messages_alone RENAME TO messages;
ALTER TABLE conversations_alone RENAME TO conversations;

CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
FOR EACH ROW EXECUTE FUNCTION refuse_entry_change();

CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
FOR EACH ROW EXECUTE FUNCTION refuse_entry_change();

CREATE TRIGGER entries_are_never_truncated BEFORE TRUNCATE ON entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_entry_change();
