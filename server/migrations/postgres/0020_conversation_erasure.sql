-- What was said in a deleted conversation is erased; that it was said, and paid for, stays on record.
ALTER TABLE conversations ADD COLUMN deleted_at BIGINT;
