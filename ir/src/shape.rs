//! Dims and shapes.
//!
//! Shape rules go through [`Dim`], never through bare integers, so that symbolic dims can join later.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

/// The extent of one axis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dim(usize);

impl Dim {
    /// An axis of one element.
    pub const ONE: Dim = Dim(1);

    /// A dim known at compile time.
    pub const fn known(extent: usize) -> Dim {
        Dim(extent)
    }

    /// The extent in elements.
    pub const fn size(self) -> usize {
        self.0
    }

    /// The common extent under NumPy's broadcasting rule, or `None` if there is none.
    pub fn broadcast(self, other: Dim) -> Option<Dim> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (Dim::ONE, b) => Some(b),
            (a, Dim::ONE) => Some(a),
            _ => None,
        }
    }

    /// `self + other`, as for concatenation; `None` when it does not fit.
    pub fn plus(self, other: Dim) -> Option<Dim> {
        self.0.checked_add(other.0).map(Dim)
    }

    /// `self * other`, as when two axes merge; `None` when it does not fit.
    pub fn times(self, other: Dim) -> Option<Dim> {
        self.0.checked_mul(other.0).map(Dim)
    }

    /// `self / divisor` if that is exact.
    pub fn quotient(self, divisor: usize) -> Option<Dim> {
        (divisor != 0 && self.0.is_multiple_of(divisor)).then(|| Dim(self.0 / divisor))
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<usize> for Dim {
    fn from(extent: usize) -> Dim {
        Dim(extent)
    }
}

/// Extents of all axes, outermost first; the empty shape is a scalar's.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape {
    dims: SmallVec<[Dim; 6]>,
}

impl Shape {
    /// The largest number of elements that a tensor may have: its bytes must fit in an `isize`.
    pub const MAX_ELEMENTS: usize = isize::MAX as usize / 8;
    /// The largest rank of a tensor.
    pub const MAX_RANK: usize = 32;

    /// The shape of a scalar.
    pub fn scalar() -> Shape {
        Shape::default()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// The extents.
    pub fn dims(&self) -> &[Dim] {
        &self.dims
    }

    /// The extents as plain sizes.
    pub fn sizes(&self) -> SmallVec<[usize; 6]> {
        self.dims.iter().map(|d| d.size()).collect()
    }

    /// The extent of `axis` as a plain size. Panics if there is no such axis.
    pub fn size(&self, axis: usize) -> usize {
        self.dims[axis].size()
    }

    /// Number of elements; 1 for a scalar. Shapes that pass [`Shape::check`] do not overflow.
    pub fn elements(&self) -> usize {
        self.dims.iter().fold(1usize, |n, d| n.saturating_mul(d.size()))
    }

    /// Whether the rank and the number of elements are within the limits of a tensor.
    pub fn check(&self) -> bool {
        let nonzero =
            self.dims.iter().filter(|d| d.size() != 0).try_fold(1usize, |n, d| n.checked_mul(d.size()));
        self.rank() <= Shape::MAX_RANK && nonzero.is_some_and(|n| n <= Shape::MAX_ELEMENTS)
    }

    /// Row-major strides in elements.
    pub fn strides(&self) -> SmallVec<[usize; 6]> {
        let mut strides: SmallVec<[usize; 6]> = SmallVec::from_elem(1, self.rank());
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.size(axis).max(1);
        }
        strides
    }

    /// The shape without `axes` (sorted or not).
    pub fn without(&self, axes: &[usize]) -> Shape {
        self.dims.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &d)| d).collect()
    }

    /// The shape with `axes` set to one element.
    pub fn with_ones_at(&self, axes: &[usize]) -> Shape {
        self.dims.iter().enumerate().map(|(i, &d)| if axes.contains(&i) { Dim::ONE } else { d }).collect()
    }

    /// The shape with the extent of `axis` replaced.
    pub fn with_dim(&self, axis: usize, dim: Dim) -> Shape {
        let mut shape = self.clone();
        shape.dims[axis] = dim;
        shape
    }

    /// The shape with an axis of this extent in front of the others.
    pub fn with_leading(&self, dim: Dim) -> Shape {
        std::iter::once(dim).chain(self.dims.iter().copied()).collect()
    }

    /// The common shape under NumPy's broadcasting rule, or `None` if there is none.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        let rank = self.rank().max(other.rank());
        let at =
            |s: &Shape, i: usize| if i + s.rank() < rank { Dim::ONE } else { s.dims[i + s.rank() - rank] };
        (0..rank).map(|i| at(self, i).broadcast(at(other, i))).collect()
    }
}

impl Deref for Shape {
    type Target = [Dim];

    fn deref(&self) -> &[Dim] {
        &self.dims
    }
}

impl FromIterator<Dim> for Shape {
    fn from_iter<I: IntoIterator<Item = Dim>>(dims: I) -> Shape {
        Shape { dims: dims.into_iter().collect() }
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(dims: I) -> Shape {
        Shape { dims: dims.into_iter().map(Dim).collect() }
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Shape {
        dims.into_iter().collect()
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Shape {
        dims.iter().copied().collect()
    }
}

impl From<Vec<usize>> for Shape {
    fn from(dims: Vec<usize>) -> Shape {
        dims.into_iter().collect()
    }
}

impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(extents: &[usize; N]) -> Shape {
        extents.iter().copied().collect()
    }
}

impl From<&Vec<usize>> for Shape {
    fn from(extents: &Vec<usize>) -> Shape {
        extents.iter().copied().collect()
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Shape {
        shape.clone()
    }
}

/// The shape of a vector.
impl From<usize> for Shape {
    fn from(extent: usize) -> Shape {
        [extent].into()
    }
}

macro_rules! shapes_of_tuples {
    ($(($($name:ident $extent:ty),*))*) => {$(
        impl From<($($extent,)*)> for Shape {
            fn from(($($name,)*): ($($extent,)*)) -> Shape {
                [$($name),*].into()
            }
        }
    )*};
}
shapes_of_tuples! {
    (a usize)
    (a usize, b usize)
    (a usize, b usize, c usize)
    (a usize, b usize, c usize, d usize)
    (a usize, b usize, c usize, d usize, e usize)
    (a usize, b usize, c usize, d usize, e usize, f usize)
}

impl From<()> for Shape {
    fn from((): ()) -> Shape {
        Shape::scalar()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, dim) in self.dims.iter().enumerate() {
            write!(f, "{}{dim}", if i == 0 { "" } else { "," })?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
