//! No message of the agent protocol travels without its trace.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use insula_types::message::{Command, CommandBody, FromAgent, ToAgent};
use insula_types::{Epoch, TraceContext};
use prost::Message as _;

use super::tests::{agents_messages, services_messages};
use super::{
    Addressed, AgentMessage, Said, ServiceMessage, from_agent_from_wire, from_agent_to_wire,
    to_agent_from_wire, to_agent_to_wire,
};
use crate::insula::agent::v1;

/// Of the frame, as different as can be from what launches and updates name themselves.
fn trace() -> TraceContext {
    TraceContext::parse(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "insula=p:00f067aa0ba902b8,vendor=1",
    )
}

/// A new variant has to be given a number here, and a message of it among the samples.
fn number_of_agents(message: &AgentMessage) -> usize {
    match message {
        AgentMessage::Hello { .. } => 0,
        AgentMessage::RequestFailed { .. } => 1,
        AgentMessage::Kernel(FromAgent::Register(_)) => 2,
        AgentMessage::Kernel(FromAgent::Update { .. }) => 3,
        AgentMessage::Kernel(FromAgent::Message { .. }) => 4,
        AgentMessage::Kernel(FromAgent::Alive { .. }) => 5,
    }
}

fn number_of_services(message: &ServiceMessage) -> usize {
    match message {
        ServiceMessage::ReadOutput(_) => 0,
        ServiceMessage::FeedInput { .. } => 1,
        ServiceMessage::Kernel(message) => 2 + number_of_kernels(message),
    }
}

fn number_of_kernels(message: &ToAgent) -> usize {
    match message {
        ToAgent::Registered { .. } => 0,
        ToAgent::Resync => 1,
        ToAgent::ReportAll => 2,
        ToAgent::Acknowledge { .. } => 3,
        ToAgent::Discard { .. } => 4,
        ToAgent::Disconnect { .. } => 5,
        ToAgent::Command(command) => match command.body {
            CommandBody::Launch(_) => 6,
            CommandBody::Kill { .. } => 7,
            CommandBody::AcknowledgeTerminal { .. } => 8,
            CommandBody::Noop => 9,
        },
    }
}

#[test]
fn whatever_an_agent_says_has_its_trace_in_the_frame() {
    let mut seen = BTreeSet::new();
    for message in agents_messages() {
        seen.insert(number_of_agents(&message));
        let trace = trace();
        let bytes = from_agent_to_wire(Said { message, trace }).encode_to_vec();
        let wire = v1::FromAgent::decode(&bytes[..]).unwrap();
        let frame = wire.trace.clone().expect("the frame has a trace");
        assert_eq!(frame.traceparent, self::trace().traceparent());
        assert_eq!(frame.tracestate, self::trace().tracestate());
        let read = from_agent_from_wire(wire).unwrap();
        assert_eq!(read.trace, self::trace());
        if let AgentMessage::Kernel(FromAgent::Update { trace, .. }) = read.message {
            assert_eq!(trace, read.trace, "what the kernel sees is the frame's");
        }
    }
    assert!(seen.into_iter().eq(0..6), "there is no sample of a variant");
}

#[test]
fn whatever_an_agent_is_told_has_its_trace_in_the_frame() {
    let mut seen = BTreeSet::new();
    for message in services_messages() {
        seen.insert(number_of_services(&message));
        let bytes = to_agent_to_wire(addressed(message, trace())).encode_to_vec();
        let wire = v1::ToAgent::decode(&bytes[..]).unwrap();
        let frame = wire.trace.clone().expect("the frame has a trace");
        assert_eq!(frame.traceparent, trace().traceparent());
        assert_eq!(frame.tracestate, trace().tracestate());
        let read = to_agent_from_wire(wire).unwrap();
        assert_eq!(read.trace, trace());
        if let Some(launch) = launch_trace(&read.message) {
            assert_eq!(*launch, trace(), "what the task sees is the frame's");
        }
    }
    assert!(
        seen.into_iter().eq(0..12),
        "there is no sample of a variant"
    );
}

#[test]
fn a_former_build_names_the_trace_in_launches_and_updates_only() {
    for message in services_messages() {
        let launch = launch_trace(&message).cloned();
        let mut wire = to_agent_to_wire(addressed(message, TraceContext::default()));
        wire.trace = None;
        let read = to_agent_from_wire(wire).unwrap();
        assert_eq!(read.trace, launch.unwrap_or_default());
    }
    for message in agents_messages() {
        let own = match &message {
            AgentMessage::Kernel(FromAgent::Update { trace, .. }) => trace.clone(),
            _ => TraceContext::default(),
        };
        let trace = TraceContext::default();
        let mut wire = from_agent_to_wire(Said { message, trace });
        wire.trace = None;
        assert_eq!(from_agent_from_wire(wire).unwrap().trace, own);
    }
}

fn addressed(message: ServiceMessage, trace: TraceContext) -> Addressed {
    Addressed {
        epoch: Epoch(7),
        session: "s".into(),
        message,
        trace,
    }
}

fn launch_trace(message: &ServiceMessage) -> Option<&TraceContext> {
    match message {
        ServiceMessage::Kernel(ToAgent::Command(Command {
            body: CommandBody::Launch(launch),
            ..
        })) => Some(&launch.trace),
        _ => None,
    }
}
