//! TensorFlow Serving's interface, and the open inference protocol, by HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value as Json, json};
use tensorwright_core::DType;
use tensorwright_serving::{ElementType, ModelConfig, Port, Result, Servable, Signature, Value};

use crate::harness::{Http, digits, options, server};

/// Gives back what it is given, under two names; knows numbers, truth values and strings.
struct Echo(BTreeMap<String, Signature>);

impl Echo {
    fn new() -> Arc<Echo> {
        let port = |name: &str, ty, shape: &[Option<usize>]| Port {
            name: name.to_owned(),
            ty,
            shape: Some(shape.to_vec()),
        };
        let number = |name: &str, dtype| port(name, ElementType::Number(dtype), &[None]);
        let same = |ports: Vec<Port>| Signature::new(ports.clone(), ports);
        let all = DType::ALL.map(|dtype| (dtype.to_string(), same(vec![number("x", dtype)])));
        let mut signatures = BTreeMap::from(all);
        signatures.insert(
            "serving_default".to_owned(),
            same(vec![port("x", ElementType::Number(DType::F32), &[None, None])]),
        );
        signatures.insert("strings".to_owned(), same(vec![port("s", ElementType::Bytes, &[None])]));
        signatures.insert("bytes".to_owned(), same(vec![port("s_bytes", ElementType::Bytes, &[None])]));
        signatures.insert("two".to_owned(), same(vec![number("a", DType::F32), number("b", DType::I64)]));
        signatures.insert("scalar".to_owned(), same(vec![port("x", ElementType::Number(DType::F32), &[])]));
        Arc::new(Echo(signatures))
    }
}

impl Servable for Echo {
    fn platform(&self) -> &str {
        "test"
    }

    fn signatures(&self) -> &BTreeMap<String, Signature> {
        &self.0
    }

    fn call(&self, _signature: &str, inputs: &[Value]) -> Result<Vec<Value>> {
        Ok(inputs.to_vec())
    }
}

async fn echo() -> (tensorwright_serving::Server, Http) {
    let server = server(options([ModelConfig::of_servable("echo", Echo::new())])).await;
    let http = Http::connect(server.rest_address()).await;
    (server, http)
}

const PREDICT: &str = "/v1/models/echo:predict";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_served_with_status_metadata_and_predictions() {
    let server = server(options([ModelConfig::new("digits", digits()).label("stable", 1)])).await;
    let mut http = Http::connect(server.rest_address()).await;
    let (status, json) = http.json("/v1/models/digits", "").await;
    let available =
        json!({"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}});
    assert_eq!((status, json), (200, json!({"model_version_status": [available]})));

    let (status, json) = http.json("/v1/models/digits/metadata", "").await;
    assert_eq!((status, &json["model_spec"]["version"]), (200, &json!("1")));
    let signature = &json["metadata"]["signature_def"]["signature_def"]["serving_default"];
    let shape =
        json!({"dim": [{"size": "-1", "name": ""}, {"size": "64", "name": ""}], "unknown_rank": false});
    assert_eq!(
        signature["inputs"]["pixels"],
        json!({"dtype": "DT_FLOAT", "tensor_shape": shape, "name": "pixels:0"})
    );
    assert_eq!(signature["method_name"], "tensorflow/serving/predict");

    let row = json!(vec![1.5; 64]);
    let rows = json!({"instances": [row, row]}).to_string();
    for path in [
        "/v1/models/digits:predict",
        "/v1/models/digits/versions/1:predict",
        "/v1/models/digits/labels/stable:predict",
    ] {
        let (status, json) = http.json(path, &rows).await;
        assert_eq!(status, 200, "{json}");
        let predictions = json["predictions"].as_array().expect("a list");
        let sum: f64 = predictions[0].as_array().expect("a row").iter().filter_map(Json::as_f64).sum();
        assert!((sum - 1.0).abs() < 1e-5 && predictions.len() == 2 && predictions[0] == predictions[1]);
        let (_, columns) = http.json(path, &json!({"inputs": {"pixels": [row, row]}}).to_string()).await;
        assert_eq!(columns["outputs"], json["predictions"]);
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_each_dtype_come_back() {
    let (_server, mut http) = echo().await;
    for (signature, values) in [
        ("f32", "[1.0, -2.5, 0.1, 1e30, 16777215.0]"),
        ("f64", "[0.1, 1e300, 9007199254740991.0]"),
        ("f16", "[0.5, 65504.0]"),
        ("bf16", "[0.5, -3.0]"),
        ("i8", "[-128, 127]"),
        ("i16", "[-32768]"),
        ("i32", "[2147483647]"),
        ("i64", "[-9223372036854775808, 9223372036854775807]"),
        ("u8", "[255]"),
        ("u16", "[65535]"),
        ("u32", "[4294967295]"),
        ("u64", "[18446744073709551615, 7]"),
        ("bool", "[true, false]"),
    ] {
        for (key, answer) in [("instances", "predictions"), ("inputs", "outputs")] {
            let body = format!("{{\"signature_name\": \"{signature}\", \"{key}\": {values}}}");
            let (status, text) = http.post(PREDICT, &body).await;
            assert_eq!((status, text), (200, format!("{{\n    \"{answer}\": {values}\n}}\n")), "{signature}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn special_numbers_and_strings_are_written_as_they_are_read() {
    let (_server, mut http) = echo().await;
    for (signature, instances, predictions) in [
        ("f32", "[NaN, Infinity, -Infinity, 1]", "[NaN, Infinity, -Infinity, 1.0]"),
        (
            "strings",
            r#"["a\n\u00e9", {"b64": "aGk="}, {"b64": "/w=="}]"#,
            "[\"a\\n\u{e9}\", \"hi\", {\"b64\": \"/w==\"}]",
        ),
        ("bytes", r#"["hi"]"#, r#"[{"b64": "aGk="}]"#),
        ("two", r#"[{"a": 1, "b": 2}, {"b": 4, "a": 3}]"#, r#"[{"a": 1.0, "b": 2}, {"a": 3.0, "b": 4}]"#),
    ] {
        let body = format!("{{\"instances\": {instances}, \"signature_name\": \"{signature}\"}}");
        let (status, text) = http.post(PREDICT, &body).await;
        assert_eq!(
            (status, text),
            (200, format!("{{\n    \"predictions\": {predictions}\n}}\n")),
            "{signature}"
        );
    }
    let (_, json) =
        http.json(PREDICT, r#"{"signature_name": "two", "inputs": {"a": [1, 2], "b": [3]}}"#).await;
    assert_eq!(json, json!({"outputs": {"a": [1.0, 2.0], "b": [3]}}));
    let (_, json) = http.json(PREDICT, r#"{"signature_name": "scalar", "inputs": 2.5}"#).await;
    assert_eq!(json, json!({"outputs": 2.5}));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_objects_with_the_culprit() {
    let (_server, mut http) = echo().await;
    for (body, message) in [
        ("", "The document is empty"),
        ("[1]", "Is not object"),
        ("{\"instances\": [1", "JSON Parse error"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        (r#"{"instances": [], "inputs": []}"#, "only one of"),
        (r#"{"instances": []}"#, "No values in 'instances' array"),
        (r#"{"instances": 3}"#, "Excepting 'instances' to be an list/array"),
        (r#"{"signature_name": 3, "instances": [1]}"#, "'signature_name' key must be a string value."),
        (
            r#"{"signature_name": "no", "instances": [1]}"#,
            "Serving signature name: \"no\" not found in signature def",
        ),
        (
            r#"{"instances": [[1, 2], [3]]}"#,
            "Encountered list at unexpected size: 1 at level: 0 expected size: 2",
        ),
        (r#"{"instances": [[1, [2]], [3, 4]]}"#, "Encountered list at unexpected level: 1 expected < 1"),
        (r#"{"instances": [[[1], 2]]}"#, "found at incorrect level: 2"),
        (r#"{"instances": [["a"]]}"#, "Type: String is not of expected type: float"),
        (r#"{"instances": [[null]]}"#, "Type: Null is not of expected type: float"),
        (r#"{"instances": [[16777217]]}"#, "without loss of precision"),
        (r#"{"instances": [[1e39]]}"#, "without loss of precision"),
        (r#"{"instances": [[1e400]]}"#, "without loss of precision"),
        (r#"{"instances": [1, 2]}"#, "input `x` must be f32[?,?], found f32[2]"),
        (r#"{"signature_name": "i32", "instances": [1.5]}"#, "is not of expected type: int32"),
        (
            r#"{"signature_name": "i8", "instances": [128]}"#,
            "JSON Value: 128 Type: Number is not of expected type: int8",
        ),
        (r#"{"signature_name": "u64", "instances": [-1]}"#, "is not of expected type: uint64"),
        (
            r#"{"signature_name": "u64", "instances": [18446744073709551616]}"#,
            "is not of expected type: uint64",
        ),
        (r#"{"signature_name": "c64", "instances": [1]}"#, "to type: complex64"),
        (r#"{"signature_name": "strings", "instances": [{"b64": "!"}]}"#, "Unable to base64 decode"),
        (r#"{"signature_name": "two", "instances": [1]}"#, "expecting list of objects"),
        (r#"{"signature_name": "two", "instances": [{"a": 1}]}"#, "keys must be equal to: a,b"),
        (
            r#"{"signature_name": "two", "instances": [{"a": 1, "a": 2}]}"#,
            "Failed to process element: 0 key: a",
        ),
        (
            r#"{"signature_name": "two", "instances": [{"a": 1, "b": 1}, 3]}"#,
            "Expecting object but got list at item 1",
        ),
        (r#"{"signature_name": "two", "inputs": {"a": 1}}"#, "Missing named input: b in 'inputs' object."),
        (r#"{"signature_name": "two", "inputs": {"a": [1], "b": [1], "c": 2}}"#, "no input `c`"),
    ] {
        let (status, json) = http.posted(PREDICT, body).await;
        let error = json["error"].as_str().unwrap_or_default();
        assert!((400..=501).contains(&status) && error.contains(message), "{body}: {status} {json}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let (_server, mut http) = echo().await;
    for (path, status, message) in [
        ("/v1/models/none", 404, "Could not find any versions of model none"),
        ("/v1/models/echo/versions/7", 404, "Could not find version 7 of model echo"),
        ("/v1/models/echo/versions/99999999999999999999", 400, "Failed to convert version"),
        ("/v1/models/echo/labels/stable", 400, "Unrecognized servable version label: stable"),
        ("/v1/models", 400, "Malformed request: GET /v1/models"),
        ("/v1/models/echo/other", 400, "Malformed request"),
        ("/v2/models/none", 404, "Servable not found for request: Latest(none)"),
        ("/other", 404, "Not Found"),
    ] {
        let (found, json) = http.json(path, "").await;
        assert!(
            found == status && json["error"].as_str().unwrap_or_default().contains(message),
            "{path}: {found} {json}"
        );
    }
    let (status, json) = http.json("/v1/models/none:predict", "{").await;
    assert_eq!((status, &json["error"]), (404, &json!("Servable not found for request: Latest(none)")));
    let (status, _) = http.json("/v1/models/echo:train", "{}").await;
    assert_eq!(status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_classified_and_regressed() {
    let server = server(options([
        ModelConfig::new("digits", digits()),
        ModelConfig::of_servable("slow", crate::harness::Slow::new(Duration::ZERO)),
        ModelConfig::of_servable("echo", Echo::new()),
    ]))
    .await;
    let mut http = Http::connect(server.rest_address()).await;
    let body = json!({"context": {"pixels": vec![2.0; 64]}, "examples": [{}, {"pixels": vec![0.5; 64]}]})
        .to_string();
    let (status, json) = http.json("/v1/models/digits:classify", &body).await;
    assert_eq!((status, json["results"][1].as_array().map(Vec::len)), (200, Some(10)), "{json}");
    let (_, json) =
        http.json("/v1/models/slow:classify", r#"{"examples": [{"x": [1, 2]}, {"x": [3.5, 4.0]}]}"#).await;
    assert_eq!(json, json!({"results": [[["", 2.0], ["", 3.0]], [["", 4.5], ["", 5.0]]]}));
    let body = r#"{"signature_name": "f32", "examples": [{"x": 1.5}, {"x": [2]}]}"#;
    assert_eq!(http.json("/v1/models/echo:regress", body).await, (200, json!({"results": [1.5, 2.0]})));
    for (body, message) in [
        (r#"{"examples": [{"y": 1}]}"#, "example 0 has no feature `x`"),
        (r#"{"examples": [{"x": [1, 2, 3]}]}"#, "has 3 values, not 2"),
        (r#"{"examples": [{"x": ["a", "b"]}]}"#, "must be f32[?,2]"),
        (r#"{"examples": [{"x": [1, 2.5]}]}"#, "Unexpected element type in feature: x"),
        (r#"{"examples": []}"#, "empty array"),
        ("{}", "key 'examples' is expected"),
    ] {
        let (status, json) = http.json("/v1/models/slow:classify", body).await;
        assert!(
            status == 400 && json["error"].as_str().unwrap_or_default().contains(message),
            "{body}: {json}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_protocol_is_spoken_with_json_and_with_bytes() {
    let (_server, mut http) = echo().await;
    assert_eq!(http.get("/v2/health/live").await.0, 200);
    assert_eq!(http.get("/v2/health/ready").await.0, 200);
    assert_eq!(http.get("/v2/models/echo/ready").await.0, 200);
    assert_eq!(http.json("/v2", "").await.1["name"], "tensorwright");
    let (_, json) = http.json("/v2/models/echo/versions/1", "").await;
    assert_eq!(json["inputs"], json!([{"name": "x", "datatype": "FP32", "shape": [-1, -1]}]));

    let body = r#"{"id": "7", "inputs": [{"data": [[1, 2], [3, 4]], "name": "x", "shape": [2, 2], "datatype": "FP32"}]}"#;
    let (status, json) = http.json("/v2/models/echo/infer", body).await;
    let output = json!({"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1.0, 2.0, 3.0, 4.0]});
    assert_eq!(
        (status, json),
        (200, json!({"id": "7", "model_name": "echo", "model_version": "1", "outputs": [output]}))
    );

    let head = r#"{"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}],
        "outputs": [{"name": "x", "parameters": {"binary_data": true}}]}"#;
    let tail: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let request = Request::post("/v2/models/echo/infer")
        .header("host", "localhost")
        .header("inference-header-content-length", head.len())
        .body(Full::new(Bytes::from([head.as_bytes(), &tail].concat())))
        .expect("a request");
    let (status, body) = http.send(request).await;
    assert!(status == 200 && body.ends_with(&tail), "{body:?}");

    for (body, message) in [
        (r#"{"inputs": []}"#, "input `x` is missing"),
        (r#"{"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1]}]}"#, "has 1 elements"),
        (r#"{"inputs": [{"name": "x", "shape": [-2], "datatype": "FP32", "data": [1]}]}"#, "an extent is -2"),
        (
            r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP33", "data": [1]}]}"#,
            "`FP33` is not known",
        ),
        (
            r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "parameters": {"binary_data_size": 8}}]}"#,
            "bytes behind",
        ),
    ] {
        let (status, json) = http.json("/v2/models/echo/infer", body).await;
        assert!(
            status == 400 && json["error"].as_str().unwrap_or_default().contains(message),
            "{body}: {json}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_under_known_names_and_shown_on_a_page() {
    let (_server, mut http) = echo().await;
    http.post(PREDICT, r#"{"instances": [[1]]}"#).await;
    http.post(PREDICT, "{").await;
    http.post("/v1/models/none:predict", "{}").await;
    let (status, text) = http.get("/monitoring/prometheus/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#":tensorflow:serving:request_count{model_name="echo",status="OK"} 1"#,
        r#":tensorflow:serving:request_count{model_name="echo",status="INVALID_ARGUMENT"} 1"#,
        r#":tensorflow:serving:request_count{model_name="",status="NOT_FOUND"} 1"#,
        r#":tensorflow:serving:request_latency_count{API="Predict",entrypoint="REST",model_name="echo"} 1"#,
        "# TYPE :tensorflow:serving:request_latency histogram",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    let (status, page) = http.get("/debug").await;
    assert!(status == 200 && page.contains("<td>echo<td>1<td>AVAILABLE"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_for_if_there_is_one() {
    let mut options = options([ModelConfig::of_servable("echo", Echo::new())]);
    options.api_key = Some("secret".to_owned());
    let server = server(options).await;
    let mut http = Http::connect(server.rest_address()).await;
    let (status, json) = http.json("/v1/models/echo", "").await;
    assert_eq!((status, &json["error"]), (401, &json!("a valid API key is missing")));
    assert_eq!(http.get("/v2/health/live").await.0, 200);
    for (name, value, status) in
        [("authorization", "Bearer secret", 200), ("x-api-key", "secret", 200), ("x-api-key", "secre", 401)]
    {
        let request = Request::get("/v1/models/echo").header("host", "localhost").header(name, value);
        let (found, _) = http.send(request.body(Full::default()).expect("a request")).await;
        assert_eq!(found, status, "{name}: {value}");
    }
}
