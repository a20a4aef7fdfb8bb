//! Who is signed in, for support and for the person himself, and "Sign out".

use crate::components::{CopyButton, Moment, MomentKind, PageHeading};
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
    view! {
        <PageHeading title="Account"/>
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
    }
    .into_any()
}
