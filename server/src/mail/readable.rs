//! A mail of the file outbox as people read it: its headers and its plain text, without its encoding.

/// What a mail says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadableMail {
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// Reads a mail as this program writes them: headers, then the parts of an alternative, the plain text first; where a file
/// goes with it, the alternative is the first of two parts.
pub(super) fn read(bytes: &[u8]) -> ReadableMail {
    let mail = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let (head, body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
    let part = first_part(head, body).unwrap_or_default();
    let inner = part.split_once("\n\n").and_then(|(part_head, rest)| first_part(part_head, rest));
    let part = inner.unwrap_or(part);
    let (part_head, text) = part.split_once("\n\n").unwrap_or(("", &part));
    let text = match header(part_head, "content-transfer-encoding").as_str() {
        "quoted-printable" => unquoted(text),
        "base64" => unbased(text),
        _ => text.to_owned(),
    };
    ReadableMail {
        to: words(&header(head, "to")),
        subject: words(&header(head, "subject")),
        text: text.replace("\r\n", "\n").trim_end().to_owned(),
    }
}

/// The first of the parts that a header announces; `None` when it announces none.
fn first_part(head: &str, body: &str) -> Option<String> {
    let kind = header(head, "content-type");
    let (boundary, _) = kind.split_once("boundary=\"")?.1.split_once('"')?;
    Some(body.split(&format!("--{boundary}")).nth(1)?.trim_start_matches('\n').to_owned())
}

/// The value of a header on one line; empty when there is none.
fn header(head: &str, name: &str) -> String {
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let found = unfolded.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    found.unwrap_or_default()
}

/// Quoted-printable (RFC 2045, 6.7).
fn unquoted(text: &str) -> String {
    let text = text.replace("=\n", "");
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'=') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn unbased(text: &str) -> String {
    use base64::Engine;
    let digits: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(digits).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A header whose words are encoded beyond ASCII (RFC 2047); between two such words, a space means nothing.
fn words(header: &str) -> String {
    let mut text = String::new();
    let mut was_encoded = false;
    for word in header.split(' ') {
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
        if !text.is_empty() && !(was_encoded && encoded.is_some()) {
            text.push(' ');
        }
        was_encoded = encoded.is_some();
        match encoded {
            Some(encoded) => text.push_str(&unbased(encoded)),
            None => text.push_str(word),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Attached, Letter, Mailer, Way, file::FileOutbox};
    use super::*;
    use domain::clock::Timestamp;

    fn round_trip(letter: &Letter) -> ReadableMail {
        let way = Way::File(FileOutbox::new(std::path::Path::new("nowhere")));
        let mailer = Mailer { sender: "Artiko <no-reply@localhost>".parse().unwrap(), way };
        let to = "olga@bergfeld.example".parse().unwrap();
        read(&mailer.message(&to, letter, "name", Timestamp::from_us(0)).unwrap().formatted())
    }

    #[test]
    fn what_is_written_is_read_in_whatever_encoding_it_travels() {
        let long = "A line that is longer than what quoted-printable allows, so that it is cut in pieces on its way=. ";
        for text in ["Plain.", "Gr\u{fc}\u{df}e = 1 & more", &long.repeat(20), &"\u{65e5}\u{672c} ".repeat(60)] {
            let subject = format!("About {}", text.chars().take(70).collect::<String>());
            let letter = Letter { subject, paragraphs: vec![text.to_owned()], ..Letter::default() };
            let mail = round_trip(&letter);
            assert_eq!(mail.subject, letter.subject_line());
            assert_eq!(mail.text, letter.text().trim_end());
            assert_eq!(mail.to, "olga@bergfeld.example");
        }
    }

    #[test]
    fn a_mail_with_a_file_is_read_as_one_without() {
        let attachment =
            Attached { name: "a.pdf".to_owned(), media_type: "application/pdf", bytes: vec![0, 159, 13, 10] };
        let plain =
            Letter { subject: "A receipt".to_owned(), paragraphs: vec!["Thank you.".to_owned()], ..Letter::default() };
        let with_file = Letter { attachment: Some(attachment), ..plain.clone() };
        assert_eq!(round_trip(&with_file).text, round_trip(&plain).text);
    }

    #[test]
    fn what_is_no_mail_is_read_as_nothing() {
        for bytes in [&b""[..], b"\n\n", b"Content-Type: x; boundary=\"a\"\n\n--a", b"Subject: =?utf-8?b??="] {
            assert_eq!(read(bytes).text, "");
        }
    }
}
