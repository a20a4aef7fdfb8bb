-- What was spent and added on each day, summed up from entries some time after they were written: a page reads its days
-- and the entries that are not in them yet, instead of all entries. Nothing stands for what an entry does not have.
CREATE TABLE usage_days (
    account_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    entries BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    added BIGINT NOT NULL,
    charged BIGINT NOT NULL,
    -- Where its entries are found, even when the clock was set back among them.
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    PRIMARY KEY (account_id, day, key_id, chatbot_id, channel)
);

-- Up to which entry the days of an account are summed up.
CREATE TABLE usage_marks (
    account_id TEXT NOT NULL PRIMARY KEY,
    summed_seq BIGINT NOT NULL
);
