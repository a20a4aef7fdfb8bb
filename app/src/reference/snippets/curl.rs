//! For the command line. curl ends with an error when it is refused, and prints the problem.

use super::Call;
use std::fmt::Write;

pub fn write(call: &Call) -> String {
    let key = call.key_or("$ARTIKO_CONSUMER_KEY");
    let mut code = "curl --silent --show-error --fail-with-body".to_owned();
    if call.body.iter().any(|(name, value)| name == "stream" && *value == true) {
        code.push_str(" --no-buffer");
    }
    // With a body, curl posts by itself.
    if !matches!((call.method, call.body.is_empty()), ("GET", true) | ("POST", false)) {
        let _written = write!(code, " --request {}", call.method);
    }
    let _written = write!(code, " \"{}\" \\\n  --header \"Authorization: {key}:$ARTIKO_CONSUMER_SECRET\"", call.url);
    if !call.body.is_empty() {
        let lines = call.body_lines(|name, value| format!("    \"{name}\": {value},\n").replace('\'', r"'\''"));
        let lines = lines.trim_end_matches([',', '\n']);
        let _written =
            write!(code, " \\\n  --header \"Content-Type: application/json\" \\\n  --data '{{\n{lines}\n  }}'");
    }
    if !call.has_answer {
        code.push_str(" \\\n  --write-out '%{http_code}\\n'");
    }
    code.push('\n');
    code
}
