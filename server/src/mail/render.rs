//! What each mail says, put together from the database when the mail is sent.

mod plans;

use super::letter::{Attached, Letter, Link};
use super::links;
use super::outbox::Claimed;
use crate::error::Result;
use crate::{Server, args, payments, receipts};
use domain::clock::Timestamp;
use domain::credit::Credit;
use domain::id::{AccountId, PaymentId};
use domain::mail::MailKind;
use domain::payment::Payment;
use domain::receipt::number_text;

/// A mail about something that is not there any more, or not so.
const OUTDATED: &str = "what it tells of is not so any more";

/// Puts a mail together; or says why it is not worth sending.
pub(super) async fn letter(server: &Server, mail: &Claimed) -> Result<std::result::Result<Letter, &'static str>> {
    let is_late = server.now().us_since(mail.at) >= mail.kind.worth_trying_us();
    let letter = match mail.kind {
        MailKind::CreditLow => Some(credit_low(server, mail)),
        MailKind::KeyCapNear => key_cap_near(server, mail).await?,
        MailKind::ChatbotCapNear => chatbot_cap_near(server, mail).await?,
        MailKind::KeyExpiring => key_expiring(server, mail).await?,
        MailKind::Receipt => Some(receipt(server, mail).await?),
        MailKind::PaymentFailed => Some(payment_failed(server, mail).await?),
        MailKind::TopUpStopped => Some(top_up_stopped(server, mail)),
        MailKind::PlanEnding => plans::ending(server, mail).await?,
        MailKind::PlanUnpaid => plans::unpaid(server, mail).await?,
        MailKind::PlanFellBack => Some(plans::fell_back(server, mail)),
        MailKind::NewSignIn => Some(new_sign_in(server, mail)),
        MailKind::PasswordReset if is_late => None,
        MailKind::PasswordReset => Some(password_reset(server, mail).await?),
        MailKind::EmailConfirmation => email_confirmation(server, mail).await?,
    };
    let reason = reason(server, mail);
    Ok(letter.map(|letter| Letter { reason, ..letter }).ok_or(OUTDATED))
}

/// Why somebody gets the mail.
fn reason(server: &Server, mail: &Claimed) -> String {
    let url = server.config.public_url();
    match mail.kind {
        MailKind::NewSignIn | MailKind::PasswordReset | MailKind::EmailConfirmation => {
            format!("Artiko at {url} sends this to the e-mail that you sign in with.")
        }
        _ => format!("Artiko at {url} sends this to the owners and admins of the account {}.", mail.account_id),
    }
}

fn link(server: &Server, label: &'static str, path: &str) -> Link {
    Link { label, url: format!("{}{path}", server.config.public_url()) }
}

/// `2026-11-24 14:05 UTC`
fn moment(at: Timestamp) -> String {
    format!("{} {} UTC", at.date(), at.hour_minute())
}

fn credit(server: &Server, millionths: i64) -> String {
    Credit::from_millionths(millionths).short_text(server.config.currency)
}

fn credit_low(server: &Server, mail: &Claimed) -> Letter {
    let (left, below) = (credit(server, mail.amount), credit(server, mail.threshold));
    Letter {
        subject: format!("Your API credit is low: {left} is left"),
        paragraphs: vec![
            format!("Your API credit has fallen below {below}, the amount at which you wanted to be told."),
            "When nothing is left, calls by API and messages of the widget are refused until you add balance."
                .to_owned(),
        ],
        facts: vec![("Left", left), ("At", moment(mail.at))],
        link: Some(link(server, "Add balance", "/settings?add-balance")),
        after: vec!["You choose the amount at which you are told on your account's page.".to_owned()],
        ..Letter::default()
    }
}

const SELECT_KEY: &str = "
SELECT name, expires_at FROM api_keys WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

async fn key(server: &Server, mail: &Claimed) -> Result<Option<(String, Option<i64>)>> {
    server.db.optional(SELECT_KEY, args![&mail.account_id, mail.subject()]).await
}

async fn key_cap_near(server: &Server, mail: &Claimed) -> Result<Option<Letter>> {
    let Some((name, _)) = key(server, mail).await? else { return Ok(None) };
    let (spent, cap) = (credit(server, mail.amount), credit(server, mail.threshold));
    Ok(Some(Letter {
        subject: format!("The API key \"{name}\" has spent {spent} of its {cap}"),
        paragraphs: vec![
            format!("The API key \"{name}\" has spent four fifths of its cap for this month."),
            "Once the cap is reached, its calls are refused until the next month begins, or until you raise the cap."
                .to_owned(),
        ],
        facts: vec![("Spent", spent), ("Monthly cap", cap), ("At", moment(mail.at))],
        link: Some(link(server, "Open the key", &format!("/settings/keys/{}", mail.subject()))),
        ..Letter::default()
    }))
}

const SELECT_CHATBOT: &str = "SELECT name FROM chatbots WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

async fn chatbot_cap_near(server: &Server, mail: &Claimed) -> Result<Option<Letter>> {
    let row: Option<(String,)> = server.db.optional(SELECT_CHATBOT, args![&mail.account_id, mail.subject()]).await?;
    let Some((name,)) = row else { return Ok(None) };
    let (spent, cap) = (credit(server, mail.amount), credit(server, mail.threshold));
    Ok(Some(Letter {
        subject: format!("The chatbot \"{name}\" has spent {spent} of its {cap}"),
        paragraphs: vec![
            format!("The chatbot \"{name}\" has spent four fifths of its cap for today."),
            "Once the cap is reached, it answers nobody until the next day begins (UTC), or until you raise the cap."
                .to_owned(),
        ],
        facts: vec![("Spent", spent), ("Daily cap", cap), ("At", moment(mail.at))],
        link: Some(link(server, "Open the chatbot", &format!("/chatbots/{}", mail.subject()))),
        ..Letter::default()
    }))
}

/// A key that has another end by now gets a mail of its own for that.
async fn key_expiring(server: &Server, mail: &Claimed) -> Result<Option<Letter>> {
    let Some((name, expires_at)) = key(server, mail).await? else { return Ok(None) };
    let Some(expires_at) = expires_at.filter(|at| mail.detail == at.to_string()).map(Timestamp::from_us) else {
        return Ok(None);
    };
    Ok(Some(Letter {
        subject: format!("The API key \"{name}\" ends on {}", expires_at.date()),
        paragraphs: vec![
            format!(
                "The API key \"{name}\" ends at {}. From then on, programs that use it are refused.",
                moment(expires_at)
            ),
            "If they are to go on, set a later day on the key's page, or give them another key.".to_owned(),
        ],
        link: Some(link(server, "Open the key", &format!("/settings/keys/{}", mail.subject()))),
        ..Letter::default()
    }))
}

async fn payment(server: &Server, mail: &Claimed) -> Result<(AccountId, Payment)> {
    let (account_id, payment_id) =
        (AccountId::from_row(mail.account_id.clone()), PaymentId::from_row(mail.subject().to_owned()));
    let payment = payments::get(server, &account_id, &payment_id).await?;
    Ok((account_id, payment))
}

async fn receipt(server: &Server, mail: &Claimed) -> Result<Letter> {
    let (account_id, payment) = payment(server, mail).await?;
    let receipt = receipts::get(server, &account_id, &payment.id).await?;
    let (number, amount) = (number_text(receipt.number), payment.amount);
    let page = format!("/settings/payments/{}/receipt", payment.id);
    let address = format!("{}{page}", server.config.public_url());
    let lines = receipt.particulars.lines();
    let added = lines.iter().skip(1).map(|line| format!("{} {}", line.label, line.amount.text())).collect::<Vec<_>>();
    let mut facts = vec![("Receipt", number.clone()), ("Paid", amount.text())];
    if !added.is_empty() {
        facts.push(("With", added.join(", ")));
    }
    let arrived = match &payment.plan {
        None => {
            facts.push(("Credit", payment.credit.short_text(amount.currency)));
            "the credit is in your account".to_owned()
        }
        Some(bought) => format!("paid for a month of the plan {}", plans::name(server, &bought.plan_id)),
    };
    facts.extend([("At", moment(mail.at)), ("Payment", payment.id.to_string())]);
    Ok(Letter {
        subject: format!("Receipt {number} for your payment of {}", amount.text()),
        paragraphs: vec![format!("Thank you. Your payment has arrived and {arrived}. The receipt is attached.")],
        facts,
        link: Some(link(server, "Open the receipt", &page)),
        attachment: Some(Attached {
            name: format!("artiko-receipt-{number}.pdf"),
            media_type: "application/pdf",
            bytes: receipts::pdf(&receipt, &payment, &address),
        }),
        ..Letter::default()
    })
}

async fn payment_failed(server: &Server, mail: &Claimed) -> Result<Letter> {
    let (_, payment) = payment(server, mail).await?;
    let amount = payment.amount.text();
    Ok(Letter {
        subject: format!("Your payment of {amount} was declined"),
        paragraphs: vec![
            "The payment was declined. Nothing was taken, and your credit and your plan are as they were.".to_owned(),
            "Try again with another card, or ask your bank why it refused.".to_owned(),
        ],
        facts: vec![("Amount", amount), ("At", moment(mail.at)), ("Payment", payment.id.to_string())],
        link: Some(match payment.plan {
            None => link(server, "Try again", &format!("/settings?add-balance={}", payment.net().short_decimal())),
            Some(_) => link(server, "Look at the plans", "/settings?compare-plans"),
        }),
        ..Letter::default()
    })
}

fn top_up_stopped(server: &Server, mail: &Claimed) -> Letter {
    Letter {
        subject: "Auto top-up has stopped".to_owned(),
        paragraphs: vec![
            "Your credit fell below the amount that you chose, and the saved card could not be charged. Nothing was \
             taken, and nothing is tried again until you switch auto top-up on once more."
                .to_owned(),
            "When no credit is left, calls by API and messages of the widget are refused.".to_owned(),
        ],
        facts: vec![("At", moment(mail.at))],
        link: Some(link(server, "Look at auto top-up", "/settings/auto-top-up")),
        ..Letter::default()
    }
}

fn new_sign_in(server: &Server, mail: &Claimed) -> Letter {
    Letter {
        subject: "A sign-in from a new place".to_owned(),
        paragraphs: vec![
            "Somebody has signed in with your e-mail and password, from a network or a browser that you have not used \
             here before."
                .to_owned(),
        ],
        facts: vec![("Where", mail.detail.clone()), ("At", moment(mail.at))],
        link: Some(link(server, "It was not me: choose a new password", "/forgot-password")),
        after: vec!["If it was you, there is nothing to do. A new password ends all sessions.".to_owned()],
        ..Letter::default()
    }
}

async fn password_reset(server: &Server, mail: &Claimed) -> Result<Letter> {
    let token = links::make(server, &mail.account_id, mail.person(), mail.kind).await?;
    Ok(Letter {
        subject: "Choose a new password".to_owned(),
        paragraphs: vec![
            "Somebody asked for a new password for your e-mail. This link is good for an hour, once.".to_owned(),
        ],
        link: Some(link(server, "Choose a new password", &format!("/reset-password?token={}", *token))),
        after: vec!["If it was not you, there is nothing to do: your password stays as it is.".to_owned()],
        ..Letter::default()
    })
}

const SELECT_UNCONFIRMED: &str = "SELECT id FROM users WHERE id = $1 AND confirmed_at IS NULL";

async fn email_confirmation(server: &Server, mail: &Claimed) -> Result<Option<Letter>> {
    let row: Option<(String,)> = server.db.optional(SELECT_UNCONFIRMED, args![mail.person()]).await?;
    if row.is_none() {
        return Ok(None);
    }
    let token = links::make(server, &mail.account_id, mail.person(), mail.kind).await?;
    Ok(Some(Letter {
        subject: "Confirm your e-mail".to_owned(),
        paragraphs: vec!["Please confirm that this e-mail is yours. This link is good for seven days.".to_owned()],
        link: Some(link(server, "Confirm this e-mail", &format!("/confirm-email?token={}", *token))),
        after: vec![
            "If you have not made an account, somebody else typed your e-mail; there is nothing to do.".to_owned(),
        ],
        ..Letter::default()
    }))
}
