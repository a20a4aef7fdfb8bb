//! The list as HTML. Its forms are posted by the browser itself: somebody who answers people leaves the page anyway, and
//! the browser need not load how it is made.

use super::server_fns::{DeleteContact, MarkContact};
use crate::documents::get_form::address;
use domain::clock::Timestamp;
use domain::contact::ContactRequest;
use domain::conversation::Page;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

pub(super) const PAGE: &str = "/conversations/contacts";
/// How the address says that those are shown too about which nothing is left to do.
pub(super) const SHOW_ALL: &str = "all";

/// A page of contact requests, and the ways to the others.
pub(super) fn html(page: Page<ContactRequest>, show: &str, before: &str) -> String {
    let is_all = show == SHOW_ALL;
    let tab = |href: String, text: &'static str, is_current: bool| {
        view! { <a href=href aria-current=is_current.then_some("page")>{text}</a> }.into_any()
    };
    let own = |before: &str| address(PAGE, &[("show", show.to_owned()), ("before", before.to_owned())]);
    let older = page.next.as_deref().map(own);
    let newest = (!before.is_empty()).then(|| own(""));
    let body = if page.items.is_empty() { empty(is_all) } else { cards(page.items) };
    view! {
        <nav class="tabs" aria-label="Which are shown">
            {tab("/conversations".to_owned(), "Conversations", false)}
            {tab(PAGE.to_owned(), "Contact requests", !is_all)}
            {tab(address(PAGE, &[("show", SHOW_ALL.to_owned())]), "With those that are done", is_all)}
        </nav>
        {body}
        <nav class="pages" aria-label="Pages">
            {newest.map(|href| view! { <a href=href>"Newest"</a> }.into_any())}
            {older.map(|href| view! { <a href=href rel="next">"Older"</a> }.into_any())}
            <a href="/conversations/contacts.csv" download="" rel="external">"Export all as CSV"</a>
        </nav>
    }
    .to_html()
}

fn empty(is_all: bool) -> AnyView {
    let title = if is_all { "No contact requests yet" } else { "No open contact requests" };
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            <p>"Visitors can leave one where a chatbot's widget lets them: that is set on the chatbot's page, under Widget."</p>
            <a href="/chatbots">"Chatbots"</a>
        </div>
    }
    .into_any()
}

fn cards(contacts: Vec<ContactRequest>) -> AnyView {
    let cards = contacts.into_iter().map(card).collect_view();
    view! { <ul class="contacts-list" aria-label="Contact requests">{cards}</ul> }.into_any()
}

fn card(contact: ContactRequest) -> AnyView {
    let ContactRequest { id, chatbot_id, chatbot_name, conversation_id, text, origin, created_at, done_at } = contact;
    let (id, is_done) = (id.to_string(), done_at.is_some());
    let who = if text.name.is_empty() { text.email.clone() } else { text.name.clone() };
    let heading = format!("contact-{id}");
    let conversation = conversation_id
        .map(|id| view! { " · "<a href=format!("/conversations/{id}")>"What was said before"</a> }.into_any());
    let (word, to_be) = if is_done { ("Open again", "false") } else { ("Mark as done", "true") };
    view! {
        <li>
            <article class="card" aria-labelledby=heading.clone()>
                <header>
                    <h2 id=heading.clone()>{who.clone()}</h2>
                    {is_done.then(|| view! { <span class="chip ok">"Done"</span> }.into_any())}
                    <span class="push sub num">{moment(created_at)}</span>
                </header>
                <div class="body stack">
                    <p class="contact-text">{text.message}</p>
                    <p>"Answer to "<a href=format!("mailto:{}", text.email)>{text.email.clone()}</a></p>
                    <p class="sub">
                        <a href=format!("/chatbots/{chatbot_id}")>{chatbot_name}</a>" · "{origin}{conversation}
                    </p>
                </div>
                <div class="foot">
                    <form method="post" action=MarkContact::PATH>
                        <input type="hidden" name="id" value=id.clone()/>
                        <input type="hidden" name="is_done" value=to_be/>
                        <button class="btn" aria-label=format!("{word}: {who}")>{word}</button>
                    </form>
                    <details class="push">
                        <summary aria-label=format!("Delete: {who}")>"Delete"</summary>
                        <form method="post" action=DeleteContact::PATH>
                            <input type="hidden" name="id" value=id/>
                            <button class="btn danger">"Delete for good"</button>
                        </form>
                    </details>
                </div>
            </article>
        </li>
    }
    .into_any()
}

fn moment(at: Timestamp) -> AnyView {
    view! { <time datetime=at.to_string()>{format!("{} UTC", at.date_time())}</time> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::contact::ContactText;
    use domain::id::{ChatbotId, ContactId, ConversationId};

    fn contact(name: &str, done_at: Option<Timestamp>) -> ContactRequest {
        let now = Timestamp::from_us(1);
        ContactRequest {
            id: ContactId::new(now, [1; 8]),
            chatbot_id: ChatbotId::new(now, [2; 8]),
            chatbot_name: "Help centre".to_owned(),
            conversation_id: Some(ConversationId::new(now, [3; 8])),
            text: ContactText {
                name: name.to_owned(),
                email: "vera@example.com".to_owned(),
                message: "<script>alert(1)</script>".to_owned(),
            },
            origin: "https://shop.example.com".to_owned(),
            created_at: now,
            done_at,
        }
    }

    fn page(items: Vec<ContactRequest>, next: Option<&str>, show: &str, before: &str) -> String {
        Owner::new().with(|| html(Page { items, next: next.map(str::to_owned) }, show, before))
    }

    #[test]
    fn what_a_visitor_wrote_is_shown_as_text_with_the_way_to_answer_it() {
        let shown = page(vec![contact("Vera", None)], None, "", "");
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script"), "{shown}");
        assert!(shown.contains("mailto:vera@example.com") && shown.contains("/conversations/conv_"), "{shown}");
        assert!(shown.contains("Mark as done") && !shown.contains("Open again"), "{shown}");
        assert!(page(vec![contact("", None)], None, "", "").contains("Mark as done: vera@example.com"));
        assert!(page(vec![contact("", Some(Timestamp::from_us(2)))], None, "all", "").contains("Open again"));
    }

    #[test]
    fn the_ways_to_other_pages_keep_what_is_shown() {
        let shown = page(vec![contact("Vera", None)], Some("ctc_1"), SHOW_ALL, "ctc_2");
        assert!(shown.contains("/conversations/contacts?show=all&amp;before=ctc_1\" rel=\"next\""), "{shown}");
        assert!(shown.contains("href=\"/conversations/contacts?show=all\">Newest"), "{shown}");
        let shown = page(Vec::new(), None, "", "");
        assert!(shown.contains("No open contact requests") && !shown.contains("Older"), "{shown}");
    }
}
