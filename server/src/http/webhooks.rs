//! `POST /webhooks/local` or `/webhooks/stripe`: where the gateway tells that something became of a payment.

use crate::Server;
use crate::http::json;
use crate::http::problem::Refused;
use crate::payments::gateway::Gateway;
use crate::payments::{self, signature};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Json, Response};
use domain::problem::{Problem, ProblemCode};
use serde_json::json;
use std::sync::Arc;

/// Takes an event of the gateway.
///
/// It answers 200 only after what has become of the payment is durable, so that a gateway which heard nothing sends it again. An
/// event that is of no concern, or about a payment that is not ours, is taken too: sending it again would not help.
pub(super) async fn take(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Refused> {
    // Of two signatures in two headers it would be a guess which one is meant; the first is as good as any, since it
    // has to be right.
    let header = request.headers().get(signature::HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = json::body(request, &()).await?;
    let gateway = Gateway::of(&server);
    let event = gateway.verify_webhook(&server, header.as_deref(), &body).inspect_err(|error| {
        tracing::warn!(%error, "a webhook was refused");
    })?;
    if !event.concerns_us() {
        tracing::debug!(event_id = event.event_id(), "an event of no concern");
        return Ok(taken());
    }
    let looked = match gateway.payment_of(&server, &event).await? {
        Some(payment_id) => payments::look(&server, &payment_id).await.map(drop),
        None => Err(Problem::not_found("payment").into()),
    };
    match looked.map_err(Refused::from) {
        Ok(()) => Ok(taken()),
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
