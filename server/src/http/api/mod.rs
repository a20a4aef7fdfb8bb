//! The public API: its operations, and the OpenAPI document that is made of them.
//!
//! **Architecture invariants:** an operation stands in `operations` and nowhere else, so that it cannot be served without
//! being documented; every one of them is behind `guard::admit`. What a program receives is described in `contract.rs`,
//! what it can be refused in `refusals.rs`.

mod ask;
mod asking;
mod chatbot_settings;
mod contract;
mod documents;
mod guard;
mod idempotency;
mod messages;
mod query;
mod reading;
mod refusals;
mod usage;

pub use guard::Charged;
pub use query::{PAGE_SIZE_MAX, QueryFields};

use crate::{Config, Server};
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{Router, get};
use domain::field::FILE_BYTES_MAX;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use refusals::ProblemView;
use std::sync::Arc;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, ContactBuilder, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, ServerBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

/// Largest body of an API call, in bytes.
pub const ASK_BYTES_MAX: usize = 64 * 1024;
/// Largest body with a document, in bytes: the largest file. A text has room in it, however many characters are escaped.
const DOCUMENT_REQUEST_BYTES_MAX: usize = FILE_BYTES_MAX + 64 * 1024;

/// The version of the contract: it changes when something is added.
const CONTRACT_VERSION: &str = "1.1.0";

const DESCRIPTION: &str = "\
Ask chatbots, and read what was asked, spent and left.

Every request carries a Consumer Key and a Consumer Secret in the header `Authorization`, in one of three forms: \
`ck_…:sk_…`, `Bearer ck_…:sk_…` or `Basic` with their Base64. They never stand in an address.

Amounts are decimal texts with six places, moments are RFC 3339 in UTC. Fields that are not known are ignored in bodies, \
and refused in queries. Every error is a problem of RFC 9457 with a stable `code`; nothing is charged on any of them.

Every answer has `X-Request-Id`; a name of your own in the same header of the request, of at most 64 letters, digits, \
`-`, `_` and `.`, is echoed and stands in our log. `RateLimit` and `RateLimit-Policy` say how much of the limits of the key \
and of the account is left.";

/// Every operation, with its limits.
fn operations() -> OpenApiRouter<Arc<Server>> {
    let body_of = |bytes_max| DefaultBodyLimit::max(bytes_max);
    OpenApiRouter::new()
        .routes(routes!(ask::ask).layer(body_of(ASK_BYTES_MAX)))
        .routes(routes!(messages::create).layer(body_of(ASK_BYTES_MAX)))
        .routes(routes!(reading::credit))
        .routes(routes!(reading::plan))
        .routes(routes!(usage::sums))
        .routes(routes!(usage::entries))
        .routes(routes!(usage::entry))
        .routes(routes!(reading::list_chatbots))
        .routes(routes!(reading::get_chatbot))
        .routes(routes!(chatbot_settings::get, chatbot_settings::change).layer(body_of(ASK_BYTES_MAX)))
        .routes(routes!(reading::list_conversations))
        .routes(routes!(reading::get_conversation))
        .routes(routes!(reading::list_messages))
        .routes(routes!(documents::list, documents::create).layer(body_of(DOCUMENT_REQUEST_BYTES_MAX)))
        .routes(
            routes!(documents::get, documents::replace, documents::delete).layer(body_of(DOCUMENT_REQUEST_BYTES_MAX)),
        )
        .routes(routes!(documents::try_again))
}

pub(super) fn routes(server: &Arc<Server>) -> Router<Arc<Server>> {
    let (router, _) = operations().split_for_parts();
    guarded(server, router).route("/openapi.json", get(send_document))
}

/// Puts what stands before every operation around routes: the caller is recognised, and counted against the limits of his
/// plan. A handler finds him in the request, as [`crate::keys::Caller`].
pub fn guarded(server: &Arc<Server>, router: Router<Arc<Server>>) -> Router<Arc<Server>> {
    router.route_layer(from_fn_with_state(Arc::clone(server), guard::admit))
}

async fn send_document(State(server): State<Arc<Server>>) -> Response {
    let json = document(&server.config).to_json().unwrap_or_default();
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")], json).into_response()
}

/// The OpenAPI document of an installation.
#[must_use]
pub fn document(config: &Config) -> OpenApi {
    let (_, made) = operations().split_for_parts();
    let info = InfoBuilder::new().title("Artiko API").version(CONTRACT_VERSION).description(Some(DESCRIPTION));
    let reference = format!("{}/support", config.public_url());
    let info = info.contact(Some(ContactBuilder::new().name(Some("Support")).url(Some(reference)).build()));
    let mut components = made.components.unwrap_or_default();
    add_schemas(&mut components);
    let mut paths = made.paths;
    for item in paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(describe_headers);
    }
    let scheme = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([ServerBuilder::new().url(config.public_url()).build()]))
        .tags(Some(tags()))
        .paths(paths)
        .components(Some(components))
        .security(Some([scheme("key"), scheme("bearer"), scheme("basic")]))
        .build()
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    [
        ("Messages", "Ask a chatbot, and pay for the answer."),
        ("Credit and plan", "What can be spent, and the limits of the plan."),
        ("Usage", "What was spent and added."),
        ("Chatbots", "The chatbots that the key may use, and their settings."),
        ("Conversations", "What was asked and answered."),
        ("Documents", "What chatbots answer from."),
    ]
    .into_iter()
    .map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build())
    .collect()
}

fn add_schemas(components: &mut Components) {
    components.schemas.insert(ProblemView::name().into_owned(), ProblemView::schema());
    let key = ApiKey::Header(ApiKeyValue::with_description("Authorization", "Consumer Key, colon, Consumer Secret"));
    let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
    components.add_security_scheme("key", SecurityScheme::ApiKey(key));
    components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer));
    components.add_security_scheme("basic", http(HttpAuthScheme::Basic));
}

/// Names the headers that answers have.
fn describe_headers(operation: &mut Operation) {
    let is_paid = operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "Messages"));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let mut add = |name: &str, description: &str| {
            let schema = ObjectBuilder::new().schema_type(Type::String);
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(description));
            response.headers.insert(name.to_owned(), header.build().into());
        };
        add("X-Request-Id", "Names the request, in our log too");
        if status == "401" {
            add("WWW-Authenticate", "How a credential is sent");
        } else {
            add("RateLimit-Policy", "How many requests a minute the key and the account may send");
            add("RateLimit", "How much of that is left, and in how many seconds all of it is there again");
        }
        if matches!(status.as_str(), "429" | "503") {
            add("Retry-After", "After how many seconds to try again");
        }
        if is_paid && status == "200" {
            add(
                "X-Credit-Remaining",
                "What can be spent after the call; not with a stream, where the last event tells it",
            );
            add("Idempotency-Replayed", "\"true\" when the answer was given before, under the same Idempotency-Key");
        }
    }
}
