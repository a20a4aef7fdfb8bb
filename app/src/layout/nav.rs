//! The navigation: a sidebar where there is room, a menu behind one button where there is not.

use crate::components::Later;
use crate::viewer::use_viewer;
use leptos::html::Details;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// One link: address, text, and the strokes of its icon on a field of 16 by 16.
struct NavLink {
    href: &'static str,
    text: &'static str,
    icon: &'static str,
}

const PRODUCT_LINKS: [NavLink; 6] = [
    NavLink { href: "/", text: "Dashboard", icon: "M2 7l6-5 6 5v7H2z" },
    NavLink { href: "/chatbots", text: "Chatbots", icon: "M2 3h12v8H8l-3 3v-3H2z" },
    NavLink { href: "/documents", text: "Documents", icon: "M4 1h6l3 3v11H4zM10 1v3h3" },
    NavLink { href: "/conversations", text: "Conversations", icon: "M1 2h9v6H6l-2 2V8H1zM12 5h3v6h-1v3l-3-3H7v-1" },
    NavLink { href: "/usage", text: "Usage", icon: "M2 14V8M6 14V3M10 14V6M14 14v-4" },
    NavLink {
        href: "/settings",
        text: "Api & Plan Setting",
        icon: "M8.5 10.5a3 3 0 1 1-6 0a3 3 0 1 1 6 0M8 8l6-6M12 4l2 2",
    },
];

const HELP_LINKS: [NavLink; 2] = [
    NavLink { href: "/reference", text: "API & Reference", icon: "M5 4L1 8l4 4M11 4l4 4-4 4" },
    NavLink {
        href: "/support",
        text: "Support",
        icon: "M14.5 8a6.5 6.5 0 1 1-13 0a6.5 6.5 0 1 1 13 0M6 6a2 2 0 114 0c0 1.5-2 1.5-2 3M8 11.5v.1",
    },
];

/// The sidebar of wide screens and the bar of narrow ones; the style sheet shows one of them.
#[component]
pub fn MainNav() -> impl IntoView {
    view! {
        <nav class="sidebar" aria-label="Main">
            <Later>
                <Brand />
                <NavLinks />
                <AccountMenu />
            </Later>
        </nav>
        <NarrowNav />
    }
}

#[component]
fn NarrowNav() -> impl IntoView {
    let menu = NodeRef::<Details>::new();
    let close = move |_| {
        if let Some(menu) = menu.get_untracked() {
            menu.set_open(false);
        }
    };
    view! {
        <nav class="topbar" aria-label="Main">
            <Later>
                <Brand />
                <details class="nav-menu" node_ref=menu>
                    <summary aria-label="Menu">"☰"</summary>
                    <div class="nav-menu-items" on:click=close>
                        <NavLinks />
                        <div class="sep"></div>
                        {account_link()}
                        {mail_link()}
                        <SignOut />
                    </div>
                </details>
            </Later>
        </nav>
    }
}

#[component]
fn Brand() -> impl IntoView {
    view! {
        <div class="brand">
            <img src="/favicon.svg" alt="" width="22" height="22" />
            "Artiko"
        </div>
    }
}

#[component]
fn NavLinks() -> impl IntoView {
    let links = |links: &'static [NavLink]| links.iter().map(nav_link).collect_view();
    view! {
        {links(&PRODUCT_LINKS)}
        <div class="sep"></div>
        {links(&HELP_LINKS)}
    }
}

fn nav_link(link: &'static NavLink) -> AnyView {
    view! {
        <a href=link.href aria-current=current(link.href)>
            <svg viewBox="0 0 16 16" aria-hidden="true" inner_html=format!(r#"<path d="{}"/>"#, link.icon)></svg>
            {link.text}
        </a>
    }
    .into_any()
}

fn account_link() -> AnyView {
    view! {
        <a href="/account" aria-current=current("/account")>
            "Account"
        </a>
    }
    .into_any()
}

/// For those who run the installation. The page is no part of the console, so the browser loads it.
fn mail_link() -> Option<AnyView> {
    use_viewer().is_operator.then(|| view! { <a href="/operator/mail" rel="external">"Mail"</a> }.into_any())
}

/// Says of a link that it leads to the page that is open.
fn current(href: &'static str) -> impl Fn() -> Option<&'static str> + Send + Sync + 'static {
    let path = use_location().pathname;
    move || is_current(&path.try_get()?, href).then_some("page")
}

/// A page below another one belongs to it; every page is below the dashboard, and none belongs to it.
fn is_current(path: &str, href: &str) -> bool {
    path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || href != "/" && rest.starts_with('/'))
}

#[component]
fn AccountMenu() -> impl IntoView {
    let viewer = use_viewer();
    view! {
        <details class="who">
            <summary>
                <span class="avatar" aria-hidden="true">
                    {viewer.initials()}
                </span>
                <span class="who-text">
                    <span class="who-name">{viewer.name}</span>
                    <span class="sub">{viewer.email}</span>
                </span>
            </summary>
            <div class="who-items">
                {account_link()}
                {mail_link()}
                <SignOut />
            </div>
        </details>
    }
}

/// A plain form: the browser loads the sign-in page, and nothing of the account stays in memory.
#[component]
fn SignOut() -> impl IntoView {
    view! {
        <form method="post" action="/rpc/account/sign-out">
            <button type="submit">"Sign out"</button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::is_current;

    #[test]
    fn a_link_is_current_on_its_page_and_on_those_below_it() {
        for (path, href, expected) in [
            ("/", "/", true),
            ("/usage", "/", false),
            ("/settings", "/settings", true),
            ("/settings/payments", "/settings", true),
            ("/settings-old", "/settings", false),
        ] {
            assert_eq!(is_current(path, href), expected, "{path} {href}");
        }
    }
}
