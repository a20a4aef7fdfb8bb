//! An element of any name: what it is called is a value, and so are its attributes and children.

use crate::named::Named;
use leptos::prelude::{AddAnyAttr, AnyView, IntoAny, IntoRender, Mountable, Render, RenderHtml};
use leptos::tachys::html::attribute::any_attribute::{AnyAttribute, IntoAnyAttribute};
use leptos::tachys::html::attribute::{Attribute, AttributeValue};
use leptos::tachys::html::class::{IntoClass, class};
use leptos::tachys::html::element::{ElementType, InnerHtmlValue, inner_html};
use leptos::tachys::html::event::{EventDescriptor, on};
use leptos::tachys::html::node_ref::{NodeRefContainer, node_ref};
use leptos::tachys::html::property::{IntoProperty, prop};
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::types::{Element, Event, Node};
use leptos::tachys::renderer::{CastFrom, Rndr};
use leptos::tachys::view::iterators::StaticVec;
use leptos::tachys::view::{Position, PositionState};

/// An element of any name: one pointer, because it is handed on for each attribute and child that it gets.
#[derive(Debug)]
pub struct AnyElement(Box<Parts>);

#[derive(Debug)]
struct Parts {
    tag: &'static str,
    attributes: Vec<AnyAttribute>,
    children: Vec<AnyView>,
}

/// An element that stands in the page.
pub struct AnyElementState {
    tag: &'static str,
    has_children: bool,
    element: Element,
    attributes: <Vec<AnyAttribute> as Attribute>::State,
    /// Nothing, too, where the children are a text that the server has written, and which is left to the person.
    children: Option<<StaticVec<AnyView> as Render>::State>,
}

// What a page calls for each of its elements is never inlined: it would be larger there than a call.
impl AnyElement {
    #[inline(never)]
    pub(crate) fn new(tag: &'static str) -> Self {
        Self(Box::new(Parts { tag, attributes: Vec::new(), children: Vec::new() }))
    }

    #[inline(never)]
    fn with(mut self, attribute: AnyAttribute) -> Self {
        self.0.attributes.push(attribute);
        self
    }

    #[must_use]
    #[inline(never)]
    pub fn child<C>(mut self, child: C) -> Self
    where
        C: IntoRender,
        C::Output: RenderHtml,
    {
        self.0.children.push(child.into_render().into_any());
        self
    }

    #[must_use]
    #[inline(never)]
    pub fn attr<V: AttributeValue>(self, name: &'static str, value: V) -> Self {
        self.owned_attr(name, value.into_cloneable_owned())
    }

    #[inline(never)]
    fn owned_attr<V: AttributeValue + Clone + 'static>(self, name: &'static str, value: V) -> Self {
        self.with(Named { name, value }.into_any_attr())
    }

    #[must_use]
    #[inline(never)]
    pub fn class<C: IntoClass>(self, value: C) -> Self {
        self.with(class(value.into_cloneable_owned()).into_any_attr())
    }

    #[must_use]
    #[inline(never)]
    pub fn prop<P: IntoProperty>(self, name: &'static str, value: P) -> Self {
        self.with(prop(name, value).into_any_attr())
    }

    #[must_use]
    #[inline(never)]
    pub fn inner_html<H: InnerHtmlValue>(self, html: H) -> Self {
        self.with(inner_html(html.into_cloneable_owned()).into_any_attr())
    }

    #[must_use]
    pub fn on<E, F>(self, event: E, callback: F) -> Self
    where
        E: EventDescriptor + Send + 'static,
        E::EventType: From<Event> + 'static,
        F: FnMut(E::EventType) + 'static,
    {
        self.with(on(event, Box::new(callback) as Box<dyn FnMut(E::EventType)>).into_any_attr())
    }

    #[must_use]
    pub fn node_ref<E, C>(self, container: C) -> Self
    where
        E: ElementType,
        C: NodeRefContainer<E>,
    {
        self.with(node_ref(container).into_any_attr())
    }
}

/// The functions with which `view!` makes elements.
macro_rules! tags {
    ($($tag:ident)*) => {
        $(
            #[must_use]
            pub fn $tag() -> $crate::element::AnyElement {
                $crate::element::AnyElement::new(stringify!($tag))
            }
        )*
    };
}
pub(crate) use tags;

/// Attributes as `view!` calls them.
macro_rules! attributes {
    ($($attribute:ident $name:literal)*) => {
        impl AnyElement {
            $(
                #[must_use]
                pub fn $attribute<V: AttributeValue>(self, value: V) -> Self {
                    self.attr($name, value)
                }
            )*
        }
    };
}

attributes! {
    accept "accept" action "action" alt "alt" autocomplete "autocomplete" autofocus "autofocus" checked "checked"
    colspan "colspan" datetime "datetime" disabled "disabled" download "download" enctype "enctype" r#for "for"
    form "form" formnovalidate "formnovalidate" height "height" hidden "hidden" href "href" id "id"
    inputmode "inputmode" max "max" maxlength "maxlength" method "method" minlength "minlength" multiple "multiple"
    name "name" open "open" placeholder "placeholder" readonly "readonly" rel "rel" required "required" role "role"
    rows "rows" scope "scope" selected "selected" spellcheck "spellcheck" src "src" tabindex "tabindex" title "title"
    r#type "type" value "value" width "width"
    aria_busy "aria-busy" aria_current "aria-current" aria_describedby "aria-describedby" aria_hidden "aria-hidden"
    aria_invalid "aria-invalid" aria_label "aria-label" aria_labelledby "aria-labelledby" aria_live "aria-live"
    aria_pressed "aria-pressed"
}

impl Render for AnyElement {
    type State = AnyElementState;

    fn build(self) -> Self::State {
        let Parts { tag, attributes, children } = *self.0;
        let element = Rndr::create_element(tag, None);
        let attributes = attributes.build(&element);
        let has_children = !children.is_empty();
        let children = has_children.then(|| {
            let mut children = StaticVec::from(children).build();
            children.mount(&element, None);
            children
        });
        AnyElementState { tag, has_children, element, attributes, children }
    }

    /// Changes the element in place while it is one of the same name; another one takes its place otherwise.
    fn rebuild(self, state: &mut Self::State) {
        if self.0.tag != state.tag || self.0.children.is_empty() == state.has_children {
            let mut other = self.build();
            state.insert_before_this(&mut other);
            state.unmount();
            *state = other;
            return;
        }
        self.0.attributes.rebuild(&mut state.attributes);
        if let Some(children) = &mut state.children {
            StaticVec::from(self.0.children).rebuild(children);
        }
    }
}

impl AddAnyAttr for AnyElement {
    type Output<A: Attribute> = Self;

    fn add_any_attr<A: Attribute>(self, attribute: A) -> Self {
        self.with(attribute.into_any_attr())
    }
}

impl RenderHtml for AnyElement {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    /// Only the server writes HTML, and its elements are those of Leptos.
    fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

    /// Goes on behind the element, as every element of Leptos does.
    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> Self::State {
        match position.get() {
            Position::FirstChild => cursor.child(),
            Position::Current => {}
            _ => cursor.sibling(),
        }
        let Parts { tag, attributes, children } = *self.0;
        let Some(element) = Element::cast_from(cursor.current()) else {
            panic!("the page has another node where <{tag}> is to come alive")
        };
        let attributes = attributes.hydrate::<FROM_SERVER>(&element);
        let has_children = !children.is_empty();
        let children = (has_children && tag != "textarea").then(|| {
            position.set(Position::FirstChild);
            StaticVec::from(children).hydrate::<FROM_SERVER>(cursor, position)
        });
        let node: &Node = element.as_ref();
        cursor.set(node.clone());
        position.set(Position::NextChild);
        AnyElementState { tag, has_children, element, attributes, children }
    }

    fn into_owned(self) -> Self {
        self
    }
}

impl Mountable for AnyElementState {
    fn unmount(&mut self) {
        Rndr::remove(&self.element);
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        Rndr::insert_node(parent, &self.element, marker);
    }

    fn try_mount(&mut self, parent: &Element, marker: Option<&Node>) -> bool {
        Rndr::try_insert_node(parent, &self.element, marker)
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let parent = Rndr::get_parent(&self.element).and_then(Element::cast_from);
        let Some(parent) = parent else { return false };
        child.mount(&parent, Some(&self.element));
        true
    }

    fn elements(&self) -> Vec<Element> {
        vec![self.element.clone()]
    }
}
