//! Answers by a model behind an OpenAI-compatible server: what they cost, what they cite, and that no trouble of that
//! server costs anything. On both databases, against a server that does what each test tells it to.

use crate::api_holder::{MESSAGES, call, holder, post};
use crate::key_holder::{ASK, KeyHolder};
use crate::requests::{books, send};
use crate::shop::{question, refused, shop};
use crate::support::{TestServer, assert_sound, databases_with, give_credit};
use crate::upstream::{Reply, SECRET, Step, Upstream, delta};
use axum::body::BodyDataStream;
use axum::http::Method;
use domain::breaker::{FAILURES_MAX, PAUSE_US};
use domain::ledger::{Channel, EntryFilter};
use domain::problem::ProblemCode;
use futures_util::StreamExt;
use serde_json::{Value, json};
use server::conversations::ask;
use server::{Server, documents, http, ledger};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tower::ServiceExt;

/// Prices at which 100 tokens in and 10 out cost 21 millionths.
const PRICES: [&str; 4] = ["--openai-input-price", "0.15", "--openai-output-price", "0.6"];
const COST: i64 = 21;

async fn servers(more: &[&str]) -> (Arc<Upstream>, Vec<TestServer>) {
    let (upstream, url) = Upstream::start().await;
    let mut options = vec!["--answer-engine", "openai", "--openai-base-url", &url, "--openai-model", "small"];
    options.extend(["--openai-key", SECRET, "--openai-timeout-seconds", "2"]);
    options.extend(more);
    let servers = databases_with(&options).await;
    (upstream, servers)
}

fn streamed(holder: &KeyHolder) -> Value {
    let mut question = holder.question();
    question["stream"] = json!(true);
    question
}

fn events(body: &str) -> Vec<(String, Value)> {
    let event = |block: &str| {
        let line = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some((line("event: ")?, serde_json::from_str(&line("data: ")?).expect("JSON")))
    };
    body.split("\n\n").filter_map(event).collect()
}

async fn held(server: &Server, holder: &KeyHolder) -> i64 {
    ledger::summary(server, &holder.viewer.account_id).await.expect("a summary").held.millionths()
}

/// As the books have it, also while something is held.
async fn spent(server: &Server, holder: &KeyHolder) -> i64 {
    let entries =
        ledger::entries(server, &holder.viewer.account_id, &EntryFilter::default(), 1).await.expect("entries");
    entries.totals.spent.millionths()
}

/// Waits for something that a task of its own does.
async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    for _ in 0..400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn an_answer_costs_the_tokens_that_the_server_reports_and_cites_the_passages_that_it_names() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        let answer = post(&server, &holder, MESSAGES, &holder.question()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        assert_eq!(body["chatbot_message"], "It opens at nine [1].");
        assert_eq!(body["citations"].as_array().expect("citations").len(), 1);
        assert_eq!(body["citations"][0]["document_name"], "Guide.md");
        assert_eq!((body["price"].as_str(), answer.header("x-credit-remaining")), (Some("0.000021"), "0.009979"));
        assert_eq!((holder.books(&server).await.spent, held(&server, &holder).await), (COST, 0));
        let asked = upstream.last();
        assert_eq!(
            (&asked["model"], &asked["stream"], &asked["max_tokens"]),
            (&json!("small"), &json!(true), &json!(1024))
        );
        let system = asked["messages"][0]["content"].as_str().expect("instructions");
        assert!(system.contains("[1] Guide.md, Opening hours:\nThe shop is open from nine to five"), "{system}");
        let authorization = upstream.asked.lock().unwrap().last().unwrap().0["authorization"].clone();
        assert_eq!(authorization, format!("Bearer {SECRET}").as_str());
        // The published call is the same use case, and goes on with the conversation.
        let mut next = holder.question();
        next["conversation_id"] = body["conversation_id"].clone();
        next["user_message"] = json!("And on Sundays?");
        assert_eq!(post(&server, &holder, ASK, &next).await.text("chatbot_message"), "It opens at nine [1].");
        let asked = upstream.last();
        let contents: Vec<&str> = asked["messages"].as_array().unwrap()[1..]
            .iter()
            .map(|message| message["content"].as_str().unwrap())
            .collect();
        assert_eq!(contents, ["When is the shop open?", "It opens at nine [1].", "And on Sundays?"]);
        assert_eq!(holder.books(&server).await.spent, 2 * COST);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn without_prices_of_tokens_an_answer_has_the_price_of_a_message() {
    let (_upstream, servers) = servers(&[]).await;
    for server in servers {
        let holder = holder(&server, 2).await;
        for body in [holder.question(), streamed(&holder)] {
            assert_eq!(post(&server, &holder, MESSAGES, &body).await.status, 200);
        }
        assert_eq!(holder.books(&server).await.spent, 4_000);
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(402, "insufficient_credit");
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_stream_tells_the_pieces_as_they_come_and_ends_with_what_they_cost() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        upstream.next([Reply::answer(&["Open [", "1", "] and ", "[2", "] "], Some((1_000, 500)))]);
        let answer = post(&server, &holder, MESSAGES, &streamed(&holder)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
        let events = events(&answer.body);
        let (last, deltas) = events.split_last().expect("events");
        let text: String = deltas.iter().map(|(_, data)| data["text"].as_str().expect("text")).collect();
        assert_eq!((last.0.as_str(), last.1["chatbot_message"].as_str()), ("message.completed", Some(text.as_str())));
        assert_eq!(text, "Open [1] and  ", "only one passage fits the question");
        assert_eq!(last.1["price"], "0.000450");
        assert_eq!((holder.books(&server).await.spent, held(&server, &holder).await), (450, 0));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn usage_that_is_missing_is_estimated_and_one_that_is_too_high_takes_what_was_promised() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        upstream.next([Reply::answer(&["It opens at nine."], None)]);
        let price = post(&server, &holder, MESSAGES, &holder.question()).await.text("price");
        let estimated: f64 = price.parse().expect("a price");
        assert!(0.000_010 < estimated && estimated < 0.000_100, "{price}");
        upstream.next([Reply::answer(&["It opens at nine."], Some((u64::MAX, u64::MAX)))]);
        let before = holder.books(&server).await.spent;
        assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.status, 200);
        let taken = holder.books(&server).await.spent - before;
        assert!(600 < taken && taken < 1_000, "1,024 tokens out and some in: {taken}");
        assert_eq!(held(&server, &holder).await, 0);
        assert_sound(&server).await;
    }
}

/// The beginning of an answer, which has the time to arrive, and no end.
fn cut_off() -> Vec<Step> {
    vec![Step::Data(delta("It opens")), Step::Pause(Duration::from_millis(100)), Step::Cut]
}

/// What a server can do wrong for good.
fn troubles() -> Vec<Reply> {
    let data = |text: &str| Step::Data(text.to_owned());
    vec![
        Reply::refusal(401, None),
        Reply::refusal(400, None),
        Reply { content_type: "application/json", ..Reply::answer(&["whole"], None) },
        Reply::steps(cut_off()),
        Reply::steps(vec![data(&delta("It opens"))]),
        Reply::steps(vec![data("no JSON")]),
        Reply::steps(vec![data("{\"error\":{\"message\":\"overloaded\"}}")]),
        Reply::answer(&[], Some((10, 0))),
        Reply::answer(&[&"x".repeat(40_000)], None),
    ]
}

#[tokio::test]
async fn no_trouble_of_the_server_costs_anything_or_tells_its_secrets() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        for (number, trouble) in troubles().into_iter().enumerate() {
            upstream.next([trouble.clone()]);
            let whole = post(&server, &holder, MESSAGES, &holder.question()).await;
            whole.refuses(503, "answer_engine_unavailable");
            assert!(["1", "2"].contains(&whole.header("retry-after")), "{number}: {:?}", whole.headers);
            upstream.next([trouble]);
            let streamed = post(&server, &holder, MESSAGES, &streamed(&holder)).await;
            let events = events(&streamed.body);
            let (name, problem) = events.last().expect("an event");
            assert_eq!(
                (name.as_str(), problem["code"].as_str()),
                ("error", Some("answer_engine_unavailable")),
                "{number}"
            );
            assert!(!whole.body.contains("sk-") && !streamed.body.contains("sk-"));
            assert_eq!(held(&server, &holder).await, 0, "{number}");
            // A good answer keeps the breaker closed.
            assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.status, 200);
        }
        assert_eq!(holder.books(&server).await.spent, troubles().iter().map(|_| COST).sum::<i64>());
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_request_is_sent_again_as_long_as_nothing_of_an_answer_has_come() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        let asked = upstream.asked();
        upstream.next([Reply::refusal(500, None), Reply::refusal(429, Some(1))]);
        assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.status, 200);
        assert_eq!(upstream.asked() - asked, 3);
        // Whoever wants to be left alone for long is not asked again, and the caller is told.
        upstream.next([Reply::refusal(429, Some(30))]);
        let refused = post(&server, &holder, MESSAGES, &holder.question()).await;
        refused.refuses(503, "answer_engine_unavailable");
        assert_eq!(refused.header("retry-after"), "30");
        // Nothing is asked again once an answer has begun.
        upstream.next([Reply::steps(cut_off())]);
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(503, "answer_engine_unavailable");
        assert_eq!((upstream.asked() - asked, holder.books(&server).await.spent), (5, COST));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        let silence = Step::Pause(Duration::from_mins(1));
        for steps in [vec![silence.clone()], vec![Step::Data(delta("It opens")), silence.clone()]] {
            upstream.next([Reply::steps(steps)]);
            let asked = holder.question();
            let answer = post(&server, &holder, MESSAGES, &asked);
            let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.expect("given up in time");
            answer.refuses(503, "answer_engine_unavailable");
        }
        // A slow one that is never silent for long is not.
        let pause = Step::Pause(Duration::from_millis(700));
        let mut steps: Vec<Step> = (0..4).flat_map(|_| [pause.clone(), Step::Data(delta("slow "))]).collect();
        steps.push(Step::Data("[DONE]".to_owned()));
        upstream.next([Reply::steps(steps)]);
        let answer = post(&server, &holder, MESSAGES, &holder.question()).await;
        assert_eq!(answer.text("chatbot_message"), "slow slow slow slow ");
        assert_eq!(held(&server, &holder).await, 0);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_alone_and_tried_again_after_a_pause() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        for _ in 0..FAILURES_MAX {
            upstream.next([Reply::refusal(401, None)]);
            post(&server, &holder, MESSAGES, &holder.question()).await.refuses(503, "answer_engine_unavailable");
        }
        let asked = upstream.asked();
        for body in [holder.question(), streamed(&holder)] {
            let refused = post(&server, &holder, MESSAGES, &body).await;
            refused.refuses(503, "answer_engine_unavailable");
            assert_eq!(refused.header("retry-after"), "10");
        }
        server.clock.advance_us(PAUSE_US - 1);
        post(&server, &holder, MESSAGES, &holder.question()).await.refuses(503, "answer_engine_unavailable");
        assert_eq!(upstream.asked(), asked);
        server.clock.advance_us(1);
        for _ in 0..2 {
            assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.status, 200);
        }
        assert_eq!((upstream.asked() - asked, holder.books(&server).await.spent), (2, 2 * COST));
        assert_sound(&server).await;
    }
}

async fn first_of(body: &mut BodyDataStream) -> String {
    let piece = body.next().await.expect("a piece").expect("unbroken");
    String::from_utf8(piece.to_vec()).expect("text")
}

async fn open_stream(server: &TestServer, holder: &KeyHolder, key: &str) -> BodyDataStream {
    let mut request = call(holder, Method::POST, MESSAGES, Some(&streamed(holder)));
    request.headers_mut().insert("idempotency-key", key.parse().expect("a value"));
    let response = http::router(Arc::clone(server)).oneshot(request).await.expect("answers");
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

#[tokio::test]
async fn who_leaves_before_the_first_piece_pays_nothing_and_who_leaves_after_it_finds_the_whole_answer() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        let gate = Arc::new(Notify::new());
        upstream.next([Reply::steps(vec![Step::Gate(Arc::clone(&gate)), Step::Data(delta("never"))])]);
        let asked = upstream.asked();
        let mut early = open_stream(&server, &holder, "early").await;
        tokio::select! {
            _ = early.next() => panic!("nothing has come"),
            () = until(|| std::future::ready(upstream.asked() > asked)) => {}
        }
        assert!(held(&server, &holder).await > 0);
        drop(early);
        until(|| async { held(&server, &holder).await == 0 }).await;
        assert_eq!(holder.books(&server).await.spent, 0);

        let mut steps =
            vec![Step::Data(delta("It opens ")), Step::Gate(Arc::clone(&gate)), Step::Data(delta("at nine."))];
        steps.push(Step::Data(json!({ "usage": { "prompt_tokens": 100, "completion_tokens": 10 } }).to_string()));
        steps.push(Step::Data("[DONE]".to_owned()));
        upstream.next([Reply::steps(steps)]);
        let mut late = open_stream(&server, &holder, "late").await;
        assert!(first_of(&mut late).await.contains("It opens "));
        drop(late);
        assert_eq!(spent(&server, &holder).await, 0, "it is paid for when it is there");
        let mut again = call(&holder, Method::POST, MESSAGES, Some(&streamed(&holder)));
        again.headers_mut().insert("idempotency-key", "late".parse().expect("a value"));
        send(&server, again).await.refuses(409, "request_in_progress");
        gate.notify_one();
        until(|| async { spent(&server, &holder).await == COST }).await;
        let asked = upstream.asked();
        // What is paid for shows in the books a moment before the request that paid has ended.
        let again = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let mut again = call(&holder, Method::POST, MESSAGES, Some(&streamed(&holder)));
                again.headers_mut().insert("idempotency-key", "late".parse().expect("a value"));
                let again = send(&server, again).await;
                if again.status != 409 {
                    break again;
                }
                again.refuses(409, "request_in_progress");
                tokio::task::yield_now().await;
            }
        });
        let again = again.await.expect("the request ends");
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(events(&again.body).last().expect("events").1["chatbot_message"], "It opens at nine.");
        assert_eq!((upstream.asked(), holder.books(&server).await.spent), (asked, COST));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn the_console_asks_the_same_engine_for_nothing_and_a_failure_takes_no_place_in_its_window() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let shop = shop(&server).await;
        for number in 0..200 {
            if number == 1 {
                upstream.next([Reply::refusal(401, None)]);
                let problem = refused(&server, question(&shop, Channel::Console, "req_failed")).await;
                assert_eq!(problem.code, ProblemCode::AnswerEngineUnavailable);
            }
            let reply =
                ask(&server, question(&shop, Channel::Console, &format!("req_{number}"))).await.expect("answers");
            assert_eq!((reply.answer.text.as_str(), reply.price.millionths()), ("It opens at nine [1].", 0));
        }
        let asked = upstream.asked();
        let problem = refused(&server, question(&shop, Channel::Console, "req_full")).await;
        assert_eq!((problem.code, upstream.asked()), (ProblemCode::MessageWindowFull, asked));
        assert_eq!(books(&server, &shop.olga).await.spent, 0);
        // The widget pays as the API does.
        give_credit(&server, &shop.olga, 10_000).await;
        let reply = ask(&server, question(&shop, Channel::Widget, "req_widget")).await.expect("answers");
        assert_eq!(reply.price.millionths(), COST);
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_model_is_not_sent_documents_that_another_process_has_deleted() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let (holder, other) = (holder(&server, 5).await, server.second_process().await);
        let guide = documents::list(&server, &holder.viewer.account_id, None).await.unwrap().remove(0);
        assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.status, 200);
        documents::delete(&other, &holder.viewer.account_id, &guide.id).await.unwrap();
        let answer = post(&server, &holder, MESSAGES, &holder.question()).await;
        assert_eq!(answer.json()["citations"], json!([]));
        assert!(!upstream.last()["messages"][0]["content"].as_str().unwrap().contains("Guide.md"));
        assert_sound(&server).await;
    }
}

#[tokio::test]
async fn a_chatbot_answers_with_the_engine_that_its_owner_chose_and_as_he_says() {
    let (upstream, servers) = servers(&PRICES).await;
    for server in servers {
        let holder = holder(&server, 5).await;
        let path = format!("/api/v1/chatbots/{}/settings", holder.chatbot.id);
        let change =
            async |change: Value| send(&server, call(&holder, Method::PATCH, &path, Some(&change))).await.status;
        assert_eq!(change(json!({ "instructions": "Speak like a pirate." })).await, 200);
        assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.status, 200);
        let system = upstream.last()["messages"][0]["content"].as_str().unwrap().to_owned();
        assert!(system.contains("Speak like a pirate."), "{system}");
        let asked = upstream.asked();
        assert_eq!(change(json!({ "answer_engine": "extractive" })).await, 200);
        let quoted = post(&server, &holder, MESSAGES, &holder.question()).await;
        assert!(quoted.text("chatbot_message").ends_with("(Guide.md)"));
        assert_eq!((upstream.asked(), quoted.text("price").as_str()), (asked, "0.002000"));
        assert_eq!(change(json!({ "answer_engine": "openai" })).await, 200);
        assert_eq!(post(&server, &holder, MESSAGES, &holder.question()).await.text("price"), "0.000021");
        assert_sound(&server).await;
    }
}
