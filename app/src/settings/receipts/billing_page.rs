//! What an account wants to have on its receipts: a form that the browser itself sends.

use super::{BILLING, PAYMENTS, document};
use crate::components::{ProblemNotice, TextField, in_textarea};
use crate::error::AppError;
use domain::field::NAME_CHARACTERS_MAX;
use domain::receipt::{ADDRESS_LINES_MAX, TAX_ID_CHARACTERS_MAX};
use leptos::config::LeptosOptions;
use leptos::prelude::*;
use serde::Deserialize;

/// The form as it was typed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct BillingForm {
    #[serde(default)]
    pub name: String,
    /// One text with a line for each line.
    #[serde(default)]
    pub address: String,
    #[serde(default)]
    pub tax_id: String,
}

/// What became of the form that was sent.
pub(super) enum Outcome {
    Unsent,
    Saved,
    Refused(AppError),
}

pub(super) fn billing_page(options: LeptosOptions, form: BillingForm, outcome: Outcome) -> String {
    let body = move || {
        view! {
            <p class="crumbs">
                <a href=PAYMENTS>"← Payments"</a>
            </p>
            <section class="card">
                <header>
                    <h1>"Billing details"</h1>
                </header>
                <div class="body stack">
                    <p class="lede">
                        "They stand on the receipts of payments from now on. Receipts that were issued stay as they are."
                    </p>
                    {fields(form, outcome)}
                </div>
            </section>
        }
        .into_any()
    };
    document(options, "Billing details".to_owned(), "narrow", body)
}

fn fields(form: BillingForm, outcome: Outcome) -> AnyView {
    let error = |field: &str| match &outcome {
        Outcome::Refused(error) => error.field_message(field),
        _ => None,
    };
    let (name_error, address_error, tax_error) = (error("name"), error("address"), error("tax_id"));
    let has_address_error = address_error.is_some();
    let notice = match outcome {
        Outcome::Saved => Some(view! { <p class="notice ok" role="status">"Saved."</p> }.into_any()),
        Outcome::Refused(error) if error.problem.field.is_none() => {
            Some(view! { <ProblemNotice problem=error.problem/> }.into_any())
        }
        _ => None,
    };
    let hint = format!("At most {ADDRESS_LINES_MAX} lines");
    view! {
        {notice}
        <form method="post" action=BILLING class="stack">
            <TextField
                label="Name or company"
                name="name"
                value=form.name
                maxlength=u32::try_from(NAME_CHARACTERS_MAX).unwrap_or(u32::MAX)
                autocomplete="organization"
                hint="Your own name when it is empty"
                error=name_error
            />
            <div class="field-group">
                <label for="field-address">"Address"</label>
                <textarea
                    id="field-address"
                    name="address"
                    rows="4"
                    autocomplete="street-address"
                    aria-invalid=has_address_error.then_some("true")
                    aria-describedby=if has_address_error { "address-error address-hint" } else { "address-hint" }
                >
                    {in_textarea(form.address)}
                </textarea>
                {address_error.map(|message| view! { <p class="error" id="address-error" role="alert">{message}</p> }.into_any())}
                <p class="hint" id="address-hint">{hint}</p>
            </div>
            <TextField
                label="Tax number"
                name="tax_id"
                value=form.tax_id
                maxlength=u32::try_from(TAX_ID_CHARACTERS_MAX).unwrap_or(u32::MAX)
                autocomplete="off"
                error=tax_error
            />
            <div class="actions">
                <button type="submit" class="btn primary">"Save"</button>
            </div>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::field::FieldError;
    use domain::problem::Problem;

    fn page(outcome: Outcome) -> String {
        let text = "</textarea><script>\"".to_owned();
        let form = BillingForm { name: text.clone(), address: text.clone(), tax_id: text };
        billing_page(LeptosOptions::builder().output_name("artiko").build(), form, outcome)
    }

    #[test]
    fn what_was_typed_stays_in_its_fields_and_cannot_become_markup() {
        let page = page(Outcome::Unsent);
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script").count(), 3, "{page}");
    }

    #[test]
    fn an_error_stands_beside_its_field() {
        let refused = Problem::from(FieldError::new("address", "use at most 6 lines"));
        let page = page(Outcome::Refused(refused.into()));
        assert!(page.contains("aria-describedby=\"address-error address-hint\""), "{page}");
        assert!(page.contains(">Use at most 6 lines.<"), "{page}");
    }
}
