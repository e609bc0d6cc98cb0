//! Shapes and the order of axes.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::composite::{ExpandDims, OneHot, Split, Stack};
use tensorwright_ir::op::primitive::{BroadcastInDim, Iota, Reshape, Transpose};
use tensorwright_ir::{DType, Shape, TensorType};

use super::attribute::{AxisNumber, IntoAttribute};
use super::ranked::{all_with_ranks, one_with_ranks};
use super::refusal::{one_as, refused};
use crate::error::{CallSite, caller};
use crate::tensor::Tensor;

/// Shapes and the order of axes.
impl Tensor {
    /// A tensor of the same elements, row major, under another shape; one extent may be -1 and is then what is left.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::arange(6, DType::I32);
    /// assert_eq!(x.reshape([2, -1]).shape()?, &[2, 3].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("view", "ravel", "flatten_all", "into_shape", "to_shape", "unflatten", "resize"))]
    #[track_caller]
    pub fn reshape(&self, shape: impl IntoExtents) -> Tensor {
        let at = caller();
        let shape = match self.known_type() {
            Ok(ty) => shape.into_extents(ty),
            Err(failure) => return Tensor::failed(failure.clone()),
        };
        match shape {
            Ok(shape) => one_with_ranks("reshape", &[self], at, |_| Ok(Reshape { shape }.into())),
            Err(source) => Tensor::failed(refused("reshape", &[self], at, source)),
        }
    }

    /// The axes in another order: axis `i` of the result is axis `permutation[i]`; negative axes count from
    /// the end.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3, 4), DType::F32);
    /// assert_eq!(x.transpose([2, 0, 1]).shape()?, &[4, 2, 3].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("permute", "permuted_axes"))]
    #[track_caller]
    pub fn transpose(&self, permutation: impl IntoAttribute<Axes>) -> Tensor {
        one_with_ranks("transpose", &[self], caller(), |ranks| {
            let permutation = permutation.into_attribute("permutation", ranks.of("permutation"))?;
            Ok(Transpose { permutation }.into())
        })
    }

    /// The last two axes swapped: the transposed matrix.
    ///
    /// `T[.., m, n] -> T[.., n, m]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.t().to_vec::<i32>()?, [1, 4, 2, 5, 3, 6]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("mT", "matrix_transpose"))]
    #[track_caller]
    pub fn t(&self) -> Tensor {
        self.swapped("t", -1, -2, caller())
    }

    /// Two axes swapped; negative axes count from the end.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3, 4), DType::F32);
    /// assert_eq!(x.swap_axes(0, -1).shape()?, &[4, 3, 2].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("swapaxes", "transpose_dims", "swapdims"))]
    #[track_caller]
    pub fn swap_axes(&self, first: impl AxisNumber, second: impl AxisNumber) -> Tensor {
        self.swapped("swap_axes", first.number(), second.number(), caller())
    }

    /// One axis at another place, the others in their order; negative axes count from the end.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let images = Tensor::zeros((8, 32, 24, 3), DType::F32);
    /// assert_eq!(images.move_axis(-1, 1).shape()?, &[8, 3, 32, 24].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("moveaxis", "movedim", "rollaxis"))]
    #[track_caller]
    pub fn move_axis(&self, from: impl AxisNumber, to: impl AxisNumber) -> Tensor {
        let places = [from.number(), to.number()];
        one_with_ranks("move_axis", &[self], caller(), |ranks| {
            let [from, to] = checked_pair(places, ranks.of("axes"))?;
            let mut permutation: Axes = (0..ranks.of("axes")).filter(|&axis| axis != from).collect();
            permutation.insert(to, from);
            Ok(Transpose { permutation }.into())
        })
    }

    /// Repeated along new leading axes and axes of extent 1, by NumPy's rule.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1, 2]);
    /// assert_eq!(x.broadcast_to([2, 2]).to_vec::<i32>()?, [1, 2, 1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("expand", "broadcast_as", "expand_as", "broadcast_arrays"))]
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor {
        let (shape, at) = (shape.into(), caller());
        match self.known_type() {
            Ok(ty) if ty.rank() > shape.rank() => {
                let message = format!("{} does not broadcast to {shape}: it has more axes", ty.shape);
                Tensor::failed(refused("broadcast_to", &[self], at, TypeError::Other(message)))
            }
            Ok(ty) if ty.shape == shape => self.clone(),
            Ok(ty) => {
                let axes = (shape.rank() - ty.rank()..shape.rank()).collect();
                one_as("broadcast_to", BroadcastInDim { shape, axes }, &[self], at)
            }
            Err(failure) => Tensor::failed(failure.clone()),
        }
    }

    /// With new axes of extent 1, which the result has at `axes`; negative ones count from the result's end.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1, 2]);
    /// assert_eq!(x.expand_dims(-1).shape()?, &[2, 1].into());
    /// assert_eq!(x.expand_dims([0, -1]).shape()?, &[1, 2, 1].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("unsqueeze", "newaxis", "insert_axis", "atleast_1d", "atleast_2d"))]
    #[track_caller]
    pub fn expand_dims(&self, axes: impl IntoAttribute<Axes> + Clone) -> Tensor {
        one_with_ranks("expand_dims", &[self], caller(), |ranks| {
            let count = axes.clone().into_attribute("axes", usize::MAX >> 1)?.len();
            Ok(ExpandDims { axes: axes.into_attribute("axes", ranks.of("axes") + count)? }.into())
        })
    }

    /// Tensors of one type joined along a new axis, which may be negative and then counts from the result's end.
    ///
    /// `k` times `T[..] -> T[.., k, ..]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (x, y) = (Tensor::from([1, 2]), Tensor::from([3, 4]));
    /// assert_eq!(Tensor::stack(&[&x, &y], 0).to_vec::<i32>()?, [1, 2, 3, 4]);
    /// assert_eq!(Tensor::stack(&[x, y], -1).to_vec::<i32>()?, [1, 3, 2, 4]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn stack<T: AsRef<Tensor>>(xs: &[T], axis: impl IntoAttribute<usize>) -> Tensor {
        let operands: Vec<&Tensor> = xs.iter().map(AsRef::as_ref).collect();
        one_with_ranks("stack", &operands, caller(), |ranks| {
            Ok(Stack { axis: axis.into_attribute("axis", ranks.of("axis") + 1)? }.into())
        })
    }

    /// Consecutive sections along an axis, as many as `count` and all of one extent; where it is no multiple of that, the last one is shorter, or
    /// there are fewer, as in PyTorch. [`Tensor::split`] takes the extents.
    ///
    /// `T[.., n, ..] -> T[.., ceil(n / count), ..], ..`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let parts = Tensor::from([1, 2, 3, 4, 5]).chunk(3, 0);
    /// assert_eq!((parts[0].to_vec::<i32>()?, parts[2].to_vec::<i32>()?), (vec![1, 2], vec![5]));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// If the op does not accept its operands, the result is one tensor, which carries the error.
    #[doc(alias("array_split", "tensor_split"))]
    #[track_caller]
    pub fn chunk(&self, count: usize, axis: impl IntoAttribute<usize>) -> Vec<Tensor> {
        all_with_ranks("chunk", &[self], 1, caller(), |ranks| {
            let (axis, rank) = (axis.into_attribute("axis", ranks.of("axis"))?, ranks.of("axis"));
            let shape = self.known_type().map(|ty| ty.shape.clone()).unwrap_or_default();
            let extent = shape.get(axis).ok_or(TypeError::Axis { axis, rank })?.size();
            if count == 0 {
                return Err(TypeError::attribute("count", "there is at least one section"));
            }
            Ok(Split { axis, sizes: sections(extent, count) }.into())
        })
    }

    /// Vectors with 1 at the index and 0 elsewhere, along a new axis of extent `depth`: `I[a.., b..] -> dtype[a.., depth, b..]`. The result
    /// has the new axis at `axis`; a negative one counts from the result's end. An index out of range gives zeros.
    ///
    /// ```text
    /// indices    one_hot(3, -1, ..)    one_hot(3, 0, ..)
    /// 2 0        0 0 1                 0 1
    ///            1 0 0                 0 0
    ///                                  1 0
    /// ```
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let labels = Tensor::from([2i32, 0]).one_hot(3, -1, DType::F32);
    /// assert_eq!(labels.to_vec::<f32>()?, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("onehot", "to_categorical"))]
    #[track_caller]
    pub fn one_hot(
        &self,
        depth: impl IntoAttribute<usize>,
        axis: impl IntoAttribute<usize>,
        dtype: impl IntoAttribute<DType>,
    ) -> Tensor {
        one_with_ranks("one_hot", &[self], caller(), |ranks| {
            let rank = ranks.of("axis") + 1;
            let (depth, axis) = (depth.into_attribute("depth", rank)?, axis.into_attribute("axis", rank)?);
            Ok(OneHot { depth, axis, dtype: dtype.into_attribute("dtype", rank)? }.into())
        })
    }

    /// A tensor of this shape, whose axes `axes` are those of the operand; each has its extent, or repeats its only element. Negative axes
    /// count from the result's end.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1, 2]);
    /// assert_eq!(x.broadcast_in_dim([2, 3], [0]).to_vec::<i32>()?, [1, 1, 1, 2, 2, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn broadcast_in_dim(
        &self,
        shape: impl IntoAttribute<Shape>,
        axes: impl IntoAttribute<Axes>,
    ) -> Tensor {
        one_with_ranks("broadcast_in_dim", &[self], caller(), |ranks| {
            let shape = shape.into_attribute("shape", ranks.of("shape"))?;
            let axes = axes.into_attribute("axes", shape.rank())?;
            Ok(BroadcastInDim { shape, axes }.into())
        })
    }

    /// The integers 0, 1, 2.. along one axis of a new tensor, as any number dtype; a negative axis counts from the end. Fails if an integer dtype
    /// does not have them all.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::iota(DType::I32, [2, 2], 0).to_vec::<i32>()?, [0, 0, 1, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "broadcasted_iota")]
    #[track_caller]
    pub fn iota(
        dtype: impl IntoAttribute<DType>,
        shape: impl IntoAttribute<Shape>,
        axis: impl IntoAttribute<usize>,
    ) -> Tensor {
        one_with_ranks("iota", &[], caller(), |_| {
            let shape = shape.into_attribute("shape", 0)?;
            let axis = axis.into_attribute("axis", shape.rank())?;
            let dtype = dtype.into_attribute("dtype", 0)?;
            super::create::last_number(dtype, shape.get(axis).map_or(0, |dim| dim.size()))?;
            Ok(Iota { dtype, shape, axis }.into())
        })
    }

    fn swapped(&self, name: &'static str, first: i64, second: i64, at: CallSite) -> Tensor {
        one_with_ranks(name, &[self], at, |ranks| {
            let rank = ranks.of("axes");
            let [first, second] = checked_pair([first, second], rank)?;
            let mut permutation: Axes = (0..rank).collect();
            permutation.swap(first, second);
            Ok(Transpose { permutation }.into())
        })
    }
}

/// The extents of sections of equal extent, of which the last is what is left.
fn sections(extent: usize, count: usize) -> Axes {
    if extent == 0 {
        return Axes::from_elem(0, count);
    }
    let size = extent.div_ceil(count);
    (0..extent.div_ceil(size)).map(|section| size.min(extent - section * size)).collect()
}

/// Two axes of a tensor of `rank`.
fn checked_pair(axes: [i64; 2], rank: usize) -> Result<[usize; 2], TypeError> {
    let axes: Axes = axes.into_attribute("axes", rank)?;
    match axes.iter().find(|&&axis| axis >= rank) {
        Some(&axis) => Err(TypeError::Axis { axis, rank }),
        None => Ok([axes[0], axes[1]]),
    }
}

/// What [`Tensor::reshape`] takes: extents, one of which may be -1.
pub trait IntoExtents {
    /// The shape, for a tensor of type `ty`.
    ///
    /// # Errors
    /// When there is more than one -1, another negative extent, or no extent that fits.
    fn into_extents(self, ty: &TensorType) -> Result<Shape, TypeError>;
}

impl IntoExtents for Shape {
    fn into_extents(self, _: &TensorType) -> Result<Shape, TypeError> {
        Ok(self)
    }
}

impl IntoExtents for &Shape {
    fn into_extents(self, _: &TensorType) -> Result<Shape, TypeError> {
        Ok(self.clone())
    }
}

impl IntoExtents for () {
    fn into_extents(self, _: &TensorType) -> Result<Shape, TypeError> {
        Ok(Shape::scalar())
    }
}

macro_rules! extents {
    ($([$($generics:tt)*] $list:ty),* $(,)?) => {$(
        impl<I: AxisNumber, $($generics)*> IntoExtents for $list {
            fn into_extents(self, ty: &TensorType) -> Result<Shape, TypeError> {
                extents(self.iter().map(|i| i.number()), ty)
            }
        }
    )*};
}
extents!([const N: usize] [I; N], [const N: usize] &[I; N], [] &[I], [] Vec<I>, [] &Vec<I>);

macro_rules! extents_of_one {
    ($($native:ty)*) => {$(
        impl IntoExtents for $native {
            fn into_extents(self, ty: &TensorType) -> Result<Shape, TypeError> {
                [self].into_extents(ty)
            }
        }
    )*};
}
extents_of_one!(i32 i64 isize u32 u64 usize);

macro_rules! extents_of_tuples {
    ($(($($name:ident $position:tt),*))*) => {$(
        impl<$($name: AxisNumber),*> IntoExtents for ($($name,)*) {
            fn into_extents(self, ty: &TensorType) -> Result<Shape, TypeError> {
                extents([$(self.$position.number()),*].into_iter(), ty)
            }
        }
    )*};
}
extents_of_tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
}

fn extents(numbers: impl Iterator<Item = i64> + Clone, ty: &TensorType) -> Result<Shape, TypeError> {
    let wrong = |reason: String| TypeError::attribute("shape", reason);
    let known =
        numbers.clone().filter(|&n| n >= 0).try_fold(1usize, |product, n| product.checked_mul(n as usize));
    let known = known.ok_or_else(|| wrong("is too large".to_owned()))?;
    let mut unknown = numbers.clone().filter(|&n| n < 0);
    let left = match (unknown.next(), unknown.next()) {
        (None, _) => 0,
        (Some(-1), None) if known != 0 && ty.elements().is_multiple_of(known) => ty.elements() / known,
        (Some(-1), None) => return Err(wrong(format!("no extent makes {} elements", ty.elements()))),
        (Some(-1), Some(_)) => return Err(wrong("has more than one -1".to_owned())),
        (Some(n), _) => return Err(wrong(format!("{n} is no extent"))),
    };
    Ok(numbers.map(|n| if n < 0 { left } else { n as usize }).collect())
}
