//! The fields of a chatbot's settings, and what a visitor sees before the first question, as HTML that is made on the
//! server: nothing in them follows what happens on the page, so the browser need not load how they are made.

use crate::components::in_textarea;
use crate::error::AppError;
use domain::chatbot_settings::{
    AnswerEngine, ChatbotSettings, Colour, DEFAULT_COLOUR, INSTRUCTIONS_CHARACTERS_MAX, SUGGESTED_QUESTIONS_MAX,
    WELCOME_CHARACTERS_MAX,
};
use leptos::prelude::*;

/// The fields with what is stored, or with what was typed into a form that was refused before the page was alive.
pub(super) fn fields(settings: ChatbotSettings, engines: &[AnswerEngine], refused: Option<&AppError>) -> String {
    let value = |name: &str, stored: String| refused.map_or(stored, |error| error.typed(name));
    let engine = value("answer_engine", settings.answer_engine.map_or("", AnswerEngine::as_str).to_owned());
    let colour = settings.colour.as_ref().map_or(DEFAULT_COLOUR, Colour::as_str).to_owned();
    let option =
        |id: &'static str, label: String| view! { <option value=id selected=engine == id>{label}</option> }.into_any();
    let default = engines.first().map(|engine| format!("The server's default: {}", engine.label()));
    let engine_options = engines.iter().map(|engine| option(engine.as_str(), engine.label().to_owned()));
    let lines = |name: &'static str, label: &'static str, rows: u32, text: String, max: Option<usize>, hint: String| {
        let hint_id = format!("{name}-hint");
        view! {
            <div class="field-group">
                <label for=name>{label}</label>
                <textarea id=name name=name rows=rows maxlength=max.map(|max| max.to_string()) aria-describedby=hint_id.clone()>
                    {in_textarea(text)}
                </textarea>
                <p class="hint" id=hint_id>{hint}</p>
            </div>
        }
        .into_any()
    };
    view! {
        {lines("welcome_message", "Welcome message", 2, value("welcome_message", settings.welcome_message),
            Some(WELCOME_CHARACTERS_MAX), "What it says before it is asked.".to_owned())}
        {lines("suggested_questions", "Suggested questions", 3,
            value("suggested_questions", settings.suggested_questions.join("\n")), None,
            format!("One on each line, at most {SUGGESTED_QUESTIONS_MAX}. Each is a button that asks it."))}
        {lines("instructions", "Instructions", 3, value("instructions", settings.instructions),
            Some(INSTRUCTIONS_CHARACTERS_MAX),
            "How it is to answer: its tone, its length, what it leaves out. The engine that quotes passages does not follow them."
                .to_owned())}
        <div class="field-group">
            <label for="answer_engine">"Answer engine"</label>
            <select id="answer_engine" name="answer_engine">
                {default.map(|label| option("", label))}
                {engine_options.collect_view()}
            </select>
        </div>
        <div class="field-group">
            <label for="colour">"Colour"</label>
            <input type="color" id="colour" name="colour" value=value("colour", colour)/>
        </div>
    }
    .to_html()
}

/// What stands before the first question: the welcome message, and the suggested questions as buttons that ask them.
pub(super) fn opening(settings: ChatbotSettings) -> String {
    let ChatbotSettings { welcome_message, suggested_questions, .. } = settings;
    let button = |question: String| {
        let value = question.clone();
        view! { <button class="btn" name="suggested" value=value formnovalidate=true>{question}</button> }.into_any()
    };
    let buttons = suggested_questions.into_iter().map(button).collect::<Vec<_>>();
    let welcome =
        (!welcome_message.is_empty()).then(|| view! { <div class="answer"><p>{welcome_message}</p></div> }.into_any());
    view! {
        {welcome}
        {(!buttons.is_empty()).then(|| view! { <div class="actions start" role="group" aria-label="Suggested questions">{buttons}</div> }.into_any())}
    }
    .to_html()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::field::FieldError;
    use domain::problem::Problem;

    fn html(make: impl FnOnce() -> String) -> String {
        Owner::new().with(make)
    }

    fn settings() -> ChatbotSettings {
        ChatbotSettings {
            welcome_message: "Hello <you>".to_owned(),
            suggested_questions: vec!["\"When\"?".to_owned()],
            colour: Colour::parse("#112233"),
            ..ChatbotSettings::default()
        }
    }

    #[test]
    fn the_fields_have_what_is_stored_and_only_the_engines_that_there_are() {
        let page = html(|| fields(settings(), &[AnswerEngine::Extractive], None));
        assert!(page.contains("Hello &lt;you>") && page.contains("value=\"#112233\""), "{page}");
        assert!(page.contains("value=\"extractive\"") && !page.contains("openai"), "{page}");
    }

    #[test]
    fn a_refused_form_comes_back_as_it_was_typed() {
        let problem = Problem::from(FieldError::new("colour", "no colour"));
        let refused = AppError::from(problem).with_typed("welcome_message", "Typed").with_typed("colour", "red");
        let page = html(|| fields(settings(), &[AnswerEngine::Extractive], Some(&refused)));
        assert!(page.contains("Typed") && page.contains("value=\"red\"") && !page.contains("Hello"), "{page}");
    }

    #[test]
    fn an_opening_asks_what_its_buttons_say_and_nothing_opens_a_chatbot_that_says_nothing() {
        let page = html(|| opening(settings()));
        assert!(page.contains("value=\"&quot;When&quot;?\"") && page.contains("Hello &lt;you&gt;"), "{page}");
        let page = html(|| opening(ChatbotSettings::default()));
        assert!(!page.contains("<div") && !page.contains("<button"), "{page}");
    }
}
