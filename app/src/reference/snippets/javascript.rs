//! For Node, without any package.

use super::Call;

pub fn write(call: &Call) -> String {
    let key = call.key_or("${process.env.ARTIKO_CONSUMER_KEY}");
    let Call { method, url, .. } = call;
    let lines = call.body_lines(|name, value| format!("      {name}: {value},\n"));
    let (content_type, body) = if call.body.is_empty() {
        (String::new(), String::new())
    } else {
        let content_type = "      \"Content-Type\": \"application/json\",\n".to_owned();
        (content_type, format!("    body: JSON.stringify({{\n{lines}    }}),\n"))
    };
    let method = if *method == "GET" { String::new() } else { format!("    method: \"{method}\",\n") };
    let shown = if call.has_answer { "JSON.stringify(await response.json(), null, 2)" } else { "response.status" };
    format!(
        r#"async function main() {{
  const response = await fetch("{url}", {{
{method}    headers: {{
      Authorization: `{key}:${{process.env.ARTIKO_CONSUMER_SECRET}}`,
{content_type}    }},
{body}  }});
  if (!response.ok) {{
    const problem = await response.json();
    throw new Error(`${{problem.code}}: ${{problem.detail}}`);
  }}
  console.log({shown});
}}

main();
"#
    )
}
