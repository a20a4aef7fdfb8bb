//! Pieces of the reference that its pages share: an operation's address, tables of fields, and examples.

use super::document::{Example, Field, OperationLink};
use crate::components::CopyButton;
use crate::documents::server_fns::Choice;
use leptos::prelude::*;

/// `POST /api/v1/messages`
pub fn endpoint(link: &OperationLink) -> AnyView {
    let class = format!("method {}", link.method.to_lowercase());
    view! { <span class=class>{link.method.clone()}</span>" "<code>{link.path.clone()}</code> }.into_any()
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

/// Something to copy and run.
pub fn snippet(language: String, label: String, code: String) -> AnyView {
    view! {
        <div class="snippet">
            <CopyButton text=code.clone() label=format!("Copy the {label} example")/>
            <pre data-snippet=language tabindex="0"><code>{code}</code></pre>
        </div>
    }
    .into_any()
}

/// The options of a select, with one of them chosen.
pub fn options(choices: Vec<Choice>, chosen: &str) -> AnyView {
    let option = |choice: Choice| {
        let is_chosen = choice.id == chosen;
        view! { <option value=choice.id selected=is_chosen prop:selected=is_chosen>{choice.name}</option> }.into_any()
    };
    choices.into_iter().map(option).collect_view().into_any()
}
