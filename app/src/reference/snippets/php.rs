//! For PHP 8, without any extension.

use super::Call;
use serde_json::Value;

pub fn write(call: &Call) -> String {
    let key = call.key_or(r#"" . getenv("ARTIKO_CONSUMER_KEY") . ""#);
    let Call { method, url, .. } = call;
    let lines = call.body_lines(|name, value| format!("            \"{name}\" => {},\n", literal(value)));
    let (content_type, body) = if call.body.is_empty() {
        (String::new(), String::new())
    } else {
        let content_type = "            \"Content-Type: application/json\",\n".to_owned();
        (content_type, format!("        \"content\" => json_encode([\n{lines}        ]),\n"))
    };
    let shown = if call.has_answer {
        "echo json_encode($answer, JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), PHP_EOL;"
    } else {
        "echo \"done\", PHP_EOL;"
    };
    format!(
        r#"<?php
$context = stream_context_create([
    "http" => [
        "method" => "{method}",
        "header" => [
            "Authorization: {key}:" . getenv("ARTIKO_CONSUMER_SECRET"),
{content_type}        ],
{body}        "ignore_errors" => true,
    ],
]);
$answer = json_decode(file_get_contents("{url}", false, $context));
if (($answer->success ?? true) === false) {{
    fwrite(STDERR, "$answer->code: $answer->detail" . PHP_EOL);
    exit(1);
}}
{shown}
"#
    )
}

/// As in JSON, but for the dollar, which begins a variable.
fn literal(value: &Value) -> String {
    value.to_string().replace('$', r"\$")
}
