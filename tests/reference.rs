//! The reference against the OpenAPI document that is served: nothing of an operation may be lost on the way to the page.

use app::reference::document::Operation;
use app::reference::openapi::Document;
use clap::Parser;
use domain::api_key::Permission;
use domain::problem::ProblemCode;
use serde_json::Value;
use server::Config;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    config: Config,
}

fn served() -> Value {
    let config = Options::parse_from(["artiko"]).config;
    serde_json::to_value(server::http::api::document(&config)).expect("a document")
}

fn operations() -> Vec<Operation> {
    let document = Document::new(served());
    let links = document.groups().into_iter().flat_map(|group| group.operations);
    links.map(|link| document.operation(&link.id).expect("an operation that is listed")).collect()
}

fn operation(id: &str) -> Operation {
    operations().into_iter().find(|operation| operation.link.id == id).expect("the operation")
}

#[test]
fn every_operation_of_the_document_is_listed_once() {
    let served = served();
    let mut expected: Vec<_> = served["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| {
            let methods = item.as_object().expect("an item").values();
            methods.filter_map(|operation| operation["operationId"].as_str())
        })
        .collect();
    let operations = operations();
    let mut listed: Vec<_> = operations.iter().map(|operation| operation.link.id.as_str()).collect();
    expected.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    assert!(!listed.is_empty());
}

#[test]
fn every_operation_names_a_permission_that_a_key_can_have_and_says_what_it_is() {
    for operation in operations() {
        let link = &operation.link;
        assert!(Permission::parse(&link.permission).is_some(), "{}: {:?}", link.id, link.permission);
        assert!(!link.summary.is_empty() && !operation.description_html.contains("permission"), "{}", link.id);
    }
}

#[test]
fn every_parameter_of_a_path_is_described() {
    for operation in operations() {
        let named = operation.link.path.matches('{').count();
        let described = operation.parameters.iter().filter(|field| field.place == "path" && field.is_required);
        assert_eq!(described.filter(|field| !field.meaning_html.is_empty()).count(), named, "{}", operation.link.id);
    }
}

#[test]
fn every_code_of_an_operation_is_in_the_catalogue_with_its_status() {
    for operation in operations() {
        assert!(operation.refusals.len() > 10, "{}", operation.link.id);
        for refusal in operation.refusals {
            let code = ProblemCode::parse(&refusal.code).expect("a code of the catalogue");
            assert_eq!((refusal.status, refusal.title.as_str()), (code.status(), code.title()));
        }
    }
}

#[test]
fn the_fields_of_a_message_are_listed_with_those_within_them() {
    let message = operation("createMessage");
    assert!(message.is_paid);
    let row = |name: &str| message.request.iter().find(|field| field.name == name).expect(name);
    let text = row("user_message");
    assert_eq!((text.kind.as_str(), text.is_required), ("string", true));
    assert_eq!(text.limits, "1 to 4,000 characters, not only spaces");
    assert_eq!(row("conversation_id").kind, "string, whole number or null");
    assert!(!row("stream").is_required);
    let names: Vec<_> = message.response.iter().map(|field| field.name.as_str()).collect();
    let position =
        |name: &str| names.iter().position(|found| *found == name).unwrap_or_else(|| panic!("{name}: {names:?}"));
    assert_eq!(position("citations[].document_id"), position("citations") + 1);
    let price = &message.response[position("price")];
    assert_eq!(price.kind, "string");
    assert_eq!(price.meaning_html, "What the message cost");
}

#[test]
fn a_field_that_may_be_missing_says_so() {
    let plan = operation("getPlan");
    let next = plan.response.iter().find(|field| field.name == "messages.next_free_at").expect("the field");
    assert_eq!(next.kind, "string or null");
    let entries = operation("listEntries");
    let kind = entries.response.iter().find(|field| field.name == "data[].kind").expect("the field");
    assert_eq!(kind.limits, "charge, payment, grant, adjustment or refund");
}

#[test]
fn an_example_has_every_field_of_its_table_in_its_order() {
    for operation in operations().into_iter().filter(|operation| !operation.response.is_empty()) {
        let example = operation.response_examples.iter().find(|example| example.media_type == "application/json");
        let text = &example.expect("an example").text;
        let example: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(example.is_object());
        let outermost = operation.response.iter().filter(|field| !field.name.contains(['.', '[']));
        let places: Vec<_> = outermost.map(|field| text.find(&format!("\n  \"{}\":", field.name))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}: {places:?} {text}", operation.link.id);
    }
}
