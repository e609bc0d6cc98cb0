//! Metrics for Prometheus, and a page for people.

use std::fmt::Write as _;

use hyper::{Response, StatusCode};
use tonic::body::Body;

use super::response;
use crate::error::Result;
use crate::servable::Port;
use crate::service::Service;

/// What has been counted.
pub(super) fn metrics(service: &Service) -> Result<Response<Body>> {
    Ok(response(StatusCode::OK, "text/plain; version=0.0.4", service.metrics.text()?))
}

/// Models, versions, signatures and what waits for them.
pub(super) fn debug(service: &Service) -> Response<Body> {
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><title>wright serve</title>\
         <style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em 1em;text-align:left}</style><h1>wright serve</h1>",
    );
    // A string can be written to memory.
    let _ = write!(
        page,
        "<p>{} for {} s, {} connections. <a href=/monitoring/prometheus/metrics>Metrics</a></p>\
         <table><tr><th>Model<th>Version<th>State<th>Format<th>Signature<th>Takes<th>Gives<th>Batches<th>Rows that wait</tr>",
        if service.registry.is_ready() { "Ready" } else { "Loading" },
        service.since.elapsed().as_secs(),
        service.metrics.connections.get(),
    );
    for (name, model) in service.registry.models().iter() {
        for (version, entry) in model.versions.iter().rev() {
            let labels: Vec<&str> = model
                .labels
                .iter()
                .filter(|(_, own)| *own == version)
                .map(|(label, _)| label.as_str())
                .collect();
            let fault = entry.fault.as_ref().map_or("", |fault| fault.message());
            let state = format!("{} {} {fault}", entry.state.as_str_name(), labels.join(" "));
            let _ = write!(page, "<tr><td>{}<td>{version}<td>{}", escaped(name), escaped(&state));
            let Some(loaded) = &entry.loaded else { continue };
            let _ = write!(page, "<td>{}", escaped(loaded.servable.platform()));
            for (at, (signature, queue)) in loaded.queues().iter().enumerate() {
                let ports = &loaded.servable.signatures()[signature];
                let _ = write!(
                    page,
                    "{}<td>{}<td>{}<td>{}<td>{}<td>{}",
                    if at == 0 { "" } else { "<tr><td><td><td><td>" },
                    escaped(signature),
                    listed(&ports.inputs),
                    listed(&ports.outputs),
                    if queue.is_batched() { "yes" } else { "no" },
                    queue.waiting(),
                );
            }
        }
    }
    page.push_str("</table>");
    response(StatusCode::OK, "text/html; charset=utf-8", page)
}

fn listed(ports: &[Port]) -> String {
    ports.iter().map(|port| escaped(&format!("{}: {port}", port.name))).collect::<Vec<_>>().join("<br>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
