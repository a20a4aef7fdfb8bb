-- Since when a chatbot answers nobody but its owner.
ALTER TABLE chatbots ADD COLUMN paused_at BIGINT;
