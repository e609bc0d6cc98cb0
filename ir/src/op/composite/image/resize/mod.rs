//! Images in other sizes.

mod taps;

use smallvec::smallvec;

use self::taps::{Axis, Taps};
use super::{nothing_of, numbers, reread};
use crate::op::attribute::{Axes, Scalars};
use crate::op::composite::indexing::take;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{
    Builder, DType, DTypeClass, Dim, Literal, Scalar, Shape, TensorType, Value, attributes, word_attribute,
};

word_attribute! {
    /// What a result of a resized axis is made of, with its place `x` among the elements.
    pub enum ResizeKernel {
        /// The element before it.
        NearestFloor = "nearest_floor",
        /// The element after it.
        NearestCeil = "nearest_ceil",
        /// The nearest element, that before it if it is halfway.
        NearestHalfDown = "nearest_half_down",
        /// The nearest element, that after it if it is halfway.
        NearestHalfUp = "nearest_half_up",
        /// The line through its two neighbours.
        Linear = "linear",
        /// A cubic polynomial through four neighbours (Keys 1981), with a coefficient.
        Cubic = "cubic",
        /// Six neighbours, by Lanczos' window.
        Lanczos3 = "lanczos3",
        /// Ten neighbours, by Lanczos' window.
        Lanczos5 = "lanczos5",
    }
}

impl ResizeKernel {
    /// Whether results are elements, so that any dtype will do.
    pub const fn is_nearest(self) -> bool {
        use ResizeKernel::{NearestCeil, NearestFloor, NearestHalfDown, NearestHalfUp};
        matches!(self, NearestFloor | NearestCeil | NearestHalfDown | NearestHalfUp)
    }
}

word_attribute! {
    /// Where result `i` of `m` is among `n` elements, with the scale `s`, which is `m / n` if nothing is said.
    pub enum ResizeCoordinates {
        /// `(i + 1/2) / s - 1/2`: pixels are squares, and the borders of images coincide.
        HalfPixel = "half_pixel",
        /// [`ResizeCoordinates::HalfPixel`], but that the middles of images coincide where `m` is not `s n`.
        HalfPixelSymmetric = "half_pixel_symmetric",
        /// [`ResizeCoordinates::HalfPixel`], but `-1/2` if there is one result.
        PytorchHalfPixel = "pytorch_half_pixel",
        /// `(i + 1/2) / s`, for nearest elements of TensorFlow's first version.
        HalfPixelForNearest = "tf_half_pixel_for_nn",
        /// `i (n - 1) / (m - 1)`: the middles of the pixels in the corners coincide.
        AlignCorners = "align_corners",
        /// `i / s`: the middles of the first pixels coincide.
        Asymmetric = "asymmetric",
        /// As [`ResizeCoordinates::AlignCorners`] with a region of the image, which its attribute gives; results outside the image are the fill value.
        Region = "tf_crop_and_resize",
    }
}

word_attribute! {
    /// What a kernel makes of places outside the image.
    pub enum ResizeBorder {
        /// They are the elements at its border.
        Extend = "extend",
        /// They have no weight; those of others grow in proportion.
        Exclude = "exclude",
    }
}

word_attribute! {
    /// What becomes of details that are too small for the result.
    pub enum Antialias {
        /// Results see their neighbours only.
        Off = "off",
        /// Where an axis shrinks the kernel is as much wider.
        On = "on",
    }
}

attributes! {
    /// Images in other sizes, axis by axis: each result is a weighted sum of elements near its place. `T[s] -> T[s']`, floats, or any dtype if the kernel takes
    /// nearest elements.
    pub struct Resize {
        /// Axes that are resized.
        pub axes: Axes,
        /// Results along each of them.
        pub sizes: Axes,
        /// Results for each element along each of them, as f64; none if sizes say that too.
        pub scales: Scalars,
        /// Weights of elements.
        pub kernel: ResizeKernel,
        /// The coefficient of [`ResizeKernel::Cubic`], often -0.75 or -0.5.
        pub coefficient: Scalar,
        /// Where results are.
        pub coordinates: ResizeCoordinates,
        /// For [`ResizeCoordinates::Region`] where it begins along each axis, and where it ends, in parts of the image; none otherwise.
        pub region: Scalars,
        /// What is outside the image.
        pub border: ResizeBorder,
        /// Whether the kernel widens.
        pub antialias: Antialias,
        /// What results of [`ResizeCoordinates::Region`] are outside the image.
        pub fill: Scalar,
    }
}

impl Resize {
    fn check(&self, x: &TensorType) -> Result<(), TypeError> {
        rule::check_axes(&self.axes, x.rank())?;
        if !self.kernel.is_nearest() {
            rule::require_class(&[x], 0, DTypeClass::Float)?;
        }
        let count = self.axes.len();
        let region = if self.coordinates == ResizeCoordinates::Region { 2 * count } else { 0 };
        let lists = [("sizes", self.sizes.len(), count), ("region", self.region.len(), region)];
        let scales = ("scales", self.scales.len(), if self.scales.is_empty() { 0 } else { count });
        for (name, found, expected) in lists.into_iter().chain([scales]) {
            if found != expected {
                let reason = format!("needs {expected} numbers for {count} axes, found {found}");
                return Err(TypeError::attribute(name, reason));
            }
        }
        if let Some(scale) = self.scales.iter().find(|s| s.to_f64().is_nan() || s.to_f64() <= 0.0) {
            return Err(TypeError::attribute("scales", format!("must be above 0, found {}", scale.to_f64())));
        }
        let empty = |(&axis, &size): (&usize, &usize)| size > 0 && x.shape.size(axis) == 0;
        if let Some((axis, _)) = self.axes.iter().zip(&self.sizes).find(|&at| empty(at)) {
            return Err(TypeError::Other(format!("axis {axis} of operand 0 has no elements")));
        }
        let listed = |i: usize| self.axis(i, &x.shape).most_seen(self.kernel) <= MAX_LISTED;
        match (0..count).all(listed) {
            true => rule::one(x.dtype, self.shape(x)).map(|_| ()),
            false => Err(TypeError::attribute("sizes", "more elements would be seen than are listed")),
        }
    }

    fn shape(&self, x: &TensorType) -> Shape {
        let resized = |shape: Shape, (&axis, &size): (&usize, &usize)| shape.with_dim(axis, Dim::known(size));
        self.axes.iter().zip(&self.sizes).fold(x.shape.clone(), resized)
    }

    fn axis(&self, i: usize, x: &Shape) -> Axis {
        let (elements, results) = (x.size(self.axes[i]), self.sizes[i]);
        let end = self.axes.len() + i;
        let region = (!self.region.is_empty()).then(|| (self.region[i].to_f64(), self.region[end].to_f64()));
        Axis { elements, results, scale: self.scales.get(i).map(|s| s.to_f64()), region }
    }

    /// Numbers of axes, those that shrink most before the others: the rest has less to do.
    fn order(&self, x: &Shape) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.axes.len()).collect();
        let growth = |&i: &usize| self.sizes[i] as f64 / x.size(self.axes[i]).max(1) as f64;
        order.sort_by(|i, j| growth(i).total_cmp(&growth(j)));
        order
    }

    /// `x` with the fill value where a result is outside the image along one of the axes.
    fn filled(&self, b: &mut Builder, x: Value, taps: &[(usize, Taps)]) -> Result<Value, TypeError> {
        let ty = b.type_of(x);
        let mut filled = x;
        for (axis, taps) in taps.iter().filter(|(_, taps)| taps.outside.contains(&true)) {
            let mask = Literal::from_fn(TensorType::new(DType::Bool, [taps.outside.len()]), |i| {
                Scalar::Bool(taps.outside[i])
            });
            let mask = b.literal(mask);
            let mask = b.broadcast_in_dim(mask, ty.shape.clone(), [*axis])?;
            let fill = b.full(self.fill.cast(ty.dtype), &ty.shape)?;
            filled = b.select(mask, fill, filled)?;
        }
        Ok(filled)
    }
}

impl CompositeDef for Resize {
    const NAME: &'static str = "resize";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(operands[0]);
        self.check(&ty)?;
        if self.shape(&ty).elements() == 0 {
            return Ok(smallvec![nothing_of(b, operands, ty.dtype, &self.shape(&ty))?]);
        }
        let nearest = self.kernel.is_nearest();
        let mut x = if nearest { operands[0] } else { b.widen(operands[0])? };
        let mut all = Vec::new();
        for i in self.order(&ty.shape) {
            let taps = Taps::of(self, &self.axis(i, &ty.shape));
            x = match nearest {
                true => reread(b, x, self.axes[i], &taps.places)?,
                false => weighted(b, x, self.axes[i], &taps)?,
            };
            all.push((self.axes[i], taps));
        }
        let x = self.filled(b, x, &all)?;
        Ok(smallvec![b.convert(x, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Resize> {
        let kernel = draw.choose(ResizeKernel::ALL);
        let class = if kernel.is_nearest() { DTypeClass::Any } else { DTypeClass::Float };
        let ty = draw.like(hint, class, 1);
        let few: Vec<usize> = ty.shape.sizes().iter().map(|&n| n.clamp(1, 9)).collect();
        let ty = ty.with_shape(few);
        let axes: Axes = draw.axes(ty.rank(), 1).into_iter().take(2).collect();
        let sizes: Axes = axes.iter().map(|_| draw.choose(&[3, 2, 4, 1, 7, 0])).collect();
        let coordinates = draw.choose(ResizeCoordinates::ALL);
        let scale = |_: &usize| Scalar::F64(0.75);
        let region = if coordinates == ResizeCoordinates::Region { 2 * axes.len() } else { 0 };
        let bound = |i: usize| Scalar::F64(if i < axes.len() { -0.25 } else { 0.875 });
        let op = Resize {
            scales: if draw.flip() { axes.iter().map(scale).collect() } else { Scalars::new() },
            region: (0..region).map(bound).collect(),
            kernel,
            coefficient: Scalar::F64(-0.75),
            coordinates,
            border: draw.choose(ResizeBorder::ALL),
            antialias: draw.choose(Antialias::ALL),
            fill: Scalar::zero(ty.dtype),
            axes,
            sizes,
        };
        if kernel.is_nearest() {
            return Sample::exact(op, [Operand::any(ty)]);
        }
        Sample::epsilons(op, 32, [Operand::new(ty, Values::Range(-1.0, 1.0))])
    }
}

/// Elements that results see along an axis: which they are is a constant of the graph.
const MAX_LISTED: f64 = (1u64 << 26) as f64;

/// Elements that a result sees and that are added one by one: more are an axis for a while.
const MOST_ADDED: usize = 4;

/// Each result as the weighted sum of the elements that it sees. They are read in one go, as an axis before that of results.
fn weighted(b: &mut Builder, x: Value, axis: usize, taps: &Taps) -> Result<Value, TypeError> {
    let (count, results) = (taps.each, taps.places.len() / taps.each);
    let places = numbers(b, &taps.places, [count, results]);
    let seen = take(b, x, places, axis)?;
    let shape = b.shape(seen);
    let weights = TensorType::new(b.tensor(x).dtype, [count, results]);
    let weights =
        b.literal(Literal::from_fn(weights.clone(), |i| Scalar::from_f64(weights.dtype, taps.weights[i])));
    let weights = b.broadcast_in_dim(weights, shape.clone(), [axis, axis + 1])?;
    let weighted = b.mul(seen, weights)?;
    if count > MOST_ADDED {
        return Ok(b.reduce(weighted, ReduceKind::Sum, [axis])?);
    }
    let others = shape.without(&[axis]);
    let mut sum = None;
    for tap in 0..count {
        let one = b.section(weighted, axis, tap, tap + 1)?;
        let one = b.reshape(one, others.clone())?;
        sum = Some(sum.map_or(Ok(one), |sum| b.add(sum, one))?);
    }
    sum.ok_or_else(|| TypeError::Other("a result sees an element".to_owned()))
}
