-- What a document was made of, and how far its file has been read. Until it is ready, its text is what it was before.
ALTER TABLE documents ADD COLUMN kind TEXT NOT NULL DEFAULT 'text';
ALTER TABLE documents ADD COLUMN state TEXT NOT NULL DEFAULT 'ready'
    CHECK (state IN ('waiting', 'reading', 'ready', 'failed'));
-- Why the file could not be read; empty otherwise.
ALTER TABLE documents ADD COLUMN reason TEXT NOT NULL DEFAULT '';
-- NULL when it has none.
ALTER TABLE documents ADD COLUMN pages BIGINT;
-- Grows with each file, so that nothing is stored of one that was replaced while it was read.
ALTER TABLE documents ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN queued_at BIGINT NOT NULL DEFAULT 0;
-- Until when it is left to whoever began to read it.
ALTER TABLE documents ADD COLUMN reading_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;

CREATE INDEX documents_to_read ON documents (queued_at) WHERE state IN ('waiting', 'reading');

-- Files as they came, until they are read. SQLite keeps bytes in a column of any type.
CREATE TABLE document_files (
    account_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (account_id, document_id),
    FOREIGN KEY (account_id, document_id) REFERENCES documents (account_id, id) ON DELETE CASCADE
);
