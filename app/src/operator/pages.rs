//! The list of mails, and one mail.

use crate::shell::plain_document;
use domain::clock::Timestamp;
use domain::mail::MailState;
use leptos::config::LeptosOptions;
use leptos::prelude::*;

/// A mail in the list. Where it can be read, `href` leads there.
pub(super) struct Row {
    pub at: Timestamp,
    pub kind: String,
    pub email: String,
    pub state: MailState,
    pub attempts: i64,
    /// When it was sent, or is tried again.
    pub moment: Option<Timestamp>,
    pub error: String,
    pub href: String,
}

/// A mail as it reads.
pub(super) struct Opened {
    pub row: Row,
    pub account_id: String,
    /// Subject and text, where it is kept as a file.
    pub said: Option<(String, String)>,
    pub public_url: String,
}

const fn state_name(state: MailState) -> &'static str {
    match state {
        MailState::Waiting => "Waiting",
        MailState::Sending => "Being sent",
        MailState::Sent => "Sent",
        MailState::Failed => "Given up",
    }
}

const fn state_class(state: MailState) -> &'static str {
    match state {
        MailState::Waiting | MailState::Sending => "chip",
        MailState::Sent => "chip ok",
        MailState::Failed => "chip bad",
    }
}

/// `credit_low` → `Credit low`
fn kind_name(kind: &str) -> String {
    let words = kind.replace('_', " ").replace("email", "e-mail");
    let mut characters = words.chars();
    let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + characters.as_str()
}

fn moment(at: Timestamp) -> AnyView {
    view! { <time datetime=at.to_string()>{format!("{} UTC", at.date_time())}</time> }.into_any()
}

/// The newest mails, and how many there are in each state.
pub(super) fn list(
    options: LeptosOptions,
    rows: Vec<Row>,
    counts: Vec<(MailState, i64)>,
    chosen: Option<MailState>,
) -> String {
    let total: i64 = counts.iter().map(|(_, count)| count).sum();
    let all = filter_link("/operator/mail".to_owned(), format!("All {total}"), chosen.is_none());
    let filters = counts.into_iter().map(|(state, count)| {
        let href = format!("/operator/mail?state={}", state.as_str());
        filter_link(href, format!("{} {count}", state_name(state)), chosen == Some(state))
    });
    let filters = std::iter::once(all).chain(filters).collect_view();
    let table = if rows.is_empty() {
        view! { <p class="body quiet">"There is no such mail."</p> }.into_any()
    } else {
        view! {
            <div class="table-wrap" tabindex="0" role="region" aria-label="Mails">
                <table>
                    <caption class="visually-hidden">"The newest mails"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"When"</th>
                            <th scope="col">"Mail"</th>
                            <th scope="col">"State"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.into_iter().map(row_view).collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    page(options, "Mail", move || {
        view! {
            <p class="crumbs"><a href="/account">"Account"</a></p>
            <h1>"Mail"</h1>
            <p class="lede">"Everything that this installation has sent, or is still to send. The newest 200 are listed."</p>
            <nav class="tabs" aria-label="State">{filters}</nav>
            <div class="card">{table}</div>
        }
        .into_any()
    })
}

fn filter_link(href: String, text: String, is_chosen: bool) -> AnyView {
    view! { <a href=href aria-current=is_chosen.then_some("page")>{text}</a> }.into_any()
}

fn row_view(row: Row) -> AnyView {
    let attempts = match row.attempts {
        1 => "1 attempt".to_owned(),
        attempts => format!("{attempts} attempts"),
    };
    let next = if row.state == MailState::Waiting { ", again at " } else { ", at " };
    let next = row.moment.map(|at| view! { {next} {moment(at)} });
    let error = (!row.error.is_empty()).then(|| view! { <div class="sub">{row.error}</div> });
    view! {
        <tr>
            <td>{moment(row.at)}</td>
            <td>
                <a href=row.href>{kind_name(&row.kind)}</a>
                <div class="sub">{row.email}</div>
            </td>
            <td class="wrap">
                <span class=state_class(row.state)>{state_name(row.state)}</span>
                " "
                <span class="sub">{attempts} {next}</span>
                {error}
            </td>
        </tr>
    }
    .into_any()
}

/// One mail.
pub(super) fn opened(options: LeptosOptions, mail: Opened) -> String {
    let Opened { row, account_id, said, public_url } = mail;
    let error = (!row.error.is_empty()).then(|| {
        view! { <dt>"What went wrong"</dt><dd>{row.error}</dd> }
    });
    let said = match said {
        Some((subject, text)) => view! {
            <section class="card" aria-labelledby="subject">
                <header><h2 id="subject">{subject}</h2></header>
                <div class="body"><pre class="mail" tabindex="0">{text_view(&text, &public_url)}</pre></div>
            </section>
        }
        .into_any(),
        None => view! { <p class="quiet">"What it said is not kept: it goes to a mail server, or has not been sent yet."</p> }.into_any(),
    };
    page(options, "Mail", move || {
        view! {
            <p class="crumbs"><a href="/operator/mail">"Mail"</a></p>
            <h1>{kind_name(&row.kind)}</h1>
            <section class="card" aria-label="Mail">
                <dl class="body facts">
                    <dt>"To"</dt>
                    <dd>{row.email}</dd>
                    <dt>"When"</dt>
                    <dd>{moment(row.at)}</dd>
                    <dt>"State"</dt>
                    <dd><span class=state_class(row.state)>{state_name(row.state)}</span></dd>
                    <dt>"Attempts"</dt>
                    <dd class="num">{row.attempts}</dd>
                    <dt>"Sent, or tried again"</dt>
                    <dd>{row.moment.map(moment)}</dd>
                    <dt>"Account id"</dt>
                    <dd><code class="mono">{account_id}</code></dd>
                    {error}
                </dl>
            </section>
            {said}
        }
        .into_any()
    })
}

/// The text with its links to this installation as links. No other address becomes one: it may be a customer's words.
fn text_view(text: &str, public_url: &str) -> AnyView {
    let lines = text.split_inclusive('\n').map(|line| {
        let url = line.trim_end();
        let is_own = url.strip_prefix(public_url).is_some_and(|path| path.starts_with('/'));
        if is_own {
            view! { <a href=url.to_owned()>{url.to_owned()}</a>"\n" }.into_any()
        } else {
            line.to_owned().into_any()
        }
    });
    lines.collect_view().into_any()
}

fn page(options: LeptosOptions, title: &'static str, body: impl FnOnce() -> AnyView) -> String {
    plain_document(options, title, move || view! { <main id="main">{body()}</main> }.into_any())
}
