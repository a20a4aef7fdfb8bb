//! Who is looking: the signed-in person, as the pages below the layout read him from the context.

use domain::account::Viewer;
use leptos::prelude::*;

/// The signed-in person. Every page below the layout has one.
///
/// # Panics
/// Outside the layout; a page there must not ask for a person who may not exist.
pub fn use_viewer() -> Viewer {
    expect_context::<Viewer>()
}

/// Whether `path` stays on this site, so that it may be followed after signing in.
///
/// Browsers read `//host` and `/\host` as another site, and a line break can hide either.
#[must_use]
pub fn is_local_path(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//") && !path.contains('\\') && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::is_local_path;

    #[test]
    fn only_a_path_of_this_site_is_followed_after_signing_in() {
        assert!(is_local_path("/settings?payment=pay_1"));
        for path in ["", "settings", "//evil.example", "/\\evil.example", "https://evil.example", "/\n/evil.example"] {
            assert!(!is_local_path(path), "{path}");
        }
    }
}
