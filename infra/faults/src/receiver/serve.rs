//! The services behind the port.

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tonic::service::Routes;

use super::span;
use super::{Export, Manner, State};

/// Longest request that is taken, in bytes: a full batch of spans with long attributes.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// A port of loopback.
pub(super) fn listen() -> TcpListener {
    let bound = TcpListener::bind(("127.0.0.1", 0));
    let bound = bound.and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.unwrap_or_else(|error| panic!("a receiver cannot listen: {error}"))
}

/// Serves until its runtime ends.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let traces = TraceServiceServer::new(Service(Arc::clone(&state)));
    let metrics = MetricsServiceServer::new(Service(Arc::clone(&state)));
    let http = Router::new()
        .route("/v1/traces", post(post_traces))
        .route("/v1/metrics", post(post_metrics))
        .with_state(Arc::clone(&state));
    let router = Routes::new(traces.max_decoding_message_size(REQUEST_BYTES_MAX))
        .add_service(metrics.max_decoding_message_size(REQUEST_BYTES_MAX))
        .into_axum_router()
        .merge(http)
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(from_fn_with_state(state, behave));
    let listener = tokio::net::TcpListener::from_std(listener);
    let listener = listener.unwrap_or_else(|error| panic!("a receiver cannot listen: {error}"));
    let served = axum::serve(listener, router).await;
    served.unwrap_or_else(|error| panic!("a receiver has ended: {error}"));
}

/// Answers in the manner that is wanted now.
async fn behave(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    state.asked.send_modify(|asked| *asked += 1);
    let mut manner = state.manner.subscribe();
    let changed = manner.wait_for(|manner| *manner != Manner::Hang).await;
    // The sender lives in the state.
    let manner = changed.map_or(Manner::Refuse, |manner| *manner);
    match manner {
        Manner::Take => next.run(request).await,
        // A client of gRPC reads this as `UNAVAILABLE`.
        Manner::Hang | Manner::Refuse => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn post_traces(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    state.take_spans(headers, request);
    protobuf(&ExportTraceServiceResponse::default())
}

async fn post_metrics(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(request) = ExportMetricsServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    state.take_metrics(headers, request);
    protobuf(&ExportMetricsServiceResponse::default())
}

fn protobuf(message: &impl Message) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/x-protobuf")];
    (kind, message.encode_to_vec()).into_response()
}

/// The gRPC services.
struct Service(Arc<State>);

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let (metadata, _, request) = request.into_parts();
        self.0.take_spans(metadata.into_headers(), request);
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        let (metadata, _, request) = request.into_parts();
        self.0.take_metrics(metadata.into_headers(), request);
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

impl State {
    fn take_spans(&self, headers: HeaderMap, request: ExportTraceServiceRequest) {
        let export = Export {
            headers,
            spans: span::decode(request),
            metrics: Vec::new(),
        };
        self.taken().push(export);
    }

    fn take_metrics(&self, headers: HeaderMap, request: ExportMetricsServiceRequest) {
        let mut metrics = Vec::new();
        for resource in request.resource_metrics {
            let about = span::attributes(resource.resource.unwrap_or_default().attributes);
            let service = about.get("service.name").cloned().unwrap_or_default();
            let of_scopes = resource.scope_metrics.into_iter();
            let names = of_scopes.flat_map(|scope| scope.metrics);
            metrics.extend(names.map(|metric| (service.clone(), metric.name)));
        }
        let export = Export {
            headers,
            spans: Vec::new(),
            metrics,
        };
        self.taken().push(export);
    }
}
