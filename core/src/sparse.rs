//! Matrices of which few elements are not 0.

use tensorwright_ir::{DType, Shape};

use crate::Tree;
use crate::error::{Error, Result, caller};
use crate::ops::{Operand, owned};
use crate::tensor::Tensor;

/// A matrix as its elements that are not 0, with the row and the column of each (COO).
///
/// It is a [`Tree`]: functions take and give it, and gradients by it are gradients by its elements. Elements at one place add up.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::Sparse;
///
/// let links = Sparse::new([0, 0, 2], [1, 2, 0], [0.5, 0.5, 1.0], [3, 3])?;
/// let rank = links.matmul(Tensor::from([[1.0], [2.0], [3.0]]))?;
/// assert_eq!(rank.to_vec::<f64>()?, [2.5, 0.0, 1.0]);
/// let own = links.clone();
/// let loss = move |values: Tensor| Ok(own.with_values(values)?.matmul(Tensor::ones([3, 1], DType::F64))?.square().sum(..));
/// assert_eq!(grad(loss).call(links.values())?.to_vec::<f64>()?, [2.0, 2.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Sparse {
    /// The row of each element: `i64[n]`.
    rows: Tensor,
    /// The column of each element: `i64[n]`.
    columns: Tensor,
    /// The elements: `T[n]`.
    values: Tensor,
    row_count: usize,
    column_count: usize,
}

impl Sparse {
    /// A matrix of a shape with these elements: integers `[n]`, integers `[n]`, `T[n]`.
    ///
    /// Elements outside of the shape do not count.
    ///
    /// # Errors
    /// When the three are no vectors of one length, or places are no integers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::new([1], [0], [7.0f32], [2, 2])?;
    /// assert_eq!(x.to_dense()?.to_vec::<f32>()?, [0.0, 0.0, 7.0, 0.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("coo", "coo_matrix", "SparseTensor"))]
    #[track_caller]
    pub fn new(
        rows: impl Operand,
        columns: impl Operand,
        values: impl Operand,
        shape: [usize; 2],
    ) -> Result<Sparse> {
        let at = caller();
        let [rows, columns] = [owned(rows, "Sparse::new", at), owned(columns, "Sparse::new", at)];
        let values = owned(values, "Sparse::new", at);
        let types = [rows.ty()?.clone(), columns.ty()?.clone(), values.ty()?.clone()];
        let is_vector = types.iter().all(|ty| ty.rank() == 1 && ty.shape == types[0].shape);
        if !is_vector || !types[..2].iter().all(|ty| ty.dtype.is_int()) {
            let message = "rows, columns and values must be vectors of one length, and places integers";
            let types = types.map(Into::into);
            let source = tensorwright_ir::op::TypeError::Other(message.to_owned());
            return Err(Error::refused(at, "Sparse::new", types, source));
        }
        let (rows, columns) = (rows.cast(DType::I64), columns.cast(DType::I64));
        let [row_count, column_count] = shape;
        // What is outside gets a row that no result has.
        let is_inside = rows.ge(0).and(columns.ge(0)).and(columns.lt(column_count as i64));
        let rows = is_inside.select(rows, row_count as i64);
        Ok(Sparse { rows, columns, values, row_count, column_count })
    }

    /// From compressed rows (CSR): elements `splits[i]..splits[i + 1]` stand in row `i`.
    ///
    /// # Errors
    /// As [`Sparse::new`], or when the splits are not one more than the rows.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::from_csr([0, 2, 3], [0, 1, 1], [1.0f32, 2.0, 3.0], [2, 2])?;
    /// assert_eq!(x.to_dense()?.to_vec::<f32>()?, [1.0, 2.0, 0.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("csr_matrix", "sparse_csr_tensor"))]
    #[track_caller]
    pub fn from_csr(
        splits: impl Operand,
        columns: impl Operand,
        values: impl Operand,
        shape: [usize; 2],
    ) -> Result<Sparse> {
        let at = caller();
        let splits = owned(splits, "Sparse::from_csr", at).cast(DType::I64);
        let columns = owned(columns, "Sparse::from_csr", at);
        if *splits.shape()? != [shape[0] + 1].into() {
            let message = format!("{} splits for {} rows, which have one more", splits.ty()?, shape[0]);
            let source = tensorwright_ir::op::TypeError::Other(message);
            return Err(Error::refused(at, "Sparse::from_csr", [splits.ty()?.clone().into()], source));
        }
        let count = columns.shape()?.elements();
        Sparse::new(row_numbers(&splits, count), columns, values, shape)
    }

    /// The elements of a matrix that are not 0. How many there are depends on the values: a traced function is cut here, as by [`Tensor::nonzero`].
    ///
    /// # Errors
    /// When `x` is no matrix.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::from_dense(&Tensor::from([[0.0f32, 2.0], [0.0, 0.0]]))?;
    /// assert_eq!(x.values().to_vec::<f32>()?, [2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn from_dense(x: &Tensor) -> Result<Sparse> {
        let sizes = x.shape()?.sizes();
        let &[rows, columns] = sizes.as_slice() else {
            let source = tensorwright_ir::op::TypeError::Other("there must be a matrix".to_owned());
            return Err(Error::refused(caller(), "Sparse::from_dense", [x.ty()?.clone().into()], source));
        };
        let places = x.nonzero();
        let values = x.gather_nd(&places, 0);
        Sparse::new(places.i((.., 0)), places.i((.., 1)), values, [rows, columns])
    }

    /// The elements: `T[n]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::new([1], [0], [7.0f32], [2, 2])?;
    /// assert_eq!(x.values().to_vec::<f32>()?, [7.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Rows and columns.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// assert_eq!(Sparse::new([1], [0], [7.0f32], [2, 3])?.shape(), [2, 3].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn shape(&self) -> Shape {
        [self.row_count, self.column_count].into()
    }

    /// The matrix with other elements at the same places: `T[n]`.
    ///
    /// # Errors
    /// When there are not as many.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::new([1], [0], [7.0f32], [2, 2])?;
    /// assert_eq!(x.with_values(x.values() * 2.0)?.values().to_vec::<f32>()?, [14.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn with_values(&self, values: impl Operand) -> Result<Sparse> {
        Sparse::new(&self.rows, &self.columns, values, [self.row_count, self.column_count])
    }

    /// The matrix with rows for columns.
    ///
    /// # Errors
    /// Never, for a matrix that was made.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::new([1], [0], [7.0f32], [2, 2])?.transpose()?;
    /// assert_eq!(x.to_dense()?.to_vec::<f32>()?, [0.0, 7.0, 0.0, 0.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn transpose(&self) -> Result<Sparse> {
        Sparse::new(&self.columns, &self.rows, &self.values, [self.column_count, self.row_count])
    }

    /// The matrix with its zeros: `T[rows, columns]`.
    ///
    /// # Errors
    /// When the elements carry an error.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::new([0, 0], [1, 1], [7.0f32, 1.0], [1, 2])?;
    /// assert_eq!(x.to_dense()?.to_vec::<f32>()?, [0.0, 8.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn to_dense(&self) -> Result<Tensor> {
        let (rows, columns) = (self.row_count, self.column_count);
        let place = &self.rows * columns as i64 + &self.columns;
        let flat = self.values.segment_sum(place, rows * columns).reshape([rows, columns]);
        flat.ty()?;
        Ok(flat)
    }

    /// The product with a dense matrix or vector: `T[columns, k] -> T[rows, k]`, or `T[columns] -> T[rows]`, floats. One row of the operand is read for each element, and
    /// added to a row of the result.
    ///
    /// # Errors
    /// When the shapes or dtypes do not fit.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::Sparse;
    /// let x = Sparse::new([0, 1], [1, 0], [2.0f32, 3.0], [2, 2])?;
    /// assert_eq!(x.matmul([1.0f32, 10.0])?.to_vec::<f32>()?, [20.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("sparse_dense_matmul", "spmm", "spmv"))]
    #[track_caller]
    pub fn matmul(&self, dense: impl Operand) -> Result<Tensor> {
        let dense = owned(dense, "Sparse::matmul", caller());
        let ty = dense.ty()?.clone();
        let fits =
            matches!(ty.rank(), 1 | 2) && ty.shape.first().is_some_and(|dim| dim.size() == self.column_count);
        if !fits || ty.dtype != self.values.ty()?.dtype {
            let message =
                format!("a matrix of shape {} of {} times this", self.shape(), self.values.ty()?.dtype);
            let source = tensorwright_ir::op::TypeError::Other(message);
            return Err(Error::refused(caller(), "Sparse::matmul", [ty.into()], source));
        }
        let read = dense.take(&self.columns, 0);
        let factor = if ty.rank() == 1 { self.values.clone() } else { self.values.expand_dims(-1) };
        Ok((read * factor).segment_sum(&self.rows, self.row_count))
    }
}

/// For each of `count` elements the row that it stands in, by the ends of rows.
pub(crate) fn row_numbers(splits: &Tensor, count: usize) -> Tensor {
    let places = Tensor::arange(count, DType::I64);
    splits.searchsorted(places, tensorwright_ir::op::composite::SearchSide::Right).cast(DType::I64) - 1
}
