//! What messages cost by day, and the list of entries, newest first. Filter, division and page stand in the URL.

use super::chart_card::chart_card;
use super::entry_row::entry_row;
use super::filter::Filter;
use super::filter_form::FilterForm;
use super::server_fns::{LoadUsage, UsageView};
use crate::chatbots::parts::{failure, skeleton};
use crate::components::{EmptyState, Loaded, OpenDialog, PageHeading, grouped, use_live};
use domain::ledger::{EntryPage, EntryTotals};
use domain::money::Currency;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn UsagePage() -> impl IntoView {
    let live = use_live();
    let query = use_query_map();
    let filter = Memo::new(move |_| query.with(Filter::of));
    let loaded = Loaded::new(move || (filter.get(), live.get()), |(filter, _)| LoadUsage { filter });
    view! {
        <PageHeading title="Usage" lede="Every change of your API credit, with what it left."/>
        <FilterForm filter/>
        <Transition fallback=skeleton>
            {move || loaded.show(async move {
                match loaded.await {
                    Ok(loaded) => usage_view(loaded, &filter.get_untracked()),
                    Err(error) => failure(error),
                }
            })}
        </Transition>
    }
    .into_any()
}

fn usage_view(UsageView { page, currency, chart }: UsageView, filter: &Filter) -> AnyView {
    let entries = if page.entries.is_empty() { empty(filter) } else { entries_card(page, currency, filter) };
    view! {
        {chart.map(chart_card)}
        {entries}
    }
    .into_any()
}

fn entries_card(page: EntryPage, currency: Currency, filter: &Filter) -> AnyView {
    let rows = page.entries.into_iter().map(|entry| entry_row(entry, currency)).collect_view();
    let older = page.next_before_seq.map(|seq| filter.before(Some(seq)).address("/usage"));
    let newest = (!filter.before.is_empty()).then(|| filter.before(None).address("/usage"));
    let export = filter.before(None).address("/usage/entries.csv");
    view! {
        <div class="card">
            <div class="table-wrap" tabindex="0" role="region" aria-label="Entries">
                <table class="entries">
                    <caption class="visually-hidden">"Entries, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"When"</th>
                            <th scope="col">"What"</th>
                            <th scope="col">"Key"</th>
                            <th scope="col">"Chatbot"</th>
                            <th scope="col">"Channel"</th>
                            <th scope="col" class="r">"Price"</th>
                            <th scope="col" class="r">"Credit after"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                    <tfoot>{totals_row(page.totals, currency)}</tfoot>
                </table>
            </div>
            <nav class="foot" aria-label="Pages">
                {newest.map(|href| view! { <a href=href>"Newest entries"</a> }.into_any())}
                {older.map(|href| view! { <a href=href rel="next">"Older entries"</a> }.into_any())}
                <a href="/settings/payments">"Payments"</a>
                <a href=export download="">"Export as CSV"</a>
            </nav>
        </div>
    }
    .into_any()
}

/// The sums over the whole filter, whichever page of it is shown.
fn totals_row(totals: EntryTotals, currency: Currency) -> AnyView {
    let EntryTotals { count, spent, added } = totals;
    let entries = if count == 1 { "1 entry".to_owned() } else { format!("{} entries", grouped(count)) };
    view! {
        <tr>
            <th scope="row" colspan="5">"Total of "<span class="num">{entries}</span></th>
            <td class="r num"><span class="sub">"Spent "</span>{spent.text(currency)}</td>
            <td class="r num"><span class="sub">"Added "</span>{added.text(currency)}</td>
        </tr>
    }
    .into_any()
}

fn empty(filter: &Filter) -> AnyView {
    if filter.is_set() || !filter.before.is_empty() {
        return view! {
            <EmptyState title="No entries here">
                <p>"Nothing was spent or added in this selection."</p>
                <a href="/usage">"Show all entries"</a>
            </EmptyState>
        }
        .into_any();
    }
    view! {
        <EmptyState title="No entries yet">
            <p>"An entry appears here with each payment, and with each message by API or widget."</p>
            <OpenDialog href="/settings" name="add-balance" label="Add balance" class="btn primary"/>
        </EmptyState>
    }
    .into_any()
}
