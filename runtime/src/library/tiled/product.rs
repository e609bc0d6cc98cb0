//! Products as steps of programs: strided batches, with loops around them.

use smallvec::smallvec;
use tensorwright_compiler::program::{OperandForm, Product, ProductLoop, TileSize};

use super::{Packing, TiledKernel};
use crate::library::error::RoutineError;
use crate::library::matmul::{MatMul, MatMulDescriptor, Strides};

/// A product of a program, planned.
#[derive(Debug)]
pub struct ProductKernel {
    plan: MatMul,
    /// Loops around the batch, outermost first.
    outer: Vec<ProductLoop>,
    /// Iterations of these loops.
    runs: u64,
    /// Bytes before the first element of each operand.
    first: [isize; 2],
    element_bytes: [i64; 3],
    /// Rows and columns of the result in tiles.
    grid: [u64; 2],
}

impl ProductKernel {
    /// Nanoseconds of a part that is packed: 64 KiB are read and written.
    const PART_NS: u64 = 8_000;

    /// Plans a product. Fails if there are no such products, or an operand is packed that does not gain by it.
    pub fn plan(product: &Product, forms: &[OperandForm]) -> Result<ProductKernel, RoutineError> {
        let plan = MatMul::plan(&description(product))?;
        let is_packed = |operand: usize| forms.get(operand) == Some(&OperandForm::Packed);
        let plan = match (is_packed(0), is_packed(1)) {
            (false, false) => plan,
            (false, true) => plan.prepacked().ok_or(RoutineError::NotPacked { routine: "matmul" })?,
            (true, _) => return Err(RoutineError::NotPacked { routine: "matmul" }),
        };
        let (rows, columns) = plan.tile_size();
        let bytes = product.input.size() as i64;
        let rhs_offset = if is_packed(1) { 0 } else { product.rhs_offset };
        Ok(ProductKernel {
            plan,
            outer: product.outer.clone(),
            runs: product.outer.iter().map(|l| l.extent).product(),
            first: [product.lhs_offset, rhs_offset].map(|offset| (offset * bytes) as isize),
            element_bytes: [bytes, bytes, product.output.size() as i64],
            grid: [
                product.rows.extent.div_ceil(rows.max(1)),
                product.columns.extent.div_ceil(columns.max(1)),
            ],
        })
    }

    /// See [`MatMul::partial_sums`].
    pub fn partial_sums(&self) -> usize {
        self.plan.partial_sums()
    }

    /// Bytes to add to the operands and the result in an iteration of the outer loops.
    fn outer_offset(&self, mut index: u64) -> [isize; 3] {
        let mut offset = [0i64; 3];
        for l in self.outer.iter().rev() {
            let i = (index % l.extent.max(1)) as i64;
            index /= l.extent.max(1);
            for (sum, (step, bytes)) in
                offset.iter_mut().zip([l.lhs, l.rhs, l.out].into_iter().zip(self.element_bytes))
            {
                *sum += i * step * bytes;
            }
        }
        offset.map(|o| o as isize)
    }
}

impl TiledKernel for ProductKernel {
    fn tiles(&self) -> u64 {
        self.plan.tiles() * self.runs
    }

    /// About 50 multiplications per nanosecond.
    fn tile_ns(&self) -> u64 {
        self.plan.work_per_tile() / 50 + 50
    }

    fn scratch_bytes(&self) -> usize {
        self.plan.scratch_bytes()
    }

    fn tile_size(&self) -> TileSize {
        let (rows, columns) = self.plan.tile_size();
        smallvec![rows, columns]
    }

    fn position(&self, tile: u64) -> u64 {
        let part = self.plan.tile(tile);
        let (rows, columns) = self.plan.tile_size();
        let [down, across] = self.grid;
        (part.batch * down + part.rows.start / rows) * across + part.columns.start / columns
    }

    unsafe fn run_tile(&self, tile: u64, operands: &[*const u8], out: *mut u8, scratch: *mut u8) {
        let [l, r, o] = self.outer_offset(tile / self.plan.tiles());
        let lhs = operands[0].wrapping_offset(self.first[0] + l);
        let rhs = operands[1].wrapping_offset(self.first[1] + r);
        // SAFETY: offsets stay inside the operands, because the product does; the rest is the caller's promise.
        unsafe { self.plan.run_tile(tile % self.plan.tiles(), out.wrapping_offset(o), lhs, rhs, scratch) };
    }

    fn packing(&self, operand: usize) -> Option<Packing> {
        let plan = self.plan.prepacked().filter(|_| operand == 1 && self.outer.is_empty())?;
        Some(Packing { bytes: plan.packed_bytes(), parts: plan.packing_parts(), part_ns: Self::PART_NS })
    }

    unsafe fn pack_part(&self, _operand: usize, part: u64, from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.plan.pack_part(part, from.wrapping_offset(self.first[1]), to) };
    }
}

fn description(product: &Product) -> MatMulDescriptor {
    let loops = [product.batch, product.rows, product.columns, product.depth];
    let [batch, rows, columns, depth] = loops.map(|l| l.extent as usize);
    let Product { batch: b, rows: r, columns: c, depth: d, .. } = product;
    MatMulDescriptor {
        batch,
        rows,
        columns,
        depth,
        input: product.input.into(),
        output: product.output.into(),
        lhs: Strides { batch: b.lhs, row: r.lhs, column: d.lhs },
        rhs: Strides { batch: b.rhs, row: d.rhs, column: c.rhs },
        out: Strides { batch: b.out, row: r.out, column: c.out },
        accumulate: false,
    }
}
