//! What `manifest.json` holds.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tensorwright::DType;

/// The version of the format that is written. Older ones are read.
pub(crate) const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) library: String,
    pub(crate) endpoints: BTreeMap<String, Vec<Signed>>,
    pub(crate) weights: Vec<Weighted>,
    #[serde(default)]
    pub(crate) warm_up: Vec<WarmUp>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    /// All other files.
    pub(crate) files: BTreeMap<String, Sum>,
}

/// A graph with its signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Signed {
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// Weights by their places, in the order of the graph's last inputs.
    pub(crate) captures: Vec<usize>,
    /// Those whose new values are the graph's last outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) assigned: Vec<usize>,
    pub(crate) graph: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) constants: Option<String>,
}

/// A tensor that an endpoint takes or gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its dtype, by name.
    #[serde(with = "by_name")]
    pub dtype: DType,
    /// Its sizes.
    pub shape: Vec<Dim>,
}

/// A size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// This one.
    Size(usize),
    /// Any, under a name, or a sum of products of such, such as `2*batch+1`.
    Open(String),
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Size(size) => size.fmt(f),
            Dim::Open(name) => f.write_str(name),
        }
    }
}

/// As in `x: f32[batch, 2]`.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().map(Dim::to_string).collect();
        write!(f, "{}: {}[{}]", self.name, self.dtype, sizes.join(", "))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Weighted {
    pub(crate) name: String,
    /// Whether it is a variable.
    pub(crate) variable: bool,
    #[serde(default)]
    pub(crate) trainable: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WarmUp {
    pub(crate) endpoint: String,
    /// Names of inputs, with those of their tensors in the file.
    pub(crate) inputs: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sum {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

mod by_name {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use tensorwright::DType;

    pub(super) fn serialize<S: Serializer>(dtype: &DType, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(dtype.name())
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<DType, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
