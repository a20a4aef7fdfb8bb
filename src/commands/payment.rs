//! `artiko payment …`: looking at a payment, giving it back, and comparing all of them with the gateway.

use super::say;
use clap::{Args, Subcommand};
use domain::payment::Payment;
use server::payments::gateway::Report;
use server::payments::{self, RECONCILED_DAYS, Reconciled, Shown};
use server::{Config, Server};
use std::error::Error;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum PaymentCommand {
    /// Show a payment, what the gateway says about it, and its entries
    Show(Box<PaymentChoice>),
    /// Give a payment back, whole or in part, and take its credit back
    Refund(Box<Refund>),
    /// Compare payments with the gateway and repair what is certain; ends with 1 when something is left to be decided
    Reconcile(Box<Reconcile>),
}

#[derive(Args)]
pub(super) struct PaymentChoice {
    /// Id of the payment
    payment: String,
    #[command(flatten)]
    config: Config,
}

#[derive(Args)]
pub(super) struct Refund {
    /// Id of the payment
    payment: String,
    /// How much; everything that was not given back before by default
    #[arg(long)]
    amount: Option<String>,
    /// Why; it is kept with the entry and the customer can read it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    config: Config,
}

#[derive(Args)]
pub(super) struct Reconcile {
    /// How many days back
    #[arg(long, default_value_t = RECONCILED_DAYS)]
    since: u16,
    #[command(flatten)]
    config: Config,
}

pub(super) async fn run(command: PaymentCommand) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        PaymentCommand::Show(choice) => show(*choice).await,
        PaymentCommand::Refund(refund) => give_back(*refund).await,
        PaymentCommand::Reconcile(reconcile) => compare(*reconcile).await,
    }
}

async fn show(choice: PaymentChoice) -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::open(choice.config).await?;
    let Shown { account_id, payment, report, entries } = payments::show(&server, &choice.payment).await?;
    let currency = payment.amount.currency;
    say(&format!("payment    {}", payment.id));
    say(&format!("account    {account_id}"));
    say(&format!("begun      {}", payment.created_at));
    say(&format!("changed    {}", payment.changed_at));
    say(&format!("amount     {}", payment.amount.text()));
    say(&format!("state      {}", standing(&payment)));
    say(&format!(
        "gateway    {}",
        report.map_or("does not know it".to_owned(), |report| at_gateway(&payment, &report))
    ));
    say(&format!("credit     {} of {}", payment.standing().text(currency), payment.credit.text(currency)));
    for entry in entries {
        let (amount, reason) = (entry.amount.signed_text(currency), entry.reason.unwrap_or_default());
        say(&format!("entry {:<4} {} {:<8} {amount} {reason}", entry.seq, entry.at, entry.kind.as_str()));
    }
    Ok(ExitCode::SUCCESS)
}

/// The state in words, with what was given back and what is disputed.
fn standing(payment: &Payment) -> String {
    let money = |minor_units| domain::money::Money { minor_units, ..payment.amount }.text();
    let refunded = match payment.refunded_minor_units {
        0 => String::new(),
        minor_units => format!(", {} given back", money(minor_units)),
    };
    let disputed = payment.dispute.map_or_else(String::new, |dispute| {
        format!(", {} disputed ({})", money(dispute.minor_units), dispute.state.as_str())
    });
    format!("{}{refunded}{disputed}", payment.state.as_str())
}

fn at_gateway(payment: &Payment, report: &Report) -> String {
    let Report { state, amount, refunded_minor_units, dispute, .. } = *report;
    let amount = amount.unwrap_or(payment.amount);
    let there = Payment { state, amount, refunded_minor_units, dispute, ..payment.clone() };
    format!("{}, {}", amount.text(), standing(&there))
}

async fn give_back(refund: Refund) -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::open(refund.config).await?;
    let payment = payments::refund(&server, &refund.payment, refund.amount.as_deref(), &refund.reason).await?;
    let credit = payment.standing().text(payment.amount.currency);
    say(&format!("{}: {}, credit now {credit}", payment.id, standing(&payment)));
    Ok(ExitCode::SUCCESS)
}

async fn compare(reconcile: Reconcile) -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::open(reconcile.config).await?;
    let Reconciled { payments, differences } =
        payments::reconcile(&server, reconcile.since, &server.config.operator).await?;
    for difference in &differences {
        let done = if difference.is_repaired { "repaired" } else { "LEFT" };
        say(&format!("{}: {}: {} ({done})", difference.account_id, difference.payment_id, difference.what));
    }
    let left = differences.iter().filter(|difference| !difference.is_repaired).count();
    let repaired = differences.len() - left;
    say(&format!("{payments} payments compared, {repaired} repaired, {left} left to be decided"));
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
