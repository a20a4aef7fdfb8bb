//! Thirty days of spending as bars: the API below, the widget on top of it.

use domain::credit::{Credit, DaySpend};
use domain::money::Currency;
use leptos::prelude::*;

/// The height that the dearest day has, in units of the drawing.
const HEIGHT: i64 = 56;
/// The line that the bars stand on.
const BASE: i64 = 60;
/// From one bar's left edge to the next one's.
const STEP: i64 = 16;
const WIDTH: i64 = 11;

#[component]
pub fn SpendChart(days: Vec<DaySpend>, spent: Credit, currency: Currency) -> impl IntoView {
    let highest = days.iter().map(total).max().unwrap_or(0).max(1);
    let total_text = format!("{} days · {}", days.len(), spent.short_text(currency));
    let label = format!("Spending of the last {total_text}");
    let end = STEP * i64::try_from(days.len()).unwrap_or(30);
    // Bars never change while they are shown, so they are one text and not a hundred parts that come alive.
    let bars: String = (0..).zip(&days).map(|(place, day)| bar(place, day, highest, currency)).collect();
    let line = format!(r#"<line x1="0" x2="{end}" y1="62" y2="62"/>"#);
    view! {
        <div class="chart">
            <div class="legend">
                <span><i class="swatch api"></i>"API"</span>
                <span><i class="swatch widget"></i>"Widget"</span>
                <span class="num">{total_text}</span>
            </div>
            <svg
                class="bars"
                viewBox=format!("0 0 {end} 64")
                preserveAspectRatio="none"
                role="img"
                aria-label=label
                inner_html=bars + &line
            ></svg>
        </div>
    }
}

fn bar(place: i64, day: &DaySpend, highest: i64, currency: Currency) -> String {
    let scale = |credit: Credit| {
        let height = i128::from(credit.millionths()) * i128::from(HEIGHT) / i128::from(highest);
        i64::try_from(height).unwrap_or(HEIGHT).max(i64::from(credit > Credit::ZERO))
    };
    let (api, widget) = (scale(day.api), scale(day.widget));
    let text = |credit: Credit| credit.short_text(currency);
    let title = format!("{}: API {}, widget {}", day.day.date(), text(day.api), text(day.widget));
    let (x, api_top, widget_top) = (place * STEP, BASE - api, BASE - 2 - api - widget);
    format!(
        r#"<g><title>{title}</title><rect class="api" x="{x}" y="{api_top}" width="{WIDTH}" height="{api}" rx="2"/><rect class="widget" x="{x}" y="{widget_top}" width="{WIDTH}" height="{widget}" rx="2"/></g>"#
    )
}

fn total(day: &DaySpend) -> i64 {
    day.api.millionths().saturating_add(day.widget.millionths())
}
