//! Reads the OpenAPI document. Nothing about an operation is written here: whatever the reference says of it comes from
//! the document that is served at `/openapi.json`, so that the two cannot differ.

use super::document::{Example, Field, Group, Operation, OperationLink, Refusal};
use super::fields::Schemas;
use crate::support::guide::inline_html;
use domain::api_key::Permission;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The methods in the order in which a list has them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// How a description names the permission that an operation needs.
const PERMISSION_SENTENCE: &str = "Needs the permission `";
const PROBLEM: &str = "application/problem+json";
const JSON: &str = "application/json";

/// The document of an installation.
pub struct Document(Value);

impl Document {
    #[must_use]
    pub fn new(document: Value) -> Self {
        Self(document)
    }

    /// The version of the contract.
    #[must_use]
    pub fn version(&self) -> &str {
        text(&self.0["info"], "version")
    }

    /// All operations, in the order of the document's tags.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        let tags = self.0["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        let group = |tag: &Value| {
            let name = text(tag, "name");
            let has_tag = |operation: &Value| operation["tags"][0] == *name;
            let operations = self.all().filter(|(.., operation)| has_tag(operation));
            let operations = operations.map(|(method, path, operation)| link(method, path, operation));
            Group {
                name: name.to_owned(),
                description: text(tag, "description").to_owned(),
                operations: operations.collect(),
            }
        };
        tags.iter().map(group).collect()
    }

    /// One operation; `None` when there is no such one.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<Operation> {
        let (method, path, operation) = self.all().find(|(.., operation)| text(operation, "operationId") == id)?;
        let schemas = self.schemas();
        let body = &operation["requestBody"]["content"][JSON]["schema"];
        let request = schemas.fields(body);
        let (status, success) = responses(operation).find(|(status, _)| *status < 400)?;
        let content = &success["content"];
        let answer = &content[JSON]["schema"];
        let response = schemas.fields(answer);
        let refusals = refusals(operation);
        Some(Operation {
            link: link(method, path, operation),
            description_html: inline_html(&description(operation)),
            is_paid: is_paid(operation),
            parameters: parameters(operation, &schemas),
            request_example: if body.is_null() { String::new() } else { schemas.example_text(body, &request) },
            request,
            status,
            response_examples: examples(content, &schemas, &response),
            response,
            refusals,
        })
    }

    /// The fields of the body of an operation, each with its example, in order.
    #[must_use]
    pub fn body_of(&self, operation: &Operation) -> Vec<(String, Value)> {
        let found = self.all().find(|(.., found)| text(found, "operationId") == operation.link.id);
        let Some((.., found)) = found else { return Vec::new() };
        let example = self.schemas().example(&found["requestBody"]["content"][JSON]["schema"]);
        let fields = operation.request.iter().map(|field| field.name.clone());
        fields.filter_map(|name| Some((name.clone(), example.get(&name)?.clone()))).collect()
    }

    /// What a parameter of an operation may be: `1 to 200`.
    #[must_use]
    pub fn limits(&self, operation_id: &str, parameter: &str) -> String {
        let parameters = self.operation(operation_id).map(|operation| operation.parameters).unwrap_or_default();
        let found = parameters.into_iter().find(|found| found.name == parameter);
        found.map(|parameter| parameter.limits).unwrap_or_default()
    }

    /// Every code that some operation can answer.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<String> {
        self.all().flat_map(|(.., operation)| refusals(operation)).map(|refusal| refusal.code).collect()
    }

    fn schemas(&self) -> Schemas<'_> {
        Schemas::new(&self.0["components"]["schemas"])
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &str, &Value)> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let of_method = move |method| Some((method, path.as_str(), item.get(method)?));
            METHODS.into_iter().filter_map(of_method)
        })
    }
}

fn link(method: &str, path: &str, operation: &Value) -> OperationLink {
    OperationLink {
        id: text(operation, "operationId").to_owned(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation, "summary").to_owned(),
        permission: permission(operation),
    }
}

/// The published call has a description of its own, and needs what every message needs.
fn permission(operation: &Value) -> String {
    let named = text(operation, "description").split_once(PERMISSION_SENTENCE);
    let named = named.and_then(|(_, rest)| rest.split('`').next());
    let paid = || is_paid(operation).then_some(Permission::MessagesWrite.as_str());
    named.or_else(paid).unwrap_or_default().to_owned()
}

/// The description without the permission, which stands on its own.
fn description(operation: &Value) -> String {
    let whole = text(operation, "description");
    let Some((before, rest)) = whole.split_once(PERMISSION_SENTENCE) else { return whole.to_owned() };
    let after = rest.split_once("`.").map(|(_, after)| after).unwrap_or_default();
    format!("{}{after}", before.trim_end())
}

fn is_paid(operation: &Value) -> bool {
    operation["responses"].get("402").is_some()
}

fn parameters(operation: &Value, schemas: &Schemas) -> Vec<Field> {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let field = |parameter: &Value| Field {
        name: text(parameter, "name").to_owned(),
        place: text(parameter, "in").to_owned(),
        is_required: parameter["required"] == true,
        meaning_html: inline_html(text(parameter, "description")),
        ..schemas.described(&parameter["schema"])
    };
    parameters.iter().map(field).collect()
}

fn responses(operation: &Value) -> impl Iterator<Item = (u16, &Value)> {
    let responses = operation["responses"].as_object().into_iter().flatten();
    responses.filter_map(|(status, response)| Some((status.parse().ok()?, response)))
}

fn refusals(operation: &Value) -> Vec<Refusal> {
    let nothing = Map::new();
    let of_status = |(status, response): (u16, &Value)| {
        let named = response["content"][PROBLEM]["examples"].as_object().unwrap_or(&nothing);
        let refusal = |(code, example): (&String, &Value)| Refusal {
            status,
            code: code.clone(),
            title: text(example, "summary").to_owned(),
        };
        named.iter().map(refusal).collect::<Vec<_>>()
    };
    responses(operation).filter(|(status, _)| *status >= 400).flat_map(of_status).collect()
}

fn examples(content: &Value, schemas: &Schemas, fields: &[Field]) -> Vec<Example> {
    let example = |(media_type, form): (&String, &Value)| {
        let written = form["example"].as_str().map(str::to_owned);
        let text = written.unwrap_or_else(|| schemas.example_text(&form["schema"], fields));
        Example { media_type: media_type.clone(), text }
    };
    content.as_object().into_iter().flatten().map(example).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
