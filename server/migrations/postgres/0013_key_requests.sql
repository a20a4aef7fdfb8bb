-- The last requests of each key that were refused or cost nothing; those that were paid for stand in the entries.
CREATE TABLE key_requests (
    account_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    status BIGINT NOT NULL,
    -- Empty when it was done.
    code TEXT NOT NULL,
    PRIMARY KEY (account_id, key_id, at, request_id)
);
