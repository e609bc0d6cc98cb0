//! Signatures as messages, and as the JSON that TensorFlow Serving prints.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::dtype;
use crate::proto::tensor::{DimProto, SignatureDef, TensorInfo, TensorShapeProto};
use crate::servable::{Port, Signature};

/// The message of a signature.
pub(crate) fn signature_def(signature: &Signature) -> SignatureDef {
    let all = |ports: &[Port]| ports.iter().map(|port| (port.name.clone(), tensor_info(port))).collect();
    SignatureDef {
        inputs: all(&signature.inputs),
        outputs: all(&signature.outputs),
        method_name: signature.method.clone(),
    }
}

fn tensor_info(port: &Port) -> TensorInfo {
    let dim = port
        .shape
        .iter()
        .flatten()
        .map(|extent| DimProto { size: extent.map_or(-1, |extent| extent as i64), name: String::new() });
    TensorInfo {
        name: format!("{}:0", port.name),
        dtype: dtype::number(port.ty) as i32,
        tensor_shape: Some(TensorShapeProto { dim: dim.collect(), unknown_rank: port.shape.is_none() }),
    }
}

/// All signatures as JSON.
pub(crate) fn json(name: &str, version: i64, signatures: &BTreeMap<String, Signature>) -> Json {
    let signatures: Map<String, Json> =
        signatures.iter().map(|(name, signature)| (name.clone(), signature_json(signature))).collect();
    json!({
        "model_spec": {"name": name, "signature_name": "", "version": version.to_string()},
        "metadata": {"signature_def": {"signature_def": signatures}},
    })
}

fn signature_json(signature: &Signature) -> Json {
    let all = |ports: &[Port]| -> Map<String, Json> {
        ports.iter().map(|port| (port.name.clone(), port_json(port))).collect()
    };
    json!({
        "inputs": all(&signature.inputs),
        "outputs": all(&signature.outputs),
        "method_name": signature.method,
    })
}

fn port_json(port: &Port) -> Json {
    let size = |extent: &Option<usize>| extent.map_or("-1".to_owned(), |extent| extent.to_string());
    let dim: Vec<Json> =
        port.shape.iter().flatten().map(|extent| json!({"size": size(extent), "name": ""})).collect();
    json!({
        "dtype": dtype::enum_name(port.ty),
        "tensor_shape": {"dim": dim, "unknown_rank": port.shape.is_none()},
        "name": format!("{}:0", port.name),
    })
}
