-- Conversations are listed by their ids, which sort by time as bytes, whatever the locale of the database says.
ALTER TABLE conversations ALTER COLUMN id TYPE TEXT COLLATE "C";
