//! The states of versions as messages, and as the JSON that TensorFlow Serving prints.

use serde_json::{Value as Json, json};

use super::registry::VersionEntry;
use crate::error::{Code, code_name};
use crate::proto::tf_serving::{GetModelStatusResponse, ModelVersionStatus, StatusProto};

/// The message of some versions.
pub(crate) fn response(entries: &[(i64, VersionEntry)]) -> GetModelStatusResponse {
    let status = |(version, entry): &(i64, VersionEntry)| ModelVersionStatus {
        version: *version,
        state: entry.state as i32,
        status: Some(StatusProto {
            error_code: entry.fault.as_ref().map_or(Code::Ok, |fault| fault.code()) as i32,
            error_message: entry.fault.as_ref().map_or(String::new(), |fault| fault.message().to_owned()),
        }),
    };
    GetModelStatusResponse { model_version_status: entries.iter().map(status).collect() }
}

/// The same as JSON.
pub(crate) fn json(entries: &[(i64, VersionEntry)]) -> Json {
    let status = |(version, entry): &(i64, VersionEntry)| {
        json!({
            "version": version.to_string(),
            "state": entry.state.as_str_name(),
            "status": {
                "error_code": code_name(entry.fault.as_ref().map_or(Code::Ok, |fault| fault.code())),
                "error_message": entry.fault.as_ref().map_or("", |fault| fault.message()),
            },
        })
    };
    json!({"model_version_status": entries.iter().map(status).collect::<Vec<Json>>()})
}
