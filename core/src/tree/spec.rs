//! Types of tensors that are not there yet.

use std::fmt;

use tensorwright_ir::{DType, TensorType};

/// A dtype and extents, some of which may be open.
///
/// ```
/// # use tensorwright::prelude::*;
/// assert_eq!(TensorSpec::f32([None, Some(3)]).to_string(), "f32[?,3]");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorSpec {
    dtype: DType,
    dims: Vec<Option<usize>>,
}

macro_rules! specs {
    ($($name:ident $variant:ident),*) => {
        /// A spec per dtype.
        impl TensorSpec {
            $(
                #[doc = concat!("A tensor of `", stringify!($name), "` with these extents; `None` is any.")]
                pub fn $name<D: Into<Option<usize>>>(dims: impl IntoIterator<Item = D>) -> TensorSpec {
                    TensorSpec::new(DType::$variant, dims)
                }
            )*
        }
    };
}
specs!(bool Bool, i8 I8, i16 I16, i32 I32, i64 I64, u8 U8, u16 U16, u32 U32, u64 U64, f16 F16, bf16 BF16, f32 F32, f64 F64, c64 C64, c128 C128);

impl TensorSpec {
    /// A tensor of `dtype` with these extents; `None` is any.
    pub fn new<D: Into<Option<usize>>>(dtype: DType, dims: impl IntoIterator<Item = D>) -> TensorSpec {
        TensorSpec { dtype, dims: dims.into_iter().map(Into::into).collect() }
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The extents; `None` is any.
    pub fn dims(&self) -> &[Option<usize>] {
        &self.dims
    }

    /// Whether tensors of type `ty` are what the spec says.
    pub fn accepts(&self, ty: &TensorType) -> bool {
        let fits = |(spec, &dim): (&Option<usize>, &usize)| spec.is_none_or(|spec| spec == dim);
        self.dtype == ty.dtype
            && self.dims.len() == ty.rank()
            && self.dims.iter().zip(&ty.shape.sizes()).all(fits)
    }

    /// The type, if all extents are known.
    pub fn ty(&self) -> Option<TensorType> {
        let dims: Option<Vec<usize>> = self.dims.iter().copied().collect();
        Some(TensorType::new(self.dtype, dims?))
    }
}

impl From<TensorType> for TensorSpec {
    fn from(ty: TensorType) -> TensorSpec {
        TensorSpec::new(ty.dtype, ty.shape.sizes())
    }
}

impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.dtype)?;
        for (i, dim) in self.dims.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            match dim {
                Some(dim) => write!(f, "{dim}")?,
                None => f.write_str("?")?,
            }
        }
        f.write_str("]")
    }
}
