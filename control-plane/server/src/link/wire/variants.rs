//! The samples leave no variant out. Which variants a type has is asked of the type itself: reading one
//! begins with their names.

#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;
use std::fmt;

use insula_kernel::input::{Call, Excused};
use insula_kernel::{Input, Outcome};
use insula_types::message::{CommandBody, FromAgent, Message, ToAgent, ToFramework};
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use super::{ToGateway, ToOwner, samples};

/// Reads nothing, and notes the names of the variants that it is to choose from.
struct Names<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(variants);
        Err(Error::custom("the names are enough"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no enumeration"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn assert_all<T: Serialize + DeserializeOwned + fmt::Debug>(samples: &[T]) {
    let mut variants = Vec::new();
    let _refused = T::deserialize(Names(&mut variants)).unwrap_err();
    assert!(!variants.is_empty(), "{} has no variants", kind::<T>());
    let named: BTreeSet<String> = samples.iter().map(name).collect();
    let missing: Vec<_> = variants
        .iter()
        .filter(|one| !named.contains(**one))
        .collect();
    assert!(
        missing.is_empty(),
        "no sample of {} is {missing:?}",
        kind::<T>()
    );
}

fn kind<T>() -> &'static str {
    std::any::type_name::<T>()
}

/// The name of a value's variant: alone, or the one key of a map.
fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value).unwrap() {
        serde_json::Value::String(name) => name,
        serde_json::Value::Object(one) => one.into_iter().next().unwrap().0,
        other => panic!("{other} is no variant"),
    }
}

#[test]
fn every_variant_to_owners_has_a_sample() {
    let to_owner = samples::to_owner();
    assert_all(&to_owner);
    let inputs = to_owner.iter().filter_map(|sample| match sample {
        ToOwner::Input { input, .. } => Some(input.clone()),
        ToOwner::Hello | ToOwner::Bye => None,
    });
    let inputs: Vec<Input> = inputs.collect();
    assert_all(&inputs);
    let (mut calls, mut from_agents, mut excused) = (Vec::new(), Vec::new(), Vec::new());
    for input in inputs {
        match input {
            Input::Call { call, .. } => calls.push(call),
            Input::Agent { message, .. } => from_agents.push(message),
            Input::Excused(who) => excused.push(who),
            _ => {}
        }
    }
    assert_all::<Call>(&calls);
    assert_all::<FromAgent>(&from_agents);
    assert_all::<Excused>(&excused);
}

#[test]
fn every_variant_to_gateways_has_a_sample() {
    let to_gateway = samples::to_gateway();
    assert_all(&to_gateway);
    let (mut messages, mut outcomes) = (Vec::new(), Vec::new());
    for sample in to_gateway {
        match sample {
            ToGateway::Message { message, .. } => messages.push(message),
            ToGateway::Reply { outcome, .. } => outcomes.push(outcome),
            _ => {}
        }
    }
    assert_all::<Message>(&messages);
    assert_all::<Outcome>(&outcomes);
    let (mut to_agents, mut to_frameworks, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for message in messages {
        match message {
            Message::ToFramework(message) => to_frameworks.push(message),
            Message::ToAgent(ToAgent::Command(command)) => {
                bodies.push(command.body.clone());
                to_agents.push(ToAgent::Command(command));
            }
            Message::ToAgent(message) => to_agents.push(message),
        }
    }
    assert_all::<ToAgent>(&to_agents);
    assert_all::<CommandBody>(&bodies);
    assert_all::<ToFramework>(&to_frameworks);
}
