-- A payment is one attempt to buy credit. The row exists before the gateway is asked for a checkout, and what is
-- credited is what stands here, whatever the gateway reports.
CREATE TABLE payments (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    gateway TEXT NOT NULL,
    minor_units BIGINT NOT NULL CHECK (minor_units > 0),
    currency TEXT NOT NULL,
    credit BIGINT NOT NULL CHECK (credit > 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'processing', 'paid', 'failed', 'cancelled', 'expired')),
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- When the gateway was last asked about it; the sweeper takes the longest unasked first.
    checked_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX payments_by_id ON payments (id);
CREATE INDEX payments_unfinished ON payments (checked_at) WHERE state IN ('open', 'processing');

-- The memory of the built-in gateway: what a real one keeps at its own place. Nothing else reads it.
CREATE TABLE local_checkouts (
    account_id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    minor_units BIGINT NOT NULL CHECK (minor_units > 0),
    currency TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'processing', 'paid', 'failed', 'cancelled', 'expired')),
    -- What a pending card becomes, and when.
    outcome TEXT CHECK (outcome IN ('paid', 'failed')),
    resolves_at BIGINT,
    created_at BIGINT NOT NULL,
    -- The last state that a webhook told and that was acknowledged.
    told_state TEXT NOT NULL,
    PRIMARY KEY (account_id, payment_id)
);

CREATE INDEX local_checkouts_by_payment ON local_checkouts (payment_id);
CREATE INDEX local_checkouts_pending ON local_checkouts (resolves_at) WHERE state = 'processing';
CREATE INDEX local_checkouts_untold ON local_checkouts (payment_id) WHERE told_state <> state;
