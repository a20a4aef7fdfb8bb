//! Reads the schemas of the OpenAPI document: as rows of a table, and as an example.

use super::document::Field;
use crate::components::grouped;
use crate::support::guide::inline_html;
use serde_json::{Map, Value};
use std::fmt::Write;

/// How deep a body is looked into; a schema that holds itself would have no end.
const DEPTH_MAX: usize = 6;
/// Longest text that is typed into one line.
const LINE_CHARACTERS_MAX: i64 = 255;

/// The named schemas of a document.
pub struct Schemas<'a>(&'a Value);

impl<'a> Schemas<'a> {
    pub fn new(schemas: &'a Value) -> Self {
        Self(schemas)
    }

    /// The fields of an object, each followed by those within it.
    pub fn fields(&self, schema: &'a Value) -> Vec<Field> {
        let mut fields = Vec::new();
        self.add_fields(schema, "", DEPTH_MAX, &mut fields);
        fields
    }

    fn add_fields(&self, schema: &'a Value, before: &str, depth: usize, fields: &mut Vec<Field>) {
        if depth == 0 {
            return;
        }
        let (object, _) = self.resolve(schema);
        for (name, property) in properties(object) {
            let name = format!("{before}{name}");
            let (inner, _) = self.resolve(property);
            let is_required = required(object).any(|required| required == &name[before.len()..]);
            fields.push(Field { name: name.clone(), is_required, ..self.described(property) });
            let (items, _) = self.resolve(&inner["items"]);
            self.add_fields(inner, &format!("{name}."), depth - 1, fields);
            self.add_fields(items, &format!("{name}[]."), depth - 1, fields);
        }
    }

    /// A field without its name.
    pub fn described(&self, schema: &'a Value) -> Field {
        let (inner, is_nullable) = self.resolve(schema);
        let description = schema["description"].as_str().or_else(|| inner["description"].as_str());
        Field {
            name: String::new(),
            place: "body".to_owned(),
            kind: self.kind(inner, is_nullable),
            is_required: false,
            is_long: is_long(inner),
            limits: limits(inner),
            meaning_html: inline_html(description.unwrap_or_default()),
        }
    }

    /// The schema that is meant, and whether null may stand in its place.
    fn resolve(&self, schema: &'a Value) -> (&'a Value, bool) {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return self.resolve(&self.0[name]);
        }
        let Some(alternatives) = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[*word].as_array()) else {
            return (schema, false);
        };
        let is_null = |schema: &&Value| schema["type"] == "null";
        let meant = alternatives.iter().find(|schema| !is_null(schema)).unwrap_or(schema);
        let has_null = alternatives.iter().any(|schema| is_null(&schema));
        let (meant, is_nullable) = if std::ptr::eq(meant, schema) { (meant, false) } else { self.resolve(meant) };
        (meant, has_null || is_nullable)
    }

    /// `string or null`
    fn kind(&self, schema: &'a Value, is_nullable: bool) -> String {
        let mut words: Vec<String> = types(schema).map(|kind| self.type_name(kind, schema)).collect();
        if is_nullable && !words.iter().any(|word| word == "null") {
            words.push("null".to_owned());
        }
        joined(&words)
    }

    fn type_name(&self, kind: &str, schema: &'a Value) -> String {
        match kind {
            "integer" => "whole number".to_owned(),
            "array" => {
                let (items, _) = self.resolve(&schema["items"]);
                format!("list of {}s", self.kind(items, false))
            }
            other => other.to_owned(),
        }
    }

    /// What a body of this schema looks like, with its fields in the order of `fields`.
    pub fn example_text(&self, schema: &'a Value, fields: &[Field]) -> String {
        let mut text = String::new();
        write_json(&mut text, &self.example(schema), "", fields, 0);
        text
    }

    /// The example of the schema, or one that is made of those of its parts.
    pub fn example(&self, schema: &'a Value) -> Value {
        let (inner, is_nullable) = self.resolve(schema);
        let own = [&schema["example"], &inner["example"], &inner["examples"][0]];
        if let Some(own) = own.into_iter().find(|example| !example.is_null()) {
            return own.clone();
        }
        match types(inner).next().unwrap_or_default() {
            _ if is_nullable || types(inner).any(|kind| kind == "null") => Value::Null,
            "object" => {
                let member = |(name, property): (&'a str, &'a Value)| (name.to_owned(), self.example(property));
                Value::Object(properties(inner).map(member).collect::<Map<_, _>>())
            }
            "array" => Value::Array(vec![self.example(&inner["items"])]),
            "integer" | "number" => 0.into(),
            "boolean" => false.into(),
            _ => "…".into(),
        }
    }
}

/// The required ones in their own order, then the others.
fn properties(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let all = object["properties"].as_object();
    let first = required(object).filter_map(move |name| Some((name, all?.get(name)?)));
    let others = all.into_iter().flatten().map(|(name, property)| (name.as_str(), property));
    first.chain(others.filter(|(name, _)| !required(object).any(|required| required == *name)))
}

fn required(object: &Value) -> impl Iterator<Item = &str> {
    object["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let many = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    schema["type"].as_str().into_iter().chain(many)
}

/// `a`, `a or b`, `a, b or c`
fn joined(words: &[String]) -> String {
    match words {
        [first @ .., second, last] => {
            let before = first.iter().fold(String::new(), |text, word| text + word + ", ");
            format!("{before}{second} or {last}")
        }
        words => words.concat(),
    }
}

fn is_long(schema: &Value) -> bool {
    schema["type"] == "string" && schema["maxLength"].as_i64().is_none_or(|longest| longest > LINE_CHARACTERS_MAX)
}

fn limits(schema: &Value) -> String {
    let between = |least: &str, most: &str, of: &str| {
        let number = |name: &str| schema[name].as_i64().map(grouped);
        match (number(least), number(most)) {
            (Some(least), Some(most)) => Some(format!("{least} to {most}{of}")),
            (Some(least), None) => Some(format!("at least {least}{of}")),
            (None, Some(most)) => Some(format!("at most {most}{of}")),
            (None, None) => None,
        }
    };
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    let choices = pattern.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$"));
    let choices = choices.map(|choices| joined(&choices.split('|').map(str::to_owned).collect::<Vec<_>>()));
    let limits = [
        between("minLength", "maxLength", " characters"),
        between("minimum", "maximum", ""),
        (pattern == r"\S").then(|| "not only spaces".to_owned()),
        choices,
        (schema["format"] == "date").then(|| "such as 2026-11-24".to_owned()),
        schema.get("default").map(|default| format!("{default} without it")),
    ];
    limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// JSON with its members in the order of the table above it, and short lists and objects on one line.
fn write_json(text: &mut String, value: &Value, path: &str, fields: &[Field], depth: usize) {
    let (open, close) = match value {
        Value::Object(_) => ('{', '}'),
        Value::Array(_) => ('[', ']'),
        other => {
            let _written = write!(text, "{other}");
            return;
        }
    };
    let indent = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    text.push(open);
    let members = members(value, path, fields);
    let is_empty = members.is_empty();
    for (place, (name, value)) in members.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        indent(text, depth + 1);
        let inner = match name {
            Some(name) => {
                let _written = write!(text, "\"{name}\": ");
                format!("{path}{name}.")
            }
            None => format!("{}[].", path.trim_end_matches('.')),
        };
        write_json(text, value, &inner, fields, depth + 1);
    }
    if !is_empty {
        indent(text, depth);
    }
    text.push(close);
}

/// What a list or an object holds. `path` is what stands before the names of its members in `fields`.
fn members<'v>(value: &'v Value, path: &str, fields: &[Field]) -> Vec<(Option<&'v String>, &'v Value)> {
    match value {
        Value::Object(members) => {
            let rank = |name: &str| fields.iter().position(|field| field.name == format!("{path}{name}"));
            let mut members: Vec<_> = members.iter().map(|(name, value)| (Some(name), value)).collect();
            members.sort_by_key(|(name, _)| name.and_then(|name| rank(name)).unwrap_or(usize::MAX));
            members
        }
        Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
        _ => Vec::new(),
    }
}
