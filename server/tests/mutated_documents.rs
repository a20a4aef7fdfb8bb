//! Damaged files: each is read or refused, in its time, whatever a parser makes of it.

use std::path::Path;

const SEED: u64 = 1;
const FILES: usize = 400;

#[tokio::test]
async fn damaged_files_are_read_or_refused_in_their_time() {
    let outcomes = crate::mutations::try_files(Path::new(env!("CARGO_BIN_EXE_document_reader")), SEED, FILES).await;
    assert_eq!(outcomes.took_too_long, 0, "{outcomes:?}");
    // Otherwise the files are not damaged, or nothing but damaged.
    assert!(outcomes.read > FILES / 10 && outcomes.refused > FILES / 10, "{outcomes:?}");
    let read_or_refused = outcomes.read + outcomes.refused + outcomes.panicked + outcomes.ended;
    assert_eq!((outcomes.files, read_or_refused), (FILES, FILES), "{outcomes:?}");
}
