//! The commands of the binary: serve, which is the default, and what an operator does on the machine itself.

mod payment;

use clap::{Args, Parser, Subcommand};
use domain::credit::Credit;
use domain::ledger::Operation;
use payment::PaymentCommand;
use server::{Config, Server, audit, demo, documents, ledger, telemetry};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Artiko's plan, credit and API-key console: one binary, one database.
#[derive(Parser)]
#[command(name = "artiko", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the console and the API (the default)
    Serve(Box<Serve>),
    /// Bring the database up to date, and end
    Migrate(Box<Config>),
    /// Look at the ledger
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Change the credit of an account
    #[command(subcommand)]
    Credit(CreditCommand),
    /// Look at an account
    #[command(subcommand)]
    Account(AccountCommand),
    /// Look at payments and give them back
    #[command(subcommand)]
    Payment(PaymentCommand),
    /// Read a document from standard input and write its text: what the server starts for each file
    #[command(name = documents::program::COMMAND, hide = true)]
    ReadDocument { kind: String, name: String },
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Check every rule of the ledger against the database; ends with 1 when one is broken
    Verify(Box<Config>),
}

#[derive(Subcommand)]
enum CreditCommand {
    /// Give credit
    Grant(Box<CreditChange>),
    /// Correct credit by a positive or negative amount
    Adjust(Box<CreditChange>),
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Show plan, credit and keys
    Show(Box<AccountChoice>),
    /// List what operators did to it, newest first
    Audit(Box<AccountChoice>),
}

#[derive(Args)]
struct AccountChoice {
    /// Id of the account, or e-mail of its owner
    account: String,
    #[command(flatten)]
    config: Config,
}

#[derive(Args)]
struct CreditChange {
    /// Id of the account, or e-mail of its owner
    account: String,
    /// Amount with at most six decimals, such as 25 or -0.002
    #[arg(allow_hyphen_values = true, value_parser = read_credit)]
    amount: Credit,
    /// Why; it is kept with the entry and the customer can read it
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    config: Config,
}

/// Options of `artiko serve`.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    pub config: Config,
    /// Folder with the files for the browser; `site` beside the binary by default
    #[arg(long, env = "ARTIKO_SITE_ROOT")]
    pub site_root: Option<PathBuf>,
    /// Open on a database of its own with a demonstration account, made anew at every start
    #[arg(long)]
    pub demo: bool,
}

fn read_credit(text: &str) -> Result<Credit, String> {
    Credit::parse(text).ok_or_else(|| "it must be an amount with at most six decimals, such as 25 or -0.002".to_owned())
}

/// Reads a document, when that is what the process was started for.
pub fn read_document(cli: &Cli) -> Option<ExitCode> {
    match &cli.command {
        Some(Command::ReadDocument { kind, name }) => Some(documents::program::run(kind, name)),
        _ => None,
    }
}

/// Runs the chosen command.
///
/// # Errors
/// When the configuration is wrong, the database cannot be reached, or the command is refused; the text is for the
/// operator.
pub async fn run(cli: Cli) -> Result<ExitCode, Box<dyn Error>> {
    match cli.command {
        None => serve(cli.serve).await,
        Some(Command::Serve(options)) => serve(*options).await,
        Some(Command::Migrate(config)) => {
            let server = Server::open(*config).await?;
            say(&format!("the {} database is up to date", server.db.name()));
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Ledger(LedgerCommand::Verify(config))) => verify(*config).await,
        Some(Command::Credit(CreditCommand::Grant(change))) => {
            let operation = Operation::Grant { amount: change.amount };
            change_credit(*change, operation).await
        }
        Some(Command::Credit(CreditCommand::Adjust(change))) => {
            let operation = Operation::Adjust { amount: change.amount };
            change_credit(*change, operation).await
        }
        Some(Command::Account(AccountCommand::Show(choice))) => show_account(*choice).await,
        Some(Command::Account(AccountCommand::Audit(choice))) => show_audit(*choice).await,
        Some(Command::Payment(command)) => payment::run(command).await,
        Some(Command::ReadDocument { .. }) => Err("a document is read without a runtime".into()),
    }
}

async fn serve(mut options: Serve) -> Result<ExitCode, Box<dyn Error>> {
    telemetry::start(&options.config)?;
    if options.demo {
        options.config = demo::make(options.config).await?;
        say(&format!("Demonstration: sign in as {} with the password {}", demo::EMAIL, demo::PASSWORD));
    }
    crate::console::serve(options).await?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(config: Config) -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::open(config).await?;
    let violations = ledger::verify::verify(&server.db).await?;
    for violation in &violations {
        say(&format!("{}: {}: {}", violation.account_id, violation.rule, violation.detail));
    }
    if violations.is_empty() {
        say(&format!("the ledger is sound: {} rules hold", ledger::verify::rules()));
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

async fn change_credit(change: CreditChange, operation: Operation) -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::open(change.config).await?;
    let account_id = server::accounts::find(&server, &change.account).await?;
    let posted = ledger::operate(&server, &account_id, operation, &change.reason).await?;
    let currency = server.config.currency;
    let (amount, after) = (posted.amount.signed_text(currency), posted.after.net().text(currency));
    say(&format!("{account_id}: entry {}, {amount}, credit now {after}", posted.seq));
    Ok(ExitCode::SUCCESS)
}

async fn show_account(choice: AccountChoice) -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::open(choice.config).await?;
    let account_id = server::accounts::find(&server, &choice.account).await?;
    let usage = server::plans::usage(&server, &account_id).await?;
    let credit = ledger::summary(&server, &account_id).await?;
    say(&format!("account   {account_id}"));
    say(&format!("plan      {}", usage.plan.name));
    say(&format!("credit    {}", credit.posted.text(credit.currency)));
    if credit.debt > Credit::ZERO {
        say(&format!("debt      {}", credit.debt.text(credit.currency)));
    }
    say(&format!("chatbots  {} of {}", usage.chatbots.used, usage.chatbots.limit));
    say(&format!("documents {} of {}", usage.documents.used, usage.documents.limit));
    say(&format!("API keys  {} of {}", usage.api_keys.used, usage.api_keys.limit));
    Ok(ExitCode::SUCCESS)
}

async fn show_audit(choice: AccountChoice) -> Result<ExitCode, Box<dyn Error>> {
    let server = Server::open(choice.config).await?;
    let account_id = server::accounts::find(&server, &choice.account).await?;
    for line in audit::list(&server, &account_id).await? {
        say(&format!("{} {} {} {}: {}", line.at(), line.actor, line.action, line.subject, line.detail));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a line for the operator. A closed pipe is no reason to fail.
pub fn say(line: &str) {
    let _written = writeln!(std::io::stdout(), "{line}");
}

/// Writes why the command failed, and returns the exit code for it.
pub fn fail(error: &dyn Error) -> ExitCode {
    let _written = writeln!(std::io::stderr(), "artiko: {error}");
    ExitCode::FAILURE
}
