//! What the chatbot pages ask the server, and the plain route that answers a question before the WASM has loaded.

use crate::error::AppError;
use domain::chatbot::{Chatbot, Document};
use domain::conversation::Reply;
use domain::money::Currency;
use domain::plan::Used;
use domain::window::WindowUsage;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use {
    super::settings_fields,
    super::widget_fields,
    crate::components::refused_before,
    crate::server_fns::{is_plain_form, read_cap, require_viewer, server},
    domain::account::Viewer,
    domain::chatbot_settings::SettingsChange,
    domain::id::{ChatbotId, RequestId},
    domain::ledger::Channel,
    domain::problem::Problem,
    leptos::server_fn::ServerFn,
    server::Server,
    server::conversations::Question,
    server::http::RequestName,
    server::widgets::WidgetForm,
};

/// The settings of a chatbot, for their form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsView {
    pub chatbot: Chatbot,
    /// The fields of the settings, as HTML.
    pub fields: String,
    /// Those of its widget, as HTML.
    pub widget_fields: String,
    pub currency: Currency,
}

/// All chatbots of the account, and how many the plan allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatbotList {
    pub chatbots: Vec<Chatbot>,
    pub used: Used,
}

/// One chatbot with what it answers from, and how many messages are left to try it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatbotView {
    pub chatbot: Chatbot,
    pub documents: Vec<Document>,
    /// What stands before the first question, as HTML.
    pub opening: String,
    pub messages: WindowUsage,
    pub currency: Currency,
    /// The element that puts its widget into a page; empty, while it has no widget.
    pub embed_code: String,
    /// What else there is to that, as HTML.
    pub embed: String,
}

#[server(prefix = "/rpc", endpoint = "chatbots/list", input = Postcard, output = Postcard)]
pub async fn load_chatbots() -> Result<ChatbotList, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let chatbots = server::chatbots::list(&server, &viewer.account_id).await?;
    let used = server::plans::usage(&server, &viewer.account_id).await?.chatbots;
    Ok(ChatbotList { chatbots, used })
}

#[server(prefix = "/rpc", endpoint = "chatbots/load", input = Postcard, output = Postcard)]
pub async fn load_chatbot(id: String) -> Result<Chatbot, AppError> {
    let viewer = require_viewer().await?;
    Ok(server::chatbots::get(&server(), &viewer.account_id, &ChatbotId::parse(&id).ok_or_else(missing)?).await?)
}

#[server(prefix = "/rpc", endpoint = "chatbots/view", input = Postcard, output = Postcard)]
pub async fn load_chatbot_view(id: String) -> Result<ChatbotView, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let id = ChatbotId::parse(&id).ok_or_else(missing)?;
    let chatbot = server::chatbots::get(&server, &viewer.account_id, &id).await?;
    let documents = server::documents::list(&server, &viewer.account_id, Some(&id)).await?;
    let messages = server::plans::usage(&server, &viewer.account_id).await?.messages;
    let settings = server::chatbots::settings(&server, &viewer.account_id, &id).await?;
    let widget = server::widgets::of_chatbot(&server, &viewer.account_id, &id).await?;
    let embed = |widget| widget_fields::embed(&server.config.public_url(), &chatbot.name, &settings, &widget);
    let (embed_code, embed) = widget.map(embed).unwrap_or_default();
    Ok(ChatbotView {
        embed_code,
        embed,
        chatbot,
        documents,
        opening: settings_fields::opening(settings),
        messages,
        currency: server.config.currency,
    })
}

#[server(prefix = "/rpc", endpoint = "chatbots/settings", input = Postcard, output = Postcard)]
pub async fn load_settings(id: String) -> Result<SettingsView, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let id = ChatbotId::parse(&id).ok_or_else(missing)?;
    let chatbot = server::chatbots::get(&server, &viewer.account_id, &id).await?;
    let settings = server::chatbots::settings(&server, &viewer.account_id, &id).await?;
    let refused = refused_before(ChangeSettings::PATH);
    let fields = settings_fields::fields(settings, server::answers::engines(&server), refused.as_ref());
    let widget = server::widgets::of_chatbot(&server, &viewer.account_id, &id).await?;
    let widget_fields = widget_fields::fields(widget.as_ref(), refused_before(ChangeWidget::PATH).as_ref());
    Ok(SettingsView { chatbot, fields, widget_fields, currency: server.config.currency })
}

#[server(prefix = "/rpc", endpoint = "chatbots/create", output = Postcard)]
pub async fn create_chatbot(name: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let created = server::chatbots::create(&server(), &viewer, &name).await;
    created.map_err(|error| AppError::from(error).with_typed("name", &name))?;
    leptos_axum::redirect("/chatbots");
    Ok(())
}

#[server(prefix = "/rpc", endpoint = "chatbots/rename", output = Postcard)]
pub async fn rename_chatbot(id: String, name: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let renamed =
        server::chatbots::rename(&server(), &viewer, &ChatbotId::parse(&id).ok_or_else(missing)?, &name).await;
    renamed.map_err(|error| AppError::from(error).with_typed("name", &name))?;
    leptos_axum::redirect("/chatbots");
    Ok(())
}

/// Sets what a chatbot may spend a day; nothing is no cap.
#[server(prefix = "/rpc", endpoint = "chatbots/cap", output = Postcard)]
pub async fn cap_chatbot(id: String, daily_cap: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = ChatbotId::parse(&id).ok_or_else(missing)?;
    let with_typed = |error: AppError| error.with_typed("daily_cap", &daily_cap);
    let cap = read_cap("daily_cap", &daily_cap).map_err(|error| with_typed(Problem::from(error).into()))?;
    let capped = server::chatbots::set_daily_cap(&server(), &viewer, &id, cap).await;
    capped.map_err(|error| with_typed(error.into()))?;
    if is_plain_form() {
        leptos_axum::redirect(&format!("/chatbots/{id}"));
    }
    Ok(())
}

/// Changes what a chatbot says and how it answers.
#[server(prefix = "/rpc", endpoint = "chatbots/change-settings", output = Postcard)]
pub async fn change_settings(
    id: String,
    welcome_message: String,
    suggested_questions: String,
    instructions: String,
    answer_engine: String,
    colour: String,
) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = ChatbotId::parse(&id).ok_or_else(missing)?;
    let questions = suggested_questions.lines().map(str::trim).filter(|line| !line.is_empty());
    let change = SettingsChange {
        welcome_message: Some(welcome_message.clone()),
        instructions: Some(instructions.clone()),
        suggested_questions: Some(questions.map(str::to_owned).collect()),
        colour: Some(colour.clone()),
        answer_engine: Some(answer_engine.clone()),
    };
    let changed = server::chatbots::change_settings(&server(), &viewer.account_id, &id, &change).await;
    changed.map_err(|error| {
        let typed = [
            ("welcome_message", &welcome_message),
            ("suggested_questions", &suggested_questions),
            ("instructions", &instructions),
            ("answer_engine", &answer_engine),
            ("colour", &colour),
        ];
        typed.into_iter().fold(AppError::from(error), |error, (field, text)| error.with_typed(field, text))
    })?;
    if is_plain_form() {
        leptos_axum::redirect(&format!("/chatbots/{id}"));
    }
    Ok(())
}

/// Changes where the widget of a chatbot may be shown and how it looks, and makes it the first time.
#[server(prefix = "/rpc", endpoint = "chatbots/change-widget", output = Postcard)]
pub async fn change_widget(
    id: String,
    allowed_origins: String,
    position: String,
    theme: String,
    takes_contacts: bool,
) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = ChatbotId::parse(&id).ok_or_else(missing)?;
    let form = WidgetForm { allowed_origins: &allowed_origins, position: &position, theme: &theme, takes_contacts };
    server::widgets::save(&server(), &viewer, &id, form).await.map_err(|error| {
        let error = AppError::from(error).with_typed("allowed_origins", &allowed_origins);
        let error = error.with_typed("position", &position).with_typed("theme", &theme);
        error.with_typed("takes_contacts", &takes_contacts.to_string())
    })?;
    if is_plain_form() {
        leptos_axum::redirect(&format!("/chatbots/{id}"));
    }
    Ok(())
}

/// Gives the widget of a chatbot another id.
#[server(prefix = "/rpc", endpoint = "chatbots/rotate-widget", output = Postcard)]
pub async fn rotate_widget(id: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let id = ChatbotId::parse(&id).ok_or_else(missing)?;
    server::widgets::rotate(&server(), &viewer, &id).await?;
    if is_plain_form() {
        leptos_axum::redirect(&format!("/chatbots/{id}"));
    }
    Ok(())
}

/// Pauses a chatbot, or lets it answer again.
#[server(prefix = "/rpc", endpoint = "chatbots/switch", output = Postcard)]
pub async fn switch_chatbot(id: String, is_on: bool) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    let (server, id) = (server(), ChatbotId::parse(&id).ok_or_else(missing)?);
    if is_on {
        server::chatbots::resume(&server, &viewer, &id).await?;
    } else {
        server::chatbots::pause(&server, &viewer, &id).await?;
    }
    if is_plain_form() {
        leptos_axum::redirect(&format!("/chatbots/{id}"));
    }
    Ok(())
}

#[server(prefix = "/rpc", endpoint = "chatbots/delete", output = Postcard)]
pub async fn delete_chatbot(id: String) -> Result<(), AppError> {
    let viewer = require_viewer().await?;
    server::chatbots::delete(&server(), &viewer, &ChatbotId::parse(&id).ok_or_else(missing)?).await?;
    leptos_axum::redirect("/chatbots");
    Ok(())
}

/// Asks a chatbot in the console: it counts in the message window and costs no credit.
#[server(prefix = "/rpc", endpoint = "chatbots/ask", output = Postcard)]
pub async fn ask_chatbot(id: String, conversation_id: Option<String>, message: String) -> Result<Reply, AppError> {
    let viewer = require_viewer().await?;
    let server = server();
    let parts = use_context::<http::request::Parts>();
    let name = parts.as_ref().and_then(|parts| parts.extensions.get());
    let question = question(&server, viewer, name, &id, conversation_id.as_deref(), &message);
    Ok(server::conversations::ask(&server, question).await?)
}

/// A question as the console asks it. It has the name of the request in the log, or a fresh one when the caller chose
/// that name: two questions never share a name.
#[cfg(feature = "ssr")]
fn question<'a>(
    server: &Server,
    viewer: Viewer,
    name: Option<&RequestName>,
    chatbot_id: &'a str,
    conversation_id: Option<&'a str>,
    message: &'a str,
) -> Question<'a> {
    let fresh = || RequestId::new(server.now(), server::random::bytes(server.random.as_ref())).to_string();
    Question {
        account_id: viewer.account_id,
        key_id: None,
        caller: None,
        chatbot_id,
        conversation_id,
        message,
        channel: Channel::Console,
        request_id: name.filter(|name| name.is_ours).map_or_else(fresh, |name| name.text.clone()),
        caller_request_id: None,
    }
}

#[cfg(feature = "ssr")]
fn missing() -> server::Error {
    Problem::not_found("chatbot").into()
}

#[cfg(feature = "ssr")]
mod plain {
    use super::question;
    use crate::chatbots::plain_page::{Asked, answer_page};
    use crate::error::AppError;
    use axum::extract::{Form, Path, State};
    use axum::http::{HeaderMap, StatusCode, header};
    use axum::response::{Html, IntoResponse, Redirect, Response};
    use axum::routing::post;
    use axum::{Extension, Router};
    use leptos::config::LeptosOptions;
    use leptos::prelude::Owner;
    use serde::Deserialize;
    use server::Server;
    use server::http::RequestName;
    use std::sync::Arc;

    /// The page runs no script at all and may send its form to this site only.
    const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    #[derive(Deserialize)]
    struct Posted {
        #[serde(default)]
        conversation_id: String,
        /// What is typed.
        message: String,
        /// The suggested question whose button sent the form; it is asked in place of what is typed.
        suggested: Option<String>,
    }

    /// `POST /chatbots/{id}/ask`, for a question that is posted before WebAssembly has loaded.
    pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>, options: LeptosOptions) -> Router<S> {
        Router::new().route("/chatbots/{id}/ask", post(ask)).layer(Extension(options)).with_state(server)
    }

    async fn ask(
        State(server): State<Arc<Server>>,
        Extension(options): Extension<LeptosOptions>,
        name: Option<Extension<RequestName>>,
        Path(chatbot_id): Path<String>,
        headers: HeaderMap,
        Form(Posted { conversation_id, message, suggested }): Form<Posted>,
    ) -> Response {
        let message = suggested.unwrap_or(message);
        let viewer = match server::sessions::token_from(&server.config, &headers) {
            Some(token) => server::sessions::viewer(&server, &token).await,
            None => Ok(None),
        };
        let answered = match viewer {
            Ok(None) => return Redirect::to("/sign-in?next=/chatbots").into_response(),
            Ok(Some(viewer)) => {
                let name = name.as_ref().map(|Extension(name)| name);
                let question = question(&server, viewer, name, &chatbot_id, Some(&conversation_id), &message);
                server::conversations::ask(&server, question).await.map_err(AppError::from)
            }
            Err(error) => Err(error.into()),
        };
        let status = answered.as_ref().map_or_else(|error| error.code().status(), |_| 200);
        let asked = Asked { chatbot_id, conversation_id, message };
        let page = Owner::new().with(|| answer_page(options, asked, answered));
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
        (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), headers, Html(page)).into_response()
    }
}

#[cfg(feature = "ssr")]
pub use self::plain::plain_routes;
