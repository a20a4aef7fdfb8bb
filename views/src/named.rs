//! An attribute that knows its name when it runs and not when it is compiled.

use leptos::tachys::html::attribute::any_attribute::{AnyAttribute, IntoAnyAttribute};
use leptos::tachys::html::attribute::{Attribute, AttributeValue, NamedAttributeKey, NextAttribute};
use leptos::tachys::renderer::types::Element;

/// A value and the name of the attribute that has it.
#[derive(Clone, Debug)]
pub struct Named<V> {
    pub name: &'static str,
    pub value: V,
}

impl<V: AttributeValue> Attribute for Named<V> {
    type State = V::State;
    type AsyncOutput = Named<V::AsyncOutput>;
    type Cloneable = Named<V::Cloneable>;
    type CloneableOwned = Named<V::CloneableOwned>;

    const MIN_LENGTH: usize = 0;

    fn html_len(&self) -> usize {
        self.name.len() + self.value.html_len()
    }

    fn to_html(self, html: &mut String, _class: &mut String, _style: &mut String, _inner_html: &mut String) {
        self.value.to_html(self.name, html);
    }

    fn hydrate<const FROM_SERVER: bool>(self, element: &Element) -> Self::State {
        self.value.hydrate::<FROM_SERVER>(self.name, element)
    }

    fn build(self, element: &Element) -> Self::State {
        self.value.build(element, self.name)
    }

    fn rebuild(self, state: &mut Self::State) {
        self.value.rebuild(self.name, state);
    }

    fn into_cloneable(self) -> Self::Cloneable {
        Named { name: self.name, value: self.value.into_cloneable() }
    }

    fn into_cloneable_owned(self) -> Self::CloneableOwned {
        Named { name: self.name, value: self.value.into_cloneable_owned() }
    }

    fn dry_resolve(&mut self) {
        self.value.dry_resolve();
    }

    async fn resolve(self) -> Self::AsyncOutput {
        Named { name: self.name, value: self.value.resolve().await }
    }

    fn keys(&self) -> Vec<NamedAttributeKey> {
        vec![NamedAttributeKey::Attribute(self.name.into())]
    }
}

impl<V: AttributeValue> NextAttribute for Named<V> {
    type Output<A: Attribute> = Vec<AnyAttribute>;

    fn add_any_attr<A: Attribute>(self, attribute: A) -> Self::Output<A> {
        vec![self.into_any_attr(), attribute.into_any_attr()]
    }
}
