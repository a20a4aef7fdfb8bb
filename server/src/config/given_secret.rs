//! Secrets that an operator gives: in an option, in the environment, or in a file whose name is the option's value.

use crate::error::StartError;
use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use zeroize::Zeroizing;

/// A secret from an option. It prints as nothing.
#[derive(Clone)]
pub struct GivenSecret(Zeroizing<String>);

impl GivenSecret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The secret of one option or of the file that another one names; `None` where neither is given.
    ///
    /// # Errors
    /// When both are given, or the file cannot be read or is empty.
    pub(crate) fn read(given: Option<&Self>, file: Option<&Path>, option: &str) -> Result<Option<Self>, StartError> {
        let Some(path) = file else { return Ok(given.cloned()) };
        let file_option = format!("{option}-file");
        if given.is_some() {
            let reason = format!("is given beside {option}; one of them is enough");
            return Err(StartError::option(&file_option, reason));
        }
        let failed = |reason: String| StartError::option(&file_option, format!("{}: {reason}", path.display()));
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| failed(error.to_string()))?;
        if text.trim().is_empty() {
            return Err(failed("the file is empty".to_owned()));
        }
        Ok(Some(Self(Zeroizing::new(text.trim().to_owned()))))
    }
}

impl FromStr for GivenSecret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.trim().to_owned())))
    }
}

impl fmt::Debug for GivenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let Ok(secret) = "sk-hush\n".parse::<GivenSecret>();
        assert_eq!((format!("{secret:?}"), secret.expose()), ("…".to_owned(), "sk-hush"));
    }
}
