//! Text inside of HTML that is written by hand.

/// The text as it stands between tags and within quotation marks.
#[must_use]
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(
            escape("<b title=\"a\" id='b'>ä & b</b>"),
            "&lt;b title=&quot;a&quot; id=&#39;b&#39;&gt;ä &amp; b&lt;/b&gt;"
        );
    }
}
