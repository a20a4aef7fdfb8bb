-- The card of an account for payments that nobody is present for. What stands here are the gateway's names for it; the
-- number of the card is known to the gateway alone.
CREATE TABLE saved_cards (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    gateway TEXT NOT NULL,
    customer TEXT NOT NULL,
    method TEXT NOT NULL,
    -- As people know it: Visa ending in 4242.
    label TEXT NOT NULL,
    saved_at BIGINT NOT NULL
);

-- An attempt to save a card. The row exists before the gateway is asked for its page.
CREATE TABLE card_setups (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    gateway TEXT NOT NULL,
    -- The gateway's own name for the attempt.
    gateway_setup_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'saved', 'refused', 'cancelled', 'expired')),
    created_at BIGINT NOT NULL,
    checked_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX card_setups_open ON card_setups (checked_at) WHERE state = 'open';

-- What the owner chose, and the payment that is under way for it. There is at most one at a time.
CREATE TABLE top_ups (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    state TEXT NOT NULL CHECK (state IN ('off', 'on', 'stopped')),
    stop_reason TEXT CHECK (stop_reason IN ('declined', 'no_card')),
    threshold BIGINT NOT NULL CHECK (threshold > 0),
    minor_units BIGINT NOT NULL CHECK (minor_units > 0),
    ceiling_minor_units BIGINT NOT NULL CHECK (ceiling_minor_units >= minor_units),
    currency TEXT NOT NULL,
    pending_payment_id TEXT,
    changed_at BIGINT NOT NULL,
    CHECK ((state = 'stopped') = (stop_reason IS NOT NULL))
);

CREATE INDEX top_ups_watched ON top_ups (account_id) WHERE state = 'on' AND pending_payment_id IS NULL;

-- How a payment began: at a checkout, with somebody present, or by itself.
ALTER TABLE payments ADD COLUMN origin TEXT NOT NULL DEFAULT 'checkout'
    CHECK (origin IN ('checkout', 'top_up', 'plan', 'renewal'));

-- The memory of the built-in gateway, as its checkouts: pages on which a card is saved, and the saved cards.
CREATE TABLE local_card_setups (
    account_id TEXT NOT NULL,
    setup_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'saved', 'refused', 'cancelled', 'expired')),
    -- The last four digits of a test card, which say how it behaves.
    ending TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, setup_id)
);

CREATE INDEX local_card_setups_by_id ON local_card_setups (setup_id);
