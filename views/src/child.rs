//! What stands in an element or a list beside others: any view, behind one pointer, because a page moves each of its parts
//! about several times until it has its place.

use leptos::prelude::{AddAnyAttr, AnyView, IntoAny, Render, RenderHtml};
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::view::any_view::AnyViewState;
use leptos::tachys::view::{Position, PositionState};
use leptos_router::any_nested_route::AnyNestedRoute;

/// Any view.
#[derive(Debug)]
pub struct Child(Box<AnyView>);

/// How `view!` makes parts of one type: children of views, and routes of routes.
pub trait IntoMaybeErased {
    type Output;

    fn into_maybe_erased(self) -> Self::Output;
}

impl<T: leptos::prelude::IntoMaybeErased<Output: Part>> IntoMaybeErased for T {
    type Output = <T::Output as Part>::Handed;

    /// Never inlined: every page calls it for each of its parts.
    #[inline(never)]
    fn into_maybe_erased(self) -> Self::Output {
        leptos::prelude::IntoMaybeErased::into_maybe_erased(self).hand_on()
    }
}

/// What Leptos makes parts into, and as what they are handed on.
pub trait Part {
    type Handed;

    fn hand_on(self) -> Self::Handed;
}

impl Part for AnyView {
    type Handed = Child;

    fn hand_on(self) -> Child {
        Child(Box::new(self))
    }
}

impl Part for AnyNestedRoute {
    type Handed = Self;

    fn hand_on(self) -> Self {
        self
    }
}

impl Render for Child {
    type State = AnyViewState;

    fn build(self) -> AnyViewState {
        self.0.build()
    }

    fn rebuild(self, state: &mut AnyViewState) {
        self.0.rebuild(state);
    }
}

impl AddAnyAttr for Child {
    type Output<A: Attribute> = Self;

    fn add_any_attr<A: Attribute>(self, attribute: A) -> Self {
        Self(Box::new(self.0.add_any_attr(attribute).into_any()))
    }
}

impl RenderHtml for Child {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    /// Only the server writes HTML, and its children are those of Leptos.
    fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> AnyViewState {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self {
        self
    }
}
