//! A labelled text field with its hint and its error beside it.

use leptos::prelude::*;

/// The input keeps what was typed when an error appears: it is not made anew, only described anew.
#[component]
pub fn TextField(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(into, optional)] value: String,
    /// The input's type; `text` when left out.
    #[prop(into, optional)]
    kind: String,
    #[prop(optional, into)] hint: String,
    #[prop(into, optional)] error: MaybeProp<String>,
    #[prop(optional)] required: bool,
    #[prop(optional)] minlength: Option<u32>,
    #[prop(optional)] maxlength: Option<u32>,
    #[prop(into, optional)] autocomplete: Option<String>,
    #[prop(into, optional)] placeholder: Option<String>,
    /// Tells two fields of the same name on one page apart; `field-{name}` when left out.
    #[prop(into, optional)]
    id: String,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    let id = if id.is_empty() { format!("field-{name}") } else { id };
    let kind = if kind.is_empty() { "text".to_owned() } else { kind };
    let error_id = format!("{id}-error");
    let hint_id = format!("{id}-hint");
    let described_by = {
        let (error_id, hint_id, has_hint) = (error_id.clone(), hint_id.clone(), !hint.is_empty());
        move || match (error.try_get().flatten().is_some(), has_hint) {
            (true, true) => Some(format!("{error_id} {hint_id}")),
            (true, false) => Some(error_id.clone()),
            (false, true) => Some(hint_id.clone()),
            (false, false) => None,
        }
    };
    view! {
        <div class="field-group">
            <label for=id.clone()>{label}</label>
            <div class="field">
                <input
                    id=id
                    type=kind
                    name=name
                    value=value
                    required=required
                    minlength=minlength
                    maxlength=maxlength
                    autocomplete=autocomplete
                    placeholder=placeholder
                    autofocus=autofocus
                    aria-invalid=move || error.try_get().flatten().map(|_| "true")
                    aria-describedby=described_by
                />
            </div>
            <FieldError id=error_id error=error />
            {(!hint.is_empty())
                .then(|| {
                    view! {
                        <p class="hint" id=hint_id>
                            {hint}
                        </p>
                    }
                        .into_any()
                })}
        </div>
    }
}

/// A text that stands in a `<textarea>`. Leptos writes what is in one as it is, so that on the server a text could end the
/// element and go on as a part of the page.
#[must_use]
pub fn in_textarea(text: String) -> String {
    if cfg!(feature = "ssr") { text.replace('&', "&amp;").replace('<', "&lt;") } else { text }
}

/// The message beside a field; announced when it appears.
#[component]
fn FieldError(id: String, error: MaybeProp<String>) -> impl IntoView {
    move || {
        error.try_get().flatten().map(|message| {
            view! {
                <p class="error" id=id.clone() role="alert">
                    {message}
                </p>
            }
            .into_any()
        })
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_a_textarea_stays_a_text() {
        let text = "a & b</textarea><script>alert(1)</script>".to_owned();
        let page = Owner::new().with(|| view! { <textarea>{in_textarea(text)}</textarea> }.to_html());
        assert!(page.contains("a &amp; b&lt;/textarea>&lt;script>"), "{page}");
    }
}
