//! Spending by day as bars, and as a table with the same numbers. It is written as text on the server, like the guide: a
//! drawing of thousands of parts need not come alive, and the browser need not know how it is drawn.

use super::server_fns::ChartView;
use domain::clock::{DAY_US, Timestamp};
use domain::credit::Credit;
use domain::html::escape;
use domain::ledger::{Channel, UsageBy, UsageDay, UsageOf, UsageSeries, UsageSum, UsageSums};
use domain::money::Currency;
use std::fmt::Write;

/// The height of the dearest day, in units of the drawing.
const HEIGHT: i64 = 1_000;
/// What is not nothing is this high at least, so that it can be seen.
const HEIGHT_MIN: i64 = 8;
/// From one bar's left edge to the next one's.
const STEP: i64 = 16;
/// Series with a colour of their own; those after them share one.
const COLOURS: usize = 10;

/// Draws sums under a heading that is HTML already.
pub fn draw(sums: &UsageSums, currency: Currency, head: String) -> ChartView {
    if sums.total.messages == 0 {
        let graph = r#"<p class="quiet">No message was charged in this time.</p>"#.to_owned();
        return ChartView { head, graph, table: String::new() };
    }
    ChartView { head, graph: graph(sums, currency) + &legend(sums, currency), table: table(sums, currency) }
}

/// `2026-10-27 to 2026-11-25, 30 days`, from the days themselves.
pub fn stretch_text(sums: &UsageSums) -> String {
    let (Some(first), Some(last)) = (sums.days.first(), sums.days.last()) else { return String::new() };
    match sums.days.len() {
        1 => first.day.date(),
        days => format!("{} to {}, {days} days", first.day.date(), last.day.date()),
    }
}

/// `$1.23 for 617 messages`
pub fn total_text(sums: &UsageSums, currency: Currency) -> String {
    format!("{} for {}", sums.total.charged.short_text(currency), messages_text(sums.total.messages))
}

fn messages_text(messages: i64) -> String {
    let number = domain::money::grouped(messages.unsigned_abs());
    format!("{number} message{}", if messages == 1 { "" } else { "s" })
}

fn graph(sums: &UsageSums, currency: Currency) -> String {
    let highest = scale_end(sums.days.iter().map(|day| day.total().charged).max().unwrap_or(Credit::ZERO));
    let count = i64::try_from(sums.days.len()).unwrap_or(1);
    let (end, width) = (count * STEP, if count < 14 { STEP / 2 } else { STEP * 3 / 4 });
    let bars: String = (0..)
        .zip(&sums.days)
        .map(|(place, day)| bar(place * STEP + (STEP - width) / 2, width, day, sums, highest, currency))
        .collect();
    let label = format!("Spending by day, {}: {}", stretch_text(sums), total_text(sums, currency));
    let date = |day: Option<&UsageDay>| day.map(|day| day.day.date()).unwrap_or_default();
    let (first, last) = (date(sums.days.first()), date(sums.days.last()));
    let lines: String = [0, HEIGHT / 2, HEIGHT]
        .map(|y| format!(r#"<line x1="0" x2="{end}" y1="{y}" y2="{y}" vector-effect="non-scaling-stroke"/>"#))
        .concat();
    format!(
        r#"<div class="usage-graph"><div class="scale sub num" aria-hidden="true"><span>{top}</span><span>{half}</span><span>{zero}</span></div><svg class="usage-bars" viewBox="0 0 {end} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{label}">{lines}{bars}</svg><div class="dates sub num" aria-hidden="true"><span>{first}</span><span>{last}</span></div></div>"#,
        top = highest.short_text(currency),
        half = Credit::from_millionths(highest.millionths() / 2).short_text(currency),
        zero = Credit::ZERO.short_text(currency),
        label = escape(&label),
        last = if count > 1 { last } else { String::new() },
    )
}

fn bar(x: i64, width: i64, day: &UsageDay, sums: &UsageSums, highest: Credit, currency: Currency) -> String {
    let total = day.total();
    if total.messages == 0 {
        return String::new();
    }
    let mut title =
        format!("{}: {} for {}", day.day.date(), total.charged.short_text(currency), messages_text(total.messages));
    let (mut parts, mut sum, mut top) = (String::new(), UsageSum::default(), HEIGHT);
    for (place, of_series) in day.sums.iter().enumerate().filter(|(_, of_series)| of_series.messages > 0) {
        sum.add(*of_series);
        let least = if of_series.charged > Credit::ZERO { HEIGHT_MIN } else { 0 };
        let y = (HEIGHT - scale(sum.charged, highest)).min(top - least).max(0);
        let (class, height) = (colour(place), top - y);
        let _ = write!(parts, r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"/>"#);
        top = y;
        if sums.by.is_some() {
            let name = series_name(&sums.series[place].of);
            let _ = write!(title, "; {name} {}", of_series.charged.short_text(currency));
        }
    }
    format!("<g><title>{}</title>{parts}</g>", escape(&title))
}

/// Where the scale ends: an even number of units of a power of ten, so that its half is a short number too.
fn scale_end(highest: Credit) -> Credit {
    let highest = highest.millionths();
    let mut unit: i64 = 1;
    while unit.saturating_mul(10) < highest {
        unit = unit.saturating_mul(10);
    }
    let end = [2, 4, 6, 8, 10].into_iter().map(|units| unit.saturating_mul(units)).find(|end| *end >= highest);
    Credit::from_millionths(end.unwrap_or(i64::MAX))
}

fn scale(credit: Credit, highest: Credit) -> i64 {
    let highest = i128::from(highest.millionths().max(1));
    i64::try_from(i128::from(credit.millionths()) * i128::from(HEIGHT) / highest).unwrap_or(HEIGHT)
}

fn colour(place: usize) -> String {
    format!("series-{}", place.min(COLOURS))
}

fn legend(sums: &UsageSums, currency: Currency) -> String {
    if sums.by.is_none() {
        return String::new();
    }
    let item = |(place, series): (usize, &UsageSeries)| {
        format!(
            r#"<li><i class="swatch {}"></i>{} <span class="sub num">{} · {}</span></li>"#,
            colour(place),
            escape(&series_name(&series.of)),
            series.total.charged.short_text(currency),
            messages_text(series.total.messages),
        )
    };
    format!(r#"<ul class="usage-legend">{}</ul>"#, sums.series.iter().enumerate().map(item).collect::<String>())
}

/// Days without a message are left out; the caption says so.
fn table(sums: &UsageSums, currency: Currency) -> String {
    let is_divided = sums.by.is_some();
    let head = |series: &UsageSeries| {
        let name = escape(&series_name(&series.of));
        format!(r#"<th scope="col" class="r">{name}</th>"#)
    };
    let heads: String = sums.series.iter().filter(|_| is_divided).map(head).collect();
    let cells = |name: &str, sums: Vec<UsageSum>, total: UsageSum| {
        let amount = |credit: Credit| format!(r#"<td class="r num">{}</td>"#, credit.text(currency));
        let divided: String = sums.iter().filter(|_| is_divided).map(|sum| amount(sum.charged)).collect();
        let messages = domain::money::grouped(total.messages.unsigned_abs());
        let (name, total) = (escape(name), amount(total.charged));
        format!(r#"<tr><th scope="row">{name}</th>{divided}{total}<td class="r num">{messages}</td></tr>"#)
    };
    let rows: String = sums
        .days
        .iter()
        .filter(|day| day.total().messages > 0)
        .map(|day| cells(&day.day.date(), day.sums.clone(), day.total()))
        .collect();
    let foot = cells("Total", sums.series.iter().map(|series| series.total).collect(), sums.total);
    let caption = "Spending by day (UTC); days without messages are left out";
    format!(
        r#"<table class="usage-table"><caption>{}</caption><thead><tr><th scope="col">Day</th>{heads}<th scope="col" class="r">All</th><th scope="col" class="r">Messages</th></tr></thead><tbody>{rows}</tbody><tfoot>{foot}</tfoot></table>"#,
        escape(caption)
    )
}

fn series_name(of: &UsageOf) -> String {
    let named = |name: &str, id: &str| if name.is_empty() { id.to_owned() } else { name.to_owned() };
    match of {
        UsageOf::All => "All messages".to_owned(),
        UsageOf::Key(key) => named(&key.name, key.id.as_str()),
        UsageOf::NoKey => "Without a key".to_owned(),
        UsageOf::Chatbot(chatbot) => named(&chatbot.name, chatbot.id.as_str()),
        UsageOf::Channel(channel) => channel_word(*channel).to_owned(),
        UsageOf::Others => "All others".to_owned(),
    }
}

const fn channel_word(channel: Channel) -> &'static str {
    super::entry_row::channel_name(channel)
}

/// A link in a row of links, and whether it leads to what is shown.
pub struct Choice {
    pub href: String,
    pub text: &'static str,
    pub is_chosen: bool,
}

/// A row of links with a name for people who do not see it.
pub fn choices(label: &str, choices: &[Choice]) -> String {
    let link = |Choice { href, text, is_chosen }: &Choice| {
        let current = if *is_chosen { r#" aria-current="true""# } else { "" };
        format!(r#"<a href="{}"{current}>{text}</a>"#, escape(href))
    };
    format!(r#"<nav class="choices-row" aria-label="{label}">{}</nav>"#, choices.iter().map(link).collect::<String>())
}

/// The stretches of time that are offered, as first and last day.
pub fn presets(today: Timestamp) -> [(&'static str, String, String); 4] {
    let today = today.start_of_day();
    let this_month = today.start_of_month();
    let last_of_before = this_month.plus_us(-DAY_US);
    [
        ("7 days", today.plus_us(-6 * DAY_US), today),
        ("30 days", today.plus_us(-29 * DAY_US), today),
        ("This month", this_month, today),
        ("Last month", last_of_before.start_of_month(), last_of_before),
    ]
    .map(|(text, from, until)| (text, from.date(), until.date()))
}

/// What usage can be told apart by, and nothing, as links say it.
pub const DIVISIONS: [(&str, Option<UsageBy>); 4] = [
    ("All together", None),
    ("By key", Some(UsageBy::Key)),
    ("By chatbot", Some(UsageBy::Chatbot)),
    ("By channel", Some(UsageBy::Channel)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::ChatbotId;
    use domain::ledger::Named;

    fn sum(messages: i64, charged: i64) -> UsageSum {
        UsageSum { messages, charged: Credit::from_millionths(charged) }
    }

    fn sums(name: &str) -> UsageSums {
        let chatbot = |id: &str, name: &str| {
            UsageOf::Chatbot(Named { id: ChatbotId::from_row(id.to_owned()), name: name.to_owned() })
        };
        let day = |date: &str, sums: Vec<UsageSum>| UsageDay { day: Timestamp::from_date(date).expect("a date"), sums };
        UsageSums {
            by: Some(UsageBy::Chatbot),
            series: vec![
                UsageSeries { of: chatbot("bot_1", name), total: sum(3, 6_000) },
                UsageSeries { of: chatbot("bot_2", "Second"), total: sum(1, 1) },
            ],
            days: vec![
                day("2026-11-01", vec![sum(1, 2_000), sum(1, 1)]),
                day("2026-11-02", vec![sum(0, 0), sum(0, 0)]),
                day("2026-11-03", vec![sum(2, 4_000), sum(0, 0)]),
            ],
            total: sum(4, 6_001),
        }
    }

    #[test]
    fn bars_stand_on_each_other_and_even_the_smallest_can_be_seen() {
        let ChartView { graph, .. } = draw(&sums("First"), Currency::Usd, String::new());
        let rects: Vec<&str> = graph.split("<rect ").skip(1).map(|rest| rest.split("/>").next().unwrap()).collect();
        assert_eq!(
            rects,
            [
                r#"class="series-0" x="4" y="500" width="8" height="500""#,
                r#"class="series-1" x="4" y="492" width="8" height="8""#,
                r#"class="series-0" x="36" y="0" width="8" height="1000""#,
            ]
        );
        assert!(graph.contains("<title>2026-11-01: $0.002001 for 2 messages; First $0.002; Second $0.000001</title>"));
        assert!(graph.contains("2026-11-01 to 2026-11-03, 3 days: $0.006001 for 4 messages"), "{graph}");
    }

    #[test]
    fn the_scale_ends_at_a_short_number_that_no_day_exceeds() {
        for (highest, end) in [
            (0, 2),
            (1, 2),
            (3, 4),
            (10, 10),
            (11, 20),
            (2_001, 4_000),
            (93_000, 100_000),
            (1_000_001, 2_000_000),
            (i64::MAX, i64::MAX),
        ] {
            assert_eq!(scale_end(Credit::from_millionths(highest)).millionths(), end, "{highest}");
        }
    }

    #[test]
    fn the_table_has_the_numbers_of_the_bars() {
        let ChartView { table, .. } = draw(&sums("First"), Currency::Usd, String::new());
        let cells: Vec<&str> = table.split("</t").map(|cell| cell.rsplit('>').next().unwrap()).collect();
        let row = |name: &str| {
            let at = cells.iter().position(|cell| *cell == name).unwrap_or_else(|| panic!("{name}: {cells:?}"));
            cells[at + 1..at + 5].to_vec()
        };
        assert_eq!(row("2026-11-01"), ["$0.002000", "$0.000001", "$0.002001", "2"]);
        assert_eq!(row("2026-11-03"), ["$0.004000", "$0.000000", "$0.004000", "2"]);
        assert_eq!(row("Total"), ["$0.006000", "$0.000001", "$0.006001", "4"]);
        assert!(!cells.contains(&"2026-11-02"));
    }

    #[test]
    fn a_name_cannot_become_a_part_of_the_page() {
        let evil = "<script>\"&'";
        let ChartView { graph, table, .. } = draw(&sums(evil), Currency::Usd, String::new());
        let page = graph + &table;
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;&quot;&amp;&#39;").count(), 4, "two titles, the legend and the table");
        let choice = Choice { href: "/usage?key=\"><b>".to_owned(), text: "7 days", is_chosen: true };
        assert!(choices("Time", &[choice]).contains(r#"href="/usage?key=&quot;&gt;&lt;b&gt;" aria-current="true""#));
    }

    #[test]
    fn presets_end_today_or_with_the_month_before() {
        let days = |date: &str| {
            presets(Timestamp::from_date(date).expect("a date")).map(|(_, from, until)| from + " " + &until)
        };
        assert_eq!(
            days("2026-03-01"),
            ["2026-02-23 2026-03-01", "2026-01-31 2026-03-01", "2026-03-01 2026-03-01", "2026-02-01 2026-02-28"]
        );
        assert_eq!(days("2026-01-15")[3], "2025-12-01 2025-12-31");
    }
}
