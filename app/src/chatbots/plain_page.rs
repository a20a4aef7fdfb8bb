//! The page that answers a question which was posted before WebAssembly had loaded: question, answer, and the form to go
//! on with the conversation. It runs no script.

use super::try_it::answer_view;
use crate::components::{ProblemNotice, in_textarea};
use crate::error::AppError;
use crate::shell::DocumentHead;
use domain::conversation::Reply;
use domain::field::MESSAGE_CHARACTERS_MAX;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

/// What was posted.
pub(super) struct Asked {
    pub chatbot_id: String,
    pub conversation_id: String,
    pub message: String,
}

/// The answer, or the refusal with the message still in its field.
pub(super) fn answer_page(options: LeptosOptions, asked: Asked, answered: Result<Reply, AppError>) -> String {
    let Asked { chatbot_id, mut conversation_id, message } = asked;
    let (outcome, draft) = match answered {
        Ok(reply) => {
            conversation_id = reply.conversation_id.to_string();
            let question = view! { <p class="question">{message}</p> };
            (view! { <div class="said">{question} {answer_view(reply)}</div> }.into_any(), String::new())
        }
        Err(error) => (view! { <ProblemNotice problem=error.problem/> }.into_any(), message),
    };
    let back = format!("/chatbots/{chatbot_id}");
    let action = format!("{back}/ask");
    let body = view! {
        <section class="card">
            <header><h1>"Try it"</h1></header>
            <div class="body stack">
                {outcome}
                <form method="post" action=action>
                    <input type="hidden" name="conversation_id" value=conversation_id/>
                    <label for="message">"Message"</label>
                    <textarea id="message" name="message" rows="2" required maxlength=MESSAGE_CHARACTERS_MAX>{in_textarea(draft)}</textarea>
                    <div class="send">
                        <a href=back>"Back to the chatbot"</a>
                        <button class="btn primary">"Ask"</button>
                    </div>
                </form>
            </div>
        </section>
    };
    document(options, body.into_any())
}

fn document(options: LeptosOptions, body: AnyView) -> String {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <DocumentHead options=options/>
                <title>"Try it · Artiko"</title>
            </head>
            <body>
                <main class="narrow" id="main">{body}</main>
            </body>
        </html>
    }
    .to_html()
}
