//! How well questions in people's words find the passage that answers them: the share of the questions whose passage is
//! the first that is found, or among the first three. `server/tests/questions` has the questions with what they are to find.
//!
//! A third of them was left aside: they were written when the ranking was done and nobody changed it for their sake. The
//! figures stand in docs/proofs.md; `cargo test --test retrieval -- --nocapture` prints them, with the questions that fail.

use crate::support::{databases, owner};
use domain::chatbot::Citation;
use serde::Deserialize;
use server::{answers, chatbots, documents};
use std::fmt::Write;
use std::path::Path;

const LICENCES: &str = "/usr/share/common-licenses";
/// What the first three passages have to find, of a hundred questions.
const RECALL_OF_THREE: f64 = 0.9;

#[derive(Deserialize)]
struct Questions {
    tuned_with: Vec<Question>,
    left_aside: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    ask: String,
    /// `document › heading`, or the document alone.
    found: Vec<String>,
    /// What the passage says, where headings do not tell.
    #[serde(default)]
    says: String,
}

impl Question {
    fn is_answered_by(&self, citation: &Citation) -> bool {
        let heading = citation.heading.rsplit(" › ").next().unwrap_or_default();
        let section = format!("{} › {heading}", citation.document_name);
        self.found.iter().any(|found| *found == section || *found == citation.document_name)
            && citation.text.contains(&self.says)
    }
}

/// Of questions: how many there are, how many the first passage answers, and how many one of the first three.
#[derive(Clone, Copy, Debug, Default)]
struct Recall {
    asked: u32,
    first: u32,
    three: u32,
}

impl Recall {
    fn add(&mut self, place: Option<usize>) {
        self.asked += 1;
        self.first += u32::from(place == Some(0));
        self.three += u32::from(place.is_some());
    }

    fn shares(self) -> (f64, f64) {
        (f64::from(self.first) / f64::from(self.asked), f64::from(self.three) / f64::from(self.asked))
    }

    fn tell(self, name: &str) -> String {
        let (first, three) = self.shares();
        format!("{name}: {} questions, {first:.3} by the first passage, {three:.3} by one of three\n", self.asked)
    }
}

/// Asks all questions of a file; returns a report too.
async fn recall(name: &str, questions: &str, texts: &[(String, String)]) -> (Recall, String) {
    let server = databases().await.remove(0);
    let olga = owner(&server, "olga").await;
    let chatbot = chatbots::create(&server, &olga, "Help centre").await.expect("a chatbot");
    for (name, text) in texts {
        documents::add(&server, &olga.account_id, &chatbot.id, name, text).await.expect("a document");
    }
    let questions: Questions = toml::from_str(questions).expect("questions");
    let (mut all, mut report) = (Recall::default(), String::new());
    for (part, questions) in [("tuned with", questions.tuned_with), ("left aside", questions.left_aside)] {
        let mut recall = Recall::default();
        for question in questions {
            let found = answers::search(&server, &olga.account_id, &chatbot.id, &question.ask, usize::MAX)
                .await
                .expect("found");
            let place = found.iter().position(|citation| question.is_answered_by(citation));
            if place.is_none_or(|place| place >= 3) {
                let _infallible = writeln!(report, "{}: place {place:?}", question.ask);
            }
            for recall in [&mut recall, &mut all] {
                recall.add(place.filter(|place| *place < 3));
            }
        }
        report.push_str(&recall.tell(&format!("{name}, {part}")));
    }
    report.push_str(&all.tell(&format!("{name}, all")));
    (all, report)
}

fn read(path: &Path) -> (String, String) {
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    (name, std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[tokio::test]
async fn questions_to_the_guide_find_the_section_that_answers_them() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut texts = vec![read(&docs.join("api.md"))];
    let mut files: Vec<_> =
        std::fs::read_dir(docs.join("guide")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    texts.extend(
        files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "md")).map(|path| read(path)),
    );
    let (recall, report) = recall("guide", include_str!("questions/guide.toml"), &texts).await;
    println!("{report}");
    assert!(recall.shares().1 > RECALL_OF_THREE, "{recall:?}");
}

#[tokio::test]
async fn questions_to_licences_find_the_clause_that_answers_them() {
    let names = ["Apache-2.0", "Artistic", "BSD", "CC0-1.0", "GFDL-1.3", "GPL-3", "LGPL-3", "MPL-2.0"];
    let paths = names.map(|name| Path::new(LICENCES).join(name));
    if !paths.iter().all(|path| path.exists()) {
        println!("this machine has no {LICENCES}");
        return;
    }
    let (recall, report) =
        recall("licences", include_str!("questions/licences.toml"), &paths.map(|path| read(&path))).await;
    println!("{report}");
    assert!(recall.shares().1 > RECALL_OF_THREE, "{recall:?}");
}
