//! Documents: what the chatbots answer from. Listed, added by upload or by pasting, replaced, deleted.

mod add_dialog;
mod delete_dialog;
pub mod get_form;
pub mod page;
#[cfg(feature = "ssr")]
mod plain_page;
pub mod server_fns;
mod upload_form;

/// Where the documents are listed: all of them, or those of one chatbot.
fn list_href(chatbot: &str) -> String {
    if chatbot.is_empty() { "/documents".to_owned() } else { format!("/documents?chatbot={chatbot}") }
}

/// `812 bytes`, `14 KiB`, `1.9 MiB`.
pub fn size_text(size_bytes: i64) -> String {
    match size_bytes {
        ..1_024 => format!("{size_bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", size_bytes / 1_024),
        _ => format!("{}.{} MiB", size_bytes / 1_048_576, size_bytes % 1_048_576 * 10 / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn a_size_is_said_in_the_unit_that_fits() {
        for (size_bytes, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1 KiB"),
            (1_048_575, "1023 KiB"),
            (1_048_576, "1.0 MiB"),
            (2_000_000, "1.9 MiB"),
        ] {
            assert_eq!(size_text(size_bytes), text);
        }
    }
}
