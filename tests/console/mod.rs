//! The real binary on a folder of its own, and requests to it as browsers and programs send them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long it may take until it answers.
const LOOKS_MAX: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);

/// A process of the product; it ends with this value.
pub struct Console {
    process: Child,
    address: String,
    client: reqwest::Client,
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Where it sends the browser; empty when it does not.
    pub location: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What a request carries that says who sends it: the name of a header and its value.
pub type Credential = Option<(&'static str, String)>;

impl Console {
    /// Starts the product on what is in a folder, and waits until it answers.
    pub async fn start(data_dir: &Path, site_root: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let process = Command::new(env!("CARGO_BIN_EXE_artiko"))
            .env_clear()
            .args(["--address", &address.to_string(), "--sign-in-attempts-per-minute", "100000", "--log", "error"])
            .arg("--data-dir")
            .arg(data_dir)
            .arg("--site-root")
            .arg(site_root)
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let client = server::outgoing::local().redirect(reqwest::redirect::Policy::none()).build();
        let console = Self { process, address: format!("http://{address}"), client: client.expect("a client") };
        for _ in 0..LOOKS_MAX {
            let ready = console.client.get(format!("{}/readyz", console.address)).send().await;
            if ready.is_ok_and(|answer| answer.status() == 200) {
                return console;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("the product does not answer at {address}");
    }

    /// Asks for a page, as a browser does.
    pub async fn get(&self, path: &str, credential: &Credential) -> Answer {
        let request = self.client.get(format!("{}{path}", self.address));
        self.send(request.header("accept", "text/html"), credential).await
    }

    pub async fn post(&self, path: &str, content_type: &str, body: Vec<u8>, credential: &Credential) -> Answer {
        let request = self.client.post(format!("{}{path}", self.address));
        self.send(request.header("content-type", content_type).body(body), credential).await
    }

    /// Sends a form, as a browser does by itself.
    pub async fn submit(&self, path: &str, content_type: &str, body: Vec<u8>, credential: &Credential) -> Answer {
        let request = self.client.post(format!("{}{path}", self.address)).header("accept", "text/html");
        self.send(request.header("content-type", content_type).body(body), credential).await
    }

    async fn send(&self, mut request: reqwest::RequestBuilder, credential: &Credential) -> Answer {
        if let Some((name, value)) = credential {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("an answer");
        let location = answer.headers().get("location").map(|value| value.to_str().expect("text").to_owned());
        let (status, location) = (answer.status().as_u16(), location.unwrap_or_default());
        Answer { status, location, body: answer.bytes().await.expect("the whole body").to_vec() }
    }
}
