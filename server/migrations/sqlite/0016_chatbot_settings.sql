-- What visitors see of a chatbot, and how it answers. Suggested questions stand one a line; no colour is the console's
-- own, and no engine is the server's default.
ALTER TABLE chatbots ADD COLUMN welcome_message TEXT NOT NULL DEFAULT '';
ALTER TABLE chatbots ADD COLUMN instructions TEXT NOT NULL DEFAULT '';
ALTER TABLE chatbots ADD COLUMN suggested_questions TEXT NOT NULL DEFAULT '';
ALTER TABLE chatbots ADD COLUMN colour TEXT NOT NULL DEFAULT '';
ALTER TABLE chatbots ADD COLUMN answer_engine TEXT NOT NULL DEFAULT '';
