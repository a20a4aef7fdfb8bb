CREATE TABLE conversations (
    account_id TEXT NOT NULL,
    id TEXT NOT NULL,
    chatbot_id TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('console', 'api', 'widget')),
    created_at BIGINT NOT NULL,
    next_message BIGINT NOT NULL,
    PRIMARY KEY (account_id, id),
    FOREIGN KEY (account_id, chatbot_id) REFERENCES chatbots (account_id, id)
);

CREATE INDEX conversations_by_chatbot ON conversations (account_id, chatbot_id);

-- A message with the answer that was delivered for it; one row for each accepted request.
CREATE TABLE messages (
    account_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    citations TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, conversation_id, number),
    UNIQUE (account_id, request_id),
    FOREIGN KEY (account_id, conversation_id) REFERENCES conversations (account_id, id)
);
