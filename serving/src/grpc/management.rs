//! `tensorflow.serving.ModelService`.

use std::sync::Arc;

use super::version;
use crate::error::{Code, Error, Result};
use crate::models::status as states;
use crate::proto::tf_serving::{
    GetModelStatusRequest, GetModelStatusResponse, ReloadConfigRequest, ReloadConfigResponse, StatusProto,
};
use crate::service::Service;

pub(super) fn status(service: &Service, request: GetModelStatusRequest) -> Result<GetModelStatusResponse> {
    let spec = request.model_spec.ok_or_else(|| Error::invalid("Missing ModelSpec"))?;
    Ok(states::response(&service.registry.states(&spec.name, &version(&spec))?))
}

/// Serves other models from now on. What goes wrong is in the answer.
pub(super) async fn reload(
    service: &Arc<Service>,
    request: ReloadConfigRequest,
) -> Result<ReloadConfigResponse> {
    let result = service.reload(request.config).await;
    let status = match &result {
        Ok(()) => StatusProto { error_code: Code::Ok as i32, error_message: String::new() },
        Err(error) => {
            StatusProto { error_code: error.code() as i32, error_message: error.message().to_owned() }
        }
    };
    Ok(ReloadConfigResponse { status: Some(status) })
}
