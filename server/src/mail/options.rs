//! The options of mail: where it comes from, and the server that takes it.

use crate::config::Config;
use crate::error::StartError;
use clap::Args;
use domain::account::normalise_email;
use lettre::message::Mailbox;
use reqwest::Url;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The address of an SMTP server as it was given. It may hold a password, so it prints as nothing and is read at start,
/// where a refusal does not repeat it.
#[derive(Clone)]
pub struct SmtpUrl(Zeroizing<String>);

impl FromStr for SmtpUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.trim().to_owned())))
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How mails are sent. Without a server they are kept as files.
#[derive(Args, Clone, Debug)]
pub struct MailOptions {
    /// Address that mails come from, such as "Artiko <no-reply@example.com>"; no-reply at the public URL's host by default
    #[arg(long = "mail-from", env = "ARTIKO_MAIL_FROM")]
    from: Option<String>,
    /// Server that takes mails, smtp[s]://user:password@host:port; without it they are kept in the data folder, in outbox
    #[arg(long = "smtp-url", env = "ARTIKO_SMTP_URL", hide_env_values = true)]
    smtp_url: Option<SmtpUrl>,
    /// File with the password of that server
    #[arg(long = "smtp-password-file", env = "ARTIKO_SMTP_PASSWORD_FILE")]
    smtp_password_file: Option<PathBuf>,
    /// E-mails of those who run this installation: whoever signs in with one of them, and has confirmed it, sees all mails
    #[arg(long = "operator-emails", env = "ARTIKO_OPERATOR_EMAILS", value_delimiter = ',', value_parser = read_email)]
    operator_emails: Vec<String>,
}

fn read_email(text: &str) -> Result<String, String> {
    normalise_email(text).map_err(|error| error.message)
}

impl MailOptions {
    /// Whether this is the e-mail of somebody who runs the installation. The address alone proves nothing.
    #[must_use]
    pub fn is_operators(&self, email: &str) -> bool {
        self.operator_emails.iter().any(|one| one == email)
    }

    /// Makes whoever has this e-mail one of those who run the installation.
    pub fn add_operator(&mut self, email: &str) {
        self.operator_emails.push(email.to_owned());
    }

    /// Where mails go, for the log.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.server() {
            Ok(Some(url)) => format!("by {}", url.host_str().unwrap_or("-")),
            Ok(None) | Err(_) => "in files".to_owned(),
        }
    }

    /// Whom mails come from.
    ///
    /// # Errors
    /// When it is no address.
    pub(super) fn sender(&self, config: &Config) -> Result<Mailbox, StartError> {
        let given = self.from.clone().unwrap_or_else(|| format!("Artiko <no-reply@{}>", mail_host(&config.host())));
        let sender = given.parse::<Mailbox>().ok().filter(|sender| sender.email.user() != "");
        sender.ok_or_else(|| {
            let reason = format!("{given} is given; it must be an address such as Artiko <no-reply@example.com>");
            StartError::option("--mail-from", reason)
        })
    }

    /// The server's address with what was left unsaid: how it is encrypted, and the password from its file.
    ///
    /// Without TLS a password and everybody's links could be read on the way, so that the one server which is believed
    /// without is this machine's own; `?tls=none` says otherwise for a network that one trusts.
    ///
    /// # Errors
    /// With the name of the option that is wrong, and never with what the address holds.
    pub(super) fn server(&self) -> Result<Option<Url>, StartError> {
        let Some(given) = &self.smtp_url else {
            let is_alone = self.smtp_password_file.is_some();
            let reason = "is given without --smtp-url, which says whose password it is";
            return if is_alone { Err(StartError::option("--smtp-password-file", reason)) } else { Ok(None) };
        };
        let refused = |reason: &str| StartError::option("--smtp-url", reason);
        let form = "it must be of the form smtp://host, smtps://user@host or smtp://user:password@host:587";
        let mut url = Url::parse(&given.0).map_err(|_| refused(form))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !matches!(url.scheme(), "smtp" | "smtps") || host.is_empty() {
            return Err(refused(form));
        }
        if let Some(path) = &self.smtp_password_file {
            if url.username().is_empty() || url.password().is_some() {
                let reason = "needs a user, and no password, in --smtp-url: smtp://user@host";
                return Err(StartError::option("--smtp-password-file", reason));
            }
            let password = read_password(path)?;
            url.set_password(Some(&password)).map_err(|()| refused(form))?;
        } else if !url.username().is_empty() && url.password().is_none() {
            return Err(refused("it names a user and no password; add one, or --smtp-password-file"));
        }
        let tls = match url.query() {
            None if url.scheme() == "smtps" || is_here(&host) => None,
            None | Some("tls=required") => Some("tls=required"),
            Some("tls=none") if url.scheme() == "smtp" => None,
            Some(_) => {
                return Err(refused("after the question mark only tls=required or, with smtp, tls=none may stand"));
            }
        };
        url.set_query(tls);
        url.set_path("");
        Ok(Some(url))
    }
}

fn read_password(path: &PathBuf) -> Result<Zeroizing<String>, StartError> {
    let failed = |reason: String| StartError::option("--smtp-password-file", format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| failed(error.to_string()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        Err(failed("the file is empty".to_owned()))
    } else {
        Ok(Zeroizing::new(password.to_owned()))
    }
}

fn is_here(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// A host that mails can come from: addresses of the form `name@127.0.0.1` are refused by others.
fn mail_host(host: &str) -> &str {
    let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && !host.contains([':', '[']);
    if is_name { host } else { "localhost" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::io::Write;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        config: Config,
    }

    fn config(flags: &[&str]) -> Config {
        Command::parse_from(std::iter::once("artiko").chain(flags.iter().copied())).config
    }

    fn server(url: &str) -> Result<String, String> {
        let read = config(&["--smtp-url", url]).mail.server();
        read.map(|url| url.expect("a server").to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_this_machine_is_believed_without_tls() {
        for (given, read) in [
            ("smtp://mail.example.com", "smtp://mail.example.com?tls=required"),
            ("smtp://mail.example.com:587/?tls=required", "smtp://mail.example.com:587?tls=required"),
            ("smtp://olga:se%40cret@mail.example.com", "smtp://olga:se%40cret@mail.example.com?tls=required"),
            ("smtps://olga:secret@mail.example.com", "smtps://olga:secret@mail.example.com"),
            ("smtp://127.0.0.1:1025", "smtp://127.0.0.1:1025"),
            ("smtp://relay:25?tls=none", "smtp://relay:25"),
        ] {
            assert_eq!(server(given).map(|url| url.replace("/?", "?")), Ok(read.to_owned()), "{given}");
        }
    }

    #[test]
    fn a_wrong_server_is_refused_without_its_password() {
        for given in [
            "http://olga:hush@mail.example.com",
            "hush",
            "smtp://olga:hush@",
            "smtp://olga:hush@mail.example.com?tls=hush",
            "smtps://olga:hush@mail.example.com?tls=none",
        ] {
            let error = server(given).expect_err(given);
            assert!(error.starts_with("--smtp-url: ") && !error.contains("hush"), "{error}");
        }
        assert!(server("smtp://olga@mail.example.com").expect_err("no password").contains("--smtp-password-file"));
        let config = config(&["--smtp-url", "smtp://olga:hush@mail.example.com"]);
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn a_password_from_a_file_goes_with_a_user_and_without_another_password() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        writeln!(file, "a/b c").expect("written");
        let path = file.path().to_str().expect("a path");
        let read = |url: &str| config(&["--smtp-url", url, "--smtp-password-file", path]).mail.server();
        let url = read("smtps://olga@mail.example.com").expect("reads").expect("a server");
        assert_eq!(url.password(), Some("a%2Fb%20c"));
        for url in ["smtps://mail.example.com", "smtps://olga:x@mail.example.com"] {
            assert!(read(url).is_err(), "{url}");
        }
        assert!(config(&["--smtp-password-file", path]).mail.server().is_err());
    }

    #[test]
    fn mails_come_from_the_public_host_unless_another_address_is_given() {
        let sender = |flags: &[&str]| {
            let config = config(flags);
            config.mail.sender(&config).map(|sender| sender.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(sender(&[]).expect("here"), "Artiko <no-reply@localhost>");
        let public = ["--public-url", "https://console.example.com:8443/x"];
        assert_eq!(sender(&public).expect("there"), "Artiko <no-reply@console.example.com>");
        assert_eq!(sender(&["--mail-from", "a@b.example"]).expect("given"), "a@b.example");
        assert!(sender(&["--mail-from", "nobody"]).expect_err("refused").contains("--mail-from: nobody"));
    }
}
