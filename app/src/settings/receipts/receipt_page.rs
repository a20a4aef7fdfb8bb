//! The receipt of a payment, to be read, printed or kept as a PDF.

use super::{BILLING, PAYMENTS, document};
use crate::components::ProblemNotice;
use crate::error::AppError;
use domain::payment::Payment;
use domain::receipt::{Line, Party, Receipt, number_text};
use leptos::config::LeptosOptions;
use leptos::prelude::*;

pub(super) fn receipt_page(options: LeptosOptions, receipt: Receipt, payment: Payment) -> String {
    let Receipt { number, payment_id, issued_at, particulars } = receipt;
    let number = number_text(number);
    let title = format!("Receipt {number}");
    let (total, currency) = (particulars.quote.total(), particulars.quote.amount.currency);
    let taken_back = payment.taken_back();
    let note = format!("Credit bought: {}. All amounts are in {currency}.", particulars.credit.text(currency));
    let body = move || {
        view! {
            <p class="crumbs screen-only">
                <a href=PAYMENTS>"← Payments"</a>
            </p>
            <section class="card" aria-labelledby="receipt-title">
                <header>
                    <h1 id="receipt-title">"Receipt "<span class="num">{number}</span></h1>
                    <a class="btn push screen-only" href=format!("{PAYMENTS}/{payment_id}/receipt.pdf")>"Download PDF"</a>
                </header>
                <div class="body parties">
                    {party("From", &particulars.seller)}
                    {party("To", &particulars.customer)}
                </div>
                <dl class="body facts">
                    <dt>"Date"</dt>
                    <dd><time datetime=issued_at.to_string()>{issued_at.date()}</time></dd>
                    <dt>"Payment"</dt>
                    <dd class="mono">{payment_id.to_string()}</dd>
                    <dt>"State"</dt>
                    <dd>{payment.label()}</dd>
                </dl>
                <table>
                    <caption class="visually-hidden">"What was paid"</caption>
                    <thead>
                        <tr><th scope="col">"Item"</th><th scope="col" class="r">"Amount"</th></tr>
                    </thead>
                    <tbody>
                        {particulars.lines().into_iter().map(line).collect_view()}
                        <tr class="sum">
                            <th scope="row">"Total paid"</th>
                            <td class="r num">{total.text()}</td>
                        </tr>
                        {(taken_back.minor_units > 0)
                            .then(|| line(Line { label: "Given back since".to_owned(), amount: taken_back }))}
                    </tbody>
                </table>
                <p class="foot">{note}</p>
            </section>
            <p class="hint screen-only">
                "To have a company, an address or a tax number on the receipts to come, fill in the "
                <a href=BILLING>"billing details"</a>"."
            </p>
        }
        .into_any()
    };
    document(options, title, "paper", body)
}

fn party(label: &'static str, party: &Party) -> AnyView {
    let Party { name, address, tax_id, email } = party.clone();
    let tax_id = (!tax_id.is_empty()).then(|| format!("Tax number {tax_id}"));
    let more = address.into_iter().chain(tax_id).chain(Some(email).filter(|email| !email.is_empty()));
    view! {
        <div>
            <h2>{label}</h2>
            <p><strong>{name}</strong></p>
            {more.map(|line| view! { <p>{line}</p> }.into_any()).collect_view()}
        </div>
    }
    .into_any()
}

fn line(Line { label, amount }: Line) -> AnyView {
    view! {
        <tr>
            <td>{label}</td>
            <td class="r num">{amount.text()}</td>
        </tr>
    }
    .into_any()
}

/// A receipt that is not there, or cannot be read now.
pub(super) fn problem_page(options: LeptosOptions, error: AppError) -> String {
    let body = move || {
        view! {
            <p class="crumbs">
                <a href=PAYMENTS>"← Payments"</a>
            </p>
            <h1>"Receipt"</h1>
            <ProblemNotice problem=error.problem/>
        }
        .into_any()
    };
    document(options, "Receipt".to_owned(), "paper", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;
    use domain::credit::Credit;
    use domain::id::PaymentId;
    use domain::money::{Currency, Money};
    use domain::payment::PaymentOrigin;
    use domain::payment::PaymentState;
    use domain::quote::{Percent, Quote};
    use domain::receipt::Particulars;

    fn page(customer: &str, refunded_minor_units: i64) -> String {
        let usd = |minor_units| Money { minor_units, currency: Currency::Usd };
        let (at, id) = (Timestamp::from_us(1_795_000_000_000_000), PaymentId::from_row("pay_1".to_owned()));
        let payment = Payment {
            origin: PaymentOrigin::Checkout,
            plan: None,
            id: id.clone(),
            amount: usd(2_703),
            fee_minor_units: 0,
            tax_minor_units: 203,
            credit: Credit::from_millionths(25_000_000),
            state: PaymentState::Paid,
            refunded_minor_units,
            dispute: None,
            receipt: Some(7),
            created_at: at,
            changed_at: at,
        };
        let particulars = Particulars {
            item: "API credit".to_owned(),
            seller: Party { name: "Lichtwerk AG".to_owned(), tax_id: "CHE-1".to_owned(), ..Party::default() },
            customer: Party { name: customer.to_owned(), address: vec![customer.to_owned()], ..Party::default() },
            quote: Quote { amount: usd(2_500), fee: usd(0), tax: usd(203) },
            credit: payment.credit,
            tax_name: "MWST".to_owned(),
            tax_percent: Percent::from_thousandths(8_100),
        };
        let receipt = Receipt { number: 7, payment_id: id, issued_at: at, particulars };
        receipt_page(LeptosOptions::builder().output_name("artiko").build(), receipt, payment)
    }

    #[test]
    fn the_page_says_what_was_paid_and_runs_nothing() {
        let page = page("Bergfeld AG", 0);
        for part in
            ["R-000007", "Lichtwerk AG", "Tax number CHE-1", "Bergfeld AG", "MWST 8.1%", "$2.03", "$27.03", "Paid"]
        {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("Given back"), "{page}");
    }

    #[test]
    fn what_was_given_back_stands_below_what_was_paid() {
        let page = page("Bergfeld AG", 1_000);
        let (_, after) = page.split_once("Total paid").expect("a total");
        assert!(
            page.contains("Refunded in part") && after.contains("Given back since") && after.contains("$10.00"),
            "{page}"
        );
    }

    #[test]
    fn a_name_cannot_become_markup() {
        let page = page("<script>alert(1)</script>", 0);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    }
}
