//! Recurrent networks: a cell over time, in one direction or both.

use tensorwright::{DType, Tensor, scan};

use super::Apply;
use crate::onnx::call::{Call, Results, natural, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("RNN", |call| run(call, &Kind { gates: 1, cell: None, names: &["Tanh"], matrix: plain }, rnn_cell)),
    ("GRU", |call| {
        run(call, &Kind { gates: 3, cell: None, names: &["Sigmoid", "Tanh"], matrix: plain }, gru_cell)
    }),
    ("LSTM", |call| lstm(call, plain)),
];

/// With matrices that are read this way.
pub(super) fn lstm(call: &Call<'_>, matrix: ReadMatrix) -> Results {
    run(call, &Kind { gates: 4, cell: Some(6), names: &["Sigmoid", "Tanh", "Tanh"], matrix }, lstm_cell)
}

/// What tells one kind of network from the others.
struct Kind {
    gates: usize,
    /// Which input is the first cell state, if there is one.
    cell: Option<usize>,
    /// Activations of one direction, if nothing is said.
    names: &'static [&'static str],
    matrix: ReadMatrix,
}

/// The matrix of a direction at an input, which the states or the steps are multiplied with.
pub(super) type ReadMatrix = fn(&Call<'_>, usize, usize) -> Result<Matrix, Reason>;

fn plain(call: &Call<'_>, position: usize, direction: usize) -> Result<Matrix, Reason> {
    Ok(Matrix::Plain(call.tensor(position)?.i(direction).t()))
}

/// What rows are multiplied with.
pub(super) enum Matrix {
    Plain(Tensor),
    /// Integers less their zero points in i32, and scales of all or of columns: rows are quantised before the product.
    Quantized {
        integers: Tensor,
        scale: Tensor,
    },
}

impl Matrix {
    fn times(&self, x: &Tensor) -> Tensor {
        match self {
            Matrix::Plain(matrix) => x.matmul(matrix),
            Matrix::Quantized { integers, scale } => {
                let (rows_scale, rows) = super::quantize::centred_by_range(x);
                rows.matmul(integers).cast(DType::F32) * (rows_scale * scale)
            }
        }
    }

    fn columns(&self, range: std::ops::Range<usize>) -> Matrix {
        match self {
            Matrix::Plain(matrix) => Matrix::Plain(matrix.i((.., range))),
            Matrix::Quantized { integers, scale } => Matrix::Quantized {
                scale: if scale.rank().is_ok_and(|rank| rank > 0) {
                    scale.i(range.clone())
                } else {
                    scale.clone()
                },
                integers: integers.i((.., range)),
            },
        }
    }
}

/// The weights of one direction.
struct Weights {
    /// `[input, gates * hidden]`
    kernel: Matrix,
    /// `[hidden, gates * hidden]`
    recurrent: Matrix,
    /// Both `[gates * hidden]`.
    bias: Option<(Tensor, Tensor)>,
    /// `[3 * hidden]`
    peepholes: Option<Tensor>,
    activations: Vec<Activation>,
    clip: Option<f64>,
    hidden: usize,
    /// LSTM: the forget gate is what the input gate leaves. GRU: the reset gate is behind the product.
    coupled: bool,
}

/// An activation with its numbers.
#[derive(Clone)]
pub(super) struct Activation {
    pub(super) name: String,
    pub(super) alpha: Option<f64>,
    pub(super) beta: Option<f64>,
}

impl Activation {
    pub(super) fn apply(&self, x: &Tensor) -> Tensor {
        let (alpha, beta) = (|default| self.alpha.unwrap_or(default), |default| self.beta.unwrap_or(default));
        match self.name.as_str() {
            "relu" => x.relu(),
            "tanh" => x.tanh(),
            "sigmoid" => x.sigmoid(),
            "affine" => x * alpha(1.0) + beta(0.0),
            "leakyrelu" => x.leaky_relu(alpha(0.01)),
            "thresholdedrelu" => x.gt(alpha(1.0)).select(x, 0),
            "scaledtanh" => (x * beta(1.0)).tanh() * alpha(1.0),
            "hardsigmoid" => (x * alpha(0.2) + beta(0.5)).clamp(0, 1),
            "elu" => x.elu(alpha(1.0)),
            "softsign" => x.softsign(),
            _ => x.softplus(),
        }
    }

    pub(super) fn known(name: &str) -> bool {
        const NAMES: [&str; 11] = [
            "relu",
            "tanh",
            "sigmoid",
            "affine",
            "leakyrelu",
            "thresholdedrelu",
            "scaledtanh",
            "hardsigmoid",
            "elu",
            "softsign",
            "softplus",
        ];
        NAMES.contains(&name)
    }
}

impl Weights {
    /// Those of a direction.
    fn of(call: &Call<'_>, kind: &Kind, direction: usize, directions: usize) -> Result<Weights, Reason> {
        let hidden = match call.maybe_int("hidden_size")? {
            Some(hidden) => natural("hidden_size", hidden)?,
            None => *sizes(call.tensor(2)?)?.last().unwrap_or(&0),
        };
        let own = |position: usize| -> Result<Option<Tensor>, Reason> {
            Ok(call.maybe(position)?.map(|x| x.i(direction)))
        };
        let bias = own(3)?.map(|both| {
            let parts = both.chunk(2, 0);
            (parts[0].clone(), parts[parts.len() - 1].clone())
        });
        let coupled =
            call.flag(if kind.gates == 3 { "linear_before_reset" } else { "input_forget" }, false)?;
        Ok(Weights {
            kernel: (kind.matrix)(call, 1, direction)?,
            recurrent: (kind.matrix)(call, 2, direction)?,
            bias,
            peepholes: if kind.cell.is_some() { own(7)? } else { None },
            activations: activations(call, kind, direction, directions)?,
            clip: call.maybe_float("clip")?,
            hidden,
            coupled,
        })
    }

    /// The gates as the activations see them.
    fn clipped(&self, x: Tensor) -> Tensor {
        match self.clip {
            Some(bound) => x.clamp(-bound, bound),
            None => x,
        }
    }

    fn gate(&self, gates: &Tensor, at: usize) -> Tensor {
        gates.i((.., at * self.hidden..(at + 1) * self.hidden))
    }

    fn peephole(&self, at: usize, cell: &Tensor) -> Option<Tensor> {
        self.peepholes.as_ref().map(|all| all.i(at * self.hidden..(at + 1) * self.hidden) * cell)
    }

    fn activated(&self, at: usize, x: Tensor) -> Tensor {
        self.activations[at].apply(&self.clipped(x))
    }
}

/// Activations of a direction; numbers are handed out to those that take some, in order.
fn activations(
    call: &Call<'_>,
    kind: &Kind,
    direction: usize,
    directions: usize,
) -> Result<Vec<Activation>, Reason> {
    let said = call.words("activations")?.filter(|names| !names.is_empty());
    let names: Vec<String> = match said {
        Some(names) => names.iter().map(|name| name.to_lowercase()).collect(),
        None => kind
            .names
            .iter()
            .cycle()
            .take(kind.names.len() * directions)
            .map(|name| name.to_lowercase())
            .collect(),
    };
    if names.len() != kind.names.len() * directions {
        return Err(Reason::attribute("activations", format!("has {} names", names.len())));
    }
    if let Some(unknown) = names.iter().find(|name| !Activation::known(name)) {
        return Err(call.unknown_word("activations", unknown));
    }
    let mut alphas = call.float_list("activation_alpha")?.unwrap_or_default().into_iter().map(f64::from);
    let mut betas = call.float_list("activation_beta")?.unwrap_or_default().into_iter().map(f64::from);
    let takes = |name: &str, others: &[&str]| others.contains(&name);
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        let alpha =
            takes(&name, &["affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu"]);
        let beta = takes(&name, &["affine", "scaledtanh", "hardsigmoid"]);
        all.push(Activation {
            alpha: if alpha { alphas.next() } else { None },
            beta: if beta { betas.next() } else { None },
            name,
        });
    }
    let count = kind.names.len();
    Ok(all[direction * count..(direction + 1) * count].to_vec())
}

/// One step: the product of the input with the kernel, and the states before; the states behind.
type Cell = fn(&Weights, Tensor, &Tensor, &Tensor) -> (Tensor, Tensor);

fn rnn_cell(w: &Weights, x: Tensor, h: &Tensor, c: &Tensor) -> (Tensor, Tensor) {
    let sum = x + w.recurrent.times(h);
    let sum = if let Some((_, bias)) = &w.bias { sum + bias } else { sum };
    (w.activated(0, sum), c.clone())
}

fn gru_cell(w: &Weights, x: Tensor, h: &Tensor, c: &Tensor) -> (Tensor, Tensor) {
    let product = w.recurrent.times(h);
    let product = if let Some((_, bias)) = &w.bias { product + bias } else { product };
    let update = w.activated(0, w.gate(&x, 0) + w.gate(&product, 0));
    let reset = w.activated(0, w.gate(&x, 1) + w.gate(&product, 1));
    let memory = if w.coupled {
        reset * w.gate(&product, 2)
    } else {
        let product = w.recurrent.columns(2 * w.hidden..3 * w.hidden).times(&(reset * h));
        if let Some((_, bias)) = &w.bias { product + bias.i(2 * w.hidden..3 * w.hidden) } else { product }
    };
    let new = w.activated(1, w.gate(&x, 2) + memory);
    ((1 - &update) * new + update * h, c.clone())
}

/// Gates in the order input, output, forget, cell.
fn lstm_cell(w: &Weights, x: Tensor, h: &Tensor, c: &Tensor) -> (Tensor, Tensor) {
    let sum = x + w.recurrent.times(h);
    let sum = if let Some((_, bias)) = &w.bias { sum + bias } else { sum };
    let seen = |gate: Tensor, at: usize, cell: &Tensor| match w.peephole(at, cell) {
        Some(more) => gate + more,
        None => gate,
    };
    let input = w.activated(0, seen(w.gate(&sum, 0), 0, c));
    let forget = if w.coupled { 1 - &input } else { w.activated(0, seen(w.gate(&sum, 2), 2, c)) };
    let cell = forget * c + input * w.activated(1, w.gate(&sum, 3));
    let output = w.activated(0, seen(w.gate(&sum, 1), 1, &cell));
    let hidden = output * w.activations[2].apply(&cell);
    (hidden, cell)
}

fn run(call: &Call<'_>, kind: &Kind, cell: Cell) -> Results {
    let batch_first = call.flag("layout", false)?;
    let x = call.tensor(0)?;
    let x = if batch_first { x.swap_axes(0, 1) } else { x.clone() };
    let [time, batch, _] = sizes(&x)?[..] else {
        return Err(Reason::other(format!("steps of batches of rank 3, found {}", x.ty()?)));
    };
    let reversed: &[bool] = match call.word("direction", "forward")? {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => return Err(call.unknown_word("direction", other)),
    };
    // Whether a step is within its sequence.
    let within = match call.maybe(4)? {
        Some(lengths) => {
            let steps = Tensor::arange(time, DType::I64).reshape([time, 1, 1]);
            Some(steps.lt(lengths.cast(DType::I64).reshape([1, batch, 1])))
        }
        None => None,
    };
    let (mut steps, mut hidden, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for (direction, &reversed) in reversed.iter().enumerate() {
        let weights = Weights::of(
            call,
            kind,
            direction,
            if call.word("direction", "forward")? == "bidirectional" { 2 } else { 1 },
        )?;
        let first = |position: Option<usize>| -> Result<Tensor, Reason> {
            let given = position.map(|position| call.maybe(position)).transpose()?.flatten();
            Ok(match given {
                Some(state) if batch_first => state.i((.., direction)),
                Some(state) => state.i(direction),
                None => Tensor::zeros([batch, weights.hidden], x.dtype()?),
            })
        };
        let states = (first(Some(5))?, first(kind.cell)?);
        let (h, c, ys) = Direction { weights, reversed, within: within.clone() }.run(&x, states, cell)?;
        steps.push(ys);
        hidden.push(h);
        cells.push(c);
    }
    let at = if batch_first { 1 } else { 0 };
    let ys = Tensor::stack(&steps, 1);
    let ys = if batch_first { ys.transpose([2, 0, 1, 3]) } else { ys };
    let mut results = vec![ys.into(), Tensor::stack(&hidden, at).into()];
    if kind.cell.is_some() {
        results.push(Tensor::stack(&cells, at).into());
    }
    Ok(results)
}

/// One direction of a network.
struct Direction {
    weights: Weights,
    reversed: bool,
    within: Option<Tensor>,
}

impl Direction {
    /// The last states, and the hidden state of each step in the order of time.
    fn run(
        self,
        x: &Tensor,
        (h, c): (Tensor, Tensor),
        cell: Cell,
    ) -> Result<(Tensor, Tensor, Tensor), Reason> {
        let turned = |x: Tensor| if self.reversed { x.reverse([0usize]) } else { x };
        let w = &self.weights;
        let product = w.kernel.times(x);
        let product = if let Some((bias, _)) = &w.bias { product + bias } else { product };
        let xs = turned(product);
        let Some(within) = self.within.clone().map(turned) else {
            let body = |(h, c): (Tensor, Tensor), x: Tensor| {
                let (h, c) = cell(w, x, &h, &c);
                ((h.clone(), c), h)
            };
            let ((h, c), ys) = scan((h, c), xs, body)?;
            return Ok((h, c, turned(ys)));
        };
        let body = |(h, c): (Tensor, Tensor), (x, within): (Tensor, Tensor)| {
            let (new_h, new_c) = cell(w, x, &h, &c);
            let y = within.select(&new_h, 0);
            ((within.select(&new_h, &h), within.select(&new_c, &c)), y)
        };
        let ((h, c), ys) = scan((h, c), (xs, within), body)?;
        Ok((h, c, turned(ys)))
    }
}
