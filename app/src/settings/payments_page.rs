//! All payments with their states: the finished ones, and those that were declined or left.

use super::page::PAGE;
use super::server_fns::LoadPayments;
use crate::components::{EmptyState, Loaded, Loading, Moment, OpenDialog, PageHeading, ProblemNotice, use_live};
use domain::credit::Credit;
use domain::id::PaymentId;
use domain::payment::{Payment, PaymentState};
use domain::receipt::number_text;
use leptos::prelude::*;

/// `/settings/payments`
#[component]
pub fn PaymentsPage() -> impl IntoView {
    let live = use_live();
    let payments = Loaded::new(move || live.get(), |_| LoadPayments {});
    view! {
        <p class="crumbs">
            <a href=PAGE>"← API Plans & Settings"</a>
        </p>
        <PageHeading title="Payments" lede="Every attempt to add balance and what became of it." />
        <Transition fallback=Loading>
            {move || payments.show(async move {
                match payments.await {
                    Ok(payments) if payments.is_empty() => {
                        view! {
                            <section class="card">
                                <EmptyState title="No payments yet">
                                    <p>"A payment is listed here as soon as you begin it."</p>
                                    <OpenDialog href=PAGE name="add-balance" label="Add balance" class="btn primary" />
                                </EmptyState>
                            </section>
                        }
                            .into_any()
                    }
                    Ok(payments) => payment_table(payments),
                    Err(error) => view! { <ProblemNotice problem=error.problem /> }.into_any(),
                }
            })}
        </Transition>
    }
}

fn payment_table(payments: Vec<Payment>) -> AnyView {
    view! {
        <section class="card">
            <div class="table-wrap" role="region" aria-label="Payments" tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"When"</th>
                            <th scope="col">"Payment"</th>
                            <th scope="col">"State"</th>
                            <th scope="col" class="r">
                                "Amount"
                            </th>
                            <th scope="col" class="r">
                                "Credit"
                            </th>
                            <th scope="col">"Receipt"</th>
                        </tr>
                    </thead>
                    <tbody>{payments.into_iter().map(payment_row).collect_view()}</tbody>
                </table>
            </div>
            <div class="foot">
                <a href="/settings/payments.csv" download="">"Export as CSV"</a>
                <a href="/settings/billing" rel="external">"Billing details"</a>
            </div>
        </section>
    }
    .into_any()
}

/// The way to a receipt, which is a page of its own outside of the console.
pub(super) fn receipt_link(payment_id: &PaymentId, number: i64) -> AnyView {
    let href = format!("/settings/payments/{payment_id}/receipt");
    view! { <a href=href rel="external">{format!("Receipt {}", number_text(number))}</a> }.into_any()
}

fn payment_row(payment: Payment) -> AnyView {
    let taken_back = payment.taken_back();
    let is_taken_back = taken_back.minor_units > 0;
    let chip = match payment.state {
        PaymentState::Paid if is_taken_back => "chip",
        PaymentState::Paid => "chip ok",
        PaymentState::Open | PaymentState::Processing => "chip warn",
        PaymentState::Failed => "chip bad",
        PaymentState::Cancelled | PaymentState::Expired => "chip",
    };
    let standing = payment.standing();
    let credit = (standing > Credit::ZERO).then(|| standing.signed_text(payment.amount.currency));
    view! {
        <tr>
            <td>
                <Moment at=payment.created_at />
            </td>
            <td class="mono">{payment.id.to_string()}</td>
            <td>
                <span class=chip>{payment.label()}</span>
            </td>
            <td class="r num">
                {payment.amount.text()}
                {is_taken_back.then(|| view! { <div class="sub">{format!("−{}", taken_back.text())}</div> }.into_any())}
            </td>
            <td class="r num plus">{credit.unwrap_or_else(|| "–".to_owned())}</td>
            <td>{payment.receipt.map(|number| receipt_link(&payment.id, number))}</td>
        </tr>
    }
    .into_any()
}
