//! The card with a chart of spending. What the server drew is put in as it is; the table stays open when it is drawn anew.

use super::server_fns::ChartView;
use leptos::prelude::*;

pub fn chart_card(ChartView { head, graph, table }: ChartView) -> AnyView {
    let has_table = !table.is_empty();
    view! {
        <section class="card usage" aria-labelledby="chart-title">
            <header inner_html=head></header>
            <div class="body" inner_html=graph></div>
            <details class="numbers" hidden=!has_table>
                <summary>"The same numbers as a table"</summary>
                <div class="table-wrap" tabindex="0" role="region" aria-label="Spending by day" inner_html=table></div>
            </details>
        </section>
    }
    .into_any()
}
