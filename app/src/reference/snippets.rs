//! The examples, each complete enough to be run as it stands.
//!
//! The consumer key is public and is filled in. The secret never is: every example reads it from the environment, where
//! the `.env` file puts it that is offered when a key is made.

/// What an example is about.
pub struct Example<'a> {
    /// The address of the call.
    pub url: &'a str,
    pub chatbot_id: &'a str,
    /// Empty when the account has no key; the examples then read it from the environment too.
    pub consumer_key: &'a str,
}

const QUESTION: &str = "How can I reach you?";

impl Example<'_> {
    pub fn curl(&self) -> String {
        let Self { url, chatbot_id, .. } = self;
        let key = self.key_or("$ARTIKO_CONSUMER_KEY");
        format!(
            r#"curl --silent --show-error --fail-with-body "{url}" \
  --header "Authorization: {key}:$ARTIKO_CONSUMER_SECRET" \
  --header "Content-Type: application/json" \
  --data '{{
    "chatbot_id": "{chatbot_id}",
    "user_message": "{QUESTION}",
    "conversation_id": null
  }}'
"#
        )
    }

    pub fn javascript(&self) -> String {
        let Self { url, chatbot_id, .. } = self;
        let key = self.key_or("${process.env.ARTIKO_CONSUMER_KEY}");
        format!(
            r#"async function ask(message, conversationId = null) {{
  const response = await fetch("{url}", {{
    method: "POST",
    headers: {{
      Authorization: `{key}:${{process.env.ARTIKO_CONSUMER_SECRET}}`,
      "Content-Type": "application/json",
    }},
    body: JSON.stringify({{
      chatbot_id: "{chatbot_id}",
      user_message: message,
      conversation_id: conversationId,
    }}),
  }});
  const answer = await response.json();
  if (!answer.success) throw new Error(`${{answer.code}}: ${{answer.detail}}`);
  return answer;
}}

ask("{QUESTION}").then((answer) => console.log(answer.chatbot_message));
"#
        )
    }

    pub fn python(&self) -> String {
        let Self { url, chatbot_id, .. } = self;
        let key = self.key_or("{os.environ['ARTIKO_CONSUMER_KEY']}");
        format!(
            r#"import json
import os
import urllib.error
import urllib.request


def ask(message, conversation_id=None):
    request = urllib.request.Request(
        "{url}",
        data=json.dumps({{
            "chatbot_id": "{chatbot_id}",
            "user_message": message,
            "conversation_id": conversation_id,
        }}).encode(),
        headers={{
            "Authorization": f"{key}:{{os.environ['ARTIKO_CONSUMER_SECRET']}}",
            "Content-Type": "application/json",
        }},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise SystemExit(f"{{problem['code']}}: {{problem['detail']}}")


print(ask("{QUESTION}")["chatbot_message"])
"#
        )
    }

    fn key_or<'a>(&'a self, variable: &'a str) -> &'a str {
        if self.consumer_key.is_empty() { variable } else { self.consumer_key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(consumer_key: &str) -> [String; 3] {
        let example = Example { url: "http://127.0.0.1:3000/ask", chatbot_id: "bot_1", consumer_key };
        [example.curl(), example.javascript(), example.python()]
    }

    #[test]
    fn every_example_names_the_chatbot_and_the_key_and_reads_the_secret_from_the_environment() {
        for code in example("ck_1") {
            assert!(code.contains("http://127.0.0.1:3000/ask") && code.contains("bot_1") && code.contains("ck_1:"));
            assert!(code.contains("ARTIKO_CONSUMER_SECRET") && !code.contains("ARTIKO_CONSUMER_KEY"), "{code}");
        }
    }

    #[test]
    fn without_a_key_the_examples_read_it_from_the_environment() {
        for code in example("") {
            assert!(code.contains("ARTIKO_CONSUMER_KEY"), "{code}");
        }
    }
}
