//! Lets signed-in people through to the pages and sends everybody else to sign in.

use super::nav::MainNav;
use crate::components::{LiveVersion, Loading, ProblemNotice, Ticker, listen_to_changes};
use crate::server_fns::load_viewer;
use domain::account::Viewer;
use leptos::prelude::*;
use leptos_router::components::{Outlet, Redirect};
use leptos_router::hooks::use_location;
use leptos_router::location::Url;
use std::time::Duration;

/// How often "2 minutes ago" is written anew.
const TICK: Duration = Duration::from_secs(30);

/// The parent of every page but sign-in and sign-up.
#[component]
pub fn SignedIn() -> impl IntoView {
    let viewer = Resource::new(|| (), |()| load_viewer());
    view! {
        <Suspense fallback=|| {
            view! {
                <main class="narrow">
                    <Loading />
                </main>
            }
        }>
            {move || Suspend::new(async move {
                match viewer.await {
                    Ok(Some(viewer)) => view! { <Layout viewer=viewer /> }.into_any(),
                    Ok(None) => view! { <Redirect path=sign_in_address() /> }.into_any(),
                    Err(error) => {
                        view! {
                            <main class="narrow">
                                <ProblemNotice problem=error.problem />
                            </main>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
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
                <Outlet />
            </main>
        </div>
    }
}

/// Where to sign in, with the way back to the page that was asked for.
fn sign_in_address() -> String {
    let location = use_location();
    let (path, search) = (location.pathname.get_untracked(), location.search.get_untracked());
    let next = if search.is_empty() { path } else { format!("{path}?{search}") };
    if next == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={}", Url::escape(&next)) }
}
