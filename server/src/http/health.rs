//! `/healthz` says that the process runs; `/readyz` says that it can answer, which needs the database.

use crate::http::problem::Refused;
use crate::{Server, args};
use axum::extract::State;
use domain::problem::{Problem, ProblemCode};
use std::sync::Arc;
use std::time::Duration;

/// How long the database may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

const SELECT_ONE: &str = "SELECT CAST(1 AS BIGINT)";

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 503 when the database does not answer within two seconds.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Result<&'static str, Refused> {
    let answer = tokio::time::timeout(TIMEOUT, server.db.one::<(i64,)>(SELECT_ONE, args![])).await;
    if matches!(answer, Ok(Ok((1,)))) {
        return Ok("ok\n");
    }
    tracing::error!("the database does not answer");
    Err(Problem::with_detail(ProblemCode::Unavailable, "the database does not answer").into())
}
