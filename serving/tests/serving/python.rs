//! Clients in Python as they are installed: `tensorflow-serving-api` and `tritonclient`. Skipped where they are not.
//!
//! The variable `WRIGHT_PYTHON` names the interpreter, else it is `python3`.

use std::process::Command;

use tensorwright_serving::ModelConfig;

use crate::harness::{digits, options, server};

async fn run(modules: &str, script: &str) {
    let python = std::env::var("WRIGHT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} cannot import {modules}");
        return;
    }
    let server = server(options([ModelConfig::new("digits", digits())])).await;
    let (rest, grpc) = (server.rest_address().to_string(), server.grpc_address().to_string());
    let script = format!("import numpy as np\nREST, GRPC = {rest:?}, {grpc:?}\n{script}\nprint('fine')");
    let output = tokio::task::spawn_blocking(move || Command::new(python).args(["-c", &script]).output());
    let output = output.await.expect("a thread").expect("the interpreter runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.ends_with("fine\n"), "{out}\n{err}");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_tensorflow_serving_work() {
    let script = r#"
import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
import tensorflow as tf
channel = grpc.insecure_channel(GRPC)
stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
request = predict_pb2.PredictRequest()
request.model_spec.name = 'digits'
x = np.arange(3 * 64, dtype=np.float32).reshape(3, 64) % 16
request.inputs['pixels'].CopyFrom(tf.make_tensor_proto(x))
y = tf.make_ndarray(stub.Predict(request, 30).outputs['probabilities'])
assert y.shape == (3, 10) and np.allclose(y.sum(-1), 1, atol=1e-5), y
import requests
found = requests.post(f'http://{REST}/v1/models/digits:predict', json={'instances': x.tolist()}).json()
assert np.allclose(found['predictions'], y, atol=1e-7)
request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=['signature_def'])
request.model_spec.name = 'digits'
any_message = stub.GetModelMetadata(request, 30).metadata['signature_def']
signatures = get_model_metadata_pb2.SignatureDefMap()
assert any_message.Unpack(signatures)
assert signatures.signature_def['serving_default'].inputs['pixels'].tensor_shape.dim[1].size == 64
request = get_model_status_pb2.GetModelStatusRequest()
request.model_spec.name = 'digits'
states = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, 30)
assert states.model_version_status[0].state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
request = predict_pb2.PredictRequest()
request.model_spec.name = 'none'
try:
    stub.Predict(request, 30)
    raise SystemExit('no error')
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.NOT_FOUND, error
"#;
    run("tensorflow_serving.apis.predict_pb2, tensorflow, requests", script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_triton_work_by_grpc() {
    let script = r#"
import tritonclient.grpc as triton
client = triton.InferenceServerClient(GRPC)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready('digits')
assert client.get_model_metadata('digits').inputs[0].name == 'pixels'
x = np.ones((2, 64), np.float32)
given = triton.InferInput('pixels', x.shape, 'FP32')
given.set_data_from_numpy(x)
y = client.infer('digits', [given], outputs=[triton.InferRequestedOutput('probabilities')]).as_numpy('probabilities')
assert y.shape == (2, 10) and np.allclose(y.sum(-1), 1, atol=1e-5), y
"#;
    run("tritonclient.grpc", script).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_triton_work_by_http() {
    let script = r#"
import tritonclient.http as triton
client = triton.InferenceServerClient(REST)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready('digits')
x = np.ones((2, 64), np.float32)
for binary in (True, False):
    given = triton.InferInput('pixels', x.shape, 'FP32')
    given.set_data_from_numpy(x, binary_data=binary)
    wanted = triton.InferRequestedOutput('probabilities', binary_data=binary)
    y = client.infer('digits', [given], outputs=[wanted]).as_numpy('probabilities')
    assert y.shape == (2, 10) and np.allclose(y.sum(-1), 1, atol=1e-5), y
"#;
    run("tritonclient.http", script).await;
}
