//! How long the built-in engine takes for an answer from many documents, and how much memory their index takes.
//!
//! `retrieval --documents 10000 --text FILE…` makes documents of sentences from the files, each with a name and a subject of
//! its own, asks once, which builds the index, and then asks questions of sentences and subjects. It writes one line of JSON;
//! memory is what the operating system says of the whole process (Linux only).

use clap::Parser;
use serde_json::json;
use server::{Config, Server, accounts, answers, chatbots, documents};
use std::error::Error;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    #[arg(long, default_value_t = 10_000)]
    documents: usize,
    #[arg(long, default_value_t = 20)]
    sentences: usize,
    #[arg(long, default_value_t = 5_000)]
    questions: usize,
    /// Texts whose sentences the documents are made of
    #[arg(long = "text", required = true)]
    texts: Vec<PathBuf>,
    #[command(flatten)]
    config: Config,
}

type Failure = Box<dyn Error + Send + Sync>;

const PLAN: &str = "default_plan = 'plus'\nmessage_window_hours = 3\ncounted_channels = ['console']\n\
    price_per_message = '0.002'\n[[plan]]\nid = 'plus'\nname = 'Plus'\nmessages_per_window = 200\nchatbots = 10\n\
    documents = 1000000\nusers = 3\napi_keys = 5\nrequests_per_minute = 6000\nrequests_per_minute_per_key = 3000\n";

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }

    fn word(&mut self) -> String {
        let syllables = ["ka", "lo", "mi", "ter", "sun", "ve", "dra", "pol", "ni", "ban", "gor", "es"];
        (0..3).map(|_| syllables[self.below(syllables.len())]).collect()
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let plans = folder.path().join("plans.toml");
    std::fs::write(&plans, PLAN)?;
    let mut config = options.config.clone();
    config.data_dir = folder.path().to_path_buf();
    config.plans = Some(plans);
    let server = Server::open(config).await?;
    let viewer =
        accounts::sign_up(&server, "Olga", "olga@example.com", "a long password", IpAddr::V4(Ipv4Addr::LOCALHOST))
            .await?;
    let chatbot = chatbots::create(&server, &viewer, "Help centre").await?;
    let mut sentences = Vec::new();
    for path in &options.texts {
        let text = std::fs::read_to_string(path)?.replace('\n', " ");
        sentences.extend(text.split(". ").filter(|sentence| sentence.len() > 30).map(str::to_owned));
    }
    let mut chance = Chance(7);
    let (mut subjects, mut text_bytes) = (Vec::new(), 0);
    for number in 0..options.documents {
        let subject = format!("{} {}", chance.word(), chance.word());
        let mut text = format!("# {subject}\n");
        for sentence in 0..options.sentences {
            if sentence % 5 == 4 {
                text.extend(["\n## ", &chance.word(), " of ", &subject, "\n"]);
            }
            text.push_str(&sentences[chance.below(sentences.len())]);
            text.push_str(".\n\n");
        }
        text_bytes += text.len();
        documents::add(&server, &viewer.account_id, &chatbot.id, &format!("{subject} {number}.md"), &text).await?;
        subjects.push(subject);
    }
    let before = resident_bytes()?;
    let began = Instant::now();
    answers::answer(&server, &viewer.account_id, &chatbot.id, "anything at all").await?;
    let built = began.elapsed();
    let memory = resident_bytes()?.saturating_sub(before);
    let mut times = Vec::with_capacity(options.questions);
    for _ in 0..options.questions {
        let words: Vec<&str> = sentences[chance.below(sentences.len())].split_whitespace().take(9).collect();
        let question = format!("{} {}", words.join(" "), subjects[chance.below(subjects.len())]);
        let began = Instant::now();
        answers::answer(&server, &viewer.account_id, &chatbot.id, &question).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| microseconds(times[(times.len() - 1) * share / 100]);
    let figures = json!({
        "documents": options.documents, "text_bytes": text_bytes, "index_bytes": memory,
        "built_ms": built.as_millis(), "median_us": at(50), "p99_us": at(99), "slowest_us": at(100),
    });
    writeln!(std::io::stdout(), "{figures}")?;
    server.close().await;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures of at most some seconds")]
fn microseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1_000.0
}

fn resident_bytes() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory is told")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
