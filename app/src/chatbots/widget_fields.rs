//! The fields of a chatbot's widget, and how it comes into a page, as HTML that is made on the server, as the fields of
//! its settings are.

use super::server_fns::RotateWidget;
use crate::components::in_textarea;
use crate::error::AppError;
use domain::chatbot_settings::ChatbotSettings;
use domain::widget::{Position, Theme, Widget};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use std::hash::{DefaultHasher, Hash, Hasher};

const CONTACTS: [(&str, &str); 2] =
    [("false", "Visitors cannot leave any"), ("true", "Visitors can leave their e-mail address and a message")];

/// The fields with what is stored, or with what was typed into a form that was refused before the page was alive.
pub(super) fn fields(widget: Option<&Widget>, refused: Option<&AppError>) -> String {
    let value = |name: &str, stored: String| refused.map_or(stored, |error| error.typed(name));
    let origins = widget.map(|widget| widget.allowed_origins.iter().map(ToString::to_string).collect::<Vec<_>>());
    let origins = value("allowed_origins", origins.unwrap_or_default().join("\n"));
    let position = value("position", widget.map_or(Position::Right, |widget| widget.position).as_str().to_owned());
    let theme = value("theme", widget.map_or(Theme::Auto, |widget| widget.theme).as_str().to_owned());
    let takes_contacts = widget.is_some_and(|widget| widget.takes_contacts).to_string();
    let takes_contacts = value("takes_contacts", takes_contacts);
    let positions = Position::ALL.map(|position| match position {
        Position::Right => (position.as_str(), "Bottom right"),
        Position::Left => (position.as_str(), "Bottom left"),
    });
    let themes = Theme::ALL.map(|theme| match theme {
        Theme::Auto => (theme.as_str(), "As the visitor's system is"),
        Theme::Light => (theme.as_str(), "Light"),
        Theme::Dark => (theme.as_str(), "Dark"),
    });
    view! {
        <div class="field-group">
            <label for="allowed_origins">"Allowed origins"</label>
            <textarea id="allowed_origins" name="allowed_origins" rows=3 spellcheck="false" aria-describedby="allowed_origins-hint">
                {in_textarea(origins)}
            </textarea>
            <p class="hint" id="allowed_origins-hint">
                "The sites that may show the widget, one on each line: https://example.com, or https://*.example.com for all its subdomains. Nowhere, while it is empty."
            </p>
        </div>
        {choice("position", "Place", &position, &positions)}
        {choice("theme", "Light or dark", &theme, &themes)}
        {choice("takes_contacts", "Contact requests", &takes_contacts, &CONTACTS)}
    }
    .to_html()
}

fn choice(name: &'static str, label: &'static str, chosen: &str, options: &[(&'static str, &'static str)]) -> AnyView {
    let option = |(id, label): &(&'static str, &'static str)| {
        view! { <option value=*id selected=chosen == *id>{*label}</option> }.into_any()
    };
    let options = options.iter().map(option).collect::<Vec<_>>();
    view! {
        <div class="field-group">
            <label for=name>{label}</label>
            <select id=name name=name>{options}</select>
        </div>
    }
    .into_any()
}

/// The code for a page; and, as HTML, the code, the widget as it is there, and the form that gives it another id.
pub(super) fn embed(
    public_url: &str,
    chatbot_name: &str,
    settings: &ChatbotSettings,
    widget: &Widget,
) -> (String, String) {
    let Widget { id, chatbot_id, position, theme, .. } = widget;
    let code = format!("<script src=\"{public_url}/widget.js\" data-widget=\"{id}\" async></script>");
    // The frame is loaded anew when its address changes, which is when the widget looks different.
    let mut look = DefaultHasher::new();
    format!("{chatbot_name} {settings:?} {position:?} {theme:?}").hash(&mut look);
    let preview = format!("/widget/{id}/preview?look={:x}", look.finish());
    let html = view! {
        <pre class="embed" tabindex="0" role="group" aria-label="Code for your pages">{code.clone()}</pre>
        <p class="hint">"Put it on every page of the allowed origins that is to show the widget."</p>
        <iframe class="widget-preview" src=preview title="Preview of the widget"></iframe>
        <p class="hint">"What you ask in the preview costs credit, as what visitors ask does."</p>
        <form method="post" action=RotateWidget::PATH>
            <input type="hidden" name="id" value=chatbot_id.to_string()/>
            <div class="actions start">
                <button class="btn">"Replace the id"</button>
                <span class="hint">"Pages with the code of before stop showing the widget at once."</span>
            </div>
        </form>
    };
    (code, html.to_html())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;
    use domain::field::FieldError;
    use domain::id::{ChatbotId, WidgetId};
    use domain::problem::Problem;
    use domain::widget::read_origins;

    #[test]
    fn the_fields_have_what_is_stored_or_what_was_typed() {
        let now = Timestamp::from_us(1);
        let widget = Widget {
            id: WidgetId::new(now, [1; 8]),
            chatbot_id: ChatbotId::new(now, [1; 8]),
            allowed_origins: read_origins("https://*.example.com").expect("origins"),
            position: Position::Left,
            theme: Theme::Dark,
            takes_contacts: true,
            rotated_at: None,
        };
        let page = Owner::new().with(|| fields(Some(&widget), None));
        assert!(page.contains("https://*.example.com"), "{page}");
        assert!(page.contains("value=\"left\" selected") && page.contains("value=\"dark\" selected"), "{page}");
        let refused = AppError::from(Problem::from(FieldError::new("allowed_origins", "none")));
        assert!(page.contains("value=\"true\" selected"), "{page}");
        let refused = refused.with_typed("allowed_origins", "</textarea>").with_typed("position", "right");
        let refused = refused.with_typed("takes_contacts", "false");
        let page = Owner::new().with(|| fields(Some(&widget), Some(&refused)));
        assert!(page.contains("&lt;/textarea>") && !page.contains("*.example.com</"), "{page}");
        assert!(page.contains("value=\"right\" selected") && page.contains("value=\"false\" selected"), "{page}");
    }
}
