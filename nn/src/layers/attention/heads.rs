//! Attention by heads, with projections of queries, keys and values.

use tensorwright::{AttentionOptions, DType, Result, Tensor, keep};

use super::masks::Masks;
use super::memory::remembered;
use super::places::Places;
use crate::layers::activation::masked_softmax;
use crate::{
    AxisList, Constraint, Initializer, Inputs, Layer, Outputs, Regularizer, Scope, Signal, initializers,
    layer,
};

layer! {
    /// Several heads, each of which looks at values through projections of its own (Vaswani et al. 2017). Called with the arguments `query`,
    /// `value`, and perhaps `key`, `query_mask`, `value_mask`, `key_mask`, `attention_mask`, `use_causal_mask`, `return_attention_scores`.
    pub struct MultiHeadAttention(
        /// How many heads there are.
        num_heads: usize,
        /// How long a query and a key of a head are.
        key_dim: usize,
    ) {
        /// How long a value of a head is: as a key if nothing is said.
        value_dim: Option<usize> = None,
        /// The part of the weights that training drops.
        dropout: f64 = 0.0,
        /// Whether projections have biases.
        use_bias: bool = true,
        /// The shape of a result: as a query if nothing is said.
        output_shape: Option<Vec<usize>> = None,
        /// The axes along which is looked: all between batch and features if nothing is said.
        attention_axes: Option<AxisList> = None,
        /// How far a query looks, itself included.
        sliding_window: Option<usize> = None,
        /// Whether results are multiplied by a gate that queries decide.
        use_gate: bool = false,
        /// Turns queries and keys by where they are, as [`RotaryEmbedding`](crate::layers::RotaryEmbedding) does, with this `max_wavelength`; Keras has no such setting.
        rotary_max_wavelength: Option<f64> = None,
        /// Lets scores fall with the distance, as [`AlibiBias`](crate::layers::AlibiBias) does, with this `alibi_bias_max`; Keras has no such setting. The first query
        /// stands where the first key does.
        alibi_bias_max: Option<f64> = None,
        /// The matrices before training.
        kernel_initializer: Initializer = Initializer::default(),
        /// The biases before training.
        bias_initializer: Initializer = initializers::Zeros.into(),
        /// What the matrices add to the loss.
        kernel_regularizer: Option<Regularizer> = None,
        /// What the biases add to the loss.
        bias_regularizer: Option<Regularizer> = None,
        /// What the projections add to the loss.
        activity_regularizer: Option<Regularizer> = None,
        /// What is done to the matrices after each step.
        kernel_constraint: Option<Constraint> = None,
        /// What is done to the biases after each step.
        bias_constraint: Option<Constraint> = None,
    }
}

layer! {
    /// [`MultiHeadAttention`] in which several heads share their keys and values (Ainslie et al. 2023), with the same arguments.
    pub struct GroupedQueryAttention as "GroupQueryAttention"(
        /// How long queries, keys and values of a head are.
        head_dim: usize,
        /// How many heads there are.
        num_query_heads: usize,
        /// How many heads of keys and values there are, of which the number of heads is a multiple.
        num_key_value_heads: usize,
    ) {
        /// The part of the weights that training drops.
        dropout: f64 = 0.0,
        /// Whether projections have biases.
        use_bias: bool = true,
        /// How far a query looks, itself included.
        sliding_window: Option<usize> = None,
        /// Whether results are multiplied by a gate that queries decide.
        use_gate: bool = false,
        /// Turns queries and keys by where they are, as [`RotaryEmbedding`](crate::layers::RotaryEmbedding) does, with this `max_wavelength`; Keras has no such setting.
        rotary_max_wavelength: Option<f64> = None,
        /// Lets scores fall with the distance, as [`AlibiBias`](crate::layers::AlibiBias) does, with this `alibi_bias_max`; Keras has no such setting. The first query
        /// stands where the first key does.
        alibi_bias_max: Option<f64> = None,
        /// The matrices before training.
        kernel_initializer: Initializer = Initializer::default(),
        /// The biases before training.
        bias_initializer: Initializer = initializers::Zeros.into(),
        /// What the matrices add to the loss.
        kernel_regularizer: Option<Regularizer> = None,
        /// What the biases add to the loss.
        bias_regularizer: Option<Regularizer> = None,
        /// What the projections add to the loss.
        activity_regularizer: Option<Regularizer> = None,
        /// What is done to the matrices after each step.
        kernel_constraint: Option<Constraint> = None,
        /// What is done to the biases after each step.
        bias_constraint: Option<Constraint> = None,
    }
}

/// What the two layers have in common.
struct Heads<'l> {
    use_bias: bool,
    kernel_initializer: &'l Initializer,
    bias_initializer: &'l Initializer,
    kernel_regularizer: &'l Option<Regularizer>,
    bias_regularizer: &'l Option<Regularizer>,
    activity_regularizer: &'l Option<Regularizer>,
    kernel_constraint: &'l Option<Constraint>,
    bias_constraint: &'l Option<Constraint>,
    dropout: f64,
    window: Option<usize>,
    places: Places,
}

macro_rules! heads {
    ($layer:expr) => {
        Heads {
            use_bias: $layer.use_bias,
            kernel_initializer: &$layer.kernel_initializer,
            bias_initializer: &$layer.bias_initializer,
            kernel_regularizer: &$layer.kernel_regularizer,
            bias_regularizer: &$layer.bias_regularizer,
            activity_regularizer: &$layer.activity_regularizer,
            kernel_constraint: &$layer.kernel_constraint,
            bias_constraint: &$layer.bias_constraint,
            dropout: $layer.dropout,
            window: $layer.sliding_window,
            places: Places { wavelength: $layer.rotary_max_wavelength, slope: $layer.alibi_bias_max },
        }
    };
}

/// The tensors of a call.
struct Call {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    masks: Masks,
    given: Option<Tensor>,
    scores: bool,
    query_mask: Option<Tensor>,
}

impl Call {
    fn read(inputs: &Inputs, window: Option<usize>, explicit: bool, scope: &Scope<'_>) -> Result<Call> {
        let named = |name: &str| inputs.several(name).into_iter().next();
        let query = inputs.list().into_iter().next();
        let missing = |what: &str| scope.refuse(format!("the argument `{what}` is missing"));
        let query = query.ok_or_else(|| missing("query"))?;
        let value = named("value").ok_or_else(|| missing("value"))?;
        let key = named("key").unwrap_or_else(|| value.clone());
        for (what, signal) in [("query", &query), ("value", &value), ("key", &key)] {
            let (rank, wanted) = (signal.value.rank()?, query.value.rank()?.max(3));
            if rank != wanted {
                let found = signal.value.ty()?;
                return Err(
                    scope.refuse(format!("`{what}` is of {wanted} axes, features last, found {found}"))
                );
            }
        }
        let query_mask = query.mask.clone();
        let masks = Masks {
            query: if explicit { inputs.optional("query_mask").or(query.mask) } else { query.mask },
            value: inputs.optional("value_mask").or(value.mask),
            key: inputs.optional("key_mask"),
            causal: inputs.flag("use_causal_mask"),
            window,
            start: None,
        };
        let given = inputs.optional("attention_mask");
        let given = if explicit { given } else { given.map(|mask| mask.cast(DType::Bool)) };
        let scores = inputs.flag("return_attention_scores");
        Ok(Call { query: query.value, key: key.value, value: value.value, masks, given, scores, query_mask })
    }

    /// Keys and values `T[b, n, h, d]` of all steps so far, if the call is a part of a sequence.
    fn remembered(&mut self, [key, value]: [Tensor; 2], scope: &Scope<'_>) -> Result<[Tensor; 2]> {
        let Some(decoding) = scope.decoding().filter(|_| self.masks.causal) else { return Ok([key, value]) };
        if key.rank()? != 4 {
            return Err(scope.refuse(format!("only sequences go on step by step, found {}", key.ty()?)));
        }
        self.masks.go_on(decoding, scope)?;
        let all = |name, steps| remembered(name, steps, decoding, scope);
        Ok([all("keys", &key)?, all("values", &value)?])
    }
}

impl Heads<'_> {
    /// `x` along its last `bound` axes times a matrix to `outputs`, plus a bias.
    fn projected(
        &self,
        x: &Tensor,
        name: &str,
        bound: usize,
        outputs: &[usize],
        scope: &Scope<'_>,
    ) -> Result<Tensor> {
        let y = self.product(x, name, bound, outputs, scope)?;
        scope.regularize(self.activity_regularizer, &y)?;
        y.ok()
    }

    /// How much of each number of a head is let through, as queries decide.
    fn gate(&self, query: &Tensor, outputs: &[usize], scope: &Scope<'_>) -> Result<Tensor> {
        let gate = self.product(query, "gate", 1, outputs, scope)?.sigmoid();
        scope.regularize(self.activity_regularizer, &gate)?;
        gate.ok()
    }

    fn product(
        &self,
        x: &Tensor,
        name: &str,
        bound: usize,
        outputs: &[usize],
        scope: &Scope<'_>,
    ) -> Result<Tensor> {
        let scope = scope.within(name);
        let sizes = x.shape()?.sizes().to_vec();
        let (free, inner) = sizes.split_at(sizes.len().saturating_sub(bound));
        let (terms, columns): (usize, usize) = (inner.iter().product(), outputs.iter().product());
        let shape: Vec<usize> = inner.iter().chain(outputs).copied().collect();
        let spec = self.kernel_initializer.spec(self.kernel_regularizer, self.kernel_constraint);
        let kernel = scope.weight("kernel", shape, spec)?.reshape([terms, columns]);
        let rows: usize = free.iter().product();
        let result: Vec<usize> = free.iter().chain(outputs).copied().collect();
        let mut y = x.reshape([rows, terms]).matmul(kernel).reshape(result);
        if self.use_bias {
            let spec = self.bias_initializer.spec(self.bias_regularizer, self.bias_constraint);
            y += scope.weight("bias", outputs, spec)?;
        }
        y.ok()
    }

    /// Weighted means of values: `T[b, n, h, d], T[b, m, g, d], T[b, m, g, e] -> T[b, n, h, e]`.
    fn looked(
        &self,
        [query, key, value]: [Tensor; 3],
        call: &Call,
        scope: &Scope<'_>,
    ) -> Result<(Tensor, Option<Signal>)> {
        let [query, key, value] = [query, key, value].map(|x| x.swap_axes(1, 2));
        // As Keras has it: rounded to f32, whatever the dtype is.
        let scale = f64::from((1.0 / (query.extent(-1)? as f64).sqrt()) as f32);
        let (queries, keys) = (query.extent(2)?, key.extent(2)?);
        let mask = call.masks.by_head(queries, keys, call.given.clone(), scope)?;
        let drops = scope.is_training() && self.dropout > 0.0;
        if !call.scores && self.dropout == 0.0 {
            let options = AttentionOptions::new().scale(scale);
            let extents = [query.extent(1)?, queries, keys];
            let options = self.places.options(options, extents, &call.masks, query.dtype()?);
            let found = match mask {
                None => query.attention(&key, &value, options),
                Some(mask) => {
                    let mask = mask.cast(DType::Bool);
                    let found = query.attention(&key, &value, options.mask(mask.clone()));
                    // Who may look at nothing sees the mean of all values.
                    mask.any(keep(-1)).select(found, grouped_mean(&value, &query)?)
                }
            };
            return Ok((found.swap_axes(1, 2), None));
        }
        let repeats = query.extent(1)? / key.extent(1)?.max(1);
        let [key, value] = [key, value].map(|x| if repeats == 1 { x } else { x.repeat([repeats], 1) });
        let extents = [query.extent(1)?, queries, keys];
        let lost = self.places.lost(extents, &call.masks, query.dtype()?);
        let scores = (query * scale).matmul(key.swap_axes(2, 3));
        let scores = lost.map_or_else(|| scores.clone(), |lost| &scores - lost);
        let weights = masked_softmax(&scores, mask.as_ref(), &[3])?;
        let used = if drops { weights.dropout(&scope.key()?, self.dropout) } else { weights.clone() };
        Ok((used.matmul(value).swap_axes(1, 2), Some(Signal { value: weights, mask })))
    }
}

/// The mean of all values of a head, in the shape of the head's result.
fn grouped_mean(value: &Tensor, query: &Tensor) -> Result<Tensor> {
    let mean = value.mean(keep(2));
    let repeats = query.extent(1)? / value.extent(1)?.max(1);
    Ok(if repeats == 1 { mean } else { mean.repeat([repeats], 1) })
}

fn finished(value: Tensor, weights: Option<Signal>, call: Call) -> Outputs {
    let result = Signal { value, mask: call.query_mask };
    match weights.filter(|_| call.scores) {
        Some(weights) => vec![result, weights].into(),
        None => result.into(),
    }
}

impl Layer for MultiHeadAttention {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let heads = heads!(self);
        let mut call = Call::read(inputs, heads.window, false, scope)?;
        let (count, key_dim) = (self.num_heads, self.key_dim);
        let value_dim = self.value_dim.unwrap_or(key_dim);
        let features = call.query.extent(-1)?;
        let query = heads.projected(&call.query, "query", 1, &[count, key_dim], scope)?;
        let key = heads.projected(&call.key, "key", 1, &[count, key_dim], scope)?;
        let gate = self.use_gate.then(|| heads.gate(&call.query, &[count, value_dim], scope)).transpose()?;
        let value = heads.projected(&call.value, "value", 1, &[count, value_dim], scope)?;
        let [query, key] = heads.places.turned([query, key], call.masks.causal, scope)?;
        let [key, value] = call.remembered([key, value], scope)?;
        let (mut y, weights) = self.looked([query, key, value], &mut call, &heads, scope)?;
        if let Some(gate) = gate {
            y *= gate;
        }
        let outputs = self.output_shape.clone().unwrap_or_else(|| vec![features]);
        Ok(finished(heads.projected(&y, "attention_output", 2, &outputs, scope)?, weights, call))
    }

    fn low_rank(&self) -> &'static [&'static str] {
        &["query.kernel", "value.kernel"]
    }
}

impl MultiHeadAttention {
    /// Attention along the axes that the layer is told: others join the batch.
    fn looked(
        &self,
        qkv: [Tensor; 3],
        call: &mut Call,
        heads: &Heads<'_>,
        scope: &Scope<'_>,
    ) -> Result<(Tensor, Option<Signal>)> {
        let rank = qkv[0].rank()?;
        if rank == 4 {
            return heads.looked(qkv, call, scope);
        }
        let axes = match &self.attention_axes {
            Some(axes) => axes.of(rank - 1)?,
            None => (1..rank - 2).collect(),
        };
        if axes != (1..rank - 2).collect::<Vec<_>>() {
            return self.looked_apart(qkv, &axes, call, heads, scope);
        }
        self.looked_at_all(qkv, call, heads, scope)
    }

    /// Attention along all axes between batch and heads: they become one, and two groups of axes of the weights.
    fn looked_at_all(
        &self,
        qkv: [Tensor; 3],
        call: &Call,
        heads: &Heads<'_>,
        scope: &Scope<'_>,
    ) -> Result<(Tensor, Option<Signal>)> {
        let sizes = qkv[0].shape()?.sizes().to_vec();
        let keys = qkv[1].shape()?.sizes().to_vec();
        let rank = sizes.len();
        let query = qkv[0].flatten(1, rank - 2);
        let [key, value] = [&qkv[1], &qkv[2]].map(|x| x.flatten(1, rank - 2));
        let scale = 1.0 / (self.key_dim as f64).sqrt();
        let [query, key, value] = [query * scale, key, value].map(|x| x.swap_axes(1, 2));
        let (of_queries, of_keys) = (&sizes[1..rank - 2], &keys[1..rank - 2]);
        let shape: Vec<usize> =
            sizes[..1].iter().chain([&self.num_heads]).chain(of_queries).chain(of_keys).copied().collect();
        let scores = query.matmul(key.swap_axes(2, 3)).reshape(&shape[..]);
        let mask = call.masks.joined(sizes[1], keys[1], call.given.clone())?;
        let (batch_and_heads, wide) = (2, shape.len());
        let mask = match mask {
            Some(mask) => {
                let missing = wide - mask.rank()?;
                Some(mask.expand_dims((1..=missing).collect::<Vec<_>>()))
            }
            None => None,
        };
        let normed: Vec<i64> = (batch_and_heads + of_queries.len()..wide).map(|axis| axis as i64).collect();
        let weights = masked_softmax(&scores, mask.as_ref(), &normed)?;
        let drops = scope.is_training() && heads.dropout > 0.0;
        let used = if drops { weights.dropout(&scope.key()?, heads.dropout) } else { weights.clone() };
        let (n, m): (usize, usize) = (of_queries.iter().product(), of_keys.iter().product());
        let y = used.reshape([sizes[0], self.num_heads, n, m]).matmul(value).swap_axes(1, 2);
        let mut result = sizes;
        result[rank - 1] = y.extent(-1)?;
        Ok((y.reshape(result), Some(Signal { value: weights, mask })))
    }

    /// Attention along one of several axes: the others join the batch.
    fn looked_apart(
        &self,
        qkv: [Tensor; 3],
        axes: &[usize],
        call: &mut Call,
        heads: &Heads<'_>,
        scope: &Scope<'_>,
    ) -> Result<(Tensor, Option<Signal>)> {
        let [axis] = axes else {
            return Err(scope.refuse("attention is along one axis, or along all between batch and features"));
        };
        // [b, .., n, .., h, d] becomes [b, .., n, h, d], and then [b * .., n, h, d].
        let rank = qkv[0].rank()?;
        let moved = qkv.map(|x| x.move_axis(*axis, rank - 3));
        let sizes = moved[0].shape()?.sizes().to_vec();
        let batch: usize = sizes[..rank - 3].iter().product();
        let folded = |x: &Tensor| -> Result<Tensor> {
            let own = x.shape()?.sizes();
            Ok(x.reshape([batch, own[rank - 3], own[rank - 2], own[rank - 1]]))
        };
        let [query, key, value] = [&moved[0], &moved[1], &moved[2]].map(folded);
        if let Some(mask) = call.given.take() {
            // [b, .., n, m], axes of extent 1 behind the batch if there are fewer.
            let missing: Vec<usize> = (1..rank.saturating_sub(mask.rank()?)).collect();
            let mask = if missing.is_empty() { mask } else { mask.expand_dims(missing) };
            let (n, m) = (mask.extent(-2)?, mask.extent(-1)?);
            let whole: Vec<usize> = sizes[..rank - 3].iter().copied().chain([n, m]).collect();
            call.given = Some(mask.broadcast_to(whole).reshape([batch, n, m]));
        }
        let (y, weights) = heads.looked([query?, key?, value?], call, scope)?;
        let unfolded: Vec<usize> = sizes[..rank - 1].iter().copied().chain([y.extent(-1)?]).collect();
        let y = y.reshape(unfolded).move_axis(rank - 3, *axis);
        let weights = match weights {
            Some(weights) => {
                let own = weights.value.shape()?.sizes();
                let shape: Vec<usize> =
                    sizes[..rank - 3].iter().copied().chain(own[1..].iter().copied()).collect();
                Some(Signal { value: weights.value.reshape(shape), mask: weights.mask })
            }
            None => None,
        };
        Ok((y, weights))
    }
}

impl Layer for GroupedQueryAttention {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        if self.num_key_value_heads == 0 || !self.num_query_heads.is_multiple_of(self.num_key_value_heads) {
            return Err(
                scope.refuse("the number of heads is no multiple of that of heads of keys and values")
            );
        }
        let heads = heads!(self);
        let mut call = Call::read(inputs, heads.window, true, scope)?;
        let features = call.query.extent(-1)?;
        let (own, shared) =
            ([self.num_query_heads, self.head_dim], [self.num_key_value_heads, self.head_dim]);
        let query = heads.projected(&call.query, "query", 1, &own, scope)?;
        let key = heads.projected(&call.key, "key", 1, &shared, scope)?;
        let gate = self.use_gate.then(|| heads.gate(&call.query, &own, scope)).transpose()?;
        let value = heads.projected(&call.value, "value", 1, &shared, scope)?;
        let [query, key] = heads.places.turned([query, key], call.masks.causal, scope)?;
        let [key, value] = call.remembered([key, value], scope)?;
        let (mut y, weights) = heads.looked([query, key, value], &call, scope)?;
        if let Some(gate) = gate {
            y *= gate;
        }
        let outputs =
            finished(heads.projected(&y, "attention_output", 2, &[features], scope)?, weights, call);
        // Keras counts what the layer gives once more, here alone.
        scope.regularize_all(&self.activity_regularizer, &outputs)?;
        Ok(outputs)
    }

    fn low_rank(&self) -> &'static [&'static str] {
        &["query.kernel", "value.kernel"]
    }
}
