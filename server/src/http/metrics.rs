//! Metrics in the text format of Prometheus.

use std::fmt::{Display, Write};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::server::Shared;

/// `/metrics`.
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], render(&shared))
}

/// The page under construction.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Adds one metric; each sample has labels such as `{kind="get"}`, or none.
    fn metric<T: Display>(&mut self, name: &str, kind: &str, help: &str, samples: &[(&str, T)]) {
        // Writing to a String cannot fail.
        _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }
}

fn render(shared: &Shared) -> String {
    let mut page = Page::default();
    let (open, total, refused) = shared.session_counts();
    page.metric("stoa_uptime_seconds", "gauge", "Time since the start.", &[("", shared.started.elapsed().as_secs())]);
    page.metric("stoa_sessions", "gauge", "Sessions that are open.", &[("", open)]);
    page.metric("stoa_sessions_total", "counter", "Sessions since the start.", &[("", total)]);
    page.metric("stoa_sessions_refused_total", "counter", "Logins refused for want of a place.", &[("", refused)]);
    let storage = shared.engine.warehouse().metrics();
    let kinds = [
        ("{kind=\"put\"}", storage.requests.put),
        ("{kind=\"get\"}", storage.requests.get),
        ("{kind=\"list\"}", storage.requests.list),
        ("{kind=\"delete\"}", storage.requests.delete),
    ];
    let requests = kinds.map(|(labels, counts)| (labels, counts.requests));
    let bytes = kinds.map(|(labels, counts)| (labels, counts.bytes));
    let faults = kinds.map(|(labels, counts)| (labels, counts.faults));
    page.metric("stoa_store_requests_total", "counter", "Requests to the object store.", &requests);
    page.metric("stoa_store_bytes_total", "counter", "Payload of successful requests.", &bytes);
    page.metric("stoa_store_faults_total", "counter", "Requests that failed.", &faults);
    page.metric("stoa_cache_bytes", "gauge", "Bytes in the block cache.", &[("", storage.cache.bytes)]);
    page.metric("stoa_cache_hits_total", "counter", "Lookups that found their block.", &[("", storage.cache.hits)]);
    page.metric("stoa_cache_misses_total", "counter", "Lookups that did not.", &[("", storage.cache.misses)]);
    page.metric(
        "stoa_inline_bytes",
        "gauge",
        "Rows that wait in the log for a segment.",
        &[("", storage.inline_bytes)],
    );
    page.metric(
        "stoa_version",
        "counter",
        "Newest version of the catalog.",
        &[("", shared.engine.warehouse().snapshot().version)],
    );
    page.0
}
