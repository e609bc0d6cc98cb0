//! Cells of recurrent networks: one step in time, for a batch.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Shape, TensorType, Value, attributes};

/// What the operands of a cell with `gates` gates agree in.
struct Cell {
    units: usize,
}

impl Cell {
    /// Checks `x [b, i]`, states `[b, u]`, a kernel `[i, gates u]`, a recurrent kernel `[u, gates u]` and a bias of `bias_rows` rows of `gates u`.
    fn check(
        b: &Builder,
        operands: &[Value],
        states: usize,
        gates: usize,
        bias: impl FnOnce(usize) -> Shape,
    ) -> Result<Cell, TypeError> {
        let types: Vec<TensorType> = operands.iter().map(|&x| b.type_of(x)).collect();
        let refs: Vec<&TensorType> = types.iter().collect();
        rule::require_class(&refs, 0, DTypeClass::Float)?;
        for other in 1..refs.len() {
            rule::same_dtype(&refs, 0, other)?;
        }
        let (x, state) = (&types[0].shape, &types[1].shape);
        if x.rank() != 2 || state.rank() != 2 {
            let reason = format!("input and state must be matrices, found {} and {}", types[0], types[1]);
            return Err(TypeError::Other(reason));
        }
        let (batch, inputs, units) = (x.size(0), x.size(1), state.size(1));
        let mut expected: Vec<(&str, Shape)> = vec![("state", [batch, units].into()); states];
        expected.push(("kernel", [inputs, gates * units].into()));
        expected.push(("recurrent kernel", [units, gates * units].into()));
        expected.push(("bias", bias(gates * units)));
        for ((what, shape), ty) in expected.iter().zip(&types[1..]) {
            if *shape != ty.shape {
                return Err(TypeError::Other(format!("the {what} must have shape {shape}, found {ty}")));
            }
        }
        Ok(Cell { units })
    }

    /// Columns of gate `k`.
    fn gate(&self, b: &mut Builder, all: Value, k: usize) -> Result<Value, BuildError> {
        b.section(all, 1, k * self.units, (k + 1) * self.units)
    }

    fn sampled(
        draw: &mut Draw<'_>,
        hint: &TensorType,
        states: usize,
        gates: usize,
        bias: fn(usize) -> Shape,
    ) -> Vec<Operand> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let (batch, inputs, units) = (draw.below(4), 1 + draw.below(3), 1 + draw.below(3));
        let mut shapes: Vec<Shape> = vec![[batch, inputs].into()];
        shapes.extend(vec![Shape::from([batch, units]); states]);
        shapes.push([inputs, gates * units].into());
        shapes.push([units, gates * units].into());
        shapes.push(bias(gates * units));
        shapes.into_iter().map(|shape| Operand::moderate(TensorType::new(dtype, shape))).collect()
    }
}

/// `x kernel + bias`, a bias along the last axis.
fn dense(b: &mut Builder, x: Value, kernel: Value, bias: Value) -> Result<Value, BuildError> {
    let product = b.matmul(x, kernel)?;
    let shape = b.shape(product);
    let bias = b.broadcast_in_dim(bias, shape, [1])?;
    b.add(product, bias)
}

attributes! {
    /// A step of a simple recurrent network: `tanh(x kernel + h recurrent + bias)`.
    ///
    /// Operands `x, h, kernel, recurrent, bias`: `T[b, i], T[b, u], T[i, u], T[u, u], T[u] -> T[b, u]`, floats.
    pub struct RnnCell {}
}

impl CompositeDef for RnnCell {
    const NAME: &'static str = "rnn_cell";
    const ARITY: Arity = Arity::Exact(5);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        Cell::check(b, x, 1, 1, |n| [n].into())?;
        let own = dense(b, x[0], x[2], x[4])?;
        let before = b.matmul(x[1], x[3])?;
        let sum = b.add(own, before)?;
        Ok(smallvec![b.tanh(sum)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RnnCell> {
        Sample::epsilons(RnnCell {}, 256, Cell::sampled(draw, hint, 1, 1, |n| [n].into()))
    }
}

attributes! {
    /// A step of long short-term memory (Hochreiter and Schmidhuber 1997, Gers et al. 2000): the next state `h` and the next memory `c`.
    ///
    /// Operands `x, h, c, kernel, recurrent, bias`: `T[b, i], T[b, u], T[b, u], T[i, 4u], T[u, 4u], T[4u] -> T[b, u], T[b, u]`, floats. Columns are those of the input gate, the
    /// forget gate, the candidate and the output gate, as in Keras and PyTorch: `c' = sigmoid(f) c + sigmoid(i) tanh(g)`, `h' = sigmoid(o) tanh(c')`.
    pub struct LstmCell {}
}

impl CompositeDef for LstmCell {
    const NAME: &'static str = "lstm_cell";
    const ARITY: Arity = Arity::Exact(6);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let cell = Cell::check(b, x, 2, 4, |n| [n].into())?;
        let own = dense(b, x[0], x[3], x[5])?;
        let before = b.matmul(x[1], x[4])?;
        let gates = b.add(own, before)?;
        let gate = |b: &mut Builder, k| cell.gate(b, gates, k);
        let (input, forget) = (gate(b, 0)?, gate(b, 1)?);
        let (candidate, output) = (gate(b, 2)?, gate(b, 3)?);
        let (input, forget, output) = (b.logistic(input)?, b.logistic(forget)?, b.logistic(output)?);
        let candidate = b.tanh(candidate)?;
        let (kept, new) = (b.mul(forget, x[2])?, b.mul(input, candidate)?);
        let memory = b.add(kept, new)?;
        let shown = b.tanh(memory)?;
        Ok(smallvec![b.mul(output, shown)?, memory])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<LstmCell> {
        Sample::epsilons(LstmCell {}, 256, Cell::sampled(draw, hint, 2, 4, |n| [n].into()))
    }
}

attributes! {
    /// A step of a gated recurrent unit (Cho et al. 2014), its reset after the recurrent product as in Keras' default and PyTorch.
    ///
    /// Operands `x, h, kernel, recurrent, bias`: `T[b, i], T[b, u], T[i, 3u], T[u, 3u], T[2, 3u] -> T[b, u]`, floats. Columns are those of the update gate, the reset gate and the
    /// candidate; the rows of the bias belong to the two products. `h' = z h + (1 - z) tanh(x_n + r h_n)`.
    pub struct GruCell {}
}

impl CompositeDef for GruCell {
    const NAME: &'static str = "gru_cell";
    const ARITY: Arity = Arity::Exact(5);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let cell = Cell::check(b, x, 1, 3, |n| [2, n].into())?;
        let bias = |b: &mut Builder, k: usize| {
            let row = b.section(x[4], 0, k, k + 1)?;
            b.reshape(row, Shape::from([3 * cell.units]))
        };
        let (own_bias, recurrent_bias) = (bias(b, 0)?, bias(b, 1)?);
        let (own, before) = (dense(b, x[0], x[2], own_bias)?, dense(b, x[1], x[3], recurrent_bias)?);
        let gate = |b: &mut Builder, k: usize| {
            let (own, before) = (cell.gate(b, own, k)?, cell.gate(b, before, k)?);
            let sum = b.add(own, before)?;
            b.logistic(sum)
        };
        let (update, reset) = (gate(b, 0)?, gate(b, 1)?);
        let (own, before) = (cell.gate(b, own, 2)?, cell.gate(b, before, 2)?);
        let recalled = b.mul(reset, before)?;
        let sum = b.add(own, recalled)?;
        let candidate = b.tanh(sum)?;
        // candidate + z (h - candidate)
        let difference = b.sub(x[1], candidate)?;
        let kept = b.mul(update, difference)?;
        Ok(smallvec![b.add(candidate, kept)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<GruCell> {
        Sample::epsilons(GruCell {}, 256, Cell::sampled(draw, hint, 1, 3, |n| [2, n].into()))
    }
}
