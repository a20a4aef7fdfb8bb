//! The widget of a chatbot: the origins of the pages that may show it, and how it looks there.

use crate::clock::Timestamp;
use crate::field::FieldError;
use crate::id::{ChatbotId, WidgetId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most origins of one widget.
pub const ALLOWED_ORIGINS_MAX: usize = 20;
/// Longest host name (RFC 1035, 2.3.4), in bytes.
const HOST_BYTES_MAX: usize = 253;

/// The origin of a page (RFC 6454), as browsers write it: `https://example.com`, `http://localhost:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    is_secure: bool,
    host: String,
    /// `None` is the port of the scheme.
    port: Option<u16>,
}

impl Origin {
    /// Reads an origin; `None` for anything else, among it `null`, which pages without an origin send.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (is_secure, rest) = match text.split_once("://")? {
            ("https", rest) => (true, rest),
            ("http", rest) => (false, rest),
            _ => return None,
        };
        let (host, port) = split_port(rest)?;
        if !is_host(host) {
            return None;
        }
        let of_scheme = if is_secure { 443 } else { 80 };
        Some(Self { is_secure, host: host.to_owned(), port: port.filter(|port| *port != of_scheme) })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_secure { "https" } else { "http" }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let after_host = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    let (host, port) = text.split_at(after_host);
    let Some(digits) = port.strip_prefix(':') else { return port.is_empty().then_some((host, None)) };
    let is_number = (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| is_number && *port != 0)?;
    Some((host, Some(port)))
}

/// A name of labels, or an address. Names in other scripts stand in the form in which browsers send them (`xn--…`).
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let digits = address.strip_suffix(']').unwrap_or_default();
        return !digits.is_empty()
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b':' | b'.'));
    }
    let is_label = |label: &str| {
        let is_inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= HOST_BYTES_MAX && host.split('.').all(is_label)
}

/// An origin that its owner allows: one, or all subdomains of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    origin: Origin,
    is_wildcard: bool,
}

impl AllowedOrigin {
    /// Reads `https://example.com`, `https://*.example.com`, or a host alone, which means HTTPS, on this machine HTTP.
    ///
    /// # Errors
    /// When it is no origin: a path, another scheme, a star anywhere but in place of the first label, or a star before
    /// fewer than two labels, which would allow half of the internet.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_suffix('/').unwrap_or(&text);
        let is_here = |rest: &str| matches!(split_port(rest), Some(("localhost" | "127.0.0.1" | "[::1]", _)));
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None => (if is_here(text) { "http" } else { "https" }, text),
        };
        let named = rest.strip_prefix("*.");
        let origin = Origin::parse(&format!("{scheme}://{}", named.unwrap_or(rest)));
        let origin = origin.filter(|origin| named.is_none() || is_domain(&origin.host));
        let Some(origin) = origin else { return Err(refuse(text)) };
        Ok(Self { origin, is_wildcard: named.is_some() })
    }

    /// Whether a page of `origin` may show the widget: scheme, host and port are the same, or, with a star, the host is a
    /// subdomain at any depth, and not the domain itself.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        let Self { origin: allowed, is_wildcard } = self;
        let is_host = if *is_wildcard {
            origin.host.strip_suffix(&allowed.host).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
        } else {
            origin.host == allowed.host
        };
        is_host && origin.is_secure == allowed.is_secure && origin.port == allowed.port
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.origin.to_string();
        f.write_str(&if self.is_wildcard { text.replacen("://", "://*.", 1) } else { text })
    }
}

/// A name of two labels or more that is no address.
fn is_domain(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    host.contains('.') && !host.starts_with('[') && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn refuse(text: &str) -> FieldError {
    let text: String = text.chars().take(80).collect();
    let message = format!("write each origin as https://example.com or https://*.example.com; “{text}” is none");
    FieldError::new("allowed_origins", message)
}

/// Reads origins that stand one a line, each once.
///
/// # Errors
/// When a line is no origin, or there are too many.
pub fn read_origins(text: &str) -> Result<Vec<AllowedOrigin>, FieldError> {
    let mut read = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let origin = AllowedOrigin::parse(line)?;
        if !read.contains(&origin) {
            read.push(origin);
        }
    }
    if read.len() > ALLOWED_ORIGINS_MAX {
        let message = format!("there may be at most {ALLOWED_ORIGINS_MAX} origins; a star allows all subdomains");
        return Err(FieldError::new("allowed_origins", message));
    }
    Ok(read)
}

/// In which corner of the page its button is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    #[default]
    Right,
    Left,
}

impl Position {
    pub const ALL: [Self; 2] = [Self::Right, Self::Left];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Left => "left",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|position| position.as_str() == text)
    }
}

/// Whether it is light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Theme {
    /// As the visitor's system is.
    #[default]
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }
}

/// A widget as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widget {
    pub id: WidgetId,
    pub chatbot_id: ChatbotId,
    /// Nowhere, when there are none.
    pub allowed_origins: Vec<AllowedOrigin>,
    pub position: Position,
    pub theme: Theme,
    /// Whether visitors may leave a contact request.
    pub takes_contacts: bool,
    /// When its id was replaced last.
    pub rotated_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap_or_else(|| panic!("{text} is an origin"))
    }

    fn matches(allowed: &str, from: &str) -> bool {
        AllowedOrigin::parse(allowed).expect("an origin").matches(&origin(from))
    }

    #[test]
    fn an_origin_matches_by_scheme_host_and_port_exactly() {
        for (allowed, from, expected) in [
            ("https://example.com", "https://example.com", true),
            ("https://example.com", "http://example.com", false),
            ("https://example.com", "https://www.example.com", false),
            ("https://example.com", "https://example.com:8443", false),
            ("https://example.com:443", "https://example.com", true),
            ("https://example.com:8443", "https://example.com:8443", true),
            ("https://example.com", "https://example.com.evil.test", false),
            ("https://example.com", "https://evilexample.com", false),
            ("http://example.com", "http://example.com", true),
            ("http://example.com", "https://example.com", false),
            ("example.com", "https://example.com", true),
            ("example.com", "http://example.com", false),
            ("localhost:8080", "http://localhost:8080", true),
            ("localhost:8080", "http://localhost:8081", false),
            ("https://localhost", "http://localhost", false),
            ("[::1]:3000", "http://[::1]:3000", true),
            ("HTTPS://Example.COM/", "https://example.com", true),
        ] {
            assert_eq!(matches(allowed, from), expected, "{allowed} {from}");
        }
    }

    #[test]
    fn a_star_stands_for_subdomains_at_any_depth_and_not_for_the_domain_itself() {
        for (from, expected) in [
            ("https://sub.example.com", true),
            ("https://a.b.example.com", true),
            ("https://example.com", false),
            ("https://evilexample.com", false),
            ("https://example.com.evil.test", false),
            ("http://sub.example.com", false),
            ("https://sub.example.com:8443", false),
        ] {
            assert_eq!(matches("https://*.example.com", from), expected, "{from}");
        }
        assert!(matches("*.example.com:8443", "https://sub.example.com:8443"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "*",
            "https://",
            "https://*",
            "*.com",
            "https://*.com",
            "https://a.*.com",
            "*example.com",
            "ftp://example.com",
            "https://example.com/shop",
            "https://user@example.com",
            "https://example.com:0",
            "https://example.com:99999",
            "https://example.com:",
            "https://exa mple.com",
            "https://example..com",
            "https://-a.example.com",
            "https://bücher.example",
            "https://*.127.0.0.1",
            "https://*.[::1]",
            "null",
            "file://",
            "javascript:alert(1)",
            "https://example.com:+443",
            "https://[::1",
            "https://*.*.example.com",
        ] {
            // A word alone is the name of a machine.
            if text != "null" {
                assert!(AllowedOrigin::parse(text).is_err(), "{text}");
            }
            assert!(Origin::parse(text).is_none(), "{text}");
        }
        assert!(Origin::parse("HTTPS://EXAMPLE.COM").is_none(), "browsers write origins in small letters");
    }

    #[test]
    fn origins_are_read_one_a_line_each_once_and_not_too_many() {
        let read = read_origins(" https://example.com \n\n*.example.com\nexample.com\n").expect("origins");
        let texts: Vec<String> = read.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["https://example.com", "https://*.example.com"]);
        let lines =
            |count: usize| (0..count).map(|number| format!("a{number}.example.com")).collect::<Vec<_>>().join("\n");
        assert!(read_origins(&lines(20)).is_ok());
        assert_eq!(read_origins(&lines(21)).expect_err("too many").field, "allowed_origins");
        assert!(read_origins("https://example.com\nnonsense/").is_ok());
        assert!(read_origins("https://example.com\nnon sense").is_err());
    }

    proptest! {
        #[test]
        fn what_is_allowed_reads_back_as_it_is_written(text in "(https?://)?(\\*\\.)?[a-z]{1,6}(\\.[a-z]{2,5}){0,3}(:[1-9][0-9]{0,3})?") {
            if let Ok(allowed) = AllowedOrigin::parse(&text) {
                prop_assert_eq!(AllowedOrigin::parse(&allowed.to_string()), Ok(allowed));
            }
        }

        #[test]
        fn no_text_matches_but_the_origin_and_its_subdomains(text in "(https|http)://[a-e.:0-9*]{0,24}") {
            let Some(from) = Origin::parse(&text) else { return Ok(()) };
            let exact = AllowedOrigin::parse("https://b.cc").expect("an origin");
            prop_assert_eq!(exact.matches(&from), text == "https://b.cc" || text == "https://b.cc:443");
            let below = AllowedOrigin::parse("https://*.b.cc").expect("an origin");
            let host = text.strip_prefix("https://").map(|host| host.strip_suffix(":443").unwrap_or(host));
            prop_assert_eq!(below.matches(&from), host.is_some_and(|host| host.ends_with(".b.cc")));
        }
    }
}
