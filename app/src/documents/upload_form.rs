//! Files to upload: several for a chatbot, or one in the place of a document. Files are dropped on the field or chosen in
//! it.
//!
//! The form is one that the browser itself can send. `public/upload.js`, which is smaller than the same in WebAssembly and
//! is there before that, sends each file by itself.

use leptos::prelude::*;

const ACCEPTED: &str = ".pdf,.docx,.html,.htm,.md,.markdown,.txt,.csv,.tsv";
const SCRIPT: &str = "/upload.js";

/// `field` is what the form says beside the files: the chatbot, or the document that is replaced. The script follows the
/// link to `close_href` when all files were taken.
pub(super) fn upload_form(field: AnyView, is_replacement: bool, close_href: String) -> AnyView {
    view! {
        <form method="post" action="/documents/upload" enctype="multipart/form-data" data-upload="">
            <script src=SCRIPT async=true></script>
            <div class="in">
                {field}
                <div class="field-group">
                    <label for="file">{if is_replacement { "File" } else { "Files" }}</label>
                    <input id="file" class="drop" type="file" name="file" required multiple=!is_replacement accept=ACCEPTED
                        aria-describedby="file-hint"/>
                    <p class="hint" id="file-hint">
                        "Choose or drop PDF, DOCX, HTML, CSV, Markdown or plain text: up to 10 MiB, with up to 2 MiB of text"
                    </p>
                </div>
                <ul class="sent" aria-live="polite"></ul>
            </div>
            <footer>
                <a class="btn" href=close_href>"Cancel"</a>
                <button class="btn primary">"Upload"</button>
            </footer>
        </form>
    }
    .into_any()
}
