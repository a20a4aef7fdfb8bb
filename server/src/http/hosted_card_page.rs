//! `/pay/cards/{setup_id}`: the page of the built-in gateway on which a card is saved. It charges nothing; what is saved
//! is charged later, when the product asks for it.

use crate::Server;
use crate::http::hosted_page::{CardForm, card_field, error_page, message, page, unreadable};
use crate::payments::local::cards::{self, SAVED_TEST_CARDS};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::id::CardSetupId;
use domain::problem::{Problem, ProblemCode};
use domain::top_up::CardSetupState;
use http::StatusCode;
use std::sync::Arc;

/// Shows the form, or how the attempt ended.
pub(super) async fn show(State(server): State<Arc<Server>>, Path(setup_id): Path<String>) -> Response {
    match find(&server, &setup_id).await {
        Ok((setup_id, state)) => page_of(&server, &setup_id, state, StatusCode::OK, "", None),
        Err(problem) => error_page(&server, &problem),
    }
}

/// Takes the card or the wish to go back, and sends the customer to the console.
pub(super) async fn submit(
    State(server): State<Arc<Server>>,
    Path(setup_id): Path<String>,
    form: Result<Form<CardForm>, FormRejection>,
) -> Response {
    let (setup_id, state) = match find(&server, &setup_id).await {
        Ok(found) => found,
        Err(problem) => return error_page(&server, &problem),
    };
    let Ok(Form(form)) = form else { return unreadable(&server) };
    let card_number = (form.action != "cancel").then_some(form.card_number.as_str());
    let Err(error) = cards::end_setup(&server, &setup_id, card_number).await else {
        return Redirect::to(&cards::return_url(&server, &setup_id)).into_response();
    };
    let problem = error.into_problem();
    if problem.field.is_some() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return page_of(&server, &setup_id, state, status, &form.card_number, Some(&problem.detail));
    }
    error_page(&server, &problem)
}

async fn find(server: &Server, setup_id: &str) -> Result<(CardSetupId, CardSetupState), Problem> {
    let nothing = || Problem::with_detail(ProblemCode::NotFound, "there is no page at this address");
    let setup_id = CardSetupId::parse(setup_id).ok_or_else(nothing)?;
    let state = cards::setup_state(server, &setup_id).await.map_err(crate::Error::into_problem)?;
    Ok((setup_id, state))
}

fn page_of(
    server: &Server,
    setup_id: &CardSetupId,
    state: CardSetupState,
    status: StatusCode,
    typed: &str,
    error: Option<&str>,
) -> Response {
    let ended = match state {
        CardSetupState::Open => return page(server, status, "Save a card", &form(typed, error)),
        CardSetupState::Saved => "This card is saved",
        CardSetupState::Refused => "This card was declined",
        CardSetupState::Cancelled => "No card was saved",
        CardSetupState::Expired => "This page has expired",
    };
    let back = cards::return_url(server, setup_id);
    page(server, status, ended, &message(ended, "Nothing was taken from it.", &back))
}

fn form(typed: &str, error: Option<&str>) -> String {
    let cards = SAVED_TEST_CARDS.map(|card| format!("<li><code>{}</code> {}</li>", card.number, card.meaning)).concat();
    format!(
        "<h1>Save a card for auto top-up</h1>
<p class=\"lede\">This is a test page: it takes no real card and no real money. Nothing is charged now.</p>
<form method=\"post\">
{}
<button class=\"primary\" name=\"action\" value=\"save\">Save this card</button>
<button name=\"action\" value=\"cancel\" formnovalidate>Cancel and go back</button>
</form>
<section id=\"cards\"><h2>Test cards</h2><ul>{cards}</ul></section>",
        card_field(typed, error)
    )
}
