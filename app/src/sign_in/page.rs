//! The two pages that somebody sees who is not signed in. Both are plain forms that work without WebAssembly.

use super::server_fns::{SignIn, SignUp};
use crate::components::{FormProblem, PageHeading, PostForm, Submission, TextField, field_error, typed};
use crate::error::AppError;
use crate::viewer::is_local_path;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::components::Redirect;
use leptos_router::hooks::use_query_map;
use leptos_router::location::Url;

/// `/sign-in?next=…`
#[component]
pub fn SignInPage() -> impl IntoView {
    let next = next_path();
    if is_signed_in() {
        return view! { <Redirect path=next /> }.into_any();
    }
    let action = Submission::<SignIn>::new();
    let error = action.error();
    follow(action);
    let sign_up = with_next("/sign-up", &next);
    view! {
        <main class="narrow" id="main">
            <Brand />
            <div class="card">
                <div class="body">
                    <PageHeading title="Sign in" />
                    <PostForm to=action>
                        <div class="stack">
                            <FormProblem error=error />
                            <TextField
                                label="E-mail"
                                name="email"
                                kind="email"
                                required=true
                                maxlength=254
                                autocomplete="username"
                                value=typed(error, "email")
                                error=field_error(error, "email")
                            />
                            <TextField
                                label="Password"
                                name="password"
                                kind="password"
                                required=true
                                autocomplete="current-password"
                                error=field_error(error, "password")
                            />
                            <input type="hidden" name="next" value=next />
                            <SubmitButton label="Sign in" is_pending=action.is_pending() />
                        </div>
                    </PostForm>
                </div>
                <div class="foot">
                    <span>"New here? " <a href=sign_up>"Create an account"</a></span>
                    <a href="/forgot-password" rel="external">"Forgot your password?"</a>
                </div>
            </div>
        </main>
    }
    .into_any()
}

/// `/sign-up?next=…`
#[component]
pub fn SignUpPage() -> impl IntoView {
    let next = next_path();
    if is_signed_in() {
        return view! { <Redirect path=next /> }.into_any();
    }
    let action = Submission::<SignUp>::new();
    let error = action.error();
    follow(action);
    let sign_in = with_next("/sign-in", &next);
    view! {
        <main class="narrow" id="main">
            <Brand />
            <div class="card">
                <div class="body">
                    <PageHeading title="Create an account" />
                    <PostForm to=action>
                        <div class="stack">
                            <FormProblem error=error />
                            <TextField
                                label="Name"
                                name="name"
                                required=true
                                maxlength=80
                                autocomplete="name"
                                value=typed(error, "name")
                                error=field_error(error, "name")
                            />
                            <TextField
                                label="E-mail"
                                name="email"
                                kind="email"
                                required=true
                                maxlength=254
                                autocomplete="email"
                                value=typed(error, "email")
                                error=field_error(error, "email")
                            />
                            <TextField
                                label="Password"
                                name="password"
                                kind="password"
                                required=true
                                minlength=8
                                autocomplete="new-password"
                                hint="At least 8 characters; anything may be among them."
                                error=field_error(error, "password")
                            />
                            <input type="hidden" name="next" value=next />
                            <SubmitButton label="Sign up" is_pending=action.is_pending() />
                        </div>
                    </PostForm>
                </div>
                <div class="foot">
                    <span>"Have an account? " <a href=sign_in>"Sign in"</a></span>
                </div>
            </div>
        </main>
    }
    .into_any()
}

/// Somebody who is signed in has nothing to do here. Only the server knows.
#[cfg(feature = "ssr")]
fn is_signed_in() -> bool {
    crate::server_fns::viewer_of_request().is_some()
}

#[cfg(not(feature = "ssr"))]
fn is_signed_in() -> bool {
    false
}

#[component]
pub(crate) fn Brand() -> impl IntoView {
    view! {
        <div class="brand">
            <img src="/favicon.svg" alt="" width="22" height="22" />
            "Artiko"
        </div>
    }
}

#[component]
fn SubmitButton(label: &'static str, #[prop(into)] is_pending: Signal<bool>) -> impl IntoView {
    view! {
        <button type="submit" class="btn primary wide" disabled=move || is_pending.get()>
            {label}
        </button>
    }
}

/// Goes on after a success by loading the page anew, so that nothing of an account that was open before stays in memory.
fn follow<S>(action: Submission<S>)
where
    S: ServerFn<Output = String, Error = AppError> + 'static,
{
    Effect::new(move |_| {
        if let Some(next) = action.value() {
            let _ = window().location().assign(&next);
        }
    });
}

/// The page to go to afterwards; the page with plan, credit and keys when the address names none of this site.
fn next_path() -> String {
    let next = use_query_map().with_untracked(|query| query.get("next"));
    next.filter(|next| is_local_path(next)).unwrap_or_else(|| "/settings".to_owned())
}

fn with_next(page: &str, next: &str) -> String {
    if next == "/settings" { page.to_owned() } else { format!("{page}?next={}", Url::escape(next)) }
}
