-- What visitors of a widget leave for people to answer, where its owner lets them. It is erased with its conversation.
ALTER TABLE widgets ADD COLUMN takes_contacts BIGINT NOT NULL DEFAULT 0;

CREATE TABLE contact_requests (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    -- NULL when nothing had been asked before.
    conversation_id TEXT,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    message TEXT NOT NULL,
    -- The origin of the page it was left on.
    origin TEXT NOT NULL,
    -- What the visitor's browser named it, within his session: sent again, it is the same one.
    once TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, once),
    FOREIGN KEY (account_id, chatbot_id) REFERENCES chatbots (account_id, id)
);

CREATE INDEX contact_requests_by_conversation ON contact_requests (account_id, conversation_id);
