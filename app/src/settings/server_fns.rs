//! What the page reads and changes. The two routes at the end answer the forms that make a secret when they are posted
//! before WebAssembly has loaded: a server function would redirect, and the secret would be lost with its answer.

use crate::documents::server_fns::Choice;
use crate::error::AppError;
use domain::api_key::{ApiKey, KeyRequest, ShownOnce};
use domain::credit::CreditSummary;
use domain::ledger::Entry;
use domain::money::{AddBalanceRules, Currency};
use domain::payment::Payment;
use domain::plan::{Catalogue, PlanUsage};
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
pub use self::plain::plain_routes;
#[cfg(feature = "ssr")]
use crate::server_fns::{is_plain_form, read_cap, require_viewer, server, set_no_store};
#[cfg(feature = "ssr")]
use domain::{
    api_key::{KeySettings, Overlap, Permission},
    clock::{DAY_US, Timestamp},
    field::FieldError,
    id::{ChatbotId, KeyId, PaymentId},
    ledger::EntryFilter,
    problem::Problem,
};
#[cfg(feature = "ssr")]
use server::keys::OverlapStep;

/// How many entries the credit card shows.
#[cfg(feature = "ssr")]
const LAST_ENTRIES: i64 = 3;

/// Everything on the page that changes, read together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub usage: PlanUsage,
    pub credit: CreditSummary,
    /// The newest ones.
    pub entries: Vec<Entry>,
    pub keys: Vec<ApiKey>,
    /// The payment that the person comes back from.
    pub payment: Option<Result<Payment, AppError>>,
}

/// What is on offer; the same for everybody, until the server is started with another configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub rules: AddBalanceRules,
    pub catalogue: Catalogue,
}

/// Reads the page. With a payment, it is settled first, so that the credit shown already holds it.
#[server(prefix = "/rpc", endpoint = "settings/load", input = Postcard, output = Postcard)]
pub async fn load_snapshot(payment: Option<String>) -> Result<Snapshot, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let payment = match payment.as_deref().map(PaymentId::parse) {
        None => None,
        Some(None) => Some(Err(Problem::not_found("payment").into())),
        Some(Some(id)) => {
            let settled = server::payments::verify_return(&server, &viewer, &id).await;
            Some(settled.map_err(AppError::from))
        }
    };
    let entries = server::ledger::entries(&server, &viewer.account_id, &EntryFilter::default(), LAST_ENTRIES).await?;
    Ok(Snapshot {
        usage: server::plans::usage(&server, &viewer.account_id).await?,
        credit: server::ledger::summary(&server, &viewer.account_id).await?,
        entries: entries.entries,
        keys: server::keys::list(&server, &viewer.account_id).await?,
        payment,
    })
}

/// Reads the plans and what can be bought.
#[server(prefix = "/rpc", endpoint = "offer/load", input = Postcard, output = Postcard)]
pub async fn load_offer() -> Result<Offer, AppError> {
    require_viewer().await?;
    let server = server();
    Ok(Offer { rules: server.config.add_balance_rules(), catalogue: server.catalogue.clone() })
}

/// Reads one key, for the dialogs that ask about it.
#[server(prefix = "/rpc", endpoint = "key/load", input = Postcard, output = Postcard)]
pub async fn load_key(key_id: String) -> Result<ApiKey, AppError> {
    let viewer = require_viewer().await?;
    Ok(server::keys::get(&server(), &viewer.account_id, &parse_key_id(&key_id)?).await?)
}

/// A key with what its settings are chosen from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyView {
    pub key: ApiKey,
    pub chatbots: Vec<Choice>,
    pub currency: Currency,
}

/// Reads one key and what its settings are chosen from.
#[server(prefix = "/rpc", endpoint = "key/view", input = Postcard, output = Postcard)]
pub async fn load_key_view(key_id: String) -> Result<KeyView, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let key = server::keys::get(&server, &viewer.account_id, &parse_key_id(&key_id)?).await?;
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let choice = |chatbot: domain::chatbot::Chatbot| Choice { id: chatbot.id.to_string(), name: chatbot.name };
    Ok(KeyView { key, chatbots: chatbots.into_iter().map(choice).collect(), currency: server.config.currency })
}

/// What is typed and chosen on a key's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyForm {
    pub name: String,
    #[serde(default)]
    pub permissions: Vec<String>,
    /// `all` chatbots, or the `chosen` ones.
    pub scope: String,
    #[serde(default)]
    pub chatbots: Vec<String>,
    /// `never`, `day` for the last day below, or a number of days from now.
    pub expiry: String,
    #[serde(default)]
    pub last_day: String,
    pub monthly_cap: String,
    /// With any white space between them.
    pub networks: String,
}

/// In how many days a key may end, without choosing a day.
pub const EXPIRY_DAYS: [i64; 3] = [30, 90, 365];

/// The last requests of a key, newest first.
#[server(prefix = "/rpc", endpoint = "key/requests", input = Postcard, output = Postcard)]
pub async fn load_key_requests(key_id: String) -> Result<KeyRequests, AppError> {
    let (server, viewer, id) = (server(), require_viewer().await?, parse_key_id(&key_id)?);
    let requests = server::keys::recent(&server, &viewer.account_id, &id).await?;
    Ok(KeyRequests { requests, currency: server.config.currency })
}

/// Requests, and the currency of their prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRequests {
    pub requests: Vec<KeyRequest>,
    pub currency: Currency,
}

/// Sets everything about a key but its secret.
#[server(prefix = "/rpc", endpoint = "key/change", output = Postcard)]
pub async fn change_key(key_id: String, form: KeyForm) -> Result<(), AppError> {
    let (server, viewer, id) = (server(), require_viewer().await?, parse_key_id(&key_id)?);
    let with_typed = |error: AppError| {
        let error = error.with_typed("name", &form.name).with_typed("last_day", &form.last_day);
        error.with_typed("monthly_cap", &form.monthly_cap).with_typed("networks", &form.networks)
    };
    let settings = read_settings(&form, server.now()).map_err(|problem| with_typed(problem.into()))?;
    server::keys::change(&server, &viewer, &id, settings).await.map_err(|error| with_typed(error.into()))?;
    if is_plain_form() {
        leptos_axum::redirect(&format!("/settings/keys/{id}"));
    }
    Ok(())
}

/// When a key ends: the midnight after its last day.
#[cfg(feature = "ssr")]
fn read_end(form: &KeyForm, now: Timestamp) -> Result<Option<Timestamp>, FieldError> {
    let refused = || FieldError::new("expires_at", "choose the last day, such as 2026-12-31");
    match form.expiry.as_str() {
        "never" => Ok(None),
        "day" => {
            let day = Timestamp::from_date(form.last_day.trim()).ok_or_else(refused)?;
            Ok(Some(day.plus_us(DAY_US)))
        }
        days => {
            let days: i64 = days.parse().ok().filter(|days| EXPIRY_DAYS.contains(days)).ok_or_else(refused)?;
            Ok(Some(now.start_of_day().plus_us((days + 1) * DAY_US)))
        }
    }
}

/// What was typed and chosen, as settings.
#[cfg(feature = "ssr")]
fn read_settings(form: &KeyForm, now: Timestamp) -> Result<KeySettings, Problem> {
    let unknown = |field: &str, message: &str| Problem::from(FieldError::new(field, message));
    let no_chatbot = || unknown("chatbots", "one of the chatbots is not there any more");
    let read = |ids: &Vec<String>| ids.iter().map(|id| ChatbotId::parse(id).ok_or_else(no_chatbot)).collect();
    Ok(KeySettings {
        name: form.name.clone(),
        permissions: form.permissions.iter().filter_map(|permission| Permission::parse(permission)).collect(),
        chatbots: (form.scope == "chosen").then(|| read(&form.chatbots)).transpose()?,
        expires_at: read_end(form, now)?,
        monthly_cap: read_cap("monthly_cap", &form.monthly_cap)?,
        networks: form.networks.split_whitespace().map(str::to_owned).collect(),
    })
}

/// Switches a key off or on.
#[server(prefix = "/rpc", endpoint = "key/switch", output = Postcard)]
pub async fn switch_key(key_id: String, is_on: bool) -> Result<(), AppError> {
    let (server, viewer, id) = (server(), require_viewer().await?, parse_key_id(&key_id)?);
    if is_on {
        server::keys::enable(&server, &viewer, &id).await?;
    } else {
        server::keys::disable(&server, &viewer, &id).await?;
    }
    if is_plain_form() {
        leptos_axum::redirect(&format!("/settings/keys/{id}"));
    }
    Ok(())
}

/// Ends the time in which two secrets of a key work, or makes it longer.
#[server(prefix = "/rpc", endpoint = "key/overlap", output = Postcard)]
pub async fn change_overlap(key_id: String, step: String, overlap: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = parse_key_id(&key_id)?;
    let step = match step.as_str() {
        "retire" => OverlapStep::Retire,
        "cancel" => OverlapStep::Cancel,
        _ => OverlapStep::Extend(parse_overlap(&overlap)?),
    };
    server::keys::end_overlap(&server(), &viewer, &id, step).await?;
    if is_plain_form() {
        leptos_axum::redirect(&format!("/settings/keys/{id}"));
    }
    Ok(())
}

/// Makes a key. The answer is the only place where its secret is ever seen.
#[server(prefix = "/rpc", endpoint = "key/create", output = Postcard)]
pub async fn create_key(name: String) -> Result<ShownOnce, AppError> {
    let viewer = require_viewer().await?;
    set_no_store();
    Ok(server::keys::create(&server(), &viewer, &name).await?)
}

/// Gives a key a new secret; the old one works for as long as the overlap says.
#[server(prefix = "/rpc", endpoint = "key/regenerate", output = Postcard)]
pub async fn regenerate_key(key_id: String, overlap: String) -> Result<ShownOnce, AppError> {
    let viewer = require_viewer().await?;
    set_no_store();
    let (id, overlap) = (parse_key_id(&key_id)?, parse_overlap(&overlap)?);
    Ok(server::keys::rotate(&server(), &viewer, &id, overlap).await?)
}

/// Deletes a key, when its name was typed right.
#[server(prefix = "/rpc", endpoint = "key/delete", output = Postcard)]
pub async fn delete_key(key_id: String, name: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let deleted = server::keys::delete(&server(), &viewer, &parse_key_id(&key_id)?, &name).await;
    deleted.map_err(|error| AppError::from(error).with_typed("name", &name))?;
    if is_plain_form() {
        leptos_axum::redirect("/settings");
    }
    Ok(())
}

/// Begins a payment and answers with the address of the page where it is paid. A form that is sent twice begins one.
#[server(prefix = "/rpc", endpoint = "payment/start", output = Postcard)]
pub async fn start_payment(amount: String, form_id: Option<String>) -> Result<String, AppError> {
    let (server, viewer) = (server(), require_viewer().await?);
    let started = server::payments::start_once(&server, &viewer, &amount, form_id.as_deref().unwrap_or_default()).await;
    let started = started.map_err(|error| AppError::from(error).with_typed("amount", &amount))?;
    // The built-in page is on this site: without the host it is reached by whatever name the reader uses for it.
    let local_path = started.checkout_url.strip_prefix(&server.config.public_url()).map(str::to_owned);
    let checkout_url = local_path.unwrap_or(started.checkout_url);
    if is_plain_form() {
        leptos_axum::redirect(&checkout_url);
    }
    Ok(checkout_url)
}

/// Reads all payments, newest first.
#[server(prefix = "/rpc", endpoint = "payments/list", input = Postcard, output = Postcard)]
pub async fn load_payments() -> Result<Vec<Payment>, AppError> {
    let viewer = require_viewer().await?;
    Ok(server::payments::list(&server(), &viewer.account_id).await?)
}

/// A name for the form that begins a payment.
#[cfg(feature = "ssr")]
pub(super) fn new_form_id() -> String {
    server::payments::new_form_id(&server())
}

#[cfg(feature = "ssr")]
fn parse_key_id(text: &str) -> Result<KeyId, AppError> {
    KeyId::parse(text).ok_or_else(|| Problem::not_found("API key").into())
}

#[cfg(feature = "ssr")]
fn parse_overlap(text: &str) -> Result<Overlap, AppError> {
    let unknown = || Problem::from(FieldError::new("overlap", "choose how long the old secret works"));
    Overlap::parse(text).ok_or_else(|| unknown().into())
}

#[cfg(feature = "ssr")]
mod plain {
    use super::{parse_key_id, parse_overlap};
    use crate::error::AppError;
    use crate::settings::new_key_page::{PlainPage, form_page, shown_page};
    use axum::extract::{Form, Path, State};
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::{Html, IntoResponse, Redirect, Response};
    use axum::routing::post;
    use axum::{Extension, Router};
    use domain::account::Viewer;
    use domain::api_key::ShownOnce;
    use leptos::config::LeptosOptions;
    use serde::Deserialize;
    use server::Server;
    use std::sync::Arc;

    /// The page runs no script at all and may send its forms to this site only.
    const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    #[derive(Deserialize)]
    struct NewKey {
        name: String,
    }

    #[derive(Deserialize)]
    struct NewSecret {
        overlap: String,
    }

    /// `POST /settings/keys` and `POST /settings/keys/{id}/regenerate`.
    pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>, options: LeptosOptions) -> Router<S> {
        Router::new()
            .route("/settings/keys", post(create))
            .route("/settings/keys/{id}/regenerate", post(regenerate))
            .layer(Extension(options))
            .with_state(server)
    }

    async fn create(
        State(server): State<Arc<Server>>,
        Extension(options): Extension<LeptosOptions>,
        headers: HeaderMap,
        Form(NewKey { name }): Form<NewKey>,
    ) -> Response {
        let viewer = match find_viewer(&server, &headers).await {
            Ok(viewer) => viewer,
            Err(response) => return response,
        };
        let created = server::keys::create(&server, &viewer, &name).await.map_err(AppError::from);
        answer(
            created,
            |error| form_page(options.clone(), PlainPage::Create { name }, error),
            |shown| shown_page(options.clone(), shown),
        )
    }

    async fn regenerate(
        State(server): State<Arc<Server>>,
        Extension(options): Extension<LeptosOptions>,
        headers: HeaderMap,
        Path(id): Path<String>,
        Form(NewSecret { overlap }): Form<NewSecret>,
    ) -> Response {
        let viewer = match find_viewer(&server, &headers).await {
            Ok(viewer) => viewer,
            Err(response) => return response,
        };
        let regenerated = match parse_key_id(&id).and_then(|key_id| Ok((key_id, parse_overlap(&overlap)?))) {
            Ok((key_id, overlap)) => {
                server::keys::rotate(&server, &viewer, &key_id, overlap).await.map_err(AppError::from)
            }
            Err(error) => Err(error),
        };
        answer(
            regenerated,
            |error| form_page(options.clone(), PlainPage::Regenerate, error),
            |shown| shown_page(options.clone(), shown),
        )
    }

    async fn find_viewer(server: &Server, headers: &HeaderMap) -> Result<Viewer, Response> {
        let sign_in = || Redirect::to("/sign-in?next=/settings").into_response();
        let token = server::sessions::token_from(&server.config, headers).ok_or_else(sign_in)?;
        let viewer = server::sessions::viewer(server, &token).await;
        viewer.map_err(|error| into_status(&AppError::from(error)).into_response())?.ok_or_else(sign_in)
    }

    fn answer(
        result: Result<ShownOnce, AppError>,
        refused: impl FnOnce(AppError) -> String,
        shown: impl FnOnce(ShownOnce) -> String,
    ) -> Response {
        let (status, page) = match result {
            Ok(key) => (StatusCode::OK, shown(key)),
            Err(error) => (into_status(&error), refused(error)),
        };
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
        (status, headers, Html(page)).into_response()
    }

    fn into_status(error: &AppError) -> StatusCode {
        StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
