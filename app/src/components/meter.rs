//! How much of a limit is used: the numbers first, the bar beside them.

use super::number::grouped;
use leptos::prelude::*;

/// From this share of the limit on, the bar has the warning colour: four fifths.
const WARN_FROM_PERCENT: i64 = 80;

/// A limit with its use. `hint` stands below the bar; children stand there too, for hints that hold a moment.
#[component]
pub fn Meter(
    #[prop(into)] label: String,
    used: i64,
    limit: i64,
    #[prop(optional, into)] hint: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let is_nearly_full = used.saturating_mul(100) > limit.saturating_mul(WARN_FROM_PERCENT);
    let text = grouped(used) + " of " + &grouped(limit);
    view! {
        <div class="meter">
            <div class="row">
                <b>{label.clone()}</b>
                <span class="num">
                    <strong>{grouped(used)}</strong>
                    {format!(" of {}", grouped(limit))}
                </span>
            </div>
            <progress
                class=if is_nearly_full { "warn" } else { "" }
                value=used.clamp(0, limit.max(1))
                max=limit.max(1)
                aria-label=label
            >
                {text}
            </progress>
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> }.into_any())}
            {children.map(|children| view! { <p class="hint">{children()}</p> }.into_any())}
        </div>
    }
}
