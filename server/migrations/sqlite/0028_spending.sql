-- What a key spent since the start of a month, and a chatbot since the start of a day. Every message changes it, so it
-- stands in narrow rows beside each other and not in those of keys and chatbots, which are wide and seldom change.
CREATE TABLE spendings (
    account_id TEXT NOT NULL,
    -- The key or the chatbot.
    subject_id TEXT NOT NULL,
    since BIGINT NOT NULL,
    spent BIGINT NOT NULL CHECK (spent >= 0),
    PRIMARY KEY (account_id, subject_id)
) WITHOUT ROWID;

INSERT INTO spendings (account_id, subject_id, since, spent)
SELECT account_id, id, spent_since, spent FROM api_keys WHERE spent_since > 0;
INSERT INTO spendings (account_id, subject_id, since, spent)
SELECT account_id, id, spent_since, spent FROM chatbots WHERE spent_since > 0;

ALTER TABLE api_keys DROP COLUMN spent;
ALTER TABLE api_keys DROP COLUMN spent_since;
ALTER TABLE chatbots DROP COLUMN spent;
ALTER TABLE chatbots DROP COLUMN spent_since;
