-- A deleted chatbot stays as a row without documents: its entries still name it.
CREATE TABLE chatbots (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Changes with the documents, so that whoever keeps a search index of them knows when it is old.
    documents_version BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (account_id, id)
);

CREATE TABLE documents (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    passages BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, chatbot_id) REFERENCES chatbots (account_id, id)
);

CREATE INDEX documents_by_chatbot ON documents (account_id, chatbot_id);
