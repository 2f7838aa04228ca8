//! How full the queues are; sessions, links, the broker, the database.

use insula_broker::{Broker, Health};
use insula_telemetry::metrics::labels::{Direction, PeerKind, Queue, Side};
use insula_telemetry::metrics::{Metrics, Point, Shown, approximate, size, table};
use insula_telemetry::span_figures;

use crate::cells::Cells;
use crate::front::CONNECTIONS_MAX;
use crate::link::Links;
use crate::partition::{CELL_QUEUE_MAX, LINK_QUEUE_MAX, SESSION_QUEUE_MAX};
use crate::service::{Service, UPLOADS_MAX};

/// Shows queues.
pub(super) struct QueueMetrics {
    depth: Shown,
    limit: Shown,
    sessions: Shown,
    links: Shown,
    store_failures: Shown,
    up: Shown,
    reconnects: Shown,
    round_trips: Shown,
    round_trip: Shown,
    bytes: Shown,
    stalled: Shown,
}

/// What waits in a queue, and how much may.
struct Depth(Queue, usize, usize);

impl QueueMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let shown = |definition| metrics.shown(definition);
        Self {
            depth: shown(&table::QUEUE_DEPTH),
            limit: shown(&table::QUEUE_LIMIT),
            sessions: shown(&table::SESSIONS_OPEN),
            links: shown(&table::LINKS_OPEN),
            store_failures: shown(&table::STORE_FAILURES),
            up: shown(&table::BROKER_UP),
            reconnects: shown(&table::BROKER_RECONNECTS),
            round_trips: shown(&table::BROKER_ROUND_TRIPS),
            round_trip: shown(&table::BROKER_ROUND_TRIP_TIME),
            bytes: shown(&table::BROKER_BYTES),
            stalled: shown(&table::BROKER_STALLED),
        }
    }

    pub(super) fn refresh(&self, service: &Service) {
        let cells = &service.cells;
        let depths = depths(service);
        self.depth.replace(
            depths
                .iter()
                .map(|Depth(queue, depth, _)| Point::of(*queue, size(*depth))),
        );
        self.limit.replace(
            depths
                .iter()
                .map(|Depth(queue, _, limit)| Point::of(*queue, size(*limit))),
        );
        let open = cells.sessions().depths();
        self.sessions.replace([
            Point::of(PeerKind::Framework, size(open.frameworks)),
            Point::of(PeerKind::Agent, size(open.agents)),
        ]);
        let owned: usize = cells.owners().status().iter().map(|it| it.links).sum();
        self.links.replace([
            Point::of(Side::Gateway, size(cells.links().map_or(0, Links::len))),
            Point::of(Side::Owner, size(owned)),
        ]);
        self.store_failures
            .set(approximate(insula_store::failures()));
        if let Some(links) = cells.links() {
            self.refresh_broker(links.broker());
        }
    }

    fn refresh_broker(&self, broker: &Broker) {
        let is_up = *broker.health().borrow() == Health::Up;
        self.up.set(f64::from(u8::from(is_up)));
        let counts = broker.counts();
        self.reconnects.set(approximate(counts.reconnects));
        self.round_trips.set(approximate(counts.round_trips));
        self.round_trip.set(counts.round_trip_time.as_secs_f64());
        self.bytes.replace([
            Point::of(Direction::Sent, approximate(counts.bytes_sent)),
            Point::of(Direction::Received, approximate(counts.bytes_received)),
        ]);
        self.stalled
            .set(size(broker.depths().writers_without_credit));
    }
}

fn depths(service: &Service) -> Vec<Depth> {
    let cells = &service.cells;
    let mut depths = of_partitions(cells);
    depths.push(Depth(
        Queue::SessionMessages,
        cells.sessions().depths().fullest,
        SESSION_QUEUE_MAX,
    ));
    let connections = service.connections.open();
    depths.push(Depth(Queue::Connections, connections, CONNECTIONS_MAX));
    let uploads = UPLOADS_MAX.saturating_sub(service.uploads.available_permits());
    depths.push(Depth(Queue::Uploads, uploads, UPLOADS_MAX));
    let store = service.store.connections();
    depths.push(Depth(Queue::StoreConnections, store.used, store.max));
    let spans = span_figures();
    depths.push(Depth(Queue::Spans, spans.queued, spans.queued_max));
    if let Some(links) = cells.links() {
        let broker = links.broker().depths();
        depths.push(Depth(
            Queue::BrokerWriterBytes,
            broker.fullest_writer_bytes,
            insula_broker::WRITER_BYTES_MAX,
        ));
        depths.push(Depth(
            Queue::BrokerNews,
            broker.readers_news,
            broker.readers * insula_broker::READER_NEWS_MAX,
        ));
    }
    depths
}

fn of_partitions(cells: &Cells) -> Vec<Depth> {
    let status = cells.owners().status();
    let queued = status.iter().flat_map(|it| &it.cells).map(|it| it.queued);
    let heard = status.iter().map(|it| it.from_links);
    vec![
        Depth(Queue::CellInputs, queued.max().unwrap_or(0), CELL_QUEUE_MAX),
        Depth(Queue::LinkInputs, heard.max().unwrap_or(0), LINK_QUEUE_MAX),
    ]
}
