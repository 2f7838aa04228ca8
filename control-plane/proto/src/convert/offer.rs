//! Offers, and how long declined resources stay away.

use insula_types::message::Offer;
use insula_types::{FrameworkId, Span};

use super::resources::{self, View};
use crate::mesos::v1::{self, value};

/// An offer as its framework sees it.
///
/// `refined` is whether the framework has the capability `RESERVATION_REFINEMENT`. The URL of the
/// agent is left to the caller, who knows under which address agents are reached.
#[must_use]
pub fn to_wire(offer: &Offer, framework: &FrameworkId, refined: bool) -> v1::Offer {
    let view = View {
        role: Some(&offer.role),
        refined,
    };
    v1::Offer {
        id: v1::OfferId {
            value: offer.id.to_string(),
        },
        framework_id: v1::FrameworkId {
            value: framework.to_string(),
        },
        agent_id: v1::AgentId {
            value: offer.agent.to_string(),
        },
        hostname: offer.hostname.clone(),
        resources: resources::to_wire(&offer.resources, view),
        attributes: attributes_to_wire(&offer.attributes),
        allocation_info: Some(v1::resource::AllocationInfo {
            role: Some(offer.role.clone()),
        }),
        ..v1::Offer::default()
    }
}

/// Attributes of an agent: numbers where the text is one, as Mesos reads its own flag, else texts.
#[must_use]
pub fn attributes_to_wire(attributes: &[(String, String)]) -> Vec<v1::Attribute> {
    attributes
        .iter()
        .map(|(name, text)| attribute(name, text))
        .collect()
}

/// How long declined resources are not to be offered again: five seconds if nothing else is said or
/// what is said is senseless, at most a year, zero for no filter.
#[must_use]
pub fn refuse(filters: Option<&v1::Filters>) -> Span {
    let said = filters.map(v1::Filters::refuse_seconds);
    said.and_then(Span::from_secs_f64)
        .unwrap_or(Span::from_secs(5))
}

fn attribute(name: &str, text: &str) -> v1::Attribute {
    let name = name.to_owned();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => v1::Attribute {
            name,
            r#type: value::Type::Scalar.into(),
            scalar: Some(value::Scalar { value }),
            ..v1::Attribute::default()
        },
        _ => v1::Attribute {
            name,
            r#type: value::Type::Text.into(),
            text: Some(value::Text {
                value: text.to_owned(),
            }),
            ..v1::Attribute::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use insula_types::{Epoch, OfferId};

    use super::*;
    use crate::encode_json;

    #[test]
    fn an_offer_names_role_resources_and_attributes() {
        let offer = Offer {
            id: OfferId {
                epoch: Epoch(7),
                tag: 0xfeed,
            },
            agent: "a1".into(),
            hostname: "h".to_owned(),
            role: "eng".to_owned(),
            resources: "cpus:4;ports:[1-2]".parse().unwrap(),
            attributes: vec![
                ("rack".to_owned(), "a7".to_owned()),
                ("level".to_owned(), "3".to_owned()),
            ],
        };
        assert_eq!(
            String::from_utf8(encode_json(&to_wire(&offer, &"f".into(), true))).unwrap(),
            concat!(
                r#"{"id":{"value":"7-000000000000feed"},"framework_id":{"value":"f"},"#,
                r#""agent_id":{"value":"a1"},"hostname":"h","resources":[{"name":"cpus","#,
                r#""type":"SCALAR","scalar":{"value":4.0},"allocation_info":{"role":"eng"}},"#,
                r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2}]},"#,
                r#""allocation_info":{"role":"eng"}}],"attributes":[{"name":"rack","type":"TEXT","#,
                r#""text":{"value":"a7"}},{"name":"level","type":"SCALAR","scalar":{"value":3.0}}],"#,
                r#""allocation_info":{"role":"eng"}}"#
            )
        );
    }

    #[test]
    fn filters_last_five_seconds_unless_told_otherwise() {
        let told = |refuse_seconds| refuse(Some(&v1::Filters { refuse_seconds }));
        assert_eq!(refuse(None), Span::from_secs(5));
        assert_eq!(told(None), Span::from_secs(5));
        assert_eq!(told(Some(0.0)), Span::ZERO);
        assert_eq!(told(Some(0.5)), Span::from_millis(500));
        for senseless in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(told(Some(senseless)), Span::from_secs(5));
        }
        assert_eq!(told(Some(1e20)), Span::YEAR);
    }
}
