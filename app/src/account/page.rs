//! Who is signed in, for support and for the person himself, what he wants to be told by mail, and "Sign out".

use super::server_fns::LoadAlertForm;
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{CopyButton, Loaded, Moment, MomentKind, PageHeading};
use crate::reference::page::rendered;
use crate::server_fns::SignOut;
use crate::viewer::use_viewer;
use domain::account::{Role, Viewer};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

#[component]
pub fn AccountPage() -> impl IntoView {
    let Viewer { account_id, role, name, email, joined_at, .. } = use_viewer();
    let role = match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Member => "Member",
    };
    let alert = Loaded::shown(|| (), |()| LoadAlertForm {});
    view! {
        <PageHeading title="Account"/>
        {unconfirmed()}
        <section class="card" aria-label="Account">
            <dl class="body facts">
                <dt>"Name"</dt>
                <dd>{name}</dd>
                <dt>"E-mail"</dt>
                <dd>{email}</dd>
                <dt>"Role"</dt>
                <dd>{role}</dd>
                <dt>"Account id"</dt>
                <dd>
                    <code class="mono">{account_id.to_string()}</code>
                    " "
                    <CopyButton text=account_id.to_string() label="Copy the account id"/>
                </dd>
                <dt>"Joined"</dt>
                <dd><Moment at=joined_at kind=MomentKind::Date/></dd>
            </dl>
            <div class="foot">
                <form method="post" action=SignOut::url()>
                    <button class="btn">"Sign out"</button>
                </form>
                <a href="/settings">"Api & Plan Setting"</a>
            </div>
        </section>
        <Suspense fallback=skeleton>
            {move || alert.show(async move {
                match alert.await {
                    Ok(html) => rendered(html, "alert"),
                    Err(error) => failure(error),
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// Says that the e-mail is not confirmed, with the way to another mail; nothing where it is.
pub fn unconfirmed() -> Option<AnyView> {
    const SAID: &str = r#"<p>Your e-mail is not confirmed. Follow the link in our mail.</p><form method="post" action="/account/confirm-email"><button class="btn">Send it again</button></form>"#;
    (!use_viewer().is_confirmed).then(|| view! { <div class="notice warn row" inner_html=SAID></div> }.into_any())
}
