//! For Rust, with the packages that its first line names.

use super::Call;

pub fn write(call: &Call) -> String {
    let Call { method, url, .. } = call;
    let function = method.to_lowercase();
    let lines = call.body_lines(|name, value| format!("            \"{name}\": {value},\n"));
    let send = if call.body.is_empty() {
        if *method == "POST" { "send_empty()".to_owned() } else { "call()".to_owned() }
    } else {
        format!("send_json(serde_json::json!({{\n{lines}        }}))")
    };
    let (key_line, key) = if call.consumer_key.is_empty() {
        ("    let key = std::env::var(\"ARTIKO_CONSUMER_KEY\")?;\n", "{key}")
    } else {
        ("", call.consumer_key)
    };
    let packages = if call.body.is_empty() {
        r#"ureq = "3""#
    } else {
        r#"serde_json = "1", ureq = { version = "3", features = ["json"] }"#
    };
    let shown = if call.has_answer { "answer" } else { "response.status()" };
    let shown = if call.has_answer { format!("{{{shown}}}\"") } else { format!("{{}}\", {shown}") };
    format!(
        r#"// Cargo.toml: {packages}
fn main() -> Result<(), Box<dyn std::error::Error>> {{
{key_line}    let secret = std::env::var("ARTIKO_CONSUMER_SECRET")?;
    let mut response = ureq::{function}("{url}")
        .config()
        .http_status_as_error(false)
        .build()
        .header("Authorization", format!("{key}:{{secret}}"))
        .{send}?;
    let answer = response.body_mut().read_to_string()?;
    if !response.status().is_success() {{
        return Err(answer.into());
    }}
    println!("{shown});
    Ok(())
}}
"#
    )
}
