//! The options of the engine `openai`: which server writes the answers, what its tokens cost, and how long it may take.

use crate::config::{GivenSecret, read_address};
use crate::error::StartError;
use clap::Args;
use domain::credit::Credit;
use std::path::PathBuf;

/// The OpenAI-compatible server that writes answers.
#[derive(Args, Clone, Debug)]
pub struct OpenAiOptions {
    /// Address of an OpenAI-compatible server, up to and with its version: <https://api.openai.com/v1>
    #[arg(long = "openai-base-url", env = "ARTIKO_OPENAI_BASE_URL", value_parser = read_address)]
    pub base_url: Option<String>,
    /// Key of that server; better in a file or in the environment, where other users of the machine do not see it
    #[arg(long = "openai-key", env = "ARTIKO_OPENAI_KEY", hide_env_values = true)]
    key: Option<GivenSecret>,
    /// File with the key of that server
    #[arg(long = "openai-key-file", env = "ARTIKO_OPENAI_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Model that writes the answers
    #[arg(long = "openai-model", env = "ARTIKO_OPENAI_MODEL")]
    pub model: Option<String>,
    /// Credit that a million tokens of questions, passages and earlier messages cost; without it a message has its price
    #[arg(long = "openai-input-price", env = "ARTIKO_OPENAI_INPUT_PRICE", value_parser = read_price)]
    input_price: Option<Credit>,
    /// Credit that a million tokens of answers cost
    #[arg(long = "openai-output-price", env = "ARTIKO_OPENAI_OUTPUT_PRICE", value_parser = read_price)]
    output_price: Option<Credit>,
    /// Longest that the server may be silent, before an answer and in it, in seconds
    #[arg(long = "openai-timeout-seconds", env = "ARTIKO_OPENAI_TIMEOUT_SECONDS", default_value = "20",
          value_parser = clap::value_parser!(u64).range(1..=120))]
    pub timeout_seconds: u64,
    /// Most tokens that are sent: passages and earlier messages are left out beyond that
    #[arg(long = "openai-context-tokens", env = "ARTIKO_OPENAI_CONTEXT_TOKENS", default_value = "4096",
          value_parser = clap::value_parser!(u32).range(512..=1_000_000))]
    pub context_tokens: u32,
    /// Most tokens of an answer
    #[arg(long = "openai-answer-tokens", env = "ARTIKO_OPENAI_ANSWER_TOKENS", default_value = "1024",
          value_parser = clap::value_parser!(u32).range(16..=100_000))]
    pub answer_tokens: u32,
}

/// What tokens cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Credit for a million tokens that are sent.
    pub input: Credit,
    /// Credit for a million tokens that are written.
    pub output: Credit,
}

impl Prices {
    /// What so many tokens cost, rounded up to a millionth.
    pub fn cost(self, input_tokens: u64, output_tokens: u64) -> Credit {
        let part = |tokens: u64, price: Credit| i128::from(tokens) * i128::from(price.millionths());
        let cost = (part(input_tokens, self.input) + part(output_tokens, self.output) + 999_999) / 1_000_000;
        Credit::from_millionths(i64::try_from(cost).unwrap_or(i64::MAX))
    }
}

impl OpenAiOptions {
    /// What tokens cost; `None` where a message has its price.
    pub fn prices(&self) -> Option<Prices> {
        Some(Prices { input: self.input_price?, output: self.output_price? })
    }

    /// Checks what no option can check alone. Without an address there is nothing to check.
    ///
    /// # Errors
    /// With the name of the option that is missing or does not fit the others.
    pub fn check(&self) -> Result<(), StartError> {
        if self.base_url.is_none() {
            return Ok(());
        }
        if self.model.as_deref().is_none_or(|model| model.trim().is_empty()) {
            return Err(StartError::option(
                "--openai-model",
                "is missing; --openai-base-url needs the name of a model",
            ));
        }
        if self.input_price.is_some() != self.output_price.is_some() {
            let missing = if self.input_price.is_some() { "--openai-output-price" } else { "--openai-input-price" };
            return Err(StartError::option(missing, "is missing; tokens have both prices or none"));
        }
        self.secret().map(drop)
    }

    /// # Errors
    /// When the file with the key cannot be read.
    pub(super) fn secret(&self) -> Result<Option<GivenSecret>, StartError> {
        GivenSecret::read(self.key.as_ref(), self.key_file.as_deref(), "--openai-key")
    }
}

fn read_price(text: &str) -> Result<Credit, String> {
    let price = Credit::parse(text.trim()).filter(|price| *price >= Credit::ZERO);
    price.ok_or_else(|| "it must be an amount with at most six decimals, such as 0.15".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cost_what_they_cost_rounded_up_to_a_millionth() {
        let prices = Prices { input: Credit::from_millionths(150_000), output: Credit::from_millionths(600_000) };
        for (input, output, cost) in [(0, 0, 0), (1, 0, 1), (1_000_000, 0, 150_000), (1_000, 500, 450), (7, 1, 2)] {
            assert_eq!(prices.cost(input, output), Credit::from_millionths(cost), "{input} {output}");
        }
        assert_eq!(prices.cost(u64::MAX, u64::MAX), Credit::from_millionths(i64::MAX));
    }
}
