//! The sections of the reference that are the same for every reader.

use super::server_fns::ErrorRow;
use crate::components::grouped;
use crate::documents::size_text;
use domain::field::MESSAGE_CHARACTERS_MAX;
use leptos::prelude::*;

pub fn authentication() -> AnyView {
    view! {
        <section class="card" id="authentication" aria-labelledby="authentication-heading">
            <header><h2 id="authentication-heading">"Authentication"</h2></header>
            <div class="body prose">
                <p>
                    "Every call carries the Consumer Key and the Consumer Secret of one of your "
                    <a href="/settings">"API keys"</a>
                    " in the header Authorization, in any of three forms:"
                </p>
                <pre tabindex="0"><code>
                    "Authorization: ck_…:sk_…\nAuthorization: Bearer ck_…:sk_…\nAuthorization: Basic base64(ck_…:sk_…)"
                </code></pre>
                <p>
                    "Call from your server only. Never put the secret in a web page, an app, an address or a repository: \
                    whoever has it spends your credit. A deleted key and a regenerated secret stop working at once."
                </p>
            </div>
        </section>
    }
    .into_any()
}

pub fn call(url: String, price: String, body_bytes_max: u32) -> AnyView {
    let length = format!("What the person asks; at most {} characters.", grouped_size(MESSAGE_CHARACTERS_MAX));
    view! {
        <section class="card" id="the-call" aria-labelledby="call-heading">
            <header><h2 id="call-heading">"The call"</h2></header>
            <div class="body prose">
                <pre tabindex="0"><code>"POST "{url}</code></pre>
                <p>
                    "The body is a JSON object, sent with Content-Type: application/json, of at most "
                    {size_text(body_bytes_max.into())}
                    ". An answer costs "
                    <strong class="num">{price}</strong>
                    " of API credit; an error costs nothing."
                </p>
                <h3>"Request"</h3>
                {fields_table("Fields of the request", vec![
                    ("chatbot_id", "string", "The id on the chatbot's card.".to_owned()),
                    ("user_message", "string", length),
                    (
                        "conversation_id",
                        "string or null",
                        "The conversation_id of an earlier answer, to go on with it. Null, absent, \"\" and \"0\" start a new one."
                            .to_owned(),
                    ),
                ])}
                <h3>"Response"</h3>
                {fields_table("Fields of the response", vec![
                    ("success", "boolean", "True; false in the body of every error.".to_owned()),
                    ("conversation_id", "string", "Send it with the next message of the same conversation.".to_owned()),
                    ("chatbot_message", "string", "The answer.".to_owned()),
                ])}
                <p>
                    "The header X-Request-Id names the call: you find it in the entry under "
                    <a href="/usage">"Usage"</a>
                    ", and support can find it too."
                </p>
            </div>
        </section>
    }
    .into_any()
}

fn fields_table(caption: &'static str, fields: Vec<(&'static str, &'static str, String)>) -> AnyView {
    let rows = fields.into_iter().map(|(name, kind, meaning)| {
        view! {
            <tr>
                <th scope="row"><code>{name}</code></th>
                <td>{kind}</td>
                <td class="wrap">{meaning}</td>
            </tr>
        }
    });
    view! {
        <div class="table-wrap" tabindex="0" role="region" aria-label=caption>
            <table>
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col">"Field"</th>
                        <th scope="col">"Type"</th>
                        <th scope="col">"Meaning"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

pub fn limits() -> AnyView {
    view! {
        <section class="card" id="limits" aria-labelledby="limits-heading">
            <header><h2 id="limits-heading">"Limits"</h2></header>
            <div class="body prose">
                <ul>
                    <li>"A message has at most "{grouped_size(MESSAGE_CHARACTERS_MAX)}" characters."</li>
                    <li>"A call needs as much API credit as one message costs; without it the answer is 402."</li>
                    <li>
                        "Your plan limits how many chatbots, documents and keys there are; "
                        <a href="/settings">"Your plan"</a>
                        " shows them."
                    </li>
                </ul>
            </div>
        </section>
    }
    .into_any()
}

fn grouped_size(number: usize) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

pub fn errors(rows: Vec<ErrorRow>, example: String) -> AnyView {
    view! {
        <section class="card" id="errors" aria-labelledby="errors-heading">
            <header><h2 id="errors-heading">"Errors"</h2></header>
            <div class="body prose">
                <p>
                    "An error has the form of RFC 9457 and, beside it, success: false. Read "
                    <code>"code"</code>
                    ": a code never changes its meaning. Nothing is charged on any of them."
                </p>
                <pre tabindex="0"><code>{example}</code></pre>
            </div>
            <div class="table-wrap" tabindex="0" role="region" aria-label="All errors of the call">
                <table class="errors">
                    <caption class="visually-hidden">"All errors of the call, by status"</caption>
                    <thead>
                        <tr>
                            <th scope="col" class="r">"Status"</th>
                            <th scope="col">"Code"</th>
                            <th scope="col">"What it means and what to do"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.into_iter().map(error_row).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn error_row(ErrorRow { status, code, title, remedy }: ErrorRow) -> AnyView {
    let href = format!("#{code}");
    view! {
        <tr id=code.clone()>
            <td class="r num">{status}</td>
            <th scope="row"><a href=href><code>{code.clone()}</code></a></th>
            <td class="wrap">{title}"."<span class="sub">{remedy}</span></td>
        </tr>
    }
    .into_any()
}
