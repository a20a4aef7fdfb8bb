//! The pages, in the looks of signing in.

use crate::components::{ProblemNotice, TextField};
use crate::error::AppError;
use crate::shell::plain_document;
use crate::sign_in::page::Brand;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

/// Where the link at the foot of a page leads.
type Foot = (&'static str, &'static str);

const TO_SIGN_IN: Foot = ("/sign-in", "Sign in");
const TO_ASK: Foot = ("/forgot-password", "Ask for a new link");

fn page(options: LeptosOptions, title: &'static str, foot: Foot, body: impl FnOnce() -> AnyView) -> String {
    plain_document(options, title, move || {
        view! {
            <main class="narrow" id="main">
                <Brand />
                <div class="card">
                    <div class="body">
                        <h1>{title}</h1>
                        <div class="stack">{body()}</div>
                    </div>
                    <div class="foot"><a href=foot.0>{foot.1}</a></div>
                </div>
            </main>
        }
        .into_any()
    })
}

/// A problem that is not about one field.
fn notice(error: Option<&AppError>) -> Option<AnyView> {
    let problem = error.map(|error| error.problem.clone()).filter(|problem| problem.field.is_none())?;
    Some(view! { <ProblemNotice problem=problem /> }.into_any())
}

/// Asks for the e-mail.
pub(super) fn forgot(options: LeptosOptions, email: String, error: Option<AppError>) -> String {
    page(options, "Forgot your password?", TO_SIGN_IN, move || {
        view! {
            <form method="post" class="stack">
                <p>"We send a link to your e-mail, with which you choose a new one."</p>
                {notice(error.as_ref())}
                <TextField
                    label="E-mail"
                    name="email"
                    kind="email"
                    required=true
                    maxlength=254
                    autocomplete="username"
                    value=email
                    error=error.and_then(|error| error.field_message("email"))
                />
                <button type="submit" class="btn primary wide">"Send the link"</button>
            </form>
        }
        .into_any()
    })
}

/// The answer, whoever was named.
pub(super) fn asked(options: LeptosOptions) -> String {
    page(options, "Look into your mail", TO_SIGN_IN, || {
        view! {
            <p role="status">
                "If there is an account with this e-mail, a link is on its way to it. It is good for an hour, once."
            </p>
            <p class="hint">"Nothing there after some minutes? Look among the unwanted mails, and check the e-mail."</p>
        }
        .into_any()
    })
}

/// Asks for the new password.
pub(super) fn choose(options: LeptosOptions, token: String, error: Option<AppError>) -> String {
    page(options, "Choose a new password", TO_SIGN_IN, move || {
        view! {
            // The action has no query: the link stands in the form alone from here on.
            <form method="post" action="/reset-password" class="stack">
                {notice(error.as_ref())}
                <input type="hidden" name="token" value=token />
                <TextField
                    label="New password"
                    name="password"
                    kind="password"
                    required=true
                    minlength=8
                    autocomplete="new-password"
                    hint="At least 8 characters; anything may be among them. You are signed out everywhere."
                    error=error.and_then(|error| error.field_message("password"))
                />
                <button type="submit" class="btn primary wide">"Set the password"</button>
            </form>
        }
        .into_any()
    })
}

pub(super) fn chosen(options: LeptosOptions) -> String {
    page(options, "Your password is changed", TO_SIGN_IN, || {
        view! { <p role="status">"All sessions have ended. Sign in with the new password."</p> }.into_any()
    })
}

/// Asks for a click: programs that look at the links of mails must confirm nothing.
pub(super) fn confirm(options: LeptosOptions, token: String) -> String {
    page(options, "Confirm your e-mail", TO_SIGN_IN, move || {
        view! {
            <form method="post" action="/confirm-email" class="stack">
                <p>"With this, the e-mail is yours."</p>
                <input type="hidden" name="token" value=token />
                <button type="submit" class="btn primary wide">"Confirm"</button>
            </form>
        }
        .into_any()
    })
}

pub(super) fn confirmed(options: LeptosOptions) -> String {
    page(options, "Your e-mail is confirmed", ("/settings", "Go on to Artiko"), || {
        view! { <p role="status">"Thank you."</p> }.into_any()
    })
}

pub(super) fn sent_again(options: LeptosOptions, email: String) -> String {
    page(options, "Look into your mail", ("/account", "Back to your account"), move || {
        view! { <p role="status">"A link is on its way to "{email}". There is at most one every five minutes."</p> }
            .into_any()
    })
}

/// A link that opens nothing.
pub(super) fn refused(options: LeptosOptions, error: AppError, is_password: bool) -> String {
    let foot = if is_password { TO_ASK } else { ("/account", "Your account") };
    page(options, "This link does not work", foot, move || view! { <ProblemNotice problem=error.problem /> }.into_any())
}
