//! `/pay/{payment_id}`: the page of the built-in gateway where the customer pays. Plain HTML and a style sheet of its
//! own, without a script, as a page of another company would be.
//!
//! Nobody has to be signed in: whoever has the address may pay, and paying only gives. The amount comes from the
//! checkout's row; the form has no say in it.

use crate::Server;
use crate::http::problem::Refused;
use crate::payments;
use crate::payments::local::{self, Checkout, TEST_CARDS};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::html::escape;
use domain::id::PaymentId;
use domain::payment::PaymentState;
use domain::problem::{Problem, ProblemCode, sentence};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use std::sync::Arc;

const STYLE: &str = include_str!("hosted_page.css");

/// What the form sends; a field that is missing is empty.
#[derive(Deserialize)]
pub(super) struct CardForm {
    #[serde(default)]
    pub(super) card_number: String,
    #[serde(default)]
    pub(super) action: String,
}

/// Shows the form, or how the payment ended.
pub(super) async fn show(State(server): State<Arc<Server>>, Path(payment_id): Path<String>) -> Response {
    match find(&server, &payment_id).await {
        Ok(checkout) => page_of(&server, &checkout, StatusCode::OK, "", None),
        Err(refused) => error_page(&server, refused.problem()),
    }
}

/// Takes the card or the wish to go back, and sends the customer to the console, which says how it ended. A card that
/// is none of the test cards is refused beside its field, with what was typed still in it.
pub(super) async fn submit(
    State(server): State<Arc<Server>>,
    Path(payment_id): Path<String>,
    form: Result<Form<CardForm>, FormRejection>,
) -> Response {
    let checkout = match find(&server, &payment_id).await {
        Ok(checkout) => checkout,
        Err(refused) => return error_page(&server, refused.problem()),
    };
    let Ok(Form(form)) = form else { return unreadable(&server) };
    let done = if form.action == "cancel" {
        local::cancel(&server, &checkout.payment_id).await
    } else {
        local::submit_card(&server, &checkout.payment_id, &form.card_number).await
    };
    let Err(error) = done else {
        return Redirect::to(&payments::return_url(&server, &checkout.payment_id)).into_response();
    };
    let problem = error.into_problem();
    if problem.field.is_some() {
        return page_of(&server, &checkout, StatusCode::UNPROCESSABLE_ENTITY, &form.card_number, Some(&problem.detail));
    }
    error_page(&server, &problem)
}

/// The page's own style sheet.
pub(super) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")], STYLE)
}

async fn find(server: &Server, payment_id: &str) -> Result<Checkout, Refused> {
    let payment_id = PaymentId::parse(payment_id)
        .ok_or_else(|| Refused::with_detail(ProblemCode::NotFound, "there is no payment at this address"))?;
    Ok(local::checkout(server, &payment_id).await?)
}

fn page_of(server: &Server, checkout: &Checkout, status: StatusCode, typed: &str, error: Option<&str>) -> Response {
    let amount = escape(&checkout.amount.text());
    let back = escape(&payments::return_url(server, &checkout.payment_id));
    let (title, body) = match checkout.state {
        PaymentState::Open => (format!("Pay {amount}"), form(&escape(&checkout.description), &amount, typed, error)),
        state => {
            let (heading, text) = ending(state);
            (heading.to_owned(), message(heading, &format!("{text} The amount is {amount}."), &back))
        }
    };
    page(server, status, &title, &body)
}

/// The field for a card's number, below which the test cards are listed with the id `cards`.
pub(super) fn card_field(typed: &str, error: Option<&str>) -> String {
    let typed = escape(typed);
    let (error, describes) = match error {
        Some(error) => (
            format!("<p class=\"error\" id=\"card-error\" role=\"alert\">{}</p>", escape(&sentence(error))),
            " aria-invalid=\"true\" aria-describedby=\"card-error cards\"",
        ),
        None => (String::new(), " aria-describedby=\"cards\""),
    };
    format!(
        "<label for=\"card_number\">Card number</label>
<input id=\"card_number\" name=\"card_number\" value=\"{typed}\" inputmode=\"numeric\" autocomplete=\"off\" maxlength=\"40\" required autofocus{describes}>
{error}"
    )
}

fn form(description: &str, amount: &str, typed: &str, error: Option<&str>) -> String {
    let cards = TEST_CARDS.map(|card| format!("<li><code>{}</code> {}</li>", card.number, card.meaning)).concat();
    format!(
        "<h1>{description} for {amount}</h1>
<p class=\"lede\">This is a test page: it takes no real card and no real money.</p>
<form method=\"post\">
{}
<button class=\"primary\" name=\"action\" value=\"pay\">Pay {amount}</button>
<button name=\"action\" value=\"cancel\" formnovalidate>Cancel and go back</button>
</form>
<section id=\"cards\"><h2>Test cards</h2><ul>{cards}</ul></section>",
        card_field(typed, error)
    )
}

const fn ending(state: PaymentState) -> (&'static str, &'static str) {
    match state {
        PaymentState::Paid => ("This payment is paid", "The credit is in your account."),
        PaymentState::Failed => {
            ("This payment was declined", "Nothing was taken from the card and no credit was added.")
        }
        PaymentState::Cancelled => ("This payment was cancelled", "Nothing was taken and no credit was added."),
        PaymentState::Expired => ("This payment has expired", "Nothing was taken and no credit was added."),
        PaymentState::Open | PaymentState::Processing => {
            ("This payment is being processed", "The bank has not answered yet; the credit is added when it does.")
        }
    }
}

pub(super) fn message(heading: &str, text: &str, back: &str) -> String {
    format!(
        "<h1>{heading}</h1>\n<p class=\"lede\">{text}</p>\n<p><a class=\"primary\" href=\"{back}\">Back to Artiko</a></p>"
    )
}

pub(super) fn error_page(server: &Server, problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let back = escape(&format!("{}/settings", server.config.public_url()));
    let text = escape(&sentence(&problem.detail));
    page(server, status, problem.code.title(), &message(problem.code.title(), &text, &back))
}

pub(super) fn page(server: &Server, status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"robots\" content=\"noindex\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>{title} · Test payment page</title>
<link rel=\"stylesheet\" href=\"/pay/style.css\">
</head>
<body>
<main>
<p class=\"brand\">Artiko <span>Test payment page</span></p>
{body}
</main>
</body>
</html>
"
    );
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A form's redirect counts as its action, so the console's address must be allowed beside our own.
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        server.config.public_url()
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What is answered to a form that is none.
pub(super) fn unreadable(server: &Server) -> Response {
    error_page(server, &Problem::with_detail(ProblemCode::MalformedRequest, "the form cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_cannot_become_markup() {
        let html = form("API credit", "$25.00", "\"><script>alert(1)</script>", Some("no"));
        assert!(!html.contains("<script"));
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;"));
    }

    #[test]
    fn an_error_is_tied_to_its_field() {
        let html = form("API credit", "$25.00", "1", Some("enter the card number"));
        assert!(html.contains("aria-describedby=\"card-error cards\""));
        assert!(html.contains(">Enter the card number.</p>"));
    }
}
