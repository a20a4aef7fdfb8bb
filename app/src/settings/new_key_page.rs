//! The page that answers the forms which make a secret when they are posted before WebAssembly has loaded: it shows the
//! key once, runs no script, and is kept by no cache.

use super::page::PAGE;
use super::shown_key::{ENV_FILE_NAME, env_file_address};
use crate::components::{ProblemNotice, TextField};
use crate::error::AppError;
use crate::shell::DocumentHead;
use domain::api_key::ShownOnce;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

/// Which form was posted, and what was typed into it.
pub(super) enum PlainPage {
    Create { name: String },
    Regenerate,
}

/// The key with its secret.
pub(super) fn shown_page(options: LeptosOptions, shown: ShownOnce) -> String {
    let (key, secret) = (shown.key.consumer_key.to_string(), shown.secret.expose().to_owned());
    let body = move || {
        view! {
            <section class="card">
                <header>
                    <h1>"Your new API key"</h1>
                </header>
                <div class="body">
                    <p class="lede">{shown.key.settings.name.clone()}</p>
                    <p class="notice warn">"The secret is shown only this once. Copy it to a safe place now."</p>
                    {readable("consumer-key", "Consumer Key", key)}
                    {readable("consumer-secret", "Consumer Secret", secret)}
                    <form method="get" action=PAGE>
                        <label class="check">
                            <input type="checkbox" required />
                            "I have saved the secret"
                        </label>
                        <div class="actions">
                            <a class="btn first" download=ENV_FILE_NAME href=env_file_address(&shown)>
                                "Download .env"
                            </a>
                            <button type="submit" class="btn primary">
                                "Done"
                            </button>
                        </div>
                    </form>
                </div>
            </section>
        }
        .into_any()
    };
    document(options, "Your new API key", body)
}

/// The form again, with the problem and what was typed.
pub(super) fn form_page(options: LeptosOptions, page: PlainPage, error: AppError) -> String {
    let notice = error.problem.field.is_none().then(|| view! { <ProblemNotice problem=error.problem.clone() /> });
    let (title, form) = match page {
        PlainPage::Create { name } => ("Generate API Key", Some(name_form(name, error.field_message("name")))),
        PlainPage::Regenerate => ("Regenerate API key", None),
    };
    let body = move || {
        view! {
            <section class="card">
                <header>
                    <h1>{title}</h1>
                </header>
                <div class="body stack">{notice} {form} <a href=PAGE>"Back to API Plans & Settings"</a></div>
            </section>
        }
        .into_any()
    };
    document(options, title, body)
}

fn name_form(name: String, error: Option<String>) -> AnyView {
    view! {
        <form method="post" action="/settings/keys" class="stack">
            <TextField
                label="Name"
                name="name"
                required=true
                maxlength=80
                autocomplete="off"
                value=name
                error=error
            />
            <div class="actions">
                <button type="submit" class="btn primary">
                    "Generate"
                </button>
            </div>
        </form>
    }
    .into_any()
}

fn readable(id: &'static str, label: &'static str, value: String) -> AnyView {
    view! {
        <div class="field-group">
            <label for=id>{label}</label>
            <div class="field">
                <input id=id class="mono" readonly autocomplete="off" value=value />
            </div>
        </div>
    }
    .into_any()
}

/// Renders outside the router, with an owner of its own, because there is no console around it.
fn document(options: LeptosOptions, title: &'static str, body: impl FnOnce() -> AnyView) -> String {
    let owner = Owner::new();
    owner.with(|| {
        view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <DocumentHead options=options />
                    <title>{format!("{title} · Artiko")}</title>
                </head>
                <body>
                    <main class="narrow" id="main">
                        {body()}
                    </main>
                </body>
            </html>
        }
        .to_html()
    })
}
