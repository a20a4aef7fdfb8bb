//! What the owner of a chatbot decides about it.

use domain::chatbot_settings::{
    AnswerEngine, ChatbotSettings, Colour, SUGGESTED_QUESTION_CHARACTERS_MAX, SUGGESTED_QUESTIONS_MAX,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};

/// A list of texts, or nothing.
fn suggested_questions() -> ArrayBuilder {
    let question = ObjectBuilder::new().schema_type(Type::String).max_length(Some(SUGGESTED_QUESTION_CHARACTERS_MAX));
    let list = ArrayBuilder::new().schema_type(SchemaType::from_iter([Type::Array, Type::Null])).items(question);
    let list = list.max_items(Some(SUGGESTED_QUESTIONS_MAX));
    list.description(Some("What a visitor may ask with one touch; each on one line, and empty ones are left out"))
}

/// The settings of a chatbot.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "welcome_message": "Hello! Ask me about our shop.", "instructions": "Answer in short sentences.",
    "suggested_questions": ["When do you open?"], "colour": "#4b45d6", "answer_engine": "extractive"
}))]
pub(in crate::http::api) struct ChatbotSettingsView {
    /// What it says before it is asked
    pub welcome_message: String,
    /// How it is to answer, for answer engines that write
    pub instructions: String,
    /// What a visitor may ask with one touch
    pub suggested_questions: Vec<String>,
    /// Null is the product's own
    #[schema(pattern = "^#[0-9a-f]{6}$")]
    pub colour: Option<String>,
    /// Null is the default of the server
    #[schema(pattern = "^(extractive|openai)$")]
    pub answer_engine: Option<&'static str>,
}

impl From<ChatbotSettings> for ChatbotSettingsView {
    fn from(settings: ChatbotSettings) -> Self {
        Self {
            welcome_message: settings.welcome_message,
            instructions: settings.instructions,
            suggested_questions: settings.suggested_questions,
            colour: settings.colour.as_ref().map(Colour::as_str).map(str::to_owned),
            answer_engine: settings.answer_engine.map(AnswerEngine::as_str),
        }
    }
}

/// What is to change; what is absent stays as it is, and null empties.
#[derive(ToSchema)]
#[schema(example = json!({
    "welcome_message": "Hello! Ask me about our shop.", "instructions": "Answer in short sentences.",
    "suggested_questions": ["When do you open?"], "colour": "#4b45d6", "answer_engine": "extractive"
}))]
#[expect(dead_code, reason = "the body is read field by field; this is what it looks like")]
pub(in crate::http::api) struct ChatbotSettingsChange {
    /// What it says before it is asked
    #[schema(required = false, max_length = 300)]
    pub welcome_message: Option<String>,
    /// How it is to answer, for answer engines that write
    #[schema(required = false, max_length = 4000)]
    pub instructions: Option<String>,
    #[schema(schema_with = suggested_questions, required = false)]
    pub suggested_questions: (),
    /// `#` and six hexadecimal digits; null or an empty text is the product's own
    #[schema(required = false, pattern = r"^\s*(#[0-9A-Fa-f]{6})?\s*$")]
    pub colour: Option<String>,
    /// One that the server has; null or an empty text is its default
    #[schema(required = false, pattern = r"^\s*(extractive|openai)?\s*$")]
    pub answer_engine: Option<String>,
}
