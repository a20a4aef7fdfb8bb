//! Answers that somebody else writes, whole or piece by piece.
//!
//! What they cost at most is set aside before anybody is asked, and what they did cost is taken with the commit that stores
//! them; so every charge has its whole answer. A failure gives everything back. Whoever goes away before the first piece
//! stops the answer and pays nothing; after it, the answer is written to its end, stored and paid for, and he finds it in the
//! conversation or under his `Idempotency-Key`.

use super::held::{self, Settled, hold, require_conversation, settle};
use super::{
    Asked, Begun, BodyOf, Charged, Delivered, Delivery, Known, Made, Question, Start, Wanted, charge, finish, give_up,
    recognise,
};
use crate::answers::{self, Draft, Pending, Piece};
use crate::error::{Error, Result};
use crate::idempotency::OnceKey;
use crate::keys::Caller;
use crate::{Server, plans};
use domain::chatbot::Answer;
use domain::credit::Credit;
use domain::ledger::Channel;
use domain::problem::ProblemCode;
use domain::window::WindowFull;
use futures_util::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;

/// What a listener hears of an answer.
pub enum Progress {
    /// A piece of it, before it is stored and paid for.
    Piece(String),
    /// It is stored and paid for.
    Delivered(Delivery),
}

/// An answer for a listener.
pub enum Streamed {
    /// It was given before.
    Replayed(Delivery),
    /// It is made while somebody listens, and ends with its delivery or with an error.
    Told(BoxStream<'static, Result<Progress>>),
}

/// As [`super::ask_once`], for a listener.
///
/// # Errors
/// As [`super::ask_once`], as far as it shows before the answer begins; the rest comes in the stream.
pub async fn stream(
    server: &Arc<Server>,
    question: Question<'_>,
    once: Option<OnceKey>,
    body_of: BodyOf,
) -> Result<Streamed> {
    let (asked, runs) = match recognise(server, &question, once.as_ref()).await? {
        Known::Before(delivery) => return Ok(Streamed::Replayed(delivery)),
        Known::New(asked, runs) => (asked, runs),
    };
    let (account_id, channel) = (&question.account_id, question.channel);
    let (draft, _) = answers::draft(server, account_id, &asked.chatbot_id, asked.continued(), asked.message).await?;
    let price = server.catalogue.price(channel);
    let maximum = match &draft {
        Draft::Made(_) => price,
        Draft::Pending(pending) => server.catalogue.price_of(channel, pending.maximum),
    };
    let begun = match hold(server, &question, asked, maximum, once, runs).await? {
        Start::Replayed(delivery) => return Ok(Streamed::Replayed(delivery)),
        Start::Begun(begun) => begun,
    };
    let server = Arc::clone(server);
    Ok(Streamed::Told(match draft {
        Draft::Made(_) => {
            let made = async move { held::answer(&server, begun, price, body_of).await.map(Progress::Delivered) };
            stream::once(made).boxed()
        }
        Draft::Pending(pending) => {
            let job = Job { server, begun, channel, body_of, pieces: pending.pieces, text: String::new() };
            stream::once(job.begin()).flatten().boxed()
        }
    }))
}

/// An answer that is being written, and what is done with it.
struct Job {
    server: Arc<Server>,
    begun: Box<Begun>,
    channel: Channel,
    body_of: BodyOf,
    pieces: BoxStream<'static, Result<Piece>>,
    text: String,
}

impl Job {
    /// Waits for the first piece. Dropping it until then stops the answer; afterwards a task of its own writes on.
    async fn begin(mut self) -> BoxStream<'static, Result<Progress>> {
        let (listener, told) = unbounded_channel();
        match self.pieces.next().await {
            Some(Ok(Piece::Text(piece))) => {
                self.tell(piece, &listener);
                tokio::spawn(self.go_on(listener));
            }
            other => {
                let outcome = self.end(other).await;
                let _nobody_listens = listener.send(outcome);
            }
        }
        UnboundedReceiverStream::new(told).boxed()
    }

    /// An answer has an end, so what nobody has taken yet has one too.
    fn tell(&mut self, piece: String, listener: &UnboundedSender<Result<Progress>>) {
        self.text.push_str(&piece);
        let _nobody_listens = listener.send(Ok(Progress::Piece(piece)));
    }

    async fn go_on(mut self, listener: UnboundedSender<Result<Progress>>) {
        let last = loop {
            match self.pieces.next().await {
                Some(Ok(Piece::Text(piece))) => self.tell(piece, &listener),
                last => break last,
            }
        };
        if let Some(Ok(Piece::End(written))) = &last
            && !written.rest.is_empty()
        {
            let _nobody_listens = listener.send(Ok(Progress::Piece(written.rest.clone())));
        }
        let outcome = self.end(last).await;
        if let Err(error) = &outcome {
            tracing::info!(%error, "a streamed answer was not delivered");
        }
        let _nobody_listens = listener.send(outcome);
    }

    async fn end(mut self, last: Option<Result<Piece>>) -> Result<Progress> {
        match end_of(&mut self.text, last) {
            Ok((answer, cost)) => {
                let cost = self.server.catalogue.price_of(self.channel, cost);
                finish(&self.server, self.begun, &answer, cost, self.body_of).await.map(Progress::Delivered)
            }
            Err(error) => {
                give_up(&self.server, self.begun).await?;
                Err(error)
            }
        }
    }
}

/// The whole answer, and what it cost where it has a cost of its own.
fn end_of(text: &mut String, last: Option<Result<Piece>>) -> Result<(Answer, Option<Credit>)> {
    match last {
        Some(Ok(Piece::End(written))) => {
            text.push_str(&written.rest);
            let answer = Answer { text: std::mem::take(text), citations: written.citations };
            Ok((answer, written.cost))
        }
        Some(Err(error)) => Err(error),
        Some(Ok(Piece::Text(_))) | None => Err(Error::internal("an answer without an end")),
    }
}

async fn whole(mut pieces: BoxStream<'static, Result<Piece>>) -> Result<(Answer, Option<Credit>)> {
    let mut text = String::new();
    loop {
        match pieces.next().await {
            Some(Ok(Piece::Text(piece))) => text.push_str(&piece),
            last => return end_of(&mut text, last),
        }
    }
}

/// Has the answer written, stores it and takes what it cost. Who goes away meanwhile stops it.
pub(super) async fn deliver(
    server: &Server,
    question: &Question<'_>,
    asked: &Asked<'_>,
    pending: Pending,
    wanted: Wanted<'_>,
) -> Result<Delivered> {
    let maximum = server.catalogue.price_of(question.channel, pending.maximum);
    if maximum == Credit::ZERO {
        return deliver_free(server, question, asked, pending, wanted).await;
    }
    let key = wanted.once().cloned();
    let mut begun = match hold(server, question, asked.clone(), maximum, key, None).await? {
        Start::Replayed(delivery) => return Ok(Delivered::Body(delivery)),
        Start::Begun(begun) => begun,
    };
    let (answer, cost) = match whole(pending.pieces).await {
        Ok(written) => written,
        Err(error) => {
            give_up(server, begun).await?;
            return Err(error);
        }
    };
    let price = server.catalogue.price_of(question.channel, cost);
    let body = wanted.body(&asked.told(&question.request_id, &answer, price));
    let settled = settle(server, &mut begun, &answer, None, price, body.clone()).await?;
    let Settled { credit_remaining, at } =
        settled.ok_or_else(|| Error::internal("a settlement depends on no documents"))?;
    Ok(Made::of(answer, body).delivered(asked, price, credit_remaining, at))
}

/// Where nothing is paid there is nothing to set aside, and a place in the message window is taken with the answer: one
/// that fails takes none.
async fn deliver_free(
    server: &Server,
    question: &Question<'_>,
    asked: &Asked<'_>,
    pending: Pending,
    wanted: Wanted<'_>,
) -> Result<Delivered> {
    require_conversation(server, question, asked).await?;
    if server.catalogue.counted_channels.contains(&question.channel) {
        let messages = plans::usage(server, &question.account_id).await?.messages;
        if messages.left() == 0 {
            let retry_at = messages.next_free_at.unwrap_or_else(|| server.now());
            return Err(WindowFull { retry_at }.into());
        }
    }
    let (answer, _) = whole(pending.pieces).await?;
    let mut key_version = question.caller.map(Caller::key_version);
    for _ in 0..super::ATTEMPTS_MAX {
        match charge(server, question, asked, answer.clone(), None, key_version, wanted).await? {
            Charged::Delivered(delivered) => return Ok(delivered),
            Charged::Stale => return Err(Error::internal("this charge depends on no documents")),
            Charged::KeyVersion(version) => key_version = Some(version),
        }
    }
    Err(ProblemCode::Unavailable.into())
}
