//! The customer's guide, embedded in the binary, and how our own Markdown is rendered as HTML on the server.
//!
//! The text is ours, so its HTML is trusted; the browser never has to know Markdown.

use super::server_fns::{Chapter, ChapterLink};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// The chapters in reading order, each with the name it has in addresses.
const CHAPTERS: [(&str, &str); 8] = [
    ("start", include_str!("../../../docs/guide/README.md")),
    ("plan", include_str!("../../../docs/guide/plan.md")),
    ("credit", include_str!("../../../docs/guide/credit.md")),
    ("keys", include_str!("../../../docs/guide/keys.md")),
    ("documents", include_str!("../../../docs/guide/documents.md")),
    ("answers", include_str!("../../../docs/guide/answers.md")),
    ("widget", include_str!("../../../docs/guide/widget.md")),
    ("troubleshooting", include_str!("../../../docs/guide/troubleshooting.md")),
];

pub fn chapters() -> Vec<ChapterLink> {
    CHAPTERS
        .iter()
        .map(|(slug, text)| ChapterLink { slug: (*slug).to_owned(), title: title(text).to_owned() })
        .collect()
}

/// One chapter with its neighbours; `None` when there is no such chapter.
pub fn chapter(slug: &str) -> Option<Chapter> {
    let place = CHAPTERS.iter().position(|(name, _)| *name == slug)?;
    let mut links = chapters();
    let next = (place + 1 < links.len()).then(|| links.remove(place + 1));
    let previous = place.checked_sub(1).map(|before| links.remove(before));
    let text = CHAPTERS[place].1;
    Some(Chapter { title: title(text).to_owned(), html: render(text), previous, next })
}

fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("Guide").trim()
}

/// Renders a chapter without its first heading, which is the page's own. Headings get an id to link to; links between
/// the files become links between the pages.
fn render(text: &str) -> String {
    let mut events: Vec<Event> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    let first_heading_end = events.iter().position(|event| matches!(event, Event::End(TagEnd::Heading(_))));
    if let Some(end) = first_heading_end {
        events.drain(..=end);
    }
    let mut heading = None;
    for place in 0..events.len() {
        match &events[place] {
            Event::Start(Tag::Heading { .. }) => heading = Some((place, String::new())),
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, words)) = &mut heading {
                    words.push_str(text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((start, words)) = heading.take()
                    && let Event::Start(Tag::Heading { id, .. }) = &mut events[start]
                {
                    *id = Some(anchor(&words).into());
                }
            }
            Event::Start(Tag::Link { .. }) => {
                if let Event::Start(Tag::Link { dest_url, .. }) = &mut events[place] {
                    *dest_url = page_of(dest_url);
                }
            }
            _ => {}
        }
    }
    let mut page = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut page, events.into_iter());
    page
}

/// Running text of ours as HTML. What may be wider than the page can be reached and scrolled by keyboard; the browser
/// itself goes to anchors, and to addresses that are no pages, which is why both are marked.
pub fn html(text: &str) -> String {
    let mut page = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut page, Parser::new_ext(text, Options::ENABLE_TABLES));
    let page = page.replace("<pre>", "<pre tabindex=\"0\">");
    let external = |page: String, address: &str| {
        page.replace(&format!("<a href=\"{address}"), &format!("<a rel=\"external\" href=\"{address}"))
    };
    ["/reference#", "/openapi.json"].into_iter().fold(page, external)
}

/// As [`html()`], without the paragraph around a single one.
pub fn inline_html(text: &str) -> String {
    let page = html(text.trim());
    let inner = page.trim().strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    match inner {
        Some(inner) if !inner.contains("<p>") => inner.to_owned(),
        _ => page,
    }
}

/// `keys.md#delete` → `/support/guide/keys#delete`; anything else stays as it is.
fn page_of<'a>(url: &CowStr<'a>) -> CowStr<'a> {
    let (file, hash) =
        url.split_once('#').map_or((url.as_ref(), String::new()), |(file, hash)| (file, format!("#{hash}")));
    let Some(name) = file.strip_suffix(".md").filter(|name| !name.contains("://")) else { return url.clone() };
    let name = if name == "README" { "start" } else { name };
    format!("/support/guide/{name}{hash}").into()
}

/// `Add balance, step by step` → `add-balance-step-by-step`.
fn anchor(words: &str) -> String {
    let words = words.to_lowercase();
    let parts = words.split(|character: char| !character.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_between_chapters_leads_to_a_page() {
        for (slug, _) in CHAPTERS {
            let chapter = chapter(slug).expect("a chapter");
            for target in chapter.html.split("href=\"").skip(1) {
                let target = target.split('"').next().expect("a quoted address");
                assert!(!target.contains(".md"), "{slug} links to {target}");
                if let Some(name) = target.strip_prefix("/support/guide/") {
                    let name = name.split('#').next().expect("a name");
                    assert!(CHAPTERS.iter().any(|(slug, _)| *slug == name), "{slug} links to {target}");
                }
            }
        }
    }

    #[test]
    fn a_chapter_knows_the_ones_beside_it() {
        let first = chapter("start").expect("a chapter");
        assert!(first.previous.is_none());
        assert_eq!(first.next.map(|link| link.slug), Some("plan".to_owned()));
        let last = chapter("troubleshooting").expect("a chapter");
        assert_eq!(last.previous.map(|link| link.slug), Some("widget".to_owned()));
        assert!(last.next.is_none());
        assert!(chapter("nothing").is_none());
    }

    #[test]
    fn headings_have_an_address_and_the_first_one_is_left_to_the_page() {
        let page = render("# Title\n\n## Add *balance*, `now`\n\nText [there](credit.md#a).\n");
        assert!(page.starts_with("<h2 id=\"add-balance-now\">"), "{page}");
        assert!(page.contains("href=\"/support/guide/credit#a\""), "{page}");
    }
}
