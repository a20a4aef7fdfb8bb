-- Of the keys of requests, those whose answer is still being written. A hold that ends without an answer frees its key, and
-- without this that would read all the keys of its account.
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (account_id, request_id) WHERE body IS NULL;
