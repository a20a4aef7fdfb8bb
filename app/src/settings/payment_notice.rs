//! What became of the payment that the person comes back from.

use super::page::PAGE;
use super::payments_page::receipt_link;
use crate::components::{OpenDialog, ProblemNotice};
use crate::error::AppError;
use domain::payment::{Payment, PaymentState};
use leptos::prelude::*;

#[component]
pub fn PaymentNotice(payment: Result<Payment, AppError>) -> impl IntoView {
    let payment = match payment {
        Ok(payment) => payment,
        Err(error) => return view! { <ProblemNotice problem=error.problem /> }.into_any(),
    };
    let (amount, credit) = (payment.amount.text(), payment.net());
    let (class, text) = match payment.state {
        PaymentState::Paid => ("notice ok", format!("Payment received: {} of credit was added.", credit.text())),
        PaymentState::Processing => (
            "notice warn",
            format!(
                "The payment of {amount} is being processed. The credit appears here by itself once it is confirmed."
            ),
        ),
        PaymentState::Open => ("notice warn", format!("The payment of {amount} is not finished. Nothing was charged.")),
        PaymentState::Failed => (
            "notice bad",
            format!(
                "The payment of {amount} was declined. Nothing was charged and your credit is as it was. Try another \
                 card, or ask your bank why it refused this one."
            ),
        ),
        PaymentState::Cancelled => (
            "notice",
            format!("The payment of {amount} was cancelled. Nothing was charged and your credit is as it was."),
        ),
        PaymentState::Expired => (
            "notice",
            format!("The payment of {amount} has expired. Nothing was charged and your credit is as it was."),
        ),
    };
    let may_try_again = matches!(payment.state, PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired);
    let role = if payment.state == PaymentState::Failed { "alert" } else { "status" };
    view! {
        <div class=format!("{class} row") role=role>
            <p>{text}</p>
            {may_try_again
                .then(|| {
                    view! { <OpenDialog href=PAGE name="add-balance" value=credit.decimal() label="Try again" /> }.into_any()
                })}
            {payment.receipt.map(|number| receipt_link(&payment.id, number))}
            <a href=PAGE data-noscroll>
                "Dismiss"
            </a>
        </div>
    }
    .into_any()
}
