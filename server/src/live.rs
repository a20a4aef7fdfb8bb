//! Telling open pages that an account has changed.
//!
//! Only the fact travels, never the figures: a page that hears of a change asks for its numbers again, through the
//! same functions and the same checks as any other time.

use domain::id::AccountId;
use foldhash::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// The accounts that somebody is looking at in this process.
#[derive(Default)]
pub struct Live(Mutex<HashMap<AccountId, watch::Sender<u64>>>);

impl Live {
    /// Says that something changed which the page of this account shows. Call it after the commit.
    pub fn changed(&self, account_id: &AccountId) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = accounts.get(account_id) else { return };
        if sender.receiver_count() == 0 {
            accounts.remove(account_id);
        } else {
            sender.send_modify(|version| *version = version.wrapping_add(1));
        }
    }

    /// Listens to the changes of an account. Several changes in quick succession may be heard as one.
    pub fn subscribe(&self, account_id: &AccountId) -> watch::Receiver<u64> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(account_id.clone()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_account_that_changed_is_told() {
        let live = Live::default();
        let (one, other) = (AccountId::from_row("acct_1".into()), AccountId::from_row("acct_2".into()));
        let (mut one_listens, other_listens) = (live.subscribe(&one), live.subscribe(&other));
        live.changed(&one);
        one_listens.changed().await.expect("the sender is alive");
        assert!(!other_listens.has_changed().expect("the sender is alive"));
    }
}
