//! Resources: lists on the wire, exact amounts inside.

use std::collections::BTreeSet;

use insula_types::Resources;
use insula_types::resources::{Millis, Range, Ranges, SCALAR_MAX, Scalar};

use crate::mesos::v1::{self, value};

/// Why a list of resources is not accepted, with the name of the one that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Resource '{name}' is invalid: {fault}")]
pub struct ResourceError {
    /// Name of the resource.
    pub name: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a resource. The sentences are those of Mesos where Mesos has one.
///
/// Source: `Resources::validate` in `src/common/resources.cpp` of Mesos 1.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has no name.
    #[error("Empty resource name")]
    Nameless,
    /// It is a text, or of a type that does not exist.
    #[error("Unsupported resource type")]
    Type,
    /// It is a scalar without a number, or has other values as well.
    #[error("Invalid scalar resource")]
    Scalar,
    /// It is negative, not a number, or above zero but less than half a thousandth.
    #[error("Invalid scalar resource: value <= 0")]
    NotPositive,
    /// It is infinite, or so large that thousandths of it are not exact.
    #[error("Invalid scalar resource: value is too large")]
    TooLarge,
    /// It is of type RANGES and has none, or has other values as well.
    #[error("Invalid ranges resource")]
    Ranges,
    /// A range ends before it begins.
    #[error("Invalid ranges resource: begin > end")]
    Inverted,
    /// A number is in two ranges.
    #[error("Invalid ranges resource: overlapping ranges")]
    Overlapping,
    /// It is of type SET and has none, or has other values as well.
    #[error("Invalid set resource")]
    Set,
    /// An item is in the set twice.
    #[error("Invalid set resource: duplicated elements")]
    Duplicated,
    /// It is reserved, revocable, shared or a volume, which no offer here contains.
    #[error("{0} resources are not supported; use resources as they were offered")]
    Unsupported(&'static str),
}

/// How resources are shown to a framework.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The role they are allocated to, if they are.
    pub role: Option<&'a str>,
    /// Whether the reader has the capability `RESERVATION_REFINEMENT`: to others, unreserved
    /// resources carry the role `*`.
    pub refined: bool,
}

/// Adds up the resources of a list. Scalars are rounded to thousandths, ranges are merged.
///
/// # Errors
/// [`ResourceError`], for the first entry that is wrong.
pub fn from_wire(list: &[v1::Resource]) -> Result<Resources, ResourceError> {
    let mut total = Resources::new();
    for entry in list {
        add(&mut total, entry).map_err(|fault| ResourceError {
            name: entry.name.clone(),
            fault,
        })?;
    }
    Ok(total)
}

/// The list of resources, scalars first. What is zero is left out.
#[must_use]
pub fn to_wire(resources: &Resources, view: View<'_>) -> Vec<v1::Resource> {
    let common = Scalar::ALL
        .into_iter()
        .map(|scalar| (scalar.name(), resources.get(scalar)));
    let custom = resources
        .custom()
        .iter()
        .map(|(name, millis)| (name.as_str(), *millis));
    let scalars = common
        .chain(custom)
        .filter(|(_, millis)| *millis > 0)
        .map(|(name, millis)| scalar(name, millis, view));
    let ranges = resources
        .ranges()
        .iter()
        .map(|(name, of_name)| ranges(name, of_name, view));
    let sets = resources
        .sets()
        .iter()
        .map(|(name, items)| set(name, items, view));
    scalars.chain(ranges).chain(sets).collect()
}

/// A number of thousandths as the wire has it.
#[must_use]
pub fn scalar_to_wire(millis: Millis) -> f64 {
    // The whole part and the rest apart, since the wire shows 2.9 for 2900 and not 2.9000000000000004.
    #[expect(
        clippy::cast_precision_loss,
        reason = "scalars are at most 2^53 thousandths"
    )]
    let (whole, rest) = ((millis / 1000) as f64, (millis % 1000) as f64);
    whole + rest / 1000.0
}

/// A number from the wire in thousandths, rounded to the nearest.
///
/// # Errors
/// [`Fault::NotPositive`] or [`Fault::TooLarge`].
pub fn scalar_from_wire(value: f64) -> Result<Millis, Fault> {
    let millis = (value * 1000.0).round();
    #[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
    let max = SCALAR_MAX as f64;
    if value == 0.0 {
        return Ok(0);
    }
    if millis > max {
        return Err(Fault::TooLarge);
    }
    if millis.is_nan() || millis <= 0.0 {
        return Err(Fault::NotPositive);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 1 to 2^53"
    )]
    Ok(millis as Millis)
}

fn add(total: &mut Resources, entry: &v1::Resource) -> Result<(), Fault> {
    if entry.name.is_empty() {
        return Err(Fault::Nameless);
    }
    let values = (&entry.scalar, &entry.ranges, &entry.set);
    match value::Type::try_from(entry.r#type) {
        Ok(value::Type::Scalar) => match values {
            (Some(scalar), None, None) => {
                total.add_scalar(&entry.name, scalar_from_wire(scalar.value)?);
            }
            _ => return Err(Fault::Scalar),
        },
        Ok(value::Type::Ranges) => match values {
            (None, Some(ranges), None) => total.add_ranges(&entry.name, &distinct(ranges)?),
            _ => return Err(Fault::Ranges),
        },
        Ok(value::Type::Set) => match values {
            (None, None, Some(set)) => total.add_items(&entry.name, items(set)?),
            _ => return Err(Fault::Set),
        },
        Ok(value::Type::Text) | Err(_) => return Err(Fault::Type),
    }
    check_plain(entry)
}

fn distinct(ranges: &value::Ranges) -> Result<Ranges, Fault> {
    let range = |range: &value::Range| Range {
        begin: range.begin,
        end: range.end,
    };
    let mut sorted: Vec<Range> = ranges.range.iter().map(range).collect();
    sorted.sort_unstable();
    if sorted.iter().any(|range| range.begin > range.end) {
        return Err(Fault::Inverted);
    }
    if sorted.windows(2).any(|pair| pair[1].begin <= pair[0].end) {
        return Err(Fault::Overlapping);
    }
    Ok(Ranges::new(sorted))
}

fn items(set: &value::Set) -> Result<BTreeSet<String>, Fault> {
    let items: BTreeSet<String> = set.item.iter().cloned().collect();
    if items.len() < set.item.len() {
        Err(Fault::Duplicated)
    } else {
        Ok(items)
    }
}

fn check_plain(entry: &v1::Resource) -> Result<(), Fault> {
    let unsupported = |kind| Err(Fault::Unsupported(kind));
    if entry.role() != "*" || entry.reservation.is_some() || !entry.reservations.is_empty() {
        return unsupported("Reserved");
    }
    if entry.revocable.is_some() {
        return unsupported("Revocable");
    }
    if entry.shared.is_some() {
        return unsupported("Shared");
    }
    if entry.disk.is_some() {
        return unsupported("Volume");
    }
    Ok(())
}

fn scalar(name: &str, millis: Millis, view: View<'_>) -> v1::Resource {
    let value = value::Scalar {
        value: scalar_to_wire(millis),
    };
    v1::Resource {
        scalar: Some(value),
        ..resource(name, value::Type::Scalar, view)
    }
}

fn ranges(name: &str, ranges: &Ranges, view: View<'_>) -> v1::Resource {
    let range = |range: Range| value::Range {
        begin: range.begin,
        end: range.end,
    };
    let ranges = value::Ranges {
        range: ranges.iter().map(range).collect(),
    };
    v1::Resource {
        ranges: Some(ranges),
        ..resource(name, value::Type::Ranges, view)
    }
}

fn set(name: &str, items: &BTreeSet<String>, view: View<'_>) -> v1::Resource {
    let set = value::Set {
        item: items.iter().cloned().collect(),
    };
    v1::Resource {
        set: Some(set),
        ..resource(name, value::Type::Set, view)
    }
}

fn resource(name: &str, r#type: value::Type, view: View<'_>) -> v1::Resource {
    let allocation = view.role.map(|role| v1::resource::AllocationInfo {
        role: Some(role.to_owned()),
    });
    #[expect(
        deprecated,
        reason = "clients without the newer capability read the older field"
    )]
    v1::Resource {
        name: name.to_owned(),
        r#type: r#type.into(),
        role: (!view.refined).then(|| "*".to_owned()),
        allocation_info: allocation,
        ..v1::Resource::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{decode_json, encode_json_value};

    fn entry(json: &str) -> v1::Resource {
        decode_json(json.as_bytes()).unwrap()
    }

    fn scalar_entry(value: f64) -> v1::Resource {
        let scalar = Some(value::Scalar { value });
        v1::Resource {
            name: "cpus".to_owned(),
            scalar,
            ..v1::Resource::default()
        }
    }

    fn fault(json: &str) -> String {
        from_wire(&[entry(json)]).unwrap_err().to_string()
    }

    #[test]
    fn entries_of_one_name_add_up() {
        let list = [
            entry(r#"{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"role":"*"}"#),
            entry(r#"{"name":"cpus","type":"SCALAR","scalar":{"value":0.2}}"#),
            entry(r#"{"name":"mem","type":"SCALAR","scalar":{"value":0}}"#),
            entry(
                r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":2,"end":3},{"begin":1,"end":1}]}}"#,
            ),
            entry(r#"{"name":"zone","type":"SET","set":{"item":["b","a"]}}"#),
        ];
        assert_eq!(
            from_wire(&list).unwrap().to_string(),
            "cpus:0.3;ports:[1-3];zone:{a,b}"
        );
    }

    #[test]
    fn scalars_are_rounded_to_thousandths() {
        let millis = |value| from_wire(&[scalar_entry(value)]).map(|total| total.scalar("cpus"));
        assert_eq!(millis(0.1 + 0.2), Ok(300));
        assert_eq!(millis(1.0005), Ok(1001));
        assert_eq!(millis(1.00049), Ok(1000));
        assert_eq!(millis(-0.0), Ok(0));
    }

    #[test]
    fn numbers_that_are_no_amounts_are_refused() {
        for value in [-1.0, f64::NAN, 0.0001, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            let error = from_wire(&[scalar_entry(value)]).unwrap_err();
            assert_eq!(
                error.to_string(),
                "Resource 'cpus' is invalid: Invalid scalar resource: value <= 0",
                "{value}"
            );
        }
        for value in [f64::INFINITY, f64::MAX, 1e13] {
            assert_eq!(
                from_wire(&[scalar_entry(value)]).unwrap_err().fault,
                Fault::TooLarge
            );
        }
    }

    #[test]
    fn each_fault_has_its_sentence() {
        for (json, sentence) in [
            (
                r#"{"name":"","type":"SCALAR","scalar":{"value":1}}"#,
                "Empty resource name",
            ),
            (r#"{"name":"a","type":"TEXT"}"#, "Unsupported resource type"),
            (r#"{"name":"a","type":"SCALAR"}"#, "Invalid scalar resource"),
            (
                r#"{"name":"a","type":"RANGES","scalar":{"value":1}}"#,
                "Invalid ranges resource",
            ),
            (
                r#"{"name":"a","type":"RANGES","ranges":{"range":[{"begin":2,"end":1}]}}"#,
                "Invalid ranges resource: begin > end",
            ),
            (
                r#"{"name":"a","type":"RANGES","ranges":{"range":[{"begin":5,"end":9},{"begin":1,"end":5}]}}"#,
                "Invalid ranges resource: overlapping ranges",
            ),
            (r#"{"name":"a","type":"SET"}"#, "Invalid set resource"),
            (
                r#"{"name":"a","type":"SET","set":{"item":["x","x"]}}"#,
                "Invalid set resource: duplicated elements",
            ),
        ] {
            assert!(
                fault(json).ends_with(&format!("is invalid: {sentence}")),
                "{}",
                fault(json)
            );
        }
    }

    #[test]
    fn what_no_offer_contains_is_refused() {
        for extra in [
            r#""role":"eng""#,
            r#""reservations":[{"type":"DYNAMIC","role":"eng"}]"#,
            r#""revocable":{}"#,
            r#""shared":{}"#,
            r#""disk":{}"#,
        ] {
            let json =
                format!(r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":1}},{extra}}}"#);
            assert!(
                fault(&json).contains("resources are not supported"),
                "{extra}"
            );
        }
    }

    #[test]
    fn the_view_decides_about_roles() {
        let resources: Resources = "cpus:2.9".parse().unwrap();
        let shown = |view| encode_json_value(&to_wire(&resources, view)[0]).to_string();
        assert_eq!(
            shown(View {
                role: Some("eng"),
                refined: true
            }),
            r#"{"allocation_info":{"role":"eng"},"name":"cpus","scalar":{"value":2.9},"type":"SCALAR"}"#
        );
        assert_eq!(
            shown(View {
                role: None,
                refined: false
            }),
            r#"{"name":"cpus","role":"*","scalar":{"value":2.9},"type":"SCALAR"}"#
        );
    }

    /// Beyond 2^42 units a double is coarser than a thousandth.
    const EXACT_MAX: Millis = 1000 << 42;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0..=EXACT_MAX, begin in 0_u64..99, more in 0_u64..9) {
            let mut resources = Resources::new();
            resources.add_scalar("mem", millis);
            resources.add_scalar("licences", millis / 7);
            resources.add_ranges("ports", &Ranges::new([Range { begin, end: begin + more }]));
            resources.add_items("zone", ["a".to_owned()]);
            let list = to_wire(&resources, View { role: Some("r"), refined: false });
            prop_assert_eq!(from_wire(&list).unwrap(), resources);
        }
    }
}
