//! TensorFlow Serving's services (`predict.proto`, `classification.proto`, `get_model_status.proto`, `model_server_config.proto`, ...).

use std::collections::BTreeMap;

use prost::{Enumeration, Message, Oneof};

use super::example::Input;
use super::tensor::{SignatureDef, TensorProto};

/// Which version of a model.
#[derive(Clone, PartialEq, Oneof)]
pub enum VersionChoice {
    /// Its number, as `google.protobuf.Int64Value`.
    #[prost(message, tag = "2")]
    Version(i64),
    /// A label of it.
    #[prost(string, tag = "4")]
    VersionLabel(String),
}

/// Which model.
#[derive(Clone, PartialEq, Message)]
pub struct ModelSpec {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The version; the newest if it is left out.
    #[prost(oneof = "VersionChoice", tags = "2, 4")]
    pub version_choice: Option<VersionChoice>,
    /// The signature; `serving_default` if it is empty.
    #[prost(string, tag = "3")]
    pub signature_name: String,
}

/// Asks a model.
#[derive(Clone, PartialEq, Message)]
pub struct PredictRequest {
    /// Which one.
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    /// What it is given.
    #[prost(btree_map = "string, message", tag = "2")]
    pub inputs: BTreeMap<String, TensorProto>,
    /// Outputs that are asked for; all if there are none.
    #[prost(string, repeated, tag = "3")]
    pub output_filter: Vec<String>,
}

/// A model's answer.
#[derive(Clone, PartialEq, Message)]
pub struct PredictResponse {
    /// What it gives.
    #[prost(btree_map = "string, message", tag = "1")]
    pub outputs: BTreeMap<String, TensorProto>,
    /// Which one answered.
    #[prost(message, optional, tag = "2")]
    pub model_spec: Option<ModelSpec>,
}

/// A class with its score.
#[derive(Clone, PartialEq, Message)]
pub struct Class {
    /// Its name.
    #[prost(string, tag = "1")]
    pub label: String,
    /// Its score.
    #[prost(float, tag = "2")]
    pub score: f32,
}

/// The classes of one example.
#[derive(Clone, PartialEq, Message)]
pub struct Classifications {
    /// The classes.
    #[prost(message, repeated, tag = "1")]
    pub classes: Vec<Class>,
}

/// The classes of all examples.
#[derive(Clone, PartialEq, Message)]
pub struct ClassificationResult {
    /// One for each example.
    #[prost(message, repeated, tag = "1")]
    pub classifications: Vec<Classifications>,
}

/// Asks for classes, or for numbers: the two requests have the same fields.
#[derive(Clone, PartialEq, Message)]
pub struct ExamplesRequest {
    /// Which model.
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    /// The examples.
    #[prost(message, optional, tag = "2")]
    pub input: Option<Input>,
}

/// Classes.
#[derive(Clone, PartialEq, Message)]
pub struct ClassificationResponse {
    /// The classes.
    #[prost(message, optional, tag = "1")]
    pub result: Option<ClassificationResult>,
    /// Which model answered.
    #[prost(message, optional, tag = "2")]
    pub model_spec: Option<ModelSpec>,
}

/// The number of one example.
#[derive(Clone, PartialEq, Message)]
pub struct Regression {
    /// The number.
    #[prost(float, tag = "1")]
    pub value: f32,
}

/// The numbers of all examples.
#[derive(Clone, PartialEq, Message)]
pub struct RegressionResult {
    /// One for each example.
    #[prost(message, repeated, tag = "1")]
    pub regressions: Vec<Regression>,
}

/// Numbers.
#[derive(Clone, PartialEq, Message)]
pub struct RegressionResponse {
    /// The numbers.
    #[prost(message, optional, tag = "1")]
    pub result: Option<RegressionResult>,
    /// Which model answered.
    #[prost(message, optional, tag = "2")]
    pub model_spec: Option<ModelSpec>,
}

/// One of several questions about the same examples.
#[derive(Clone, PartialEq, Message)]
pub struct InferenceTask {
    /// Which model.
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    /// `tensorflow/serving/classify` or `tensorflow/serving/regress`.
    #[prost(string, tag = "2")]
    pub method_name: String,
}

/// Several questions about the same examples.
#[derive(Clone, PartialEq, Message)]
pub struct MultiInferenceRequest {
    /// The questions.
    #[prost(message, repeated, tag = "1")]
    pub tasks: Vec<InferenceTask>,
    /// The examples.
    #[prost(message, optional, tag = "2")]
    pub input: Option<Input>,
}

/// The answer to one question.
#[derive(Clone, PartialEq, Oneof)]
pub enum InferenceOutcome {
    /// Classes.
    #[prost(message, tag = "2")]
    Classification(ClassificationResult),
    /// Numbers.
    #[prost(message, tag = "3")]
    Regression(RegressionResult),
}

/// The answer to one question, and who gave it.
#[derive(Clone, PartialEq, Message)]
pub struct InferenceResult {
    /// Which model answered.
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    /// The answer.
    #[prost(oneof = "InferenceOutcome", tags = "2, 3")]
    pub result: Option<InferenceOutcome>,
}

/// The answers, in the order of the questions.
#[derive(Clone, PartialEq, Message)]
pub struct MultiInferenceResponse {
    /// The answers.
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<InferenceResult>,
}

/// Signatures by name.
#[derive(Clone, PartialEq, Message)]
pub struct SignatureDefMap {
    /// The signatures.
    #[prost(btree_map = "string, message", tag = "1")]
    pub signature_def: BTreeMap<String, SignatureDef>,
}

/// Asks what a model takes and gives.
#[derive(Clone, PartialEq, Message)]
pub struct GetModelMetadataRequest {
    /// Which one.
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    /// What is asked for: `signature_def`.
    #[prost(string, repeated, tag = "2")]
    pub metadata_field: Vec<String>,
}

/// A message of any type.
#[derive(Clone, PartialEq, Message)]
pub struct AnyMessage {
    /// Its type.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// Its bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// What a model takes and gives.
#[derive(Clone, PartialEq, Message)]
pub struct GetModelMetadataResponse {
    /// Which one.
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
    /// Messages by what was asked for.
    #[prost(btree_map = "string, message", tag = "2")]
    pub metadata: BTreeMap<String, AnyMessage>,
}

/// Asks how the versions of a model are.
#[derive(Clone, PartialEq, Message)]
pub struct GetModelStatusRequest {
    /// Which model.
    #[prost(message, optional, tag = "1")]
    pub model_spec: Option<ModelSpec>,
}

/// What went wrong, if something did.
#[derive(Clone, PartialEq, Message)]
pub struct StatusProto {
    /// A code of gRPC.
    #[prost(int32, tag = "1")]
    pub error_code: i32,
    /// In words.
    #[prost(string, tag = "2")]
    pub error_message: String,
}

/// The state of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum VersionState {
    /// Not said.
    Unknown = 0,
    /// It will be loaded.
    Start = 10,
    /// It is being loaded.
    Loading = 20,
    /// It answers.
    Available = 30,
    /// It answers no more.
    Unloading = 40,
    /// It is gone, or could not be loaded.
    End = 50,
}

impl VersionState {
    /// Its name in the `.proto` file.
    pub fn as_str_name(self) -> &'static str {
        match self {
            VersionState::Unknown => "UNKNOWN",
            VersionState::Start => "START",
            VersionState::Loading => "LOADING",
            VersionState::Available => "AVAILABLE",
            VersionState::Unloading => "UNLOADING",
            VersionState::End => "END",
        }
    }
}

/// How a version is.
#[derive(Clone, PartialEq, Message)]
pub struct ModelVersionStatus {
    /// Its number.
    #[prost(int64, tag = "1")]
    pub version: i64,
    /// Its state.
    #[prost(enumeration = "VersionState", tag = "2")]
    pub state: i32,
    /// What went wrong, if something did.
    #[prost(message, optional, tag = "3")]
    pub status: Option<StatusProto>,
}

/// How the versions of a model are.
#[derive(Clone, PartialEq, Message)]
pub struct GetModelStatusResponse {
    /// The versions.
    #[prost(message, repeated, tag = "1")]
    pub model_version_status: Vec<ModelVersionStatus>,
}

/// So many of the newest versions.
#[derive(Clone, PartialEq, Message)]
pub struct LatestVersions {
    /// How many; 1 if it is 0.
    #[prost(uint32, tag = "1")]
    pub num_versions: u32,
}

/// All versions.
#[derive(Clone, PartialEq, Message)]
pub struct AllVersions {}

/// These versions.
#[derive(Clone, PartialEq, Message)]
pub struct SpecificVersions {
    /// Their numbers.
    #[prost(int64, repeated, tag = "1")]
    pub versions: Vec<i64>,
}

/// Which versions are served.
#[derive(Clone, PartialEq, Oneof)]
pub enum PolicyChoice {
    /// The newest.
    #[prost(message, tag = "100")]
    Latest(LatestVersions),
    /// All.
    #[prost(message, tag = "101")]
    All(AllVersions),
    /// These.
    #[prost(message, tag = "102")]
    Specific(SpecificVersions),
}

/// Which versions are served.
#[derive(Clone, PartialEq, Message)]
pub struct ServableVersionPolicy {
    /// Which ones; the newest if it is left out.
    #[prost(oneof = "PolicyChoice", tags = "100, 101, 102")]
    pub policy_choice: Option<PolicyChoice>,
}

/// A model that is served.
#[derive(Clone, PartialEq, Message)]
pub struct ModelConfigProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The folder of its versions.
    #[prost(string, tag = "2")]
    pub base_path: String,
    /// What it was made with; nothing depends on it.
    #[prost(string, tag = "4")]
    pub model_platform: String,
    /// Which versions are served.
    #[prost(message, optional, tag = "7")]
    pub model_version_policy: Option<ServableVersionPolicy>,
    /// Versions by label.
    #[prost(btree_map = "string, int64", tag = "8")]
    pub version_labels: BTreeMap<String, i64>,
}

/// The models that are served.
#[derive(Clone, PartialEq, Message)]
pub struct ModelConfigList {
    /// The models.
    #[prost(message, repeated, tag = "1")]
    pub config: Vec<ModelConfigProto>,
}

/// What a server serves.
#[derive(Clone, PartialEq, Message)]
pub struct ModelServerConfig {
    /// The models.
    #[prost(message, optional, tag = "1")]
    pub model_config_list: Option<ModelConfigList>,
}

/// Asks the server to serve these models from now on.
#[derive(Clone, PartialEq, Message)]
pub struct ReloadConfigRequest {
    /// The models.
    #[prost(message, optional, tag = "1")]
    pub config: Option<ModelServerConfig>,
}

/// Whether it does.
#[derive(Clone, PartialEq, Message)]
pub struct ReloadConfigResponse {
    /// What went wrong, if something did.
    #[prost(message, optional, tag = "1")]
    pub status: Option<StatusProto>,
}
