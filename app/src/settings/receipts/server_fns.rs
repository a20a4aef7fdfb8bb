//! The plain routes of receipts: the page, the PDF, the list as a file, and the form of the billing details.

use super::billing_page::{BillingForm, Outcome, billing_page};
use super::receipt_page::{problem_page, receipt_page};
use super::{BILLING, PAYMENTS};
use crate::error::AppError;
use crate::usage::server_fns::file_for;
use axum::body::Body;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::account::Viewer;
use domain::id::PaymentId;
use domain::payment::Payment;
use domain::problem::Problem;
use domain::receipt::{Receipt, number_text};
use leptos::config::LeptosOptions;
use leptos_router::location::Url;
use serde::Deserialize;
use server::{Server, payments, receipts};
use std::sync::Arc;

/// The pages run no script at all and may send their form to this site only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub fn plain_routes<S: Clone + Send + Sync + 'static>(server: Arc<Server>, options: LeptosOptions) -> Router<S> {
    Router::new()
        .route("/settings/payments/{id}/receipt", get(page))
        .route("/settings/payments/{id}/receipt.pdf", get(pdf))
        .route("/settings/payments.csv", get(csv))
        .route("/settings/billing", get(billing).post(save_billing))
        .layer(Extension(options))
        .with_state(server)
}

async fn page(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let viewer = match find_viewer(&server, &headers, &format!("{PAYMENTS}/{id}/receipt")).await {
        Ok(viewer) => viewer,
        Err(response) => return response,
    };
    match find(&server, &viewer, &id).await {
        Ok((receipt, payment)) => html(StatusCode::OK, receipt_page(options, receipt, payment)),
        Err(error) => refusal(options, error),
    }
}

async fn pdf(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let address = format!("{PAYMENTS}/{id}/receipt");
    let viewer = match find_viewer(&server, &headers, &address).await {
        Ok(viewer) => viewer,
        Err(response) => return response,
    };
    match find(&server, &viewer, &id).await {
        Ok((receipt, payment)) => {
            let name = format!("artiko-receipt-{}.pdf", number_text(receipt.number));
            let headers = [
                (header::CONTENT_TYPE, "application/pdf".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            let address = format!("{}{address}", server.config.public_url());
            (headers, receipts::pdf(&receipt, &payment, &address)).into_response()
        }
        Err(error) => refusal(options, error),
    }
}

/// The receipt of a payment, and the payment as it is now.
async fn find(server: &Server, viewer: &Viewer, payment_id: &str) -> Result<(Receipt, Payment), AppError> {
    let payment_id = PaymentId::parse(payment_id).ok_or_else(|| Problem::not_found("receipt"))?;
    let receipt = receipts::get(server, &viewer.account_id, &payment_id).await?;
    let payment = payments::get(server, &viewer.account_id, &payment_id).await?;
    Ok((receipt, payment))
}

async fn csv(State(server): State<Arc<Server>>, headers: HeaderMap, uri: Uri) -> Response {
    let name = format!("artiko-payments-{}.csv", server.now().date());
    let kind = ("text/csv; charset=utf-8; header=present", name);
    file_for(Arc::clone(&server), &headers, (PAYMENTS, &uri), kind, async move |viewer| {
        Ok(Body::from(payments::csv(&server, &viewer.account_id).await?))
    })
    .await
}

#[derive(Deserialize)]
struct Said {
    /// Set after the form was saved.
    saved: Option<String>,
}

async fn billing(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    Query(Said { saved }): Query<Said>,
    headers: HeaderMap,
) -> Response {
    let viewer = match find_viewer(&server, &headers, BILLING).await {
        Ok(viewer) => viewer,
        Err(response) => return response,
    };
    match receipts::billing_details(&server, &viewer.account_id).await {
        Ok(details) => {
            let outcome = if saved.is_some() { Outcome::Saved } else { Outcome::Unsent };
            let address = details.address.join("\n");
            let form = BillingForm { name: details.name, address, tax_id: details.tax_id };
            html(StatusCode::OK, billing_page(options, form, outcome))
        }
        Err(error) => refusal(options, error.into()),
    }
}

async fn save_billing(
    State(server): State<Arc<Server>>,
    Extension(options): Extension<LeptosOptions>,
    headers: HeaderMap,
    Form(form): Form<BillingForm>,
) -> Response {
    let viewer = match find_viewer(&server, &headers, BILLING).await {
        Ok(viewer) => viewer,
        Err(response) => return response,
    };
    let saved = receipts::save_billing_details(&server, &viewer, &form.name, &form.address, &form.tax_id).await;
    match saved.map_err(AppError::from) {
        Ok(()) => Redirect::to(&format!("{BILLING}?saved")).into_response(),
        Err(error) => html(status_of(&error), billing_page(options, form, Outcome::Refused(error))),
    }
}

/// Who asks, or the way to sign in and back to `next`.
async fn find_viewer(server: &Server, headers: &HeaderMap, next: &str) -> Result<Viewer, Response> {
    let sign_in = || Redirect::to(&format!("/sign-in?next={}", Url::escape(next))).into_response();
    let token = server::sessions::token_from(&server.config, headers).ok_or_else(sign_in)?;
    let viewer = server::sessions::viewer(server, &token).await;
    viewer.map_err(|error| status_of(&AppError::from(error)).into_response())?.ok_or_else(sign_in)
}

fn refusal(options: LeptosOptions, error: AppError) -> Response {
    html(status_of(&error), problem_page(options, error))
}

fn html(status: StatusCode, page: String) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
    (status, headers, Html(page)).into_response()
}

fn status_of(error: &AppError) -> StatusCode {
    StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
