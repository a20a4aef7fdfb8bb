//! Configuration: every option in one place, as a flag and as an environment variable of the same name.
//!
//! A wrong value is refused at start with the option's name, what was given and what is allowed.

use crate::answers::openai::OpenAiOptions;
use crate::error::StartError;
use crate::mail::MailOptions;
use crate::receipts::SellerOptions;
use clap::{Args, ValueEnum};
use domain::chatbot_settings::AnswerEngine;
use domain::credit::Credit;
use domain::money::{AddBalanceRules, Currency};
use std::net::SocketAddr;
use std::path::PathBuf;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Who takes the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GatewayKind {
    /// The built-in payment page with test cards.
    Local,
}

/// All options of the server.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Address and port to listen on
    #[arg(long, env = "ARTIKO_ADDRESS", default_value = "127.0.0.1:3000")]
    pub address: SocketAddr,
    /// Address under which people reach the console, for example <https://console.example.com>
    #[arg(long = "public-url", env = "ARTIKO_PUBLIC_URL", value_parser = read_address)]
    given_public_url: Option<String>,
    /// Folder for the database, the pepper and the webhook secret
    #[arg(long, env = "ARTIKO_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// `sqlite://FILE` or `postgres://…`; a SQLite file in the data folder by default
    #[arg(long = "database-url", env = "ARTIKO_DATABASE_URL", hide_env_values = true)]
    given_database_url: Option<String>,
    /// File with the catalogue of plans; the built-in one by default
    #[arg(long, env = "ARTIKO_PLANS")]
    pub plans: Option<PathBuf>,
    /// Currency of credit and payments: USD, EUR, GBP, CHF, AUD or CAD
    #[arg(long, env = "ARTIKO_CURRENCY", default_value = "USD", value_parser = read_currency)]
    pub currency: Currency,
    /// Smallest amount that can be added at once
    #[arg(long, env = "ARTIKO_ADD_BALANCE_MINIMUM", default_value = "5", value_parser = read_minor_units)]
    pub add_balance_minimum: i64,
    /// Largest amount that can be added at once
    #[arg(long, env = "ARTIKO_ADD_BALANCE_MAXIMUM", default_value = "2000", value_parser = read_minor_units)]
    pub add_balance_maximum: i64,
    /// Amounts offered as buttons
    #[arg(long, env = "ARTIKO_ADD_BALANCE_PRESETS", default_value = "10,25,50,100", value_delimiter = ',', value_parser = read_minor_units)]
    pub add_balance_presets: Vec<i64>,
    #[command(flatten)]
    pub seller: SellerOptions,
    /// Who takes the money
    #[arg(long, env = "ARTIKO_GATEWAY", value_enum, default_value = "local")]
    pub gateway: GatewayKind,
    /// Run the built-in payment page, which takes no real money, on a public address
    #[arg(long, env = "ARTIKO_ALLOW_TEST_PAYMENTS")]
    pub allow_test_payments: bool,
    /// How long the built-in payment page's pending cards stay pending, in milliseconds
    #[arg(long, env = "ARTIKO_LOCAL_GATEWAY_DELAY_MS", default_value_t = 3_000)]
    pub local_gateway_delay_ms: u64,
    /// E-mail address that "Contact support" writes to
    #[arg(long, env = "ARTIKO_SUPPORT_EMAIL", default_value = "support@localhost")]
    pub support_email: String,
    /// Page that "Contact support" opens instead
    #[arg(long, env = "ARTIKO_SUPPORT_URL", value_parser = read_address)]
    pub support_url: Option<String>,
    /// Attempts to sign in or sign up that are accepted a minute, per address and per e-mail
    #[arg(long, env = "ARTIKO_SIGN_IN_ATTEMPTS_PER_MINUTE", default_value = "10")]
    pub sign_in_attempts_per_minute: std::num::NonZeroU32,
    /// Networks of proxies that may say in X-Forwarded-For where a request came from, for example 10.0.0.0/8
    #[arg(long, env = "ARTIKO_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Connections that may be open at once; more are closed again without an answer
    #[arg(long, env = "ARTIKO_CONNECTIONS", default_value = "20000")]
    pub connections: std::num::NonZeroU32,
    /// Connections that may be open at once from one IPv4 address or one /64 of IPv6, trusted proxies aside
    #[arg(long, env = "ARTIKO_CONNECTIONS_PER_ADDRESS", default_value = "512")]
    pub connections_per_address: std::num::NonZeroU32,
    /// Requests that may wait for the ledger; more are refused with 503 at once
    #[arg(long, env = "ARTIKO_LEDGER_QUEUE", default_value = "8192")]
    pub ledger_queue: std::num::NonZeroU32,
    /// Days after which a conversation in which nothing more was said is deleted; without it, conversations are kept
    #[arg(long, env = "ARTIKO_KEEP_CONVERSATIONS_DAYS")]
    pub keep_conversations_days: Option<std::num::NonZeroU16>,
    /// Who writes answers where a chatbot's owner does not say: extractive, which quotes passages, or openai, a model
    #[arg(long, env = "ARTIKO_ANSWER_ENGINE", default_value = "extractive", value_parser = read_engine)]
    pub answer_engine: AnswerEngine,
    #[command(flatten)]
    pub openai: OpenAiOptions,
    #[command(flatten)]
    pub mail: MailOptions,
    /// Program that reads documents in place of this one, called as this one is
    #[arg(long, env = "ARTIKO_DOCUMENT_READER", hide = true)]
    pub document_reader: Option<PathBuf>,
    /// How long reading a document may take, in milliseconds
    #[arg(long, env = "ARTIKO_DOCUMENT_READING_MS", hide = true)]
    pub document_reading_ms: Option<u64>,
    /// Who runs a command that changes something, as the audit names him
    #[arg(long, env = "ARTIKO_OPERATOR", default_value = "operator")]
    pub operator: String,
    /// How the log is written
    #[arg(long, env = "ARTIKO_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// What is logged, for example info or info,server=debug
    #[arg(long, env = "ARTIKO_LOG", default_value = "info")]
    pub log: String,
}

impl Config {
    /// The address people use, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> String {
        self.given_public_url.clone().unwrap_or_else(|| format!("http://{}", self.address))
    }

    #[must_use]
    pub fn database_url(&self) -> String {
        self.given_database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data_dir.join("artiko.sqlite").display()))
    }

    /// Puts another database in place of the configured one.
    #[must_use]
    pub fn with_database_url(mut self, url: String) -> Self {
        self.given_database_url = Some(url);
        self
    }

    /// Goes back to the SQLite file in the data folder.
    #[must_use]
    pub fn without_database_url(mut self) -> Self {
        self.given_database_url = None;
        self
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url().starts_with("https://")
    }

    /// Whether only this machine can reach the console.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback() && matches!(self.host().as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }

    /// The host of the address that people use, without its port.
    #[must_use]
    pub fn host(&self) -> String {
        let url = self.public_url();
        let authority = url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or("");
        authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned()
    }

    #[must_use]
    pub fn add_balance_rules(&self) -> AddBalanceRules {
        AddBalanceRules {
            currency: self.currency,
            minimum_minor_units: self.add_balance_minimum,
            maximum_minor_units: self.add_balance_maximum,
            presets_minor_units: self.add_balance_presets.clone(),
            charges: self.seller.charges(),
        }
    }

    /// Checks what no option can check alone.
    ///
    /// # Errors
    /// With the name of the option that does not fit the others.
    pub fn check(&self) -> Result<(), StartError> {
        let rules = self.add_balance_rules();
        let money = |minor_units| rules.money(minor_units).text();
        if self.add_balance_minimum < 1 || self.add_balance_minimum > self.add_balance_maximum {
            let (minimum, maximum) = (money(self.add_balance_minimum), money(self.add_balance_maximum));
            return Err(StartError::option(
                "--add-balance-minimum",
                format!("{minimum} is given; it must be above zero and not above the maximum, {maximum}"),
            ));
        }
        let is_in_range = |preset: &&i64| !(self.add_balance_minimum..=self.add_balance_maximum).contains(*preset);
        if let Some(preset) = self.add_balance_presets.iter().find(is_in_range) {
            let reason = format!("{} is not between the minimum and the maximum", money(*preset));
            return Err(StartError::option("--add-balance-presets", reason));
        }
        self.seller.check()?;
        if self.gateway == GatewayKind::Local && !self.is_loopback() && !self.allow_test_payments {
            return Err(StartError::option(
                "--gateway",
                format!(
                    "local is given, which takes no real money, and {} can be reached from outside; \
                     add --allow-test-payments if that is meant",
                    self.public_url()
                ),
            ));
        }
        if self.answer_engine == AnswerEngine::Openai && self.openai.base_url.is_none() {
            let reason = "is missing; --answer-engine openai needs the address of a server";
            return Err(StartError::option("--openai-base-url", reason));
        }
        self.openai.check()
    }

    /// The options as the log shows them at start: nothing secret, and no password of the database.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "address {}, public URL {}, database {}, data folder {}, currency {}, gateway local, answers {}, mail {}",
            self.address,
            self.public_url(),
            without_password(&self.database_url()),
            self.data_dir.display(),
            self.currency,
            self.answers_summary(),
            self.mail.summary()
        )
    }

    fn answers_summary(&self) -> String {
        let (address, model) = (self.openai.base_url.as_deref(), self.openai.model.as_deref());
        match self.answer_engine {
            AnswerEngine::Extractive => "extractive".to_owned(),
            AnswerEngine::Openai => format!("{} at {}", model.unwrap_or("-"), address.unwrap_or("-")),
        }
    }
}

/// `postgres://artiko:secret@host/db` → `postgres://artiko:…@host/db`; a query, which may hold a password, is cut off.
fn without_password(url: &str) -> String {
    let url = url.split('?').next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let Some((user_info, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    match user_info.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:…@{host}"),
        None => url.to_owned(),
    }
}

pub(crate) fn read_address(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['?', '#', ' ', '@']) => Ok(url.to_owned()),
        _ => Err("it must be an address such as https://console.example.com".to_owned()),
    }
}

fn read_currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| {
        let codes: Vec<&str> = Currency::ALL.iter().map(|currency| currency.code()).collect();
        format!("allowed are {}", codes.join(", "))
    })
}

fn read_engine(text: &str) -> Result<AnswerEngine, String> {
    AnswerEngine::parse(text).ok_or_else(|| {
        let names: Vec<&str> = AnswerEngine::ALL.iter().map(|engine| engine.as_str()).collect();
        format!("allowed are {}", names.join(", "))
    })
}

fn read_minor_units(text: &str) -> Result<i64, String> {
    let millionths = Credit::parse(text.trim()).map(Credit::millionths);
    let minor_units = millionths.filter(|amount| *amount > 0 && amount % 10_000 == 0).map(|amount| amount / 10_000);
    minor_units
        .ok_or_else(|| "it must be an amount above zero with at most two decimals, such as 25 or 7.50".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        config: Config,
    }

    fn read(flags: &[&str]) -> Result<Config, String> {
        let arguments = std::iter::once("artiko").chain(flags.iter().copied());
        Command::try_parse_from(arguments).map(|command| command.config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_sound() {
        let config = read(&[]).expect("no option is needed");
        assert!(config.check().is_ok());
        assert_eq!(config.public_url(), "http://127.0.0.1:3000");
        assert_eq!(config.database_url(), "sqlite://data/artiko.sqlite");
        assert_eq!(config.add_balance_rules().presets_minor_units, [1_000, 2_500, 5_000, 10_000]);
    }

    #[test]
    fn a_wrong_value_is_refused_with_the_option_the_value_and_what_is_allowed() {
        for (flags, parts) in [
            (["--currency", "JPY"], ["--currency", "JPY", "USD, EUR"]),
            (["--answer-engine", "magic"], ["--answer-engine", "magic", "extractive, openai"]),
            (["--address", "here"], ["--address", "here", "invalid"]),
            (["--public-url", "console"], ["--public-url", "console", "https://"]),
            (["--add-balance-minimum", "0.001"], ["--add-balance-minimum", "0.001", "two decimals"]),
        ] {
            let error = read(&flags).expect_err("refused");
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        let wrong = ["--openai-input-price", "cheap"];
        assert!(read(&wrong).expect_err("refused").contains("--openai-input-price"));
        let config = read(&["--add-balance-presets", "1,25"]).expect("each is an amount");
        assert!(config.check().expect_err("1 is below the minimum").to_string().contains("--add-balance-presets"));
    }

    #[test]
    fn the_built_in_gateway_does_not_serve_a_public_address_unless_told_to() {
        let public = ["--public-url", "https://console.example.com"];
        assert!(
            read(&public).expect("reads").check().expect_err("refused").to_string().contains("--allow-test-payments")
        );
        let told = [public[0], public[1], "--allow-test-payments"];
        assert!(read(&told).expect("reads").check().is_ok());
    }

    #[test]
    fn an_engine_is_refused_with_the_option_that_it_lacks() {
        let model = ["--openai-base-url", "https://models.example/v1", "--openai-model", "small"];
        let missing = |more: &[&str]| {
            let flags: Vec<&str> = model.iter().chain(more).copied().collect();
            read(&flags).expect("reads").check().err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(missing(&["--answer-engine", "openai"]), "");
        let alone = read(&["--answer-engine", "openai"]).expect("reads").check().expect_err("no server").to_string();
        assert!(alone.starts_with("--openai-base-url: is missing"), "{alone}");
        let unnamed = read(&model[..2]).expect("reads").check().expect_err("no model").to_string();
        assert!(unnamed.starts_with("--openai-model: is missing"), "{unnamed}");
        assert!(missing(&["--openai-input-price", "0.15"]).starts_with("--openai-output-price: is missing"));
        assert!(missing(&["--openai-output-price", "0.6"]).starts_with("--openai-input-price: is missing"));
        assert!(missing(&["--openai-key-file", "/nowhere/key"]).starts_with("--openai-key-file: /nowhere/key: "));
        let both = missing(&["--openai-key", "sk-hush", "--openai-key-file", "/nowhere/key"]);
        assert!(both.starts_with("--openai-key-file: is given beside"), "{both}");
        let config = read(&[&model[..], &["--openai-key", "sk-hush"]].concat()).expect("reads");
        assert!(!format!("{config:?}{}", config.summary()).contains("hush"));
    }

    #[test]
    fn the_summary_does_not_show_the_password_of_the_database() {
        let config = read(&["--database-url", "postgres://artiko:hunter2@db/artiko?password=hunter2"]).expect("reads");
        assert!(!config.summary().contains("hunter2"));
        assert!(config.summary().contains("postgres://artiko:…@db/artiko"));
    }
}
