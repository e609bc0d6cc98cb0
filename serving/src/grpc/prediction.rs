//! `tensorflow.serving.PredictionService`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;

use super::{asked, version};
use crate::error::{Code, Error, Result};
use crate::kserve::ordered;
use crate::proto::example::Example;
use crate::proto::tensor::TensorProto;
use crate::proto::tf_serving::{
    AnyMessage, ClassificationResponse, ExamplesRequest, GetModelMetadataRequest, GetModelMetadataResponse,
    InferenceOutcome, InferenceResult, InferenceTask, ModelSpec, MultiInferenceRequest,
    MultiInferenceResponse, PredictRequest, PredictResponse, RegressionResponse, SignatureDefMap,
    VersionChoice,
};
use crate::servable::Signature;
use crate::service::{Answer, Service};
use crate::tf;
use crate::value::Value;

pub(super) async fn predict(
    service: &Arc<Service>,
    request: PredictRequest,
    timeout: Option<Duration>,
) -> Result<PredictResponse> {
    let PredictRequest { model_spec, inputs, output_filter } = request;
    let spec = model_spec.unwrap_or_default();
    let asked = asked(service, &spec, "Predict", timeout)?;
    let answer = service.call(&asked, &spec.signature_name, |signature| values(inputs, signature)).await?;
    let ports = &answer.ports().outputs;
    let mut outputs = BTreeMap::new();
    for (port, output) in ports.iter().zip(&answer.outputs) {
        if output_filter.is_empty() || output_filter.contains(&port.name) {
            outputs.insert(port.name.clone(), tf::tensor::proto(output));
        }
    }
    match output_filter.iter().find(|name| !outputs.contains_key(*name)) {
        None => Ok(PredictResponse { outputs, model_spec: Some(answered(&answer)) }),
        Some(name) => {
            let message = format!(
                "output tensor alias not found in signature: {name} Outputs expected to be in the set {{{}}}.",
                ports.iter().map(|port| &*port.name).collect::<Vec<_>>().join(",")
            );
            Err(Error::invalid(message))
        }
    }
}

fn values(inputs: BTreeMap<String, TensorProto>, signature: &Signature) -> Result<Vec<Value>> {
    let value = |(name, proto): (String, TensorProto)| {
        let named = |error: Error| Error::new(error.code(), format!("input `{name}`: {error}"));
        let value = tf::tensor::value(proto).map_err(named)?;
        Ok((name, value))
    };
    ordered(inputs.into_iter().map(value).collect::<Result<_>>()?, signature)
}

/// Which model answered.
fn answered(answer: &Answer) -> ModelSpec {
    ModelSpec {
        name: answer.version.name.clone(),
        version_choice: Some(VersionChoice::Version(answer.version.version)),
        signature_name: answer.signature.clone(),
    }
}

async fn of_examples(
    service: &Arc<Service>,
    spec: Option<ModelSpec>,
    examples: &[Example],
    api: &'static str,
    timeout: Option<Duration>,
) -> Result<Answer> {
    let spec = spec.unwrap_or_default();
    let asked = asked(service, &spec, api, timeout)?;
    service.call(&asked, &spec.signature_name, |signature| tf::examples::inputs(examples, signature)).await
}

pub(super) async fn classify(
    service: &Arc<Service>,
    request: ExamplesRequest,
    timeout: Option<Duration>,
) -> Result<ClassificationResponse> {
    let examples = tf::examples::of_input(request.input)?;
    let answer = of_examples(service, request.model_spec, &examples, "Classify", timeout).await?;
    let result = tf::examples::classes(answer.ports(), &answer.outputs, examples.len())?;
    Ok(ClassificationResponse { result: Some(result), model_spec: Some(answered(&answer)) })
}

pub(super) async fn regress(
    service: &Arc<Service>,
    request: ExamplesRequest,
    timeout: Option<Duration>,
) -> Result<RegressionResponse> {
    let examples = tf::examples::of_input(request.input)?;
    let answer = of_examples(service, request.model_spec, &examples, "Regress", timeout).await?;
    let result = tf::examples::numbers(answer.ports(), &answer.outputs, examples.len())?;
    Ok(RegressionResponse { result: Some(result), model_spec: Some(answered(&answer)) })
}

pub(super) async fn multi_inference(
    service: &Arc<Service>,
    request: MultiInferenceRequest,
    timeout: Option<Duration>,
) -> Result<MultiInferenceResponse> {
    if request.tasks.is_empty() {
        return Err(Error::invalid("Inference tasks are missing"));
    }
    let examples = tf::examples::of_input(request.input)?;
    let mut results = Vec::with_capacity(request.tasks.len());
    for InferenceTask { model_spec, method_name } in request.tasks {
        let classifies = match &*method_name {
            "tensorflow/serving/classify" => true,
            "tensorflow/serving/regress" => false,
            other => {
                return Err(Error::new(
                    Code::Unimplemented,
                    format!("Unsupported signature method_name: {other}"),
                ));
            }
        };
        let answer = of_examples(service, model_spec, &examples, "MultiInference", timeout).await?;
        let (signature, outputs) = (answer.ports(), &answer.outputs);
        let result = match classifies {
            true => {
                InferenceOutcome::Classification(tf::examples::classes(signature, outputs, examples.len())?)
            }
            false => InferenceOutcome::Regression(tf::examples::numbers(signature, outputs, examples.len())?),
        };
        results.push(InferenceResult { model_spec: Some(answered(&answer)), result: Some(result) });
    }
    Ok(MultiInferenceResponse { results })
}

/// What can be asked of a model's metadata.
const SIGNATURES: &str = "signature_def";

pub(super) fn metadata(
    service: &Service,
    request: GetModelMetadataRequest,
) -> Result<GetModelMetadataResponse> {
    let spec = request.model_spec.unwrap_or_default();
    if request.metadata_field.is_empty() {
        return Err(Error::invalid("GetModelMetadataRequest must specify at least one metadata_field"));
    }
    if let Some(other) = request.metadata_field.iter().find(|field| **field != SIGNATURES) {
        return Err(Error::invalid(format!("Metadata field {other} is not supported")));
    }
    let found = service.registry.version(&spec.name, &version(&spec))?;
    let signatures = found.servable.signatures().iter();
    let map = SignatureDefMap {
        signature_def: signatures
            .map(|(name, own)| (name.clone(), tf::metadata::signature_def(own)))
            .collect(),
    };
    let message = AnyMessage {
        type_url: "type.googleapis.com/tensorflow.serving.SignatureDefMap".to_owned(),
        value: map.encode_to_vec(),
    };
    Ok(GetModelMetadataResponse {
        model_spec: Some(ModelSpec {
            name: found.name.clone(),
            version_choice: Some(VersionChoice::Version(found.version)),
            signature_name: String::new(),
        }),
        metadata: [(SIGNATURES.to_owned(), message)].into(),
    })
}
