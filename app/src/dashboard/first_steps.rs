//! The check-list of a new account. It disappears when everything on it was done.

use super::server_fns::Step;
use leptos::prelude::*;

pub fn first_steps(steps: Vec<(Step, bool)>) -> AnyView {
    if steps.iter().all(|(_, is_done)| *is_done) {
        return ().into_any();
    }
    let steps = steps.into_iter().map(|(step, is_done)| step_view(step, is_done));
    view! {
        <section class="card" aria-labelledby="steps-heading">
            <header><h2 id="steps-heading">"First steps"</h2></header>
            <ol class="steps">{steps.collect_view()}</ol>
        </section>
    }
    .into_any()
}

fn step_view(step: Step, is_done: bool) -> AnyView {
    let (href, title, why) = match step {
        Step::MakeChatbot => ("/chatbots?new", "Make a chatbot", "It answers in your name."),
        Step::AddDocument => ("/documents?add", "Add a document", "It is what the chatbot answers from."),
        Step::AddBalance => ("/settings?add-balance", "Add balance", "API requests and widget messages draw on it."),
        Step::GenerateKey => ("/settings?generate-key", "Generate an API key", "Your programs sign in with it."),
        Step::Call => ("/reference/createMessage", "Make the first call", "The reference has it ready to copy."),
    };
    let (class, mark, word) = if is_done { ("done", "✓", "Done: ") } else { ("open", "", "To do: ") };
    view! {
        <li class=class>
            <span class="mark" aria-hidden="true">{mark}</span>
            <span><span class="visually-hidden">{word}</span><a href=href>{title}</a><span class="sub">{why}</span></span>
        </li>
    }
    .into_any()
}
