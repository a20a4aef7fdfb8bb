//! Whatever becomes of the events of payments — each sent 1 to 50 times, at once and one by one, in every order, late,
//! to a process that was just started, by two endpoints, or never — an account has the credit that its payments are worth
//! at the gateway, and each payment is credited once.
//!
//! `ARTIKO_TEST_DELIVERIES` says how many deliveries are made on each database.

use crate::stripe_api::{Checkout, KEY, SECRETS, StripeApi};
use crate::support::{TestServer, assert_sound, databases_with, owner};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use domain::account::Viewer;
use domain::clock::DAY_US;
use domain::credit::Credit;
use domain::id::PaymentId;
use domain::payment::PaymentState;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use server::payments::{self, signature};
use server::{Server, http, ledger};
use std::sync::Arc;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Deliveries on each database when nothing is said.
const DELIVERIES: usize = 2_000;
/// Payments of one account.
const PAYMENTS_EACH: usize = 40;
/// Deliveries at once.
const AT_ONCE: usize = 16;

/// Something that happens to a payment at the gateway, and the events that tell it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Paid,
    Processing,
    AsyncPaid,
    AsyncFailed,
    Expired,
    Refunded(i64),
    Disputed(i64),
    Won,
    Lost,
}

use Step::{AsyncFailed, AsyncPaid, Disputed, Expired, Lost, Paid, Processing, Refunded, Won};

impl Step {
    fn happen(self, checkout: &mut Checkout) {
        let disputed = checkout.dispute.map_or(0, |(_, amount)| amount);
        match self {
            Paid | AsyncPaid => checkout.pay(),
            Processing => checkout.complete("unpaid", "processing"),
            AsyncFailed => checkout.complete("unpaid", "requires_payment_method"),
            Expired => checkout.status = "expired",
            Refunded(amount) => checkout.refunded += amount,
            Disputed(amount) => checkout.dispute = Some(("needs_response", amount)),
            Won => checkout.dispute = Some(("won", disputed)),
            Lost => checkout.dispute = Some(("lost", disputed)),
        }
    }

    const fn kinds(self) -> &'static [&'static str] {
        match self {
            Paid | Processing => &["checkout.session.completed"],
            AsyncPaid => &["checkout.session.async_payment_succeeded"],
            AsyncFailed => &["checkout.session.async_payment_failed"],
            Expired => &["checkout.session.expired"],
            Refunded(_) => &["charge.refunded"],
            Disputed(_) => &["charge.dispute.created", "charge.dispute.funds_withdrawn"],
            Won => &["charge.dispute.closed", "charge.dispute.funds_reinstated"],
            Lost => &["charge.dispute.closed"],
        }
    }
}

/// What payments go through, with the share of their 25.00 that is left in the end, in minor units.
const LIVES: [(&[Step], i64); 12] = [
    (&[Paid], 2_500),
    (&[Processing, AsyncPaid], 2_500),
    (&[Processing], 0),
    (&[Processing, AsyncFailed], 0),
    (&[Expired], 0),
    (&[Paid, Refunded(700)], 1_800),
    (&[Paid, Refunded(700), Refunded(1_800)], 0),
    (&[Paid, Disputed(2_500)], 0),
    (&[Paid, Disputed(2_500), Won], 2_500),
    (&[Paid, Disputed(2_500), Lost], 0),
    (&[Paid, Refunded(500), Disputed(2_000), Lost], 0),
    (&[Processing, AsyncPaid, Refunded(500), Disputed(1_000), Won], 2_000),
];

/// How the events of a payment come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// After each step its events, and old ones among them.
    AsItHappens,
    /// After everything, in any order.
    Shuffled,
    /// After everything, all at once.
    AtOnce,
    /// In any order, to another process that was started meanwhile.
    AfterRestart,
    /// In any order, forty days later.
    Late,
    /// Not at all.
    Never,
}

const WAYS: [Way; 6] = [Way::AsItHappens, Way::Shuffled, Way::AtOnce, Way::AfterRestart, Way::Late, Way::Never];

/// One installation with its gateway, as tasks share it.
#[derive(Clone)]
struct Shop {
    server: Arc<Server>,
    router: Router,
    api: Arc<StripeApi>,
}

impl Shop {
    fn of(server: &Arc<Server>, api: &Arc<StripeApi>) -> Self {
        Self { router: http::router(Arc::clone(server)), server: Arc::clone(server), api: Arc::clone(api) }
    }

    /// One delivery, by one of the two endpoints.
    async fn deliver(&self, body: &str, endpoint: usize) {
        let secret = SECRETS[endpoint % SECRETS.len()].as_bytes();
        let signature = signature::sign(secret, self.server.now(), body.as_bytes());
        let request = Request::post("/webhooks/stripe")
            .header(header::CONTENT_TYPE, "application/json")
            .header(signature::HEADER, signature)
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        assert_eq!(response.status(), 200, "{body}");
    }
}

/// One payment and what will be told of it.
struct Told {
    viewer: Viewer,
    payment_id: PaymentId,
    session_id: String,
    steps: &'static [Step],
    way: Way,
    seed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    events: usize,
    deliveries: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.deliveries += other.deliveries;
    }
}

impl Told {
    /// The events of a step, each by two ids, because Stripe makes one for each endpoint.
    fn events(&self, number: usize, step: Step, checkout: &Checkout) -> Vec<String> {
        let mut events = Vec::new();
        for kind in step.kinds() {
            for endpoint in ["a", "b"] {
                let id = format!("evt_{}_{number}_{endpoint}", self.session_id);
                events.push(checkout.event(&id, kind).to_string());
            }
        }
        events
    }

    /// Lets everything happen and tells it.
    async fn run(&self, shop: &Shop) -> Count {
        let mut random = SmallRng::seed_from_u64(self.seed);
        let (mut events, mut deliveries) = (Vec::new(), 0);
        for (number, step) in self.steps.iter().enumerate() {
            let checkout = shop.api.change_session(&self.session_id, |checkout| step.happen(checkout));
            events.extend(self.events(number, *step, &checkout));
            if self.way == Way::AsItHappens {
                for _ in 0..random.random_range(1..=4) {
                    shop.deliver(&events[random.random_range(0..events.len())], deliveries).await;
                    deliveries += 1;
                }
            }
        }
        if self.way == Way::Never {
            return Count::default();
        }
        let mut queue: Vec<&String> = Vec::new();
        for event in &events {
            // Most come a few times, some come fifty times.
            let times = if random.random_ratio(1, 12) { 50 } else { random.random_range(1..=9) };
            queue.extend(std::iter::repeat_n(event, times));
        }
        queue.shuffle(&mut random);
        deliveries += queue.len();
        if self.way == Way::AtOnce {
            let mut tasks = JoinSet::new();
            for (endpoint, event) in queue.into_iter().enumerate() {
                let (shop, event) = (shop.clone(), event.clone());
                tasks.spawn(async move { shop.deliver(&event, endpoint).await });
            }
            tasks.join_all().await;
        } else {
            for (endpoint, event) in queue.into_iter().enumerate() {
                shop.deliver(event, endpoint).await;
            }
        }
        Count { events: events.len(), deliveries }
    }
}

/// Runs all payments of some ways, several at once.
async fn run_all(shop: &Shop, payments: &[Arc<Told>], ways: &[Way]) -> Count {
    let (mut tasks, mut sum) = (JoinSet::new(), Count::default());
    for told in payments.iter().filter(|told| ways.contains(&told.way)) {
        if tasks.len() >= AT_ONCE {
            sum.add(tasks.join_next().await.expect("a task").expect("no panic"));
        }
        let (shop, told) = (shop.clone(), Arc::clone(told));
        tasks.spawn(async move { told.run(&shop).await });
    }
    for count in tasks.join_all().await {
        sum.add(count);
    }
    sum
}

#[expect(clippy::disallowed_methods, reason = "how many deliveries are made is said to the test")]
fn deliveries_wanted() -> usize {
    std::env::var("ARTIKO_TEST_DELIVERIES").map_or(DELIVERIES, |text| text.parse().expect("a number"))
}

/// So many payments of so many accounts, each with another life and told in another way.
async fn begin(shop: &Shop, count: usize) -> (Vec<Arc<Told>>, Vec<(Viewer, i64)>) {
    let (mut payments, mut accounts) = (Vec::new(), Vec::new());
    for number in 0..count {
        if number % PAYMENTS_EACH == 0 {
            accounts.push((owner(&shop.server, &format!("owner{number}")).await, 0));
        }
        let (viewer, expected) = accounts.last_mut().expect("an account");
        let started = payments::start(&shop.server, viewer, "25").await.expect("a payment");
        let (steps, left) = LIVES[number % LIVES.len()];
        *expected += left;
        payments.push(Arc::new(Told {
            session_id: started.checkout_url.rsplit('/').next().expect("a session").to_owned(),
            viewer: viewer.clone(),
            payment_id: started.payment_id,
            steps,
            way: WAYS[number / LIVES.len() % WAYS.len()],
            seed: number as u64,
        }));
    }
    (payments, accounts)
}

async fn shops() -> Vec<(TestServer, Arc<StripeApi>)> {
    let (api, url) = StripeApi::start().await;
    let secrets = SECRETS.join(",");
    let options = ["--gateway", "stripe", "--stripe-url", &url, "--stripe-secret-key", KEY];
    let options = [&options[..], &["--stripe-webhook-secrets", &secrets]].concat();
    databases_with(&options).await.into_iter().map(|server| (server, Arc::clone(&api))).collect()
}

/// What nobody told is found by asking: the sweeper asks about what is not finished, and the comparison about the rest.
async fn find_untold(server: &TestServer, payments: &[Arc<Told>]) {
    for _ in 0..=payments.len() / 200 {
        server.clock.advance_us(40 * DAY_US);
        payments::sweep(server).await.expect("a round");
    }
    for told in payments.iter().filter(|told| told.way == Way::Never) {
        let payment = payments::get(server, &told.viewer.account_id, &told.payment_id).await.expect("the payment");
        assert_ne!(payment.state, PaymentState::Open, "{:?}", told.steps);
    }
    let compared = payments::reconcile(server, u16::MAX, "a test").await.expect("a comparison");
    assert!(compared.differences.iter().all(|difference| difference.is_repaired), "{:?}", compared.differences);
    let again = payments::reconcile(server, u16::MAX, "a test").await.expect("a comparison");
    assert_eq!((again.payments, again.differences.len()), (payments.len(), 0));
}

async fn assert_credited(server: &Server, viewer: &Viewer, minor_units: i64) {
    let credit = ledger::summary(server, &viewer.account_id).await.expect("a summary").available();
    assert_eq!(credit, Credit::from_millionths(minor_units * 10_000), "{}", viewer.account_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_events_the_credit_is_the_same() {
    let wanted = deliveries_wanted();
    for (server, api) in shops().await {
        let shop = Shop::of(&server, &api);
        // A payment has some five events, and each is delivered some nine times.
        let (payments, accounts) = begin(&shop, wanted / 36).await;
        let mut sum = run_all(&shop, &payments, &[Way::AsItHappens, Way::Shuffled, Way::AtOnce]).await;
        let restarted = Shop::of(&server.second_process().await, &api);
        sum.add(run_all(&restarted, &payments, &[Way::AfterRestart]).await);
        server.clock.advance_us(40 * DAY_US);
        sum.add(run_all(&shop, &payments, &[Way::Late, Way::Never]).await);
        find_untold(&server, &payments).await;
        println!("{} payments, {} events, {} deliveries", payments.len(), sum.events, sum.deliveries);
        assert!(sum.deliveries >= wanted * 9 / 10, "{sum:?}");
        for (viewer, expected) in &accounts {
            assert_credited(&server, viewer, *expected).await;
        }
        assert_sound(&server).await;
    }
}

/// The kinds of event that a payment can have.
const KINDS: [&str; 6] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "charge.dispute.closed",
];

/// All orders of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| {
        (0..=last).map(move |place| {
            let mut longer = order.clone();
            longer.insert(place, last);
            longer
        })
    };
    orders(last).into_iter().flat_map(insert).collect()
}

/// Lets a payment go through its life while it is told in an order of its own.
async fn tell_in_order(shop: &Shop, viewer: &Viewer, steps: &'static [Step], order: &[usize]) {
    let started = payments::start(&shop.server, viewer, "25").await.expect("a payment");
    let session_id = started.checkout_url.rsplit('/').next().expect("a session");
    let mut steps = steps.iter();
    for (place, kind) in order.iter().enumerate() {
        let checkout = shop.api.change_session(session_id, |checkout| {
            // By the time of the third event everything has happened.
            let happening = if place < 2 { 1 } else { usize::MAX };
            steps.by_ref().take(happening).for_each(|step| step.happen(checkout));
        });
        let event = checkout.event(&format!("evt_{session_id}_{place}"), KINDS[*kind]);
        shop.deliver(&event.to_string(), place).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_each_of_the_720_orders_the_credit_is_the_same() {
    for (server, api) in shops().await {
        let shop = Shop::of(&server, &api);
        let (mut accounts, mut tasks): (Vec<(Viewer, i64)>, _) = (Vec::new(), JoinSet::new());
        for (number, order) in orders(KINDS.len()).into_iter().enumerate() {
            if number % PAYMENTS_EACH == 0 {
                accounts.push((owner(&server, &format!("owner{number}")).await, 0));
            }
            let (viewer, expected) = accounts.last_mut().expect("an account");
            let (steps, left) = LIVES[number % LIVES.len()];
            *expected += left;
            if tasks.len() >= AT_ONCE {
                tasks.join_next().await.expect("a task").expect("no panic");
            }
            let (shop, viewer) = (shop.clone(), viewer.clone());
            tasks.spawn(async move { tell_in_order(&shop, &viewer, steps, &order).await });
        }
        tasks.join_all().await;
        for (viewer, expected) in &accounts {
            assert_credited(&server, viewer, *expected).await;
        }
        assert_sound(&server).await;
    }
}
