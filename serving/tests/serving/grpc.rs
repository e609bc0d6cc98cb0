//! TensorFlow Serving's services, the open inference protocol and health, by gRPC.

use std::time::Duration;

use prost::Message;
use tensorwright_serving::proto::example::{
    Example, ExampleList, Feature, FeatureKind, Features, FloatList, Input, InputKind,
};
use tensorwright_serving::proto::health::{HealthCheckRequest, HealthCheckResponse};
use tensorwright_serving::proto::kserve::{
    InferTensor, InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataRequest,
    ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse, ServerLiveRequest, ServerLiveResponse,
};
use tensorwright_serving::proto::tensor::{DimProto, TensorProto, TensorShapeProto};
use tensorwright_serving::proto::tf_serving::{
    ClassificationResponse, ExamplesRequest, GetModelMetadataRequest, GetModelMetadataResponse,
    GetModelStatusRequest, GetModelStatusResponse, InferenceOutcome, InferenceTask, ModelConfigList,
    ModelConfigProto, ModelServerConfig, ModelSpec, MultiInferenceRequest, MultiInferenceResponse,
    PredictRequest, PredictResponse, ReloadConfigRequest, ReloadConfigResponse, SignatureDefMap,
    VersionChoice,
};
use tensorwright_serving::{ModelConfig, Server};
use tonic::{Code, Request};

use crate::harness::{Channel, Slow, digits, options, server};

const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";

async fn slow(pause: Duration) -> (Server, Channel) {
    let server = server(options([ModelConfig::of_servable("slow", Slow::new(pause))])).await;
    let channel = Channel::connect(server.grpc_address()).await;
    (server, channel)
}

fn spec(name: &str) -> Option<ModelSpec> {
    Some(ModelSpec { name: name.to_owned(), ..ModelSpec::default() })
}

pub(crate) fn tensor(dims: &[i64], elements: &[f32]) -> TensorProto {
    let dim = dims.iter().map(|size| DimProto { size: *size, name: String::new() }).collect();
    TensorProto {
        dtype: 1,
        tensor_shape: Some(TensorShapeProto { dim, unknown_rank: false }),
        tensor_content: elements.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>().into(),
        ..TensorProto::default()
    }
}

pub(crate) fn predict(model: &str, input: &str, tensor: TensorProto) -> PredictRequest {
    PredictRequest {
        model_spec: spec(model),
        inputs: [(input.to_owned(), tensor)].into(),
        output_filter: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_come_with_the_version_that_gave_them() {
    let server = server(options([ModelConfig::new("digits", digits())])).await;
    let channel = Channel::connect(server.grpc_address()).await;
    let request = predict("digits", "pixels", tensor(&[2, 64], &[1.0; 128]));
    let response: PredictResponse = channel.call(PREDICT, request).await.expect("an answer");
    let spec = response.model_spec.expect("a model");
    assert_eq!(
        (&*spec.name, spec.version_choice, &*spec.signature_name),
        ("digits", Some(VersionChoice::Version(1)), "serving_default")
    );
    let output = &response.outputs["probabilities"];
    assert_eq!((output.dtype, output.tensor_content.len()), (1, 2 * 10 * 4));
    // Both protocols are spoken at both ports.
    let other = Channel::connect(server.rest_address()).await;
    let request = predict(
        "digits",
        "pixels",
        TensorProto { float_val: vec![1.0], tensor_content: Default::default(), ..tensor(&[1, 64], &[]) },
    );
    let one: PredictResponse = other.call(PREDICT, request).await.expect("an answer");
    assert_eq!(one.outputs["probabilities"].tensor_content, output.tensor_content.slice(..40));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_have_codes() {
    let (_server, channel) = slow(Duration::ZERO).await;
    let fine = || tensor(&[1, 2], &[1.0, 2.0]);
    let missing = PredictRequest { inputs: [].into(), ..predict("slow", "x", fine()) };
    let filtered = PredictRequest { output_filter: vec!["z".to_owned()], ..predict("slow", "x", fine()) };
    let versioned = PredictRequest {
        model_spec: Some(ModelSpec {
            version_choice: Some(VersionChoice::Version(9)),
            ..spec("slow").expect("a model")
        }),
        ..predict("slow", "x", fine())
    };
    for (request, code, message) in [
        (predict("", "x", fine()), Code::InvalidArgument, "Missing ModelSpec"),
        (predict("none", "x", fine()), Code::NotFound, "Servable not found for request: Latest(none)"),
        (versioned, Code::NotFound, "Servable not found for request: Specific(slow, 9)"),
        (missing, Code::InvalidArgument, "input `x` is missing; it is f32[?,2]"),
        (predict("slow", "y", fine()), Code::InvalidArgument, "input `x` is missing"),
        (
            predict("slow", "x", tensor(&[1, 3], &[0.0; 3])),
            Code::InvalidArgument,
            "must be f32[?,2], found f32[1,3]",
        ),
        (predict("slow", "x", tensor(&[2, 2], &[0.0; 3])), Code::InvalidArgument, "has 3 elements"),
        (predict("slow", "x", tensor(&[1, 2], &[-1.0, 0.0])), Code::InvalidArgument, "-1 is negative"),
        (filtered, Code::InvalidArgument, "not found in signature: z"),
    ] {
        let status = channel.call::<_, PredictResponse>(PREDICT, request).await.expect_err(message);
        assert!(status.code() == code && status.message().contains(message), "{status:?}, not {message}");
    }
    let unknown = channel.call::<_, PredictResponse>(
        "/tensorflow.serving.PredictionService/Train",
        predict("slow", "x", fine()),
    );
    assert_eq!(unknown.await.expect_err("no such method").code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_no_longer_is_told_so() {
    let (_server, channel) = slow(Duration::from_millis(400)).await;
    let mut request = Request::new(predict("slow", "x", tensor(&[1, 2], &[1.0, 2.0])));
    request.set_timeout(Duration::from_millis(50));
    let status = channel.request::<_, PredictResponse>(PREDICT, request).await.expect_err("too late");
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_have_classes() {
    let (_server, channel) = slow(Duration::ZERO).await;
    let list = FeatureKind::FloatList(FloatList { value: vec![1.0, 2.0] });
    let features = Features { feature: [("x".to_owned(), Feature { kind: Some(list) })].into() };
    let examples = vec![Example { features: Some(features) }];
    let input = Input { kind: Some(InputKind::ExampleList(ExampleList { examples })) };
    let request = ExamplesRequest { model_spec: spec("slow"), input: Some(input.clone()) };
    let response: ClassificationResponse = channel
        .call("/tensorflow.serving.PredictionService/Classify", request.clone())
        .await
        .expect("classes");
    let scores = |classes: &[tensorwright_serving::proto::tf_serving::Class]| {
        classes.iter().map(|class| class.score).collect::<Vec<f32>>()
    };
    assert_eq!(scores(&response.result.expect("a result").classifications[0].classes), [2.0, 3.0]);
    let status = channel
        .call::<_, tensorwright_serving::proto::tf_serving::RegressionResponse>(
            "/tensorflow.serving.PredictionService/Regress",
            request,
        )
        .await
        .expect_err("two numbers for an example");
    assert!(status.message().contains("one number for each example"), "{status:?}");
    let task =
        InferenceTask { model_spec: spec("slow"), method_name: "tensorflow/serving/classify".to_owned() };
    let request = MultiInferenceRequest { tasks: vec![task], input: Some(input) };
    let response: MultiInferenceResponse =
        channel.call("/tensorflow.serving.PredictionService/MultiInference", request).await.expect("results");
    let Some(InferenceOutcome::Classification(result)) = &response.results[0].result else {
        panic!("no classes")
    };
    assert_eq!(scores(&result.classifications[0].classes), [2.0, 3.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_described() {
    let (_server, channel) = slow(Duration::ZERO).await;
    let request = GetModelMetadataRequest {
        model_spec: spec("slow"),
        metadata_field: vec!["signature_def".to_owned()],
    };
    let response: GetModelMetadataResponse = channel
        .call("/tensorflow.serving.PredictionService/GetModelMetadata", request)
        .await
        .expect("metadata");
    let any = &response.metadata["signature_def"];
    assert_eq!(any.type_url, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
    let map = SignatureDefMap::decode(&any.value[..]).expect("signatures");
    let input = &map.signature_def["serving_default"].inputs["x"];
    let sizes: Vec<i64> =
        input.tensor_shape.iter().flat_map(|shape| &shape.dim).map(|dim| dim.size).collect();
    assert_eq!((&*input.name, input.dtype, sizes), ("x:0", 1, vec![-1, 2]));
    let request = GetModelStatusRequest { model_spec: spec("slow") };
    let response: GetModelStatusResponse =
        channel.call("/tensorflow.serving.ModelService/GetModelStatus", request).await.expect("states");
    assert_eq!(
        response.model_version_status.iter().map(|own| (own.version, own.state)).collect::<Vec<_>>(),
        [(1, 30)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_models_are_served_when_somebody_says_so() {
    let (_server, channel) = slow(Duration::ZERO).await;
    let reload = |path: String| ReloadConfigRequest {
        config: Some(ModelServerConfig {
            model_config_list: Some(ModelConfigList {
                config: vec![ModelConfigProto {
                    name: "digits".to_owned(),
                    base_path: path,
                    ..ModelConfigProto::default()
                }],
            }),
        }),
    };
    const RELOAD: &str = "/tensorflow.serving.ModelService/HandleReloadConfigRequest";
    let response: ReloadConfigResponse =
        channel.call(RELOAD, reload(digits().display().to_string())).await.expect("an answer");
    assert_eq!(response.status.map(|status| status.error_code), Some(0));
    let request = predict("digits", "pixels", tensor(&[1, 64], &[1.0; 64]));
    channel.call::<_, PredictResponse>(PREDICT, request).await.expect("an answer");
    let gone = predict("slow", "x", tensor(&[1, 2], &[1.0, 2.0]));
    assert_eq!(
        channel.call::<_, PredictResponse>(PREDICT, gone).await.expect_err("it is gone").code(),
        Code::NotFound
    );
    let response: ReloadConfigResponse =
        channel.call(RELOAD, reload("/nowhere".to_owned())).await.expect("an answer");
    assert_eq!(response.status.map(|status| status.error_code), Some(Code::NotFound as i32));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_the_open_protocol_are_spoken() {
    let (_server, channel) = slow(Duration::ZERO).await;
    for (service, status) in [("", 1), ("tensorflow.serving.PredictionService", 1), ("slow", 1)] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let response: HealthCheckResponse =
            channel.call("/grpc.health.v1.Health/Check", request).await.expect("a state");
        assert_eq!(response.status, status, "{service}");
    }
    let request = HealthCheckRequest { service: "none".to_owned() };
    let status = channel
        .call::<_, HealthCheckResponse>("/grpc.health.v1.Health/Check", request)
        .await
        .expect_err("no such service");
    assert_eq!(status.code(), Code::NotFound);

    let live: ServerLiveResponse = channel
        .call("/inference.GRPCInferenceService/ServerLive", ServerLiveRequest {})
        .await
        .expect("an answer");
    let ready = ModelReadyRequest { name: "slow".to_owned(), version: "1".to_owned() };
    let ready: ModelReadyResponse =
        channel.call("/inference.GRPCInferenceService/ModelReady", ready).await.expect("an answer");
    assert!(live.live && ready.ready);
    let request = ModelMetadataRequest { name: "slow".to_owned(), version: String::new() };
    let metadata: ModelMetadataResponse =
        channel.call("/inference.GRPCInferenceService/ModelMetadata", request).await.expect("metadata");
    assert_eq!((&*metadata.inputs[0].datatype, &metadata.inputs[0].shape[..]), ("FP32", &[-1, 2][..]));
    let input = InferTensor {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![1, 2],
        ..InferTensor::default()
    };
    let listed = InferTensorContents { fp32_contents: vec![1.0, 2.0], ..InferTensorContents::default() };
    let raw: Vec<u8> = [1.0f32, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    for request in [
        ModelInferRequest {
            inputs: vec![InferTensor { contents: Some(listed), ..input.clone() }],
            ..ModelInferRequest::default()
        },
        ModelInferRequest {
            inputs: vec![input],
            raw_input_contents: vec![raw.into()],
            ..ModelInferRequest::default()
        },
    ] {
        let request = ModelInferRequest { model_name: "slow".to_owned(), id: "a".to_owned(), ..request };
        let response: ModelInferResponse =
            channel.call("/inference.GRPCInferenceService/ModelInfer", request).await.expect("an answer");
        let expected: Vec<u8> = [2.0f32, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!((&*response.id, &response.raw_output_contents[0][..]), ("a", &expected[..]));
    }
}
