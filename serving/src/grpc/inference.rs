//! `inference.GRPCInferenceService`.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tonic::Status;
use tonic::body::Body;

use super::unary::unary;
use crate::error::Result;
use crate::kserve;
use crate::metrics::Entry;
use crate::proto::kserve::{
    ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelReadyRequest, ModelReadyResponse,
    ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest,
    ServerReadyResponse,
};
use crate::service::Service;

/// Answers one request.
pub(super) async fn answer(
    own: Arc<Service>,
    most: usize,
    timeout: Option<Duration>,
    method: String,
    request: Request<Incoming>,
) -> Response<Body> {
    match &*method {
        "ServerLive" => {
            unary(most, request, async |_: ServerLiveRequest| Ok(ServerLiveResponse { live: true })).await
        }
        "ServerReady" => {
            let ready = own.registry.is_ready();
            unary(most, request, async move |_: ServerReadyRequest| Ok(ServerReadyResponse { ready })).await
        }
        "ModelReady" => {
            unary(most, request, async move |message: ModelReadyRequest| {
                let version = kserve::version(&message.version)?;
                Ok(ModelReadyResponse { ready: own.registry.version(&message.name, &version).is_ok() })
            })
            .await
        }
        "ServerMetadata" => {
            unary(most, request, async |_: ServerMetadataRequest| {
                Ok(ServerMetadataResponse {
                    name: "tensorwright".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    extensions: Vec::new(),
                })
            })
            .await
        }
        "ModelMetadata" => {
            unary(most, request, async move |message: ModelMetadataRequest| {
                let version = kserve::version(&message.version)?;
                kserve::metadata(&*own.registry.version(&message.name, &version)?)
            })
            .await
        }
        "ModelInfer" => {
            unary(most, request, async move |message: ModelInferRequest| infer(&own, message, timeout).await)
                .await
        }
        other => {
            Status::unimplemented(format!("inference.GRPCInferenceService/{other} is not known")).into_http()
        }
    }
}

async fn infer(
    service: &Arc<Service>,
    message: ModelInferRequest,
    timeout: Option<Duration>,
) -> Result<ModelInferResponse> {
    let version = kserve::version(&message.model_version)?;
    let asked = service.asked(&message.model_name, version, "ModelInfer", Entry::Grpc, timeout);
    let answer =
        service.call(&asked, "", |signature| kserve::ordered(kserve::inputs(&message)?, signature)).await?;
    kserve::response(&message, &answer)
}
