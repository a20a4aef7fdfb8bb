-- The widget of a chatbot: where it may be shown, and how it looks. Allowed origins stand one a line. Its id is public and
-- can be replaced by another one.
CREATE TABLE widgets (
    account_id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    id TEXT NOT NULL,
    allowed_origins TEXT NOT NULL,
    position TEXT NOT NULL,
    theme TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    rotated_at BIGINT,
    PRIMARY KEY (account_id, chatbot_id),
    FOREIGN KEY (account_id, chatbot_id) REFERENCES chatbots (account_id, id)
);

CREATE UNIQUE INDEX widgets_by_id ON widgets (id);
