//! Leptos as the console uses it. On the server it is Leptos itself; in the browser the elements that `view!` makes have
//! one type, `element::AnyElement`, and their attributes one for each kind of value, `named::Named`.
//!
//! Leptos has a type for every element and every attribute, and the browser would load the same code for each of them
//! anew: how it is made, changed, brought to life, moved and dropped. docs/decisions/0004 has what that weighs. `view!`
//! finds the functions that make elements below `tachys`, so that is where these stand in front of those of Leptos; an
//! element that is not among them is Leptos' own.

pub use leptos::*;

#[cfg(feature = "hydrate")]
pub mod child;
#[cfg(feature = "hydrate")]
pub mod element;
#[cfg(feature = "hydrate")]
pub mod named;
#[cfg(feature = "hydrate")]
pub mod quiet;

#[cfg(feature = "hydrate")]
pub mod prelude {
    pub use crate::child::IntoMaybeErased;
    pub use crate::quiet::IntoRender;
    pub use leptos::prelude::*;
}

#[cfg(feature = "hydrate")]
pub mod tachys {
    pub use leptos::tachys::*;

    pub mod html {
        pub use leptos::tachys::html::*;

        pub mod element {
            pub use leptos::tachys::html::element::*;

            crate::element::tags! {
                a article b blockquote button caption code dd details dialog div dl dt fieldset footer form h1 h2 h3 header
                i iframe img input label legend li main nav ol option p pre progress section select small span strong
                summary table tbody td textarea tfoot th thead time tr ul
            }
        }
    }
}
