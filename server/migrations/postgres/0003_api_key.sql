-- A deleted key stays as a row without a usable secret: its entries still name it.
CREATE TABLE api_keys (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    consumer_key TEXT NOT NULL UNIQUE,
    secret_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    secret_created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, id)
);
