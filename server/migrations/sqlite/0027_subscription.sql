-- Which accounts pay for their plan month by month. An account without a row has its plan without end.
CREATE TABLE subscriptions (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    plan_id TEXT NOT NULL,
    price_minor_units BIGINT NOT NULL CHECK (price_minor_units > 0),
    currency TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL CHECK (period_end > period_start),
    anchor_day BIGINT NOT NULL CHECK (anchor_day >= 1 AND anchor_day <= 31),
    next_plan_id TEXT,
    failed_renewals BIGINT NOT NULL CHECK (failed_renewals >= 0),
    -- When its owner was told that the month ends.
    reminded_at BIGINT,
    pending_payment_id TEXT,
    -- From when on there is something to do.
    due_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE pending_payment_id IS NULL;

-- A payment buys credit, or a month of a plan and no credit.
ALTER TABLE payments ADD COLUMN plan_id TEXT CHECK (plan_id IS NULL OR credit = 0);
ALTER TABLE payments ADD COLUMN plan_price_minor_units BIGINT;

-- What the built-in gateway's page says is bought.
ALTER TABLE local_checkouts ADD COLUMN description TEXT NOT NULL DEFAULT 'API credit';
