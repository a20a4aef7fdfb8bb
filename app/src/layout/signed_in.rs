//! Lets signed-in people through to the pages and sends everybody else to sign in.

use super::nav::MainNav;
use crate::components::{Later, LiveVersion, Ticker, listen_to_changes, shared};
use crate::error::AppError;
use domain::account::Viewer;
use domain::problem::ProblemCode;
use leptos::prelude::*;
use leptos_router::components::Outlet;
use std::time::Duration;

/// How often "2 minutes ago" is written anew.
const TICK: Duration = Duration::from_secs(30);

/// The parent of every page but sign-in and sign-up.
///
/// Who is signed in is known before the page is rendered, and travels to the browser with it. Waiting for it here would
/// render every page twice on the server, the first time for nothing.
#[component]
pub fn SignedIn() -> impl IntoView {
    match shared(known_viewer) {
        Ok(viewer) => view! { <Layout viewer=viewer /> }.into_any(),
        Err(_) => leave(),
    }
}

#[cfg(feature = "ssr")]
fn known_viewer() -> Result<Viewer, AppError> {
    crate::server_fns::viewer_of_request().ok_or_else(|| AppError::new(ProblemCode::SignInRequired))
}

/// In the browser nobody is known before the server says so.
#[cfg(not(feature = "ssr"))]
fn known_viewer() -> Result<Viewer, AppError> {
    Err(AppError::new(ProblemCode::SignInRequired))
}

#[cfg(feature = "ssr")]
fn leave() -> AnyView {
    view! { <leptos_router::components::Redirect path=sign_in_address() /> }.into_any()
}

/// The browser came here from a page without a viewer: it asks the server for this one, which knows who is signed in.
#[cfg(not(feature = "ssr"))]
fn leave() -> AnyView {
    request_animation_frame(|| {
        let _loading = window().location().reload();
    });
    view! { <main class="narrow"><crate::components::Loading /></main> }.into_any()
}

#[component]
fn Layout(viewer: Viewer) -> impl IntoView {
    let live = LiveVersion(RwSignal::new(0));
    let ticker = Ticker(RwSignal::new(0));
    provide_context(viewer);
    provide_context(live);
    provide_context(ticker);
    listen_to_changes(live);
    Effect::new(move |_| {
        let tick = move || ticker.0.update(|ticks| *ticks = ticks.wrapping_add(1));
        if let Ok(interval) = set_interval_with_handle(tick, TICK) {
            on_cleanup(move || interval.clear());
        }
    });
    view! {
        <a class="skip-link" href="#main" rel="external">
            "Skip to content"
        </a>
        <div class="shell">
            <MainNav />
            <main id="main" tabindex="-1">
                <Later>
                    <Outlet />
                </Later>
            </main>
        </div>
    }
}

/// Where to sign in, with the way back to the page that was asked for.
#[cfg(feature = "ssr")]
fn sign_in_address() -> String {
    let location = leptos_router::hooks::use_location();
    let (path, search) = (location.pathname.get_untracked(), location.search.get_untracked());
    let next = if search.is_empty() { path } else { format!("{path}?{search}") };
    let escaped = leptos_router::location::Url::escape(&next);
    if next == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={escaped}") }
}
