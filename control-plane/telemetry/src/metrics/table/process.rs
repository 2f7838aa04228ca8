//! What every process says of itself.

use super::super::definition::{Definition, Process, Unit};
use super::super::label::Label;
use super::super::labels::SpanFate;

/// Spans.
pub const SPANS: Definition = Definition::counter(
    "insula.spans",
    Unit::Of("{span}"),
    &[Label::of::<SpanFate>()],
)
.of(Process::Every)
.means("Spans that were recorded, by what became of them.")
.when_bad("`failed`: the OTLP receiver refuses or does not answer. `dropped`: it is too slow, or too much is sampled; nothing else suffers from that.");

/// The bound of span buffers.
pub const SPAN_BUFFER: Definition =
    Definition::gauge("insula.spans.buffer.limit", Unit::Bytes, &[])
        .of(Process::Every)
        .means("Memory that spans which wait for export and those kept for `insula trace` take at most, by estimate.");

/// Processor time.
pub const PROCESS_CPU: Definition = Definition::counter("process.cpu", Unit::Seconds, &[])
    .of(Process::Every)
    .means("Processor time of the process.")
    .when_bad("A rate near the number of processors: the machine is too small.");

/// Resident memory.
pub const PROCESS_MEMORY: Definition =
    Definition::gauge("process.resident_memory", Unit::Bytes, &[])
        .of(Process::Every)
        .means("Memory of the process that is in RAM.")
        .when_bad("Rising without more cells, tasks or clients: a leak; report it.");

/// Threads.
pub const PROCESS_THREADS: Definition =
    Definition::gauge("process.threads", Unit::Of("{thread}"), &[])
        .of(Process::Every)
        .means("Threads of the process.");

/// Open files.
pub const PROCESS_FDS: Definition =
    Definition::gauge("process.open_fds", Unit::Of("{file}"), &[])
        .of(Process::Every)
        .means("Files and connections that the process has open.")
        .when_bad("Near `process_max_fds`: raise the limit (`LimitNOFILE` in a systemd unit); beyond it connections are refused.");

/// How many files may be open.
pub const PROCESS_MAX_FDS: Definition =
    Definition::gauge("process.max_fds", Unit::Of("{file}"), &[])
        .of(Process::Every)
        .means("How many it may have open.");

/// When the process began.
pub const PROCESS_START: Definition = Definition::gauge("process.start_time", Unit::Seconds, &[])
    .of(Process::Every)
    .means("When the process started, since 1970.")
    .when_bad("Recent and unasked for: it crashed; its log ends with why.");

/// The build.
pub const BUILD: Definition = Definition::gauge(
    "insula.build.info",
    Unit::Of("{process}"),
    &[
        Label::bounded("service", "`insula-server` or `insula-agent`"),
        Label::bounded("version", "that of the build"),
    ],
)
.of(Process::Every)
.means("Always 1; the labels say what runs.")
.when_bad("Several versions for longer than an upgrade takes: finish it.");
