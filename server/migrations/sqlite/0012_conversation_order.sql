-- Conversations are listed by their ids, which sort by time as bytes: nothing to do, this database compares bytes.
SELECT 1;
