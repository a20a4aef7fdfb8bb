//! The options of the gateway `stripe`: its key, the secrets that sign its webhooks, and the address of its API.

use crate::config::{GivenSecret, read_address};
use crate::error::StartError;
use clap::Args;
use std::path::PathBuf;

/// Fewer characters can be guessed.
const WEBHOOK_SECRET_CHARACTERS_MIN: usize = 16;

/// The Stripe account that takes the money.
#[derive(Args, Clone, Debug)]
pub struct StripeOptions {
    /// Secret key of the Stripe account; better in a file or in the environment
    #[arg(long = "stripe-secret-key", env = "ARTIKO_STRIPE_SECRET_KEY", hide_env_values = true)]
    secret_key: Option<GivenSecret>,
    /// File with the secret key of the Stripe account
    #[arg(long = "stripe-secret-key-file", env = "ARTIKO_STRIPE_SECRET_KEY_FILE")]
    secret_key_file: Option<PathBuf>,
    /// Secrets of the webhook endpoints at Stripe, separated by commas: one that signed an event is enough
    #[arg(long = "stripe-webhook-secrets", env = "ARTIKO_STRIPE_WEBHOOK_SECRETS", hide_env_values = true)]
    webhook_secrets: Option<GivenSecret>,
    /// File with the secrets of the webhook endpoints, separated by commas or lines
    #[arg(long = "stripe-webhook-secrets-file", env = "ARTIKO_STRIPE_WEBHOOK_SECRETS_FILE")]
    webhook_secrets_file: Option<PathBuf>,
    /// Address of Stripe's API
    #[arg(long = "stripe-url", env = "ARTIKO_STRIPE_URL", default_value = "https://api.stripe.com",
          value_parser = read_address)]
    pub url: String,
}

impl StripeOptions {
    /// The secret key.
    ///
    /// # Errors
    /// When none is given, its file cannot be read, or it is no secret key.
    pub(super) fn secret_key(&self) -> Result<GivenSecret, StartError> {
        const OPTION: &str = "--stripe-secret-key";
        let key = GivenSecret::read(self.secret_key.as_ref(), self.secret_key_file.as_deref(), OPTION)?;
        let key = key.filter(|key| !key.expose().is_empty()).ok_or_else(|| {
            StartError::option(OPTION, "is missing; --gateway stripe needs the secret key of a Stripe account")
        })?;
        let kinds = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"];
        let is_key = kinds.iter().any(|kind| key.expose().starts_with(kind));
        let is_plain = key.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_key || !is_plain {
            let reason = format!("it is no secret key of Stripe; one begins with {}", kinds.join(", "));
            return Err(StartError::option(OPTION, reason));
        }
        Ok(key)
    }

    /// The secrets that sign webhooks, at least one and none of them empty.
    ///
    /// # Errors
    /// When none is given, their file cannot be read, or one of them is empty or too short.
    pub(super) fn webhook_secrets(&self) -> Result<Vec<GivenSecret>, StartError> {
        const OPTION: &str = "--stripe-webhook-secrets";
        let given = GivenSecret::read(self.webhook_secrets.as_ref(), self.webhook_secrets_file.as_deref(), OPTION)?;
        let given = given.filter(|given| !given.expose().is_empty()).ok_or_else(|| {
            let reason = "is missing; without it anybody could say that a payment was paid. Stripe shows it as \
                          \"Signing secret\" of the webhook endpoint";
            StartError::option(OPTION, reason)
        })?;
        let mut secrets = Vec::new();
        for text in given.expose().split([',', '\n']) {
            let Ok(secret) = text.parse::<GivenSecret>();
            if secret.expose().is_empty() {
                return Err(StartError::option(OPTION, "one of them is empty, which would let anybody sign"));
            }
            if secret.expose().len() < WEBHOOK_SECRET_CHARACTERS_MIN || secret.expose().contains(char::is_whitespace) {
                let reason = format!(
                    "one of them is no secret: it must have {WEBHOOK_SECRET_CHARACTERS_MIN} characters or more, and no space"
                );
                return Err(StartError::option(OPTION, reason));
            }
            secrets.push(secret);
        }
        Ok(secrets)
    }

    /// Checks what no option can check alone.
    ///
    /// A live key takes real money, so with one the customers' way here and ours to Stripe are encrypted.
    ///
    /// # Errors
    /// With the name of the option that is missing or does not fit the others.
    pub fn check(&self, public_url: &str) -> Result<(), StartError> {
        let key = self.secret_key()?;
        self.webhook_secrets()?;
        if is_live(&key) && !public_url.starts_with("https://") {
            let reason = format!("{public_url} is not https, and --stripe-secret-key takes real money");
            return Err(StartError::option("--public-url", reason));
        }
        if is_live(&key) && !self.url.starts_with("https://") {
            let reason = format!("{} is not https, and --stripe-secret-key takes real money", self.url);
            return Err(StartError::option("--stripe-url", reason));
        }
        Ok(())
    }
}

impl StripeOptions {
    /// The origins of the pages that customers are sent to: Stripe's own, and where the API is when that is another one.
    #[must_use]
    pub fn page_origins(&self) -> String {
        const PAGES: &str = "https://checkout.stripe.com";
        let (scheme, rest) = self.url.split_once("://").unwrap_or_default();
        match rest.split('/').next().unwrap_or_default() {
            "api.stripe.com" => PAGES.to_owned(),
            host => format!("{PAGES} {scheme}://{host}"),
        }
    }
}

/// Whether a key takes real money.
fn is_live(key: &GivenSecret) -> bool {
    key.expose().split('_').nth(1) == Some("live")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    const KEY: &str = "sk_test_hush1234";
    const LIVE: &str = "sk_live_hush1234";
    const SECRET: &str = "whsec_hush567890";
    const HTTPS: &str = "https://console.example.com";

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: StripeOptions,
    }

    fn read(flags: &[&str]) -> StripeOptions {
        Command::parse_from(std::iter::once("artiko").chain(flags.iter().copied())).options
    }

    fn refusal(public_url: &str, flags: &[&str]) -> String {
        read(flags).check(public_url).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_key_and_a_secret_are_enough() {
        let flags = ["--stripe-secret-key", KEY, "--stripe-webhook-secrets", SECRET];
        assert_eq!(refusal("http://127.0.0.1:3000", &flags), "");
        assert_eq!(refusal(HTTPS, &["--stripe-secret-key", LIVE, "--stripe-webhook-secrets", SECRET]), "");
        assert_eq!(read(&flags).url, "https://api.stripe.com");
        assert!(!format!("{:?}", read(&flags)).contains("hush"));
    }

    #[test]
    fn what_is_no_secret_key_is_refused() {
        for key in ["", " ", "pk_test_hush1234", "whsec_hush567890", "sk_test_hush 1234", "sk_test_hush\u{fc}"] {
            let refusal = refusal(HTTPS, &["--stripe-secret-key", key, "--stripe-webhook-secrets", SECRET]);
            assert!(refusal.starts_with("--stripe-secret-key: ") && !refusal.contains("hush"), "{key}: {refusal}");
        }
        assert!(refusal(HTTPS, &[]).starts_with("--stripe-secret-key: is missing"));
    }

    #[test]
    fn a_webhook_secret_that_is_missing_empty_or_short_is_refused() {
        for secrets in ["", " ", ",", "whsec_hush567890,", ",whsec_hush567890", "whsec_hush567890,,whsec_hush567891"] {
            let refusal = refusal(HTTPS, &["--stripe-secret-key", KEY, "--stripe-webhook-secrets", secrets]);
            assert!(refusal.starts_with("--stripe-webhook-secrets: "), "{secrets}: {refusal}");
            assert!(refusal.contains("empty") || refusal.contains("missing"), "{secrets}: {refusal}");
        }
        for secrets in ["whsec_hush", "whsec_hush567890,short", "two words in one secret"] {
            let refusal = refusal(HTTPS, &["--stripe-secret-key", KEY, "--stripe-webhook-secrets", secrets]);
            assert!(refusal.contains("no secret") && !refusal.contains("hush"), "{secrets}: {refusal}");
        }
        assert!(refusal(HTTPS, &["--stripe-secret-key", KEY]).starts_with("--stripe-webhook-secrets: is missing"));
    }

    #[test]
    fn several_secrets_are_separated_by_commas_or_stand_in_lines_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        std::fs::write(&path, "whsec_hush567890\r\nwhsec_hush567891\n").unwrap();
        let file = path.to_str().unwrap();
        for flags in [
            ["--stripe-webhook-secrets", "whsec_hush567890, whsec_hush567891"],
            ["--stripe-webhook-secrets-file", file],
        ] {
            let secrets = read(&flags).webhook_secrets().expect("two secrets");
            let texts: Vec<&str> = secrets.iter().map(GivenSecret::expose).collect();
            assert_eq!(texts, ["whsec_hush567890", "whsec_hush567891"]);
        }
        std::fs::write(&path, "\n").unwrap();
        let empty = refusal(HTTPS, &["--stripe-secret-key", KEY, "--stripe-webhook-secrets-file", file]);
        assert!(empty.starts_with("--stripe-webhook-secrets-file: ") && empty.contains("empty"), "{empty}");
    }

    #[test]
    fn customers_are_sent_to_stripes_pages_and_to_those_beside_its_api() {
        assert_eq!(read(&[]).page_origins(), "https://checkout.stripe.com");
        let own = read(&["--stripe-url", "http://127.0.0.1:4990/of/tests"]);
        assert_eq!(own.page_origins(), "https://checkout.stripe.com http://127.0.0.1:4990");
    }

    #[test]
    fn a_live_key_wants_https_on_both_sides() {
        for key in [LIVE, "rk_live_hush1234"] {
            let flags = ["--stripe-secret-key", key, "--stripe-webhook-secrets", SECRET];
            for url in ["http://127.0.0.1:3000", "http://console.example.com"] {
                assert!(refusal(url, &flags).starts_with(&format!("--public-url: {url} is not https")));
            }
            let own = [&flags[..], &["--stripe-url", "http://127.0.0.1:4990"]].concat();
            assert!(refusal(HTTPS, &own).starts_with("--stripe-url: http://127.0.0.1:4990 is not https"));
        }
    }
}
