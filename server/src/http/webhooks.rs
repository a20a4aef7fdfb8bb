//! `POST /webhooks/local`: where the gateway tells what became of a payment.

use crate::Server;
use crate::http::json;
use crate::http::problem::Refused;
use crate::payments::gateway::Gateway;
use crate::payments::{self, signature};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Json, Response};
use domain::problem::ProblemCode;
use serde_json::json;
use std::sync::Arc;

/// Takes an event of the built-in gateway.
///
/// It answers 200 only after what has become of the payment is durable, so that a gateway which heard nothing sends it again. An
/// event that is of no concern, or about a payment that is not ours, is taken too: sending it again would not help.
pub(super) async fn local(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Refused> {
    // Of two signatures in two headers it would be a guess which one is meant; the first is as good as any, since it
    // has to be right.
    let header = request.headers().get(signature::HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = json::body(request, &()).await?;
    let event = Gateway::Local.verify_webhook(&server, header.as_deref(), &body).map_err(|error| {
        tracing::warn!(%error, "a webhook was refused");
        error
    })?;
    let Some(payment_id) = event.payment_id() else {
        tracing::debug!(event_id = event.event_id(), "an event of no concern");
        return Ok(taken());
    };
    match payments::look(&server, payment_id).await.map_err(Refused::from) {
        Ok(_) => Ok(taken()),
        Err(refused) if refused.problem().code == ProblemCode::NotFound => {
            tracing::warn!(event_id = event.event_id(), "an event about a payment that is not ours");
            Ok(taken())
        }
        Err(refused) => Err(refused),
    }
}

fn taken() -> Response {
    Json(json!({ "received": true })).into_response()
}
