//! A moment on the page. The server does not know the reader's time zone, so it writes UTC and says so; the browser
//! replaces it with local time once the page is alive, because a different first rendering would break hydration.

use domain::clock::{DAY_US, HOUR_US, MINUTE_US, Timestamp};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// How much of a moment is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MomentKind {
    /// `2026-11-24 14:05:09`
    #[default]
    DateTime,
    /// `14:05`, with the day when it is not today.
    /// `14:05`, with the day when it is not today.
    Time,
    /// `14:05:09`, with the day when it is not today.
    Exact,
    /// `2026-11-24`
    Date,
    /// `2 minutes ago`
    Ago,
    /// `14:05:09` today, `yesterday 14:05`, else the date and time.
    Recent,
}

/// Counts up every half minute in the browser, so that "2 minutes ago" stays true. In the context of the layout.
#[derive(Clone, Copy)]
pub struct Ticker(pub RwSignal<u32>);

/// A `<time>` element.
#[component]
pub fn Moment(at: Timestamp, #[prop(optional)] kind: MomentKind) -> impl IntoView {
    let text = RwSignal::new(utc_text(at, kind));
    let ticker = use_context::<Ticker>();
    Effect::new(move |_| {
        if let Some(Ticker(ticks)) = ticker {
            ticks.track();
        }
        text.try_set(local_text(at, kind));
    });
    view! {
        <time datetime=at.to_string() title=format!("{} UTC", at.date_time())>
            {move || text.try_get()}
        </time>
    }
}

fn utc_text(at: Timestamp, kind: MomentKind) -> String {
    match kind {
        MomentKind::Date => at.date(),
        MomentKind::Time => format!("{} UTC", at.hour_minute()),
        MomentKind::DateTime | MomentKind::Exact | MomentKind::Ago | MomentKind::Recent => {
            format!("{} UTC", at.date_time())
        }
    }
}

/// Browser only: reads the clock and the time zone of the machine.
fn local_text(at: Timestamp, kind: MomentKind) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 are exact in 53 bits")]
    let now = Timestamp::from_us(js_sys::Date::now() as i64 * 1_000);
    let (here, here_now) = (local(at), local(now));
    match kind {
        MomentKind::Exact if here.start_of_day() == here_now.start_of_day() => time_of_day(here),
        MomentKind::DateTime | MomentKind::Exact => here.date_time(),
        MomentKind::Date => here.date(),
        MomentKind::Time if here.start_of_day() == here_now.start_of_day() => here.hour_minute(),
        MomentKind::Time => format!("{} {}", here.date(), here.hour_minute()),
        MomentKind::Ago => ago(now.us_since(at), here),
        MomentKind::Recent => recent(here, here_now),
    }
}

/// The same moment with the local time zone's offset added, so that its calendar parts are the local ones.
fn local(at: Timestamp) -> Timestamp {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in 53 bits")]
    let date = js_sys::Date::new(&JsValue::from_f64((at.us() / 1_000) as f64));
    #[expect(clippy::cast_possible_truncation, reason = "an offset is a whole number of minutes below a day")]
    let minutes_behind_utc = date.get_timezone_offset() as i64;
    at.plus_us(-minutes_behind_utc * MINUTE_US)
}

/// `14:05:09`
fn time_of_day(here: Timestamp) -> String {
    here.date_time().split_once(' ').map(|(_, time)| time.to_owned()).unwrap_or_default()
}

fn recent(here: Timestamp, here_now: Timestamp) -> String {
    let days = here_now.start_of_day().us_since(here.start_of_day()) / DAY_US;
    match days {
        0 => time_of_day(here),
        1 => format!("yesterday {}", here.hour_minute()),
        _ => format!("{} {}", here.date(), here.hour_minute()),
    }
}

fn ago(past_us: i64, here: Timestamp) -> String {
    let count = |number: i64, unit: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {unit}{plural} ago")
    };
    match past_us {
        ..MINUTE_US => "just now".to_owned(),
        MINUTE_US..HOUR_US => count(past_us / MINUTE_US, "minute"),
        HOUR_US..DAY_US => count(past_us / HOUR_US, "hour"),
        _ if past_us < 30 * DAY_US => count(past_us / DAY_US, "day"),
        _ => here.date(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_moment_is_told_by_its_largest_unit() {
        let at = Timestamp::from_date("2026-11-24").expect("a date");
        for (past_us, text) in [
            (-5, "just now"),
            (59_999_999, "just now"),
            (MINUTE_US, "1 minute ago"),
            (2 * HOUR_US, "2 hours ago"),
            (29 * DAY_US, "29 days ago"),
            (30 * DAY_US, "2026-11-24"),
        ] {
            assert_eq!(ago(past_us, at), text);
        }
    }

    #[test]
    fn a_recent_moment_leaves_out_the_day_of_today() {
        let at = |day: &str, hour| Timestamp::from_date(day).expect("a date").plus_us(hour * HOUR_US);
        let now = at("2026-11-24", 1);
        assert_eq!(recent(at("2026-11-24", 0), now), "00:00:00");
        assert_eq!(recent(at("2026-11-23", 23), now), "yesterday 23:00");
        assert_eq!(recent(at("2026-11-22", 23), now), "2026-11-22 23:00");
    }
}
