//! A part of the page that comes alive in a turn of its own, so that the browser can answer the person before it.
//!
//! Leptos walks the page that the server rendered in one go, and the browser compiles every function on the way. A part
//! that comes later is left out of that walk: it remembers its element, and walks it by itself when its turn has come. The
//! turns are given in `startup.rs`, in the order of the page, because what the server sent with it is read in
//! that order.

use leptos::prelude::*;

/// Must be the only child of its element, and not empty: the walk goes on at the end of that element.
#[component]
pub fn Later(children: Children) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    let children = move || browser::Part { owner: Owner::current(), children };
    children()
}

#[cfg(feature = "hydrate")]
mod browser {
    use crate::startup;
    use leptos::attr::Attribute;
    use leptos::attr::any_attribute::AnyAttribute;
    use leptos::children::Children;
    use leptos::prelude::{AddAnyAttr, Owner, Render, RenderHtml};
    use leptos::tachys::hydration::Cursor;
    use leptos::tachys::view::any_view::{AnyView, AnyViewState};
    use leptos::tachys::view::{Position, PositionState};
    use std::cell::RefCell;
    use std::rc::Rc;
    use wasm_bindgen::JsCast;
    use web_sys::Element;

    /// The part before it is made, and who owns what is made for it.
    pub struct Part {
        pub owner: Option<Owner>,
        pub children: Children,
    }

    impl Part {
        fn make<T>(self, make: impl FnOnce(AnyView) -> T) -> T {
            let Self { owner, children } = self;
            match owner {
                Some(owner) => owner.with(|| make(children())),
                None => make(children()),
            }
        }
    }

    impl Render for Part {
        /// Empty until the part's turn has come.
        type State = Rc<RefCell<Option<AnyViewState>>>;

        fn build(self) -> Self::State {
            Rc::new(RefCell::new(Some(self.make(Render::build))))
        }

        fn rebuild(self, state: &mut Self::State) {
            startup::wake_all();
            if let Some(state) = state.borrow_mut().as_mut() {
                self.make(|view| view.rebuild(state));
            }
        }
    }

    impl AddAnyAttr for Part {
        type Output<SomeNewAttr: Attribute> = Self;

        fn add_any_attr<NewAttr: Attribute>(self, _attribute: NewAttr) -> Self {
            self
        }
    }

    impl RenderHtml for Part {
        type AsyncOutput = Self;
        type Owned = Self;

        const MIN_LENGTH: usize = 0;

        fn dry_resolve(&mut self) {}

        async fn resolve(self) -> Self {
            self
        }

        fn to_html_with_buf(
            self,
            html: &mut String,
            position: &mut Position,
            escape: bool,
            mark_branches: bool,
            extra_attributes: Vec<AnyAttribute>,
        ) {
            self.make(|view| view.to_html_with_buf(html, position, escape, mark_branches, extra_attributes));
        }

        fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
            let element: Element = cursor.current().unchecked_into();
            step_to_end(&element, cursor, position);
            let state = Rc::new(RefCell::new(None));
            let alive = Rc::clone(&state);
            startup::wake_later(move || {
                let (cursor, position) = (Cursor::new(element), PositionState::new(Position::FirstChild));
                let part = self.make(|view| view.hydrate::<FROM_SERVER>(&cursor, &position));
                *alive.borrow_mut() = Some(part);
            });
            state
        }

        fn into_owned(self) -> Self {
            self
        }
    }

    /// Leaves the walk before the marker that ends the children of an element, where it would be had it walked the part.
    fn step_to_end(element: &Element, cursor: &Cursor, position: &PositionState) {
        if let Some(last) = element.last_child().and_then(|marker| marker.previous_sibling()) {
            cursor.set(last);
            position.set(Position::NextChild);
        }
    }
}
