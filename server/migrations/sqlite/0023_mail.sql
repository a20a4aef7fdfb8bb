-- The outbox of all mails: whom each is for, and how far it has come. The id is the event's own, so that one event makes
-- one mail. What the ledger's writer adds names nobody; it is for the owners and admins of the account.
CREATE TABLE outbox_of_mails (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('credit_low', 'key_cap_near', 'chatbot_cap_near', 'key_expiring', 'receipt',
        'payment_failed', 'new_sign_in', 'password_reset', 'email_confirmation')),
    -- The key, chatbot or payment that it is about.
    subject_id TEXT,
    user_id TEXT,
    threshold BIGINT NOT NULL DEFAULT 0,
    amount BIGINT NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '',
    at BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'failed')),
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Also until when it is left to whoever began to send it.
    next_try_at BIGINT NOT NULL DEFAULT 0,
    sent_at BIGINT,
    error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id)
);

-- Nobody sent these, and nobody wants to hear of them now.
INSERT INTO outbox_of_mails (account_id, id, kind, subject_id, threshold, amount, at, sent_at, state, error)
SELECT account_id, id, kind, subject_id, threshold, amount, at, sent_at,
       CASE WHEN sent_at IS NULL THEN 'failed' ELSE 'sent' END, 'it is older than the sending of mails'
FROM outbox;

DROP TABLE outbox;
ALTER TABLE outbox_of_mails RENAME TO outbox;

CREATE INDEX outbox_to_send ON outbox (next_try_at) WHERE state IN ('waiting', 'sending');

-- What makes the links in mails secret, hashed. Each attempt to send a mail makes a link of its own.
CREATE TABLE mail_links (
    token_hash TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('password_reset', 'email_confirmation')),
    expires_at BIGINT NOT NULL
);

CREATE INDEX mail_links_by_user ON mail_links (user_id, purpose);

-- When somebody followed the link of a mail to the e-mail.
ALTER TABLE users ADD COLUMN confirmed_at BIGINT;

-- From where each user has signed in: network and browser, under the pepper.
CREATE TABLE user_places (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    place TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, user_id, place)
);
