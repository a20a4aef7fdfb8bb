-- What the owner of a key decides about it, and the secret before the present one while both work. The version counts up
-- with every change, so that a charge can tell whether the key is still as it was checked.
ALTER TABLE api_keys ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN permissions TEXT NOT NULL DEFAULT 'messages:write';
-- Ids with a space between them; NULL is all chatbots.
ALTER TABLE api_keys ADD COLUMN chatbot_ids TEXT;
-- Networks with a space between them; empty is from everywhere.
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;
ALTER TABLE api_keys ADD COLUMN disabled_at BIGINT;
ALTER TABLE api_keys ADD COLUMN last_used_from TEXT;
ALTER TABLE api_keys ADD COLUMN secret_used_at BIGINT;
ALTER TABLE api_keys ADD COLUMN secret_uses BIGINT NOT NULL DEFAULT 0;
-- The old secret's hash stays after its end, so that a program that still sends it is told what happened.
ALTER TABLE api_keys ADD COLUMN old_secret_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN old_secret_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN old_secret_created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN old_secret_used_at BIGINT;
ALTER TABLE api_keys ADD COLUMN old_secret_uses BIGINT NOT NULL DEFAULT 0;
