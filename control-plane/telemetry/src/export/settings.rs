//! What the standard variables of OpenTelemetry say about export.
//!
//! Source: OpenTelemetry specification, "Environment Variable Specification" and "OTLP Exporter".
//! Endpoints, headers and timeouts are read by the exporter's own library.

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

/// How it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    HttpProtobuf,
}

/// Whether and how a signal is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Otlp {
    pub(crate) protocol: Protocol,
}

impl Otlp {
    /// What the variables say; nothing if the signal is not exported. That is so unless an endpoint is
    /// named: nobody wants a scheduler to look for a collector that nobody told it of.
    ///
    /// # Errors
    /// A sentence, if they ask for what there is not.
    pub(crate) fn from_env(
        signal: Signal,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let word = match signal {
            Signal::Traces => "TRACES",
            Signal::Metrics => "METRICS",
        };
        let of_signal = |what: &str| format!("OTEL_EXPORTER_OTLP_{word}_{what}");
        let endpoint = set(&of_signal("ENDPOINT")).or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let is_disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value == "true");
        let exporter = format!("OTEL_{word}_EXPORTER");
        match set(&exporter).as_deref() {
            Some("none") => return Ok(None),
            None | Some("otlp") => {}
            Some(other) => {
                return Err(format!("{exporter} is '{other}'; there are otlp and none"));
            }
        }
        if endpoint.is_none() || is_disabled {
            return Ok(None);
        }
        let name = of_signal("PROTOCOL");
        let protocol = set(&name).or_else(|| set("OTEL_EXPORTER_OTLP_PROTOCOL"));
        let protocol = match protocol.as_deref() {
            None | Some("http/protobuf") => Protocol::HttpProtobuf,
            Some("grpc") => Protocol::Grpc,
            Some(other) => {
                return Err(format!(
                    "OTEL_EXPORTER_OTLP_PROTOCOL is '{other}'; there are http/protobuf and grpc"
                ));
            }
        };
        Ok(Some(Self { protocol }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(variables: &[(&str, &str)]) -> Result<Option<Otlp>, String> {
        Otlp::from_env(Signal::Traces, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_exported_unless_an_endpoint_is_named() {
        const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(said(&[]), Ok(None));
        let http = said(&[ENDPOINT]).unwrap().unwrap();
        assert_eq!(http.protocol, Protocol::HttpProtobuf);
        let grpc = said(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
        assert_eq!(grpc.unwrap().unwrap().protocol, Protocol::Grpc);
        for off in [
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ] {
            assert_eq!(said(&[ENDPOINT, off]), Ok(None), "{off:?}");
        }
    }

    #[test]
    fn what_there_is_not_is_refused_by_name() {
        let endpoint = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://collector:4318",
        );
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
        ] {
            let sentence = said(&[endpoint, (name, value)]).unwrap_err();
            assert!(
                sentence.contains(name) && sentence.contains(value),
                "{sentence}"
            );
        }
    }
}
