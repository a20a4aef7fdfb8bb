//! For Python 3, without any package.

use super::Call;
use serde_json::Value;

pub fn write(call: &Call) -> String {
    let key = call.key_or("{os.environ['ARTIKO_CONSUMER_KEY']}");
    let Call { method, url, .. } = call;
    let lines = call.body_lines(|name, value| format!("        \"{name}\": {},\n", literal(value)));
    let (content_type, body) = if call.body.is_empty() {
        (String::new(), String::new())
    } else {
        let content_type = "        \"Content-Type\": \"application/json\",\n".to_owned();
        (content_type, format!("    data=json.dumps({{\n{lines}    }}).encode(),\n"))
    };
    let shown = if call.has_answer {
        "json.dumps(json.load(response), indent=2, ensure_ascii=False)"
    } else {
        "response.status"
    };
    format!(
        r#"import json
import os
import urllib.error
import urllib.request

request = urllib.request.Request(
    "{url}",
    method="{method}",
    headers={{
        "Authorization": f"{key}:{{os.environ['ARTIKO_CONSUMER_SECRET']}}",
{content_type}    }},
{body})
try:
    with urllib.request.urlopen(request) as response:
        print({shown})
except urllib.error.HTTPError as error:
    problem = json.load(error)
    raise SystemExit(f"{{problem['code']}}: {{problem['detail']}}")
"#
    )
}

/// Texts and numbers are written as in JSON.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}
