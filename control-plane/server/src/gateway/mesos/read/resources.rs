//! Resources as one flat object, the form of the documents.

use insula_proto::convert::resources::scalar_to_wire;
use insula_types::Resources;
use insula_types::resources::{Range, Ranges, Scalar};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// `{"disk":0.0,"mem":64.0,"gpus":0.0,"cpus":1.0,"ports":"[31000-32000]"}`: the common scalars are
/// always there, anything else only if there is some of it.
pub(super) struct Flat<'a>(pub(super) &'a Resources);

const ALWAYS: [Scalar; 4] = [Scalar::Disk, Scalar::Mem, Scalar::Gpus, Scalar::Cpus];

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(resources) = self;
        let mut map = serializer.serialize_map(None)?;
        for scalar in ALWAYS {
            map.serialize_entry(scalar.name(), &scalar_to_wire(resources.get(scalar)))?;
        }
        for (name, millis) in resources.custom() {
            map.serialize_entry(name, &scalar_to_wire(*millis))?;
        }
        for (name, ranges) in resources.ranges() {
            map.serialize_entry(name, &ranges_text(ranges))?;
        }
        for (name, items) in resources.sets() {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            map.serialize_entry(name, &format!("{{{}}}", items.join(", ")))?;
        }
        map.end()
    }
}

fn ranges_text(ranges: &Ranges) -> String {
    let text = |Range { begin, end }| format!("{begin}-{end}");
    let ranges: Vec<String> = ranges.iter().map(text).collect();
    format!("[{}]", ranges.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn flat(resources: &str) -> String {
        serde_json::to_string(&Flat(&resources.parse().unwrap())).unwrap()
    }

    #[test]
    fn common_scalars_are_always_there() {
        assert_eq!(flat(""), r#"{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0}"#);
        assert_eq!(
            flat("cpus:2.9;mem:4000;disk:10000;ports:[31000-32000]"),
            r#"{"disk":10000.0,"mem":4000.0,"gpus":0.0,"cpus":2.9,"ports":"[31000-32000]"}"#
        );
    }

    #[test]
    fn anything_else_is_there_if_there_is_some() {
        assert_eq!(
            flat("licences:3;ports:[1-2,5-6];zone:{a,b}"),
            concat!(
                r#"{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0,"licences":3.0,"#,
                r#""ports":"[1-2, 5-6]","zone":"{a, b}"}"#
            )
        );
    }
}
