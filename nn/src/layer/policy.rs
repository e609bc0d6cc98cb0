//! Dtypes that layers compute in, and that they keep their weights in.

use tensorwright::DType;

/// The dtype that a layer computes in, and that of its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What floats among the inputs become, and weights when they are read.
    pub compute: DType,
    /// What weights are kept in.
    pub variable: DType,
}

impl Default for Policy {
    fn default() -> Policy {
        DType::F32.into()
    }
}

impl From<DType> for Policy {
    fn from(dtype: DType) -> Policy {
        Policy { compute: dtype, variable: dtype }
    }
}

/// Names that are not those of the dtype itself.
const NAMES: [(&str, DType, DType); 8] = [
    ("float32", DType::F32, DType::F32),
    ("float64", DType::F64, DType::F64),
    ("float16", DType::F16, DType::F16),
    ("bfloat16", DType::BF16, DType::BF16),
    // Of lookups, which give integers.
    ("int32", DType::I32, DType::I32),
    ("int64", DType::I64, DType::I64),
    ("mixed_float16", DType::F16, DType::F32),
    ("mixed_bfloat16", DType::BF16, DType::F32),
];

impl Policy {
    /// Computing in `bf16` with weights in `f32`.
    pub fn mixed_bfloat16() -> Policy {
        Policy { compute: DType::BF16, variable: DType::F32 }
    }

    /// The policy of this name, such as `float32` or `mixed_bfloat16`.
    pub fn named(name: &str) -> Option<Policy> {
        let found = NAMES.iter().find(|(own, ..)| *own == name)?;
        Some(Policy { compute: found.1, variable: found.2 })
    }

    /// The name, for those that have one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(_, c, v)| (*c, *v) == (self.compute, self.variable)).map(|found| found.0)
    }
}

/// Names of dtypes in Keras's words.
const DTYPES: [(&str, DType); 13] = [
    ("bool", DType::Bool),
    ("int8", DType::I8),
    ("int16", DType::I16),
    ("int32", DType::I32),
    ("int64", DType::I64),
    ("uint8", DType::U8),
    ("uint16", DType::U16),
    ("uint32", DType::U32),
    ("uint64", DType::U64),
    ("float16", DType::F16),
    ("bfloat16", DType::BF16),
    ("float32", DType::F32),
    ("float64", DType::F64),
];

/// The dtype of a name of Keras's.
pub(crate) fn dtype_named(name: &str) -> Option<DType> {
    DTYPES.iter().find(|(own, _)| *own == name).map(|found| found.1)
}

/// The name that Keras has for a dtype, or the dtype's own for those that Keras does not have.
pub(crate) fn dtype_name(dtype: DType) -> String {
    let found = DTYPES.iter().find(|(_, own)| *own == dtype);
    found.map_or_else(|| dtype.to_string(), |(name, _)| (*name).to_owned())
}
