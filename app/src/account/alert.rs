//! The form that says below which credit somebody is told. It is HTML of the server, so that browsers load nothing for it.

use crate::components::TextField;
use crate::error::AppError;
use crate::shell::plain_document;
use domain::credit::Credit;
use domain::money::Currency;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

/// The card with the form.
pub(super) fn card(below: Option<Credit>, currency: Currency) -> String {
    let text = below.map(Credit::decimal).unwrap_or_default();
    let short = text.strip_suffix("0000").unwrap_or(&text);
    form(short.to_owned(), currency, None).to_html()
}

/// The page that says why the form was refused, with what was typed.
pub(super) fn refused(options: LeptosOptions, typed: String, currency: Currency, error: &AppError) -> String {
    let problem = error.problem.clone();
    let notice = problem.field.is_none().then(|| view! { <crate::components::ProblemNotice problem=problem /> });
    let message = error.field_message("alert_below");
    plain_document(options, "Account", move || {
        view! {
            <main class="narrow" id="main">
                <h1>"Account"</h1>
                {notice}
                {form(typed, currency, message)}
                <p><a href="/account">"Back to your account"</a></p>
            </main>
        }
        .into_any()
    })
}

fn form(typed: String, currency: Currency, error: Option<String>) -> AnyView {
    let label = format!("Tell me when less credit is left than, in {}", currency.code());
    view! {
        <section class="card" aria-labelledby="alert-title">
            <header><h2 id="alert-title">"Low credit"</h2></header>
            <form class="body stack" method="post" action="/account/alert">
                <TextField
                    label=label
                    name="alert_below"
                    value=typed
                    autocomplete="off"
                    placeholder="5.00"
                    hint="Owners and admins get a mail each time the credit falls below it. Empty: no mail."
                    error=error
                />
                <div class="actions start"><button class="btn primary">"Save"</button></div>
            </form>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::field::FieldError;
    use domain::problem::Problem;

    fn html(make: impl FnOnce() -> String) -> String {
        Owner::new().with(make)
    }

    #[test]
    fn the_form_has_what_is_stored() {
        let page = html(|| card(Some(Credit::from_millionths(5_500_000)), Currency::Eur));
        assert!(page.contains("value=\"5.50\"") && page.contains("in EUR"), "{page}");
        assert!(!html(|| card(None, Currency::Eur)).contains("value=\"0"));
    }

    #[test]
    fn a_refused_form_comes_back_as_it_was_typed_with_the_reason() {
        let error = AppError::from(Problem::from(FieldError::new("alert_below", "write the amount as 5 or 5.50")));
        let options = LeptosOptions::builder().output_name("artiko").build();
        let page = html(|| refused(options, "a \"lot\"".to_owned(), Currency::Usd, &error));
        assert!(
            page.contains("value=\"a &quot;lot&quot;\"") && page.contains("Write the amount as 5 or 5.50."),
            "{page}"
        );
        assert!(page.contains("aria-invalid=\"true\""), "{page}");
    }
}
