//! The form that sends an operation from the page: one input for each of its parameters and fields.

use super::document::{Field, Input, InputKind, Operation};
use serde_json::Value;

/// `known` are the ids of the reader, by the name of the field that takes them; `body` is the example of the body.
pub fn inputs(operation: &Operation, known: &[(&str, String)], body: &[(String, Value)]) -> Vec<Input> {
    let fields = operation.parameters.iter().chain(&operation.request);
    fields.map(|field| Input { value: value(field, known, body), ..input(field) }).collect()
}

fn input(field: &Field) -> Input {
    let kind = match field.place.as_str() {
        _ if field.name == "chatbot_id" => InputKind::Chatbot,
        "body" if field.kind.starts_with("boolean") => InputKind::Flag,
        "body" if field.is_long => InputKind::Long,
        _ => InputKind::Text,
    };
    Input {
        name: field.name.clone(),
        place: field.place.clone(),
        kind,
        is_required: field.is_required,
        value: String::new(),
        hint: field.limits.clone(),
    }
}

/// What need not be sent is left to the reader.
fn value(field: &Field, known: &[(&str, String)], body: &[(String, Value)]) -> String {
    if !field.is_required {
        return String::new();
    }
    let own = known.iter().find(|(name, _)| *name == field.name).map(|(_, id)| id.clone());
    let example = || body.iter().find(|(name, _)| *name == field.name).and_then(|(_, value)| value.as_str());
    own.or_else(|| example().filter(|_| field.place == "body").map(str::to_owned)).unwrap_or_default()
}
