//! Signing up and signing in.

use crate::args;
use crate::error::Result;
use crate::{Server, db::Tx, recovery};
use domain::account::{Role, Viewer, check_new_password, normalise_email};
use domain::clock::{SECOND_US, Timestamp};
use domain::field;
use domain::id::{AccountId, UserId};
use domain::problem::{Problem, ProblemCode};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;

/// Slows down whoever tries passwords: by the address they come from, and by the e-mail they try.
pub(crate) struct Attempts {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    by_email: DefaultKeyedRateLimiter<String>,
}

impl Attempts {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        let quota = Quota::per_minute(per_minute);
        Self { by_address: RateLimiter::keyed(quota), by_email: RateLimiter::keyed(quota) }
    }

    /// Counts one attempt.
    pub(crate) fn count(&self, address: IpAddr, email: &str, now: Timestamp) -> Result<()> {
        // Addresses that fell silent are forgotten, or the tables would grow with every passer-by.
        if self.by_address.len() > 10_000 {
            self.by_address.retain_recent();
        }
        if self.by_email.len() > 10_000 {
            self.by_email.retain_recent();
        }
        self.count_address(address, now)?;
        check(&self.by_email, &email.to_owned(), now)
    }

    /// Counts one attempt of whoever names no e-mail.
    pub(crate) fn count_address(&self, address: IpAddr, now: Timestamp) -> Result<()> {
        check(&self.by_address, &address, now)
    }
}

fn check<K: Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K, now: Timestamp) -> Result<()> {
    let Err(refused) = limiter.check_key(key) else { return Ok(()) };
    let wait = refused.wait_time_from(DefaultClock::default().now());
    let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX).saturating_add(1);
    let detail = format!("too many attempts; try again in {seconds} seconds");
    let retry_at = now.plus_us(seconds.saturating_mul(SECOND_US));
    Err(Problem::with_detail(ProblemCode::TooManyAttempts, detail).retry_at(retry_at).into())
}

const INSERT_ACCOUNT: &str = "INSERT INTO accounts (id, plan_id, created_at, changed_at) VALUES ($1, $2, $3, $3)";

const INSERT_USER: &str = "
INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (email) DO NOTHING";

const INSERT_MEMBER: &str = "INSERT INTO members (account_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)";

const INSERT_BALANCE: &str = "
INSERT INTO balances (account_id, posted, held, next_entry, next_message) VALUES ($1, 0, 0, 1, 1)";

/// Makes a user and an account on the default plan, which he owns.
///
/// # Errors
/// 422 for a field, 429 after too many attempts, 409 when the e-mail is taken.
pub async fn sign_up(server: &Server, name: &str, email: &str, password: &str, address: IpAddr) -> Result<Viewer> {
    let name = field::name("name", name)?.to_owned();
    let email = normalise_email(email)?;
    check_new_password(password)?;
    let now = server.now();
    server.attempts.count(address, &email, now)?;
    let password_hash = server.passwords.hash(password, server.random.as_ref()).await?;
    let viewer = Viewer {
        user_id: UserId::new(now, server.id_bytes()),
        account_id: AccountId::new(now, server.id_bytes()),
        role: Role::Owner,
        name,
        email,
        joined_at: now,
        is_confirmed: false,
        is_operator: false,
    };
    let mut tx = server.db.begin().await?;
    let user = args![viewer.user_id.as_str(), &viewer.email, &viewer.name, password_hash, now.us()];
    if tx.execute(INSERT_USER, user).await? == 0 {
        let detail = "there is a user with this e-mail already; sign in instead";
        let taken = Problem::with_detail(ProblemCode::AlreadyExists, detail);
        return Err(Problem { field: Some("email".to_owned()), ..taken }.into());
    }
    insert_account(&mut tx, &viewer, &server.catalogue.default_plan).await?;
    recovery::ask_to_confirm(&mut tx, &viewer, now).await?;
    tx.commit().await?;
    tracing::info!(account_id = %viewer.account_id, "an account was made");
    Ok(viewer)
}

async fn insert_account(tx: &mut Tx, viewer: &Viewer, plan_id: &str) -> Result<()> {
    let (account_id, now) = (viewer.account_id.as_str(), viewer.joined_at.us());
    tx.execute(INSERT_ACCOUNT, args![account_id, plan_id, now]).await?;
    tx.execute(INSERT_MEMBER, args![account_id, viewer.user_id.as_str(), viewer.role.as_str(), now]).await?;
    tx.execute(INSERT_BALANCE, args![account_id]).await?;
    Ok(())
}

const SELECT_USER: &str = "
SELECT u.id, u.password_hash, u.name, u.created_at, m.account_id, m.role, u.confirmed_at
FROM users u JOIN members m ON m.user_id = u.id
WHERE u.email = $1
ORDER BY m.created_at, m.account_id
LIMIT 1";

/// Checks an e-mail and a password.
///
/// # Errors
/// 429 after too many attempts, 401 when the two do not belong together; which of them is wrong is not said, and both
/// take the same time.
pub async fn sign_in(server: &Server, email: &str, password: &str, address: IpAddr) -> Result<Viewer> {
    type UserRow = (String, String, String, i64, String, String, Option<i64>);
    let email = normalise_email(email)?;
    if password.is_empty() || password.len() > domain::account::PASSWORD_BYTES_MAX {
        return Err(ProblemCode::WrongEmailOrPassword.into());
    }
    server.attempts.count(address, &email, server.now())?;
    let user: Option<UserRow> = server.db.optional(SELECT_USER, args![&email]).await?;
    let stored = user.as_ref().map(|(_, password_hash, ..)| password_hash.clone());
    let is_right = server.passwords.verify(password, stored).await?;
    match user {
        Some((user_id, _, name, joined_at, account_id, role, confirmed_at)) if is_right => Ok(Viewer {
            user_id: UserId::from_row(user_id),
            account_id: AccountId::from_row(account_id),
            role: Role::parse(&role).unwrap_or(Role::Member),
            is_confirmed: confirmed_at.is_some(),
            is_operator: confirmed_at.is_some() && server.config.mail.is_operators(&email),
            name,
            email,
            joined_at: Timestamp::from_us(joined_at),
        }),
        _ => Err(ProblemCode::WrongEmailOrPassword.into()),
    }
}

const LOCK_ACCOUNT: &str = "UPDATE accounts SET changed_at = $2 WHERE id = $1 RETURNING plan_id";

/// Makes every other use case that counts wait until this transaction has ended; returns the account's plan.
///
/// Counting and making are two statements: without the lock, two callers could both count three of four.
pub(crate) async fn lock(server: &Server, tx: &mut Tx, account_id: &AccountId) -> Result<domain::plan::Plan> {
    let row: Option<(String,)> = tx.optional(LOCK_ACCOUNT, args![account_id.as_str(), server.now().us()]).await?;
    let (plan_id,) = row.ok_or_else(|| Problem::not_found("account"))?;
    server.plan_or_default(&plan_id)
}

const SELECT_ACCOUNT_BY_EMAIL: &str = "
SELECT m.account_id FROM users u JOIN members m ON m.user_id = u.id
WHERE u.email = $1 AND m.role = 'owner'
ORDER BY m.created_at, m.account_id
LIMIT 1";

/// Finds the account that an operator names: by its id, or by the e-mail of its owner.
///
/// # Errors
/// 404 when there is none.
pub async fn find(server: &Server, id_or_email: &str) -> Result<AccountId> {
    const SELECT_ACCOUNT: &str = "SELECT id FROM accounts WHERE id = $1";
    let row: Option<(String,)> = if id_or_email.contains('@') {
        server.db.optional(SELECT_ACCOUNT_BY_EMAIL, args![&normalise_email(id_or_email)?]).await?
    } else {
        server.db.optional(SELECT_ACCOUNT, args![id_or_email]).await?
    };
    let (id,) =
        row.ok_or_else(|| Problem::with_detail(ProblemCode::NotFound, format!("there is no account {id_or_email}")))?;
    Ok(AccountId::from_row(id))
}
