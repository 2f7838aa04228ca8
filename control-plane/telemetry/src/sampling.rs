//! Which traces are recorded.
//!
//! The decision is made once, at the head of a trace, and travels in its flags. What a caller's flag
//! says is advice: a caller may ask for its own traces, but only so many, or one tenant could make the
//! replicas work for its curiosity. A span that fails is recorded whatever the flags say.

mod advice;

use insula_types::{TenantId, TraceContext};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use crate::recorder::recorder;
pub(crate) use advice::Advice;

/// How traces without a recorded caller are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// All of them.
    Always,
    /// None; only what fails is recorded.
    Never,
    /// This share of them, from 0 to 1, by trace id: every process that knows the ratio chooses the same.
    Ratio(f64),
}

impl Sampler {
    /// What `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say; nothing if the first is not set.
    /// The forms that begin with `parentbased_` are the same here, since a caller is always heard.
    ///
    /// # Errors
    /// A sentence, if they say what there is not.
    pub(crate) fn from_env(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let Some(name) = variable("OTEL_TRACES_SAMPLER").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        match name.strip_prefix("parentbased_").unwrap_or(&name) {
            "always_on" => Ok(Some(Self::Always)),
            "always_off" => Ok(Some(Self::Never)),
            "traceidratio" => {
                let text = variable("OTEL_TRACES_SAMPLER_ARG").unwrap_or_else(|| "1".to_owned());
                let ratio = text.parse::<f64>().ok();
                let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
                ratio.map(|ratio| Some(Self::Ratio(ratio))).ok_or_else(|| {
                    format!("OTEL_TRACES_SAMPLER_ARG is '{text}', which is no number from 0 to 1")
                })
            }
            _ => Err(format!(
                "OTEL_TRACES_SAMPLER is '{name}'; there are always_on, always_off and traceidratio, each also with parentbased_"
            )),
        }
    }

    /// Whether a trace is recorded. The last 56 bits of an id are random (W3C Trace Context, level 2).
    #[must_use]
    pub fn takes(self, trace_id: u128) -> bool {
        const BITS: u128 = (1 << 56) - 1;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share needs no more than 52 bits"
        )]
        let place = (trace_id & BITS) as f64 / BITS as f64;
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Ratio(ratio) => place < ratio,
        }
    }
}

/// A new trace, for what nobody outside asked for, or asked without one.
#[must_use]
pub fn fresh() -> TraceContext {
    let trace_id = u128::from_be_bytes(RandomIdGenerator::default().new_trace_id().to_bytes());
    let is_sampled = recorder().is_some_and(|recorder| recorder.sampler.takes(trace_id));
    TraceContext::start(trace_id, span_id(), is_sampled)
}

/// The first span of a task whose caller has a trace: it belongs to that trace. A new trace if the
/// caller has none.
#[must_use]
pub fn admitted(caller: &TraceContext, tenant: &TenantId) -> TraceContext {
    Admission::of(caller, tenant).task()
}

/// What was decided about the tasks of one request: they are recorded all or none, since those with a
/// caller's trace share it.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Empty if there is none.
    caller: TraceContext,
    is_recorded_by_caller: bool,
}

impl Admission {
    /// Decides, for a request of a tenant.
    #[must_use]
    pub fn of(caller: &TraceContext, tenant: &TenantId) -> Self {
        let is_recorded_by_caller = caller.is_sampled();
        let caller = if caller.is_empty() {
            TraceContext::default()
        } else {
            advised(caller, Some(tenant))
        };
        Self {
            caller,
            is_recorded_by_caller,
        }
    }

    /// The first span of one more task: each has its own.
    #[must_use]
    pub fn task(&self) -> TraceContext {
        if self.caller.is_empty() {
            return fresh();
        }
        if self.is_recorded_by_caller {
            return TraceContext::called_by(&self.caller, span_id());
        }
        started_in(&self.caller)
    }
}

/// A span without a parent in a trace that its caller does not record: its span would be a parent that
/// nobody ever sees.
pub(crate) fn started_in(caller: &TraceContext) -> TraceContext {
    caller.without_origin().with_span(span_id())
}

/// A caller's context with our decision in place of its own.
pub(crate) fn advised(caller: &TraceContext, tenant: Option<&TenantId>) -> TraceContext {
    let Some(recorder) = recorder() else {
        // Nothing is recorded here; others who are asked to may.
        return caller.clone();
    };
    let is_granted = || caller.is_sampled() && recorder.advice.grants(tenant);
    let is_sampled = recorder.sampler.takes(caller.trace_id()) || is_granted();
    caller.with_sampled(is_sampled)
}

/// A random id of a span.
pub(crate) fn span_id() -> u64 {
    u64::from_be_bytes(RandomIdGenerator::default().new_span_id().to_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(sampler: &str, argument: Option<&str>) -> Result<Option<Sampler>, String> {
        Sampler::from_env(|name| match name {
            "OTEL_TRACES_SAMPLER" => Some(sampler.to_owned()),
            _ => argument.map(str::to_owned),
        })
    }

    #[test]
    fn the_standard_variables_choose_the_sampler() {
        assert_eq!(said("", None), Ok(None));
        assert_eq!(
            said("parentbased_always_on", None),
            Ok(Some(Sampler::Always))
        );
        assert_eq!(said("always_off", None), Ok(Some(Sampler::Never)));
        let hundredth = Ok(Some(Sampler::Ratio(0.01)));
        assert_eq!(said("parentbased_traceidratio", Some("0.01")), hundredth);
        for (sampler, argument) in [("sometimes", None), ("traceidratio", Some("2"))] {
            let sentence = said(sampler, argument).unwrap_err();
            assert!(sentence.starts_with("OTEL_TRACES_SAMPLER"), "{sentence}");
        }
    }

    #[test]
    fn a_ratio_takes_about_its_share() {
        let taken = |sampler: Sampler| {
            let ids = (0..10_000).map(|_| fresh().trace_id());
            ids.filter(|id| sampler.takes(*id)).count()
        };
        assert!((800..1_200).contains(&taken(Sampler::Ratio(0.1))));
        assert_eq!(taken(Sampler::Ratio(0.0)), 0);
        assert_eq!(taken(Sampler::Never), 0);
        assert_eq!(taken(Sampler::Always), 10_000);
    }
}
