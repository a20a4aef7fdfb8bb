//! Entries as a file of comma-separated values (RFC 4180), for spreadsheets and bookkeeping. It is written while it is
//! sent, so that a file of millions of entries takes no more memory than one of a thousand.

use super::entries::{STEP_SIZE, step};
use crate::Server;
use crate::csv::cell;
use crate::error::Result;
use domain::id::AccountId;
use domain::ledger::{Channel, Entry, EntryFilter};
use futures_util::stream::{self, Stream, StreamExt};
use std::sync::Arc;

const HEADER: &str = "seq,at,kind,amount,credit_after,channel,key_id,key_name,chatbot_id,chatbot_name,request_id,\
    payment_id,reason,caller_request_id\r\n";

/// The entries of a filter, newest first, in pieces of the file. What is written meanwhile is not in it.
///
/// # Errors
/// When the database fails before the first piece; later the stream ends with the error.
pub async fn export(
    server: Arc<Server>,
    account_id: AccountId,
    filter: EntryFilter,
) -> Result<impl Stream<Item = Result<String>> + Send + 'static> {
    let first = step(&server, &account_id, &filter).await?;
    let next = next_filter(&filter, &first);
    let begin = HEADER.to_owned() + &lines(&first);
    let rest = stream::try_unfold(next, move |filter| {
        let (server, account_id) = (Arc::clone(&server), account_id.clone());
        async move {
            let Some(filter) = filter else { return Ok(None) };
            let entries = step(&server, &account_id, &filter).await?;
            Ok(Some((lines(&entries), next_filter(&filter, &entries))))
        }
    });
    Ok(stream::once(async { Ok(begin) }).chain(rest))
}

/// What is left to read after a full step; `None` after the last one.
fn next_filter(filter: &EntryFilter, read: &[Entry]) -> Option<EntryFilter> {
    let is_full = i64::try_from(read.len()).is_ok_and(|read| read >= STEP_SIZE);
    let last = read.last().filter(|_| is_full)?;
    Some(EntryFilter { before_seq: Some(last.seq), ..filter.clone() })
}

fn lines(entries: &[Entry]) -> String {
    entries.iter().map(line).collect()
}

fn line(entry: &Entry) -> String {
    let (key_id, key_name) = entry.key.as_ref().map_or(("", ""), |key| (key.id.as_str(), key.name.as_str()));
    let (chatbot_id, chatbot_name) =
        entry.chatbot.as_ref().map_or(("", ""), |chatbot| (chatbot.id.as_str(), chatbot.name.as_str()));
    let payment_id = entry.payment_id.as_ref().map_or("", |id| id.as_str());
    let texts = [
        entry.channel.map_or("", Channel::as_str),
        key_id,
        key_name,
        chatbot_id,
        chatbot_name,
        &entry.request_id,
        payment_id,
        entry.reason.as_deref().unwrap_or(""),
        entry.caller_request_id.as_deref().unwrap_or(""),
    ];
    let Entry { seq, at, kind, amount, posted_after, .. } = entry;
    let mut line = format!("{seq},{at},{},{},{}", kind.as_str(), amount.decimal(), posted_after.decimal());
    for text in texts {
        line.push(',');
        line.push_str(&cell(text));
    }
    line + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;
    use domain::credit::Credit;
    use domain::id::KeyId;
    use domain::ledger::{EntryKind, Named};

    #[test]
    fn numbers_stay_numbers_with_all_their_decimals() {
        let entry = Entry {
            seq: 7,
            kind: EntryKind::Charge,
            amount: Credit::from_millionths(-2_000),
            posted_after: Credit::from_millionths(1_234_567_000_001),
            at: Timestamp::from_us(1_795_000_000_000_001),
            request_id: "req_1".to_owned(),
            caller_request_id: Some("job-7".to_owned()),
            channel: Some(Channel::Api),
            key: Some(Named { id: KeyId::from_row("key_1".to_owned()), name: "-Production".to_owned() }),
            chatbot: None,
            payment_id: None,
            reason: None,
        };
        let expected =
            "7,2026-11-18T11:06:40.000001Z,charge,-0.002000,1234567.000001,api,key_1,'-Production,,,req_1,,,job-7\r\n";
        assert_eq!(line(&entry), expected);
        assert_eq!(line(&entry).matches(',').count(), HEADER.matches(',').count());
    }
}
