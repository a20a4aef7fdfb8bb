//! The console: its pages, their parts, and the server functions they call.
//!
//! The same code renders on the server and comes alive in the browser. Only files named `server_fns.rs` know that there is
//! a server crate, so nothing else can reach the database by accident, nor drag it into what the browser loads.

#![allow(clippy::needless_pass_by_value, reason = "components take their properties by value")]

pub mod account;
pub mod call;
pub mod chatbots;
pub mod components;
pub mod contacts;
pub mod conversations;
pub mod dashboard;
pub mod documents;
pub mod error;
pub mod layout;
pub mod operator;
pub mod plan_change;
pub mod recovery;
pub mod reference;
pub mod server_fns;
pub mod settings;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod sign_in;
#[cfg(feature = "hydrate")]
pub mod startup;
pub mod support;
pub mod top_up;
pub mod usage;
pub mod viewer;

use account::page::AccountPage;
use chatbots::page::{ChatbotPage, ChatbotsPage};
use contacts::ContactsPage;
use conversations::{ConversationPage, ConversationsPage};
use dashboard::page::DashboardPage;
use documents::page::DocumentsPage;
use layout::{NotFound, SignedIn};
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::hooks::use_location;
use leptos_router::{SsrMode, path};
use plan_change::page::PlanChangePage;
use reference::operation_page::OperationPage;
use reference::page::ReferencePage;
use settings::key::page::KeyPage;
use settings::page::SettingsPage;
use settings::payments_page::PaymentsPage;
#[cfg(feature = "ssr")]
pub use shell::shell;
use sign_in::page::{SignInPage, SignUpPage};
use support::page::{GuidePage, SupportPage};
use top_up::page::TopUpPage;
use usage::entry_page::EntryPage;
use usage::page::UsagePage;

/// Every page with its address. Each waits for its data on the server, so that it can be read without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Artiko".to_owned() } else { title + " · Artiko" } />
        <Router>
            {provide_form_error()}
            <Routes fallback=NotFound>
                <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async />
                <Route path=path!("/sign-up") view=SignUpPage ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=SignedIn ssr=SsrMode::Async>
                    <Route path=path!("") view=DashboardPage ssr=SsrMode::Async />
                    <Route path=path!("/chatbots") view=ChatbotsPage ssr=SsrMode::Async />
                    <Route path=path!("/chatbots/:id") view=ChatbotPage ssr=SsrMode::Async />
                    <Route path=path!("/documents") view=DocumentsPage ssr=SsrMode::Async />
                    <Route path=path!("/conversations") view=ConversationsPage ssr=SsrMode::Async />
                    <Route path=path!("/conversations/contacts") view=ContactsPage ssr=SsrMode::Async />
                    <Route path=path!("/conversations/:id") view=ConversationPage ssr=SsrMode::Async />
                    <Route path=path!("/usage") view=UsagePage ssr=SsrMode::Async />
                    <Route path=path!("/usage/entries/:seq") view=EntryPage ssr=SsrMode::Async />
                    <Route path=path!("/settings") view=SettingsPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/keys/:id") view=KeyPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/auto-top-up") view=TopUpPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/plan/:plan") view=PlanChangePage ssr=SsrMode::Async />
                    <Route path=path!("/settings/payments") view=PaymentsPage ssr=SsrMode::Async />
                    <Route path=path!("/reference") view=ReferencePage ssr=SsrMode::Async />
                    <Route path=path!("/reference/:operation") view=OperationPage ssr=SsrMode::Async />
                    <Route path=path!("/support") view=SupportPage ssr=SsrMode::Async />
                    <Route path=path!("/support/guide/:chapter") view=GuidePage ssr=SsrMode::Async />
                    <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Gives the form that was posted without WebAssembly the error that came back in the address. The browser reads it from
/// the same place, so the first rendering of both is the same.
fn provide_form_error() {
    let query = use_location().query.get_untracked();
    if let (Some(path), Some(error)) = (query.get_str("__path"), query.get_str("__err")) {
        provide_context(ServerActionError::new(path, error));
    }
}
