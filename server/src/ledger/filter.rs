//! What a filter chooses, in SQL: word for word the same among entries and among the sums of days, so that a list, its
//! totals and the sums of its days speak of the same messages.

use crate::args;
use crate::chatbots::listed;
use crate::db::Arg;
use domain::id::{AccountId, ChatbotId, KeyId};
use domain::ledger::{Channel, EntryClass, EntryFilter};

/// A condition on a row of `entries` or `usage_days`; its arguments are the first six of the statement, [`chosen`]. An
/// empty text chooses everything, and where a row has nothing, nothing is chosen by it.
macro_rules! is_chosen {
    (entries $row:literal) => {
        $crate::ledger::filter::is_chosen!($row, "kind = 'charge'")
    };
    (days $row:literal) => {
        $crate::ledger::filter::is_chosen!($row, "channel <> ''")
    };
    ($row:literal, $is_message:literal) => {
        concat!(
            $row,
            ".account_id = $1 AND ($2 = '' OR ",
            $row,
            ".key_id = $2) AND ($3 = '' OR ",
            $row,
            ".chatbot_id = $3) AND ($4 = '' OR ",
            $row,
            ".channel = $4) AND ($5 = '' OR ($5 = 'messages') = (",
            $row,
            ".",
            $is_message,
            ")) AND ($6 = '' OR replace($6, ",
            $row,
            ".chatbot_id, '') <> $6)"
        )
    };
}
pub(super) use is_chosen;

/// Entries `e` that are not summed up yet, where the statement knows its `mark`.
///
/// The end, which no number reaches, is for PostgreSQL: of a range whose beginning it does not know and that has no end it
/// expects a third of all entries, and would read every entry of the table instead of the last ones.
macro_rules! is_behind_mark {
    () => {
        "e.seq > (SELECT seq FROM mark) AND e.seq < 9223372036854775807"
    };
}
pub(super) use is_behind_mark;

/// `$1` to `$6` of a statement with the condition.
pub(super) fn chosen(account_id: &AccountId, filter: &EntryFilter) -> Vec<Arg> {
    args![
        account_id.as_str(),
        filter.key_id.as_ref().map_or("", KeyId::as_str),
        filter.chatbot_id.as_ref().map_or("", ChatbotId::as_str),
        filter.channel.map_or("", Channel::as_str),
        filter.only.map_or("", EntryClass::as_str),
        filter.chatbots.as_deref().map_or_else(String::new, listed),
    ]
}
