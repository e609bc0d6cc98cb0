//! `grpc.health.v1.Health`: the server under the empty name and under those of its services, and each model under its own name.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request as HttpRequest, Response as HttpResponse};
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::server::{Grpc, ServerStreamingService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::error::{Code, Error, Result};
use crate::models::registry::VersionChosen;
use crate::proto::health::{HealthCheckRequest, HealthCheckResponse, ServingStatus};
use crate::service::Service;

/// Services that are as the server is.
const SERVICES: [&str; 5] = [
    "",
    "grpc.health.v1.Health",
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
    "inference.GRPCInferenceService",
];

fn state(service: &Service, name: &str, ready: bool) -> ServingStatus {
    let serving = if SERVICES.contains(&name) {
        Some(ready)
    } else {
        match service.registry.version(name, &VersionChosen::Newest) {
            Ok(_) => Some(true),
            Err(error) if error.code() == Code::NotFound => None,
            Err(_) => Some(false),
        }
    };
    match serving {
        Some(true) => ServingStatus::Serving,
        Some(false) => ServingStatus::NotServing,
        None => ServingStatus::ServiceUnknown,
    }
}

pub(super) fn check(service: &Service, request: HealthCheckRequest) -> Result<HealthCheckResponse> {
    match state(service, &request.service, service.registry.is_ready()) {
        ServingStatus::ServiceUnknown => {
            Err(Error::not_found(format!("there is no service `{}`", request.service)))
        }
        state => Ok(HealthCheckResponse { status: state as i32 }),
    }
}

/// Tells how a service is, now and whenever the server becomes ready or ends.
pub(super) async fn watch(service: &Arc<Service>, request: HttpRequest<Incoming>) -> HttpResponse<Body> {
    let codec = ProstCodec::<HealthCheckResponse, HealthCheckRequest>::default();
    Grpc::new(codec).server_streaming(Watch(service.clone()), request).await
}

struct Watch(Arc<Service>);

impl ServerStreamingService<HealthCheckRequest> for Watch {
    type Response = HealthCheckResponse;
    type ResponseStream = std::pin::Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<HealthCheckRequest>) -> Self::Future {
        let (service, name) = (self.0.clone(), request.into_inner().service);
        let changes = WatchStream::new(service.registry.readiness());
        let stream = changes
            .map(move |ready| Ok(HealthCheckResponse { status: state(&service, &name, ready) as i32 }));
        std::future::ready(Ok(Response::new(Box::pin(stream) as Self::ResponseStream)))
    }
}
