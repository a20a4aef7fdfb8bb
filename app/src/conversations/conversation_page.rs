//! `/conversations/{id}`: all that was said in a conversation, what it cost and where the answers came from.

use super::server_fns::{ConversationView, DeleteConversation, LoadConversation};
use crate::chatbots::parts::{counted, source_name};
use crate::components::{
    FormProblem, Loaded, Loading, Moment, PageHeading, PostForm, ProblemNotice, Submission, use_live,
};
use crate::usage::channel_name;
use domain::conversation::{ConversationMessage, KeptSource, ListedConversation};
use domain::money::Currency;
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

#[component]
pub fn ConversationPage() -> impl IntoView {
    let live = use_live();
    let (params, query) = (use_params_map(), use_query_map());
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let after = Memo::new(move |_| query.with(|query| query.get("after").unwrap_or_default()));
    let delete = Submission::<DeleteConversation>::new();
    let loaded =
        Loaded::new(move || (id.get(), after.get(), live.get()), |(id, after, _)| LoadConversation { id, after });
    view! {
        <p class="crumbs">
            <a href="/conversations">"Conversations"</a>
        </p>
        <Transition fallback=Loading>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(view) => conversation_view(view),
                    Err(error) => view! {
                        <PageHeading title="Conversation"/>
                        <ProblemNotice problem=error.problem/>
                    }
                    .into_any(),
                }
            })}
        </Transition>
        {move || delete_form(delete, id.get())}
    }
    .into_any()
}

fn conversation_view(ConversationView { listed, page, currency, has_chatbot }: ConversationView) -> AnyView {
    let ListedConversation { conversation, chatbot_name, charged, .. } = listed;
    let href = format!("/conversations/{}", conversation.id);
    let chatbot = if has_chatbot {
        view! { <a href=format!("/chatbots/{}", conversation.chatbot_id)>{chatbot_name}</a> }.into_any()
    } else {
        view! { {chatbot_name}" "<span class="sub">"deleted"</span> }.into_any()
    };
    let later = page.next.map(|number| format!("{href}?after={number}"));
    let is_first = page.items.first().is_none_or(|first| first.number == 1);
    let said = page.items.into_iter().map(|message| exchange(message, currency)).collect_view();
    view! {
        <PageHeading title="Conversation" lede="What was asked, what was answered, and what that cost."/>
        <section class="card" aria-label="Conversation">
            <header>
                <h2>{chatbot}</h2>
                <span class="push sub num">
                    {channel_name(conversation.channel)}" · "{counted(conversation.messages, "message")}" · "
                    {charged.text(currency)}
                </span>
            </header>
            <div class="body">
                <ol class="talk" aria-label="Messages">{said}</ol>
            </div>
            <nav class="foot" aria-label="Pages">
                <span class="mono">{conversation.id.to_string()}</span>
                {(!is_first).then(|| view! { <a href=href>"First messages"</a> }.into_any())}
                {later.map(|href| view! { <a href=href rel="next">"Later messages"</a> }.into_any())}
            </nav>
        </section>
    }
    .into_any()
}

fn exchange(message: ConversationMessage, currency: Currency) -> AnyView {
    let ConversationMessage { number, question, answer, sources, price, at, .. } = message;
    let price = (price.millionths() > 0).then(|| format!(" · {}", price.text(currency)));
    let sources = sources.into_iter().map(source).collect_view();
    view! {
        <li class="said" id=format!("message-{number}")>
            <p class="question"><span class="visually-hidden">"Question: "</span>{question}</p>
            <div class="answer">
                <p><span class="visually-hidden">"Answer: "</span>{answer}</p>
                <ul class="citations" aria-label="Passages">{sources}</ul>
            </div>
            <p class="sub num"><Moment at/>{price}</p>
        </li>
    }
    .into_any()
}

fn source(KeptSource { document_name, heading, page, .. }: KeptSource) -> AnyView {
    let heading = (!heading.is_empty()).then(|| format!(" · {heading}"));
    view! { <li class="sub">{source_name(document_name, page)}{heading}</li> }.into_any()
}

/// Behind a summary, so that nothing is deleted by one click; it works without WASM.
fn delete_form(delete: Submission<DeleteConversation>, id: String) -> AnyView {
    let error = delete.error();
    view! {
        <details class="card deletion">
            <summary>"Delete this conversation"</summary>
            <PostForm to=delete>
                <input type="hidden" name="id" value=id/>
                <div class="body">
                    <FormProblem error/>
                    <p>"What was said is erased for good. What it cost stays in your usage."</p>
                    <button class="btn danger" disabled=delete.is_pending()>"Delete for good"</button>
                </div>
            </PostForm>
        </details>
    }
    .into_any()
}
