//! A part that comes alive in one way only. Leptos makes code for a second one, which waits between parts, and the console
//! has its own turns instead (`app/src/components/later.rs`). For what follows signals that second way is larger than all
//! the rest of it.

use leptos::prelude::{AddAnyAttr, Render, RenderHtml};
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::view::{Position, PositionState};

/// A view without the second way.
#[derive(Clone, Copy, Debug)]
pub struct Quiet<V>(pub V);

/// How `view!` makes a part of what stands in a block.
pub trait IntoRender {
    type Output;

    fn into_render(self) -> Self::Output;
}

impl<T: leptos::prelude::IntoRender> IntoRender for T {
    type Output = Quiet<T::Output>;

    fn into_render(self) -> Self::Output {
        Quiet(leptos::prelude::IntoRender::into_render(self))
    }
}

impl<V: Render> Render for Quiet<V> {
    type State = V::State;

    fn build(self) -> V::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut V::State) {
        self.0.rebuild(state);
    }
}

impl<V: RenderHtml> AddAnyAttr for Quiet<V> {
    type Output<A: Attribute> = <V as AddAnyAttr>::Output<A>;

    fn add_any_attr<A: Attribute>(self, attribute: A) -> Self::Output<A> {
        self.0.add_any_attr(attribute)
    }
}

impl<V: RenderHtml> RenderHtml for Quiet<V> {
    type AsyncOutput = Self;
    type Owned = Quiet<V::Owned>;

    const MIN_LENGTH: usize = V::MIN_LENGTH;
    const EXISTS: bool = V::EXISTS;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    /// Only the server writes HTML.
    fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> V::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self::Owned {
        Quiet(self.0.into_owned())
    }
}
