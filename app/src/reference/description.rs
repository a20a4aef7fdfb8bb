//! What the document says of an operation, as HTML: what is sent, what comes back, and what is refused. The server renders
//! it, for the reasons that `overview.rs` gives.

use super::document::{Example, Field, Operation, Refusal};
use super::server_fns::Described;
use leptos::prelude::*;

pub fn html(operation: Operation) -> Described {
    let has_body = !operation.request.is_empty();
    let request = view! {
                <section class="card" id="request" aria-labelledby="request-heading">
                    <header><h2 id="request-heading">"Request"</h2></header>
                    <div class="body prose">
                        <div class="prose" inner_html=operation.description_html></div>
                        {(operation.parameters.is_empty() && !has_body).then(|| view! { <p>"It has no parameters."</p> }.into_any())}
                        {fields_table("Parameters", operation.parameters)}
                        {fields_table("Fields of the body", operation.request)}
                        {example("Example".to_owned(), operation.request_example)}
                    </div>
                </section>
    };
    let answer = view! {
                <section class="card" id="response" aria-labelledby="response-heading">
                    <header><h2 id="response-heading">{format!("Answer {}", operation.status)}</h2></header>
                    <div class="body prose">
                        {operation.response_examples.is_empty().then(|| view! { <p>"The answer has no body."</p> }.into_any())}
                        {fields_table("Fields of the answer", always_there(operation.response))}
                        {operation.response_examples.into_iter().map(response_example).collect_view()}
                    </div>
                </section>
        {refusals(operation.refusals)}
    };
    Described { request: request.to_html(), answer: answer.to_html() }
}

/// Nobody has to send what comes back.
fn always_there(fields: Vec<Field>) -> Vec<Field> {
    fields.into_iter().map(|field| Field { is_required: false, ..field }).collect()
}

/// Parameters or fields with what they mean; nothing when there are none.
pub fn fields_table(caption: &'static str, fields: Vec<Field>) -> Option<AnyView> {
    if fields.is_empty() {
        return None;
    }
    let rows = fields.into_iter().map(field_row).collect_view();
    let table = view! {
        <h3>{caption}</h3>
        <div class="table-wrap" tabindex="0" role="region" aria-label=caption>
            <table class="fields">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Type"</th>
                        <th scope="col">"Meaning"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    };
    Some(table.into_any())
}

fn field_row(field: Field) -> AnyView {
    let Field { name, place, kind, is_required, limits, meaning_html, .. } = field;
    let place = if place == "body" { String::new() } else { format!("in the {place}") };
    let needed = if is_required { "required" } else { "" };
    let sub = |text: String| (!text.is_empty()).then(|| view! { <span class="sub">{text}</span> }.into_any());
    view! {
        <tr>
            <th scope="row"><code>{name}</code>{sub(place)}</th>
            <td>{kind}{sub(needed.to_owned())}</td>
            <td class="wrap"><span inner_html=meaning_html></span>{sub(limits)}</td>
        </tr>
    }
    .into_any()
}

/// What is sent or comes back.
pub fn example(title: String, text: String) -> Option<AnyView> {
    if text.is_empty() {
        return None;
    }
    Some(view! { <h3>{title}</h3><pre tabindex="0"><code>{text}</code></pre> }.into_any())
}

pub fn response_example(Example { media_type, text }: Example) -> Option<AnyView> {
    example(format!("Example, {media_type}"), text)
}

fn refusals(refusals: Vec<Refusal>) -> AnyView {
    let row = |Refusal { status, code, title }: Refusal| {
        let href = format!("/reference#{code}");
        view! {
            <tr>
                <td class="r num">{status}</td>
                <th scope="row"><a href=href rel="external"><code>{code}</code></a></th>
                <td class="wrap">{title}</td>
            </tr>
        }
        .into_any()
    };
    view! {
        <section class="card" id="errors" aria-labelledby="errors-heading">
            <header><h2 id="errors-heading">"Errors"</h2></header>
            <div class="table-wrap" tabindex="0" role="region" aria-label="Errors of the operation">
                <table>
                    <thead>
                        <tr>
                            <th scope="col" class="r">"Status"</th>
                            <th scope="col">"Code"</th>
                            <th scope="col">"What it means"</th>
                        </tr>
                    </thead>
                    <tbody>{refusals.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}
