CREATE TABLE balances (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    posted BIGINT NOT NULL,
    held BIGINT NOT NULL,
    next_entry BIGINT NOT NULL,
    next_message BIGINT NOT NULL,
    CHECK (posted >= 0 AND held >= 0 AND held <= posted)
);

CREATE TABLE entries (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'payment', 'grant', 'adjustment')),
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
    UNIQUE (account_id, request_id, kind)
);

CREATE INDEX entries_by_time ON entries (account_id, at);

-- When each counted message was accepted, by its dense number.
CREATE TABLE counted_messages (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, number)
);

CREATE FUNCTION refuse_entry_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'entries are append-only';
END;
$$;

CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
FOR EACH ROW EXECUTE FUNCTION refuse_entry_change();

CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
FOR EACH ROW EXECUTE FUNCTION refuse_entry_change();

CREATE TRIGGER entries_are_never_truncated BEFORE TRUNCATE ON entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_entry_change();
