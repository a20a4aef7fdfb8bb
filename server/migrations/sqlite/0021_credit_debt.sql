-- Credit that was taken back after it was spent is owed: `debt`. An entry's `posted_after` is the sum of all entries up to it,
-- which is the credit less the debt and therefore may be negative.
ALTER TABLE balances ADD COLUMN debt BIGINT NOT NULL DEFAULT 0 CHECK (debt >= 0 AND (debt = 0 OR posted = held));

CREATE TABLE entries_with_debt (
    account_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'payment', 'grant', 'adjustment', 'refund')),
    amount BIGINT NOT NULL,
    posted_after BIGINT NOT NULL,
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    channel TEXT,
    key_id TEXT,
    chatbot_id TEXT,
    payment_id TEXT,
    reason TEXT,
    caller_request_id TEXT,
    PRIMARY KEY (account_id, seq),
    UNIQUE (request_id, account_id, kind)
);

INSERT INTO entries_with_debt
    (account_id, seq, kind, amount, posted_after, at, request_id, channel, key_id, chatbot_id, payment_id, reason,
     caller_request_id)
SELECT account_id, seq, kind, amount, posted_after, at, request_id, channel, key_id, chatbot_id, payment_id, reason,
       caller_request_id
FROM entries;

DROP TABLE entries;
ALTER TABLE entries_with_debt RENAME TO entries;

CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
BEGIN
    SELECT RAISE(ABORT, 'entries are append-only');
END;

CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
BEGIN
    SELECT RAISE(ABORT, 'entries are append-only');
END;

-- What was taken back of a payment: refunds, and a dispute in which the customer's bank takes the money. `credited` is the
-- credit that its entries come to, and `revision` how many entries there are.
ALTER TABLE payments ADD COLUMN refunded_minor_units BIGINT NOT NULL DEFAULT 0 CHECK (refunded_minor_units >= 0);
ALTER TABLE payments ADD COLUMN dispute_state TEXT CHECK (dispute_state IN ('open', 'won', 'lost'));
ALTER TABLE payments ADD COLUMN disputed_minor_units BIGINT NOT NULL DEFAULT 0 CHECK (disputed_minor_units >= 0);
ALTER TABLE payments ADD COLUMN credited BIGINT NOT NULL DEFAULT 0 CHECK (credited >= 0 AND credited <= credit);
ALTER TABLE payments ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

UPDATE payments SET credited = credit, revision = 1 WHERE state = 'paid';

-- The same at the built-in gateway. What it has not told yet is known by the number of its changes, because a checkout now
-- changes in more than its state.
ALTER TABLE local_checkouts ADD COLUMN refunded_minor_units BIGINT NOT NULL DEFAULT 0
    CHECK (refunded_minor_units >= 0 AND refunded_minor_units <= minor_units);
ALTER TABLE local_checkouts ADD COLUMN dispute_state TEXT CHECK (dispute_state IN ('open', 'won', 'lost'));
ALTER TABLE local_checkouts ADD COLUMN dispute_outcome TEXT CHECK (dispute_outcome IN ('won', 'lost'));
ALTER TABLE local_checkouts ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE local_checkouts ADD COLUMN told BIGINT NOT NULL DEFAULT 0;

UPDATE local_checkouts SET changes = 1 WHERE told_state <> state;

DROP INDEX local_checkouts_pending;
DROP INDEX local_checkouts_untold;
ALTER TABLE local_checkouts DROP COLUMN told_state;
CREATE INDEX local_checkouts_pending ON local_checkouts (resolves_at) WHERE resolves_at IS NOT NULL;
CREATE INDEX local_checkouts_untold ON local_checkouts (payment_id) WHERE told <> changes;

UPDATE local_checkouts SET resolves_at = NULL WHERE state <> 'processing';

-- What operators did to an account, written in the transaction that did it.
CREATE TABLE audit (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (account_id, id)
);
