//! Layers that Keras has no cases for, layers of one's own, and layers inside functions and transforms.

use serde_json::json;
use tensorwright::prelude::*;
use tensorwright_nn::layers::{
    AlibiBias, Dense, Embedding, GroupedQueryAttention, HashedCrossing, Hashing, LSTM, Lambda,
    LayerNormalization, MultiHeadAttention, PositionEmbedding, RandomRotation, RotaryEmbedding,
    SinePositionEncoding, StringLookup, WeightNormalization,
};
use tensorwright_nn::{
    Argument, Context, Functional, Initializer, Input, Inputs, Layer, LayerRef, Model, OnSymbols, Plan,
    Policy, Scope, Sequential, Strings, initializers, layer_from_json, register,
};

fn normal(seed: u64, shape: &[usize]) -> Tensor {
    RandomKey::new(seed).normal(shape, 0.0f32, 1.0)
}

#[track_caller]
fn assert_close(left: &Tensor, right: &Tensor, tolerance: f64) {
    assert_eq!(left.shape().unwrap(), right.shape().unwrap());
    let far = (left - right).abs().max(..).cast(DType::F64).item::<f64>().unwrap();
    assert!(far <= tolerance, "{far}");
}

fn words(values: &[&str]) -> Strings {
    Strings { values: values.iter().map(|word| (*word).to_owned()).collect(), shape: vec![values.len()] }
}

/// What `to_hash_bucket_fast` and `to_hash_bucket_strong` of TensorFlow 2.21 give for 2^61 - 1 bins, the latter with the key `[7, 2^40 + 3]`.
const HASHES: [(&str, i64, i64); 16] = [
    ("", 1936946117179621459, 412738600555778447),
    ("a", 1388589064740894184, 2266349973415916341),
    ("ab", 760385211680531747, 795331765390673831),
    ("abc", 334871249046467434, 1099088553904320135),
    ("oak!", 1107712702126599793, 1059486601253770502),
    ("birch7", 2048415142371034396, 1432787672179542538),
    ("a cedar", 1757613001184701695, 1268932917429047661),
    ("eight888", 854852804806684855, 771263554484147486),
    ("nine99999", 314947519800811366, 244043183706361832),
    ("sixteen_letters_", 1456991654223828348, 425419213476468473),
    ("seventeen_letters", 8266392640577664, 386173777045433516),
    ("a sentence that has thirty two..", 1124206478237918781, 511951879830812545),
    ("a sentence that has thirty three.", 2143708535045504467, 2279858311431035995),
    (
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        2304502108871267258,
        919946102378598961,
    ),
    (
        "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
        1717287461779956321,
        979394421421717905,
    ),
    ("käse", 2034639830787870644, 2060777049796898415),
];

#[test]
fn words_are_hashed_as_tensorflow_does() {
    let long = "The quick brown fox jumps over the lazy dog, and then over it again and again until it is very tired indeed; ".repeat(2);
    let longest = "z".repeat(127);
    let more = [
        (&*long, 817500353499480447, 751602176678433884),
        (&*longest, 1448528312177052134, 356987587670381227),
    ];
    let all: Vec<(&str, i64, i64)> = HASHES.into_iter().chain(more).collect();
    let given = words(&all.iter().map(|(word, ..)| *word).collect::<Vec<_>>());
    let bins = 2305843009213693951usize;
    let fast = Hashing::new(bins).layer().infer(given.clone()).unwrap().to_vec::<i64>().unwrap();
    let strong =
        Hashing::new(bins).salt([7, (1 << 40) + 3]).layer().infer(given).unwrap().to_vec::<i64>().unwrap();
    for (i, (word, wanted, keyed)) in all.iter().enumerate() {
        assert_eq!((fast[i], strong[i]), (*wanted, *keyed), "{word:?}");
    }
}

#[test]
fn lookups_and_crossings_use_the_same_functions() {
    let crossed = HashedCrossing::new(1_000_003).layer();
    let parts = vec![Argument::from(words(&["ash", "oak"])), Tensor::from([5i64, -3]).into()];
    assert_eq!(crossed.infer(Argument::List(parts)).unwrap().to_vec::<i64>().unwrap(), [659941, 737381]);
    let salted = Hashing::new(97).salt([133, 137]).layer();
    assert_eq!(
        salted.infer(Tensor::from([[1i64, -2], [3, 400]])).unwrap().to_vec::<i64>().unwrap(),
        [53, 95, 83, 94]
    );
    let masked = Hashing::new(97).mask_value(json!("")).layer();
    assert_eq!(masked.infer(words(&["a", "", "b", "c"])).unwrap().to_vec::<i64>().unwrap(), [4, 0, 23, 41]);
    let unknown = StringLookup::new().vocabulary(["ash"]).num_oov_indices(5).layer();
    assert_eq!(
        unknown.infer(words(&["elm", "fir", "oak", "ash"])).unwrap().to_vec::<i64>().unwrap(),
        [1, 0, 4, 5]
    );
}

/// A transformer of one block, whose layers look at nothing behind a token.
fn transformer(attention: LayerRef) -> LayerRef {
    let tokens = Input::of([None], DType::I32);
    let embedded = Embedding::new(11, 8).on(&tokens);
    let learnt = PositionEmbedding::new(12).on(&embedded);
    let waves = SinePositionEncoding::new().on(&embedded);
    let x = tensorwright_nn::layers::Add::new().on([&embedded, &learnt, &waves]);
    let call = tensorwright_nn::SymbolCall::from(&x).with("value", &x).with_value("use_causal_mask", true);
    let looked = attention.on(call);
    let y = LayerNormalization::new().on(&tensorwright_nn::layers::Add::new().on([&x, &looked]));
    Functional::new([&tokens], [&Dense::new(11).on(&y)]).unwrap().layer()
}

#[test]
fn decoding_step_by_step_gives_what_the_whole_sequence_gives() {
    let attentions: [LayerRef; 7] = [
        MultiHeadAttention::new(2, 4).layer(),
        MultiHeadAttention::new(3, 4).value_dim(5).sliding_window(3).dropout(0.1).layer(),
        GroupedQueryAttention::new(4, 4, 2).layer(),
        GroupedQueryAttention::new(4, 6, 1).use_gate(true).layer(),
        MultiHeadAttention::new(2, 4).rotary_max_wavelength(100.0).layer(),
        MultiHeadAttention::new(3, 4).alibi_bias_max(8.0).layer(),
        GroupedQueryAttention::new(4, 4, 2)
            .rotary_max_wavelength(1e4)
            .alibi_bias_max(2.0)
            .dropout(0.1)
            .layer(),
    ];
    for attention in attentions {
        let model = transformer(attention);
        let tokens = RandomKey::new(5).randint([2, 9], 0i32, 11);
        let whole = model.infer(&tokens).unwrap();
        // First a prompt of four tokens, then one by one, eagerly and compiled.
        let part = |from: usize, to: usize, context: &Context| {
            model.call(tokens.i((.., from..to)), context).unwrap().tensor().unwrap()
        };
        assert_close(&part(0, 4, &Context::inference().decoding(0, 12)), &whole.i((.., ..4)), 1e-5);
        for step in 4..7 {
            let context = Context::inference().decoding(step as i32, 12);
            assert_close(&part(step, step + 1, &context), &whole.i((.., step..step + 1)), 1e-5);
        }
        let own = model.clone();
        let compiled = function(move |(token, place): (Tensor, Tensor)| -> Result<Tensor> {
            own.call(token, &Context::inference().decoding(place, 12))?.tensor()
        });
        for step in 7..9 {
            let y = compiled.call((tokens.i((.., step..step + 1)), Tensor::from(step))).unwrap();
            assert_close(&y, &whole.i((.., step..step + 1)), 1e-5);
        }
        assert_eq!(compiled.trace_count(), 1);
        let behind = Context::inference().decoding(12, 12);
        let refused = model.call(tokens.i((.., ..1)), &behind).err().unwrap().to_string();
        assert!(refused.contains("attention") && refused.contains("not in a sequence of 12"), "{refused}");
    }
}

/// What attention by heads with these two settings is, written out: projections, turns, scores that fall with the distance, a softmax.
fn attended_by_hand(layer: &LayerRef, x: &Tensor, wavelength: f64, slope: f64) -> Tensor {
    let weight = |path: &str| {
        let found = layer.variables().into_iter().find(|(own, _)| own == path);
        found.expect("a weight").1.value()
    };
    let projected = |name: &str| {
        let y = Tensor::einsum(&[x, &weight(&format!("{name}.kernel"))], "bnf,fhd->bnhd");
        y + weight(&format!("{name}.bias"))
    };
    let turn = |x: Tensor| RotaryEmbedding::new().max_wavelength(wavelength).layer().infer(x).unwrap();
    let (query, key, value) = (turn(projected("query")), turn(projected("key")), projected("value"));
    let scores = Tensor::einsum(&[&query, &key], "bnhd,bmhd->bhnm") / 2.0;
    let scores = AlibiBias::new().alibi_bias_max(slope).layer().infer(scores).unwrap();
    let seen = Tensor::einsum(&[&scores.softmax(-1), &value], "bhnm,bmhd->bnhd");
    let output = Tensor::einsum(&[&seen, &weight("attention_output.kernel")], "bnhd,hdf->bnf");
    output + weight("attention_output.bias")
}

#[test]
fn places_in_attention_are_those_of_the_layers_for_them() {
    let x = normal(7, &[2, 5, 6]);
    for dropout in [0.0, 0.3] {
        let layer = MultiHeadAttention::new(2, 4).rotary_max_wavelength(50.0).alibi_bias_max(3.0);
        let layer = layer.dropout(dropout).layer();
        let found = layer.infer(Inputs::from(&x).with("value", &x)).unwrap();
        assert_close(&found, &attended_by_hand(&layer, &x, 50.0, 3.0), 1e-5);
    }
    let said = |layer: MultiHeadAttention, x: &Tensor| {
        layer.layer().infer(Inputs::from(x).with("value", x)).expect_err("refused").to_string()
    };
    let odd = said(MultiHeadAttention::new(2, 3).rotary_max_wavelength(50.0), &x);
    assert!(odd.contains("even length"), "{odd}");
    let images = said(MultiHeadAttention::new(2, 4).alibi_bias_max(8.0), &normal(1, &[1, 2, 3, 4]));
    assert!(images.contains("sequences"), "{images}");
}

#[test]
fn masks_of_attention_are_of_pairs_of_examples_or_of_heads() {
    let x = normal(3, &[2, 4, 6]);
    let layer = MultiHeadAttention::new(3, 2).layer();
    let looked =
        |mask: Tensor| layer.infer(Inputs::from(&x).with("value", &x).with("attention_mask", mask)).unwrap();
    let pairs = RandomKey::new(2).bernoulli([4, 4], 0.5) | Tensor::eye(4, DType::Bool);
    let wanted = looked(pairs.expand_dims(0).broadcast_to([2, 4, 4]));
    assert_close(&looked(pairs.clone()), &wanted, 1e-6);
    assert_close(&looked(pairs.expand_dims([0, 1])), &wanted, 1e-6);
    assert_close(&looked(pairs.expand_dims([0, 1]).broadcast_to([2, 3, 4, 4])), &wanted, 1e-6);
    assert_close(&looked(pairs.cast(DType::I32)), &wanted, 1e-6);
}

#[test]
fn padding_is_remembered_while_decoding() {
    let attention = MultiHeadAttention::new(2, 4).layer();
    let x = normal(3, &[2, 5, 8]);
    let mask = Tensor::from([[false, true, true, true, true], [true, true, true, true, true]]);
    let looking = |x: Tensor, mask: Tensor| {
        Inputs::from(&x).with("value", x).with("value_mask", mask).with("use_causal_mask", true)
    };
    let whole = attention.infer(looking(x.clone(), mask.clone())).unwrap();
    for step in 0..5 {
        let inputs = looking(x.i((.., step..step + 1)), mask.i((.., step..step + 1)));
        let one = attention.call(inputs, &Context::inference().decoding(step, 5)).unwrap().tensor().unwrap();
        // The first step of the first example sees nothing.
        let seen = usize::from(step == 0);
        assert_close(&one.i(seen..), &whole.i((seen.., step..step + 1)), 1e-5);
    }
}

#[test]
fn positions_are_encoded_as_defined() {
    let x = Tensor::zeros((1, 3, 4), DType::F32);
    let waves = SinePositionEncoding::new().max_wavelength(100.0).layer();
    let found = waves.infer(Inputs::from(&x).with("start_index", Tensor::from(2i32))).unwrap();
    let wave = |place: f32, i: usize| {
        let angle = place * 100f32.powf(-((i / 2 * 2) as f32) / 4.0);
        if i.is_multiple_of(2) { angle.sin() } else { angle.cos() }
    };
    let wanted: Vec<f32> = (2..5).flat_map(|place| (0..4).map(move |i| wave(place as f32, i))).collect();
    assert_close(&found, &Tensor::from_slice(&wanted, [1, 3, 4]), 1e-6);

    let x = normal(1, &[2, 5, 3, 4]);
    let rotary = RotaryEmbedding::new().layer();
    let found = rotary.infer(&x).unwrap();
    let wanted = x.swap_axes(1, 2).rotary_embedding([0, 1, 2, 3, 4], 10_000.0).swap_axes(1, 2);
    assert_close(&found, &wanted, 1e-6);
    // Products depend on distances alone.
    let shifted = rotary.infer(Inputs::from(&x).with("start_index", Tensor::from(7i32))).unwrap();
    let products = |x: &Tensor| x.swap_axes(1, 2).matmul(x.transpose([0, 2, 3, 1]));
    assert_close(&products(&found), &products(&shifted), 1e-4);

    let scores = Tensor::zeros((1, 6, 2, 3), DType::F32);
    let bias = AlibiBias::new().layer().infer(&scores).unwrap();
    // Slopes of four heads, and every second one of those of eight.
    let slopes = [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125];
    let row = |slope: f64| [-slope, 0.0, -slope, -2.0 * slope, -slope, 0.0];
    let wanted: Vec<f64> = slopes.into_iter().flat_map(row).collect();
    assert_close(&bias, &Tensor::from_slice(&wanted, [1, 6, 2, 3]).cast(DType::F32), 1e-6);
    let four = AlibiBias::new().layer().infer(Tensor::zeros((1, 4, 3, 3), DType::F32)).unwrap();
    assert_close(&four.squeeze([0]), &Tensor::alibi(4, 3, 3), 1e-6);
}

#[test]
fn normalised_weights_begin_as_the_layer_and_learn_length_and_direction() {
    let plain = Dense::new(3).layer();
    let x = normal(2, &[5, 4]);
    let before = plain.infer(&x).unwrap();
    let normalised = WeightNormalization::new(plain.clone()).layer();
    assert_close(&normalised.infer(&x).unwrap(), &before, 1e-6);
    let variables = normalised.variables();
    let paths: Vec<&str> = variables.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["g", "dense.kernel", "dense.bias"]);
    // Twice as long a direction changes nothing, twice the length everything.
    let kernel = &variables[1].1;
    kernel.assign(kernel.value() * 2.0).unwrap();
    assert_close(&normalised.infer(&x).unwrap(), &before, 1e-5);
    variables[0].1.assign(variables[0].1.value() * 2.0).unwrap();
    assert_close(&normalised.infer(&x).unwrap(), &(before * 2.0), 1e-5);
    // The slope by the kernel is at right angles to it, since its length says nothing.
    let own = normalised.clone();
    let tape = GradientTape::new();
    let loss = own.infer(&x).unwrap().square().sum(..);
    let slopes = tape.gradient_or_error(&loss, &[&kernel.value(), &variables[0].1.value()]).unwrap();
    let along = (&slopes[0] * kernel.value()).sum(0);
    assert_close(&along, &along.zeros_like(), 1e-3);
    assert!(slopes[1].abs().min(..).item::<f32>().unwrap() > 0.0);
}

#[test]
fn closures_are_layers_and_saved_by_name_alone() {
    let file = std::env::temp_dir().join(format!("tensorwright-lambda-{}.model", std::process::id()));
    let nameless = Model::new(Sequential::new().add(Dense::new(2)).add(Lambda::new(|x| x * 2.0)).layer());
    nameless.build(&[Tensor::ones((1, 3), DType::F32)]).unwrap();
    let refused = nameless.save(&file).unwrap_err().to_string();
    assert!(refused.contains("Lambda") && refused.contains("`Lambda::named`"), "{refused}");
    assert!(!file.exists());

    let doubled = Lambda::named("doubled", |x| x * 2.0);
    let model = Model::new(Sequential::new().add(Dense::new(2)).add(doubled).layer());
    let x = normal(4, &[2, 3]);
    model.build(std::slice::from_ref(&x)).unwrap();
    model.save(&file).unwrap();
    let loaded = Model::load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_close(&loaded.predict(&x).unwrap(), &model.predict(&x).unwrap(), 0.0);

    let unknown = layer_from_json(&json!({"class_name": "Lambda", "config": {"function": "nobody"}}));
    assert!(unknown.err().unwrap().to_string().contains("`nobody`"));
    let several = Lambda::of_list(|xs| &xs[0] + &xs[1]).layer();
    assert_eq!(several.infer(vec![x.clone(), x.clone()]).unwrap().shape().unwrap(), &[2, 3].into());
    let one = Lambda::new(|x| x.square()).layer().infer(vec![x.clone(), x]).unwrap_err().to_string();
    assert!(one.contains("lambda: one tensor is wanted, found 2"), "{one}");
}

/// A layer of one's own, with a layer among its settings.
#[derive(Clone, Layer)]
#[layer(class = "Residual")]
struct Residue {
    /// What is added to the input.
    inner: LayerRef,
    /// A factor of it.
    #[layer(default = 0.5)]
    factor: f64,
    /// A weight of its own.
    #[layer(default)]
    start: Initializer,
}

impl Residue {
    fn forward(&self, x: Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        let scale = scope.weight("scale", [x.extent(-1)?], &self.start)?;
        Ok(&x + scope.apply(&self.inner, &x)? * self.factor + scale)
    }
}

/// Settings are not needed.
#[derive(Clone, Layer)]
struct Swap;

impl Swap {
    fn forward(&self, [x, y]: [Tensor; 2], _scope: &Scope<'_>) -> Result<Vec<Tensor>> {
        Ok(vec![y, x])
    }
}

#[test]
fn layers_of_ones_own_are_trained_saved_and_loaded() {
    register::<Residue>();
    let ones = Initializer::from(initializers::Ones);
    let residue = Residue::new(Dense::new(4).layer()).factor(0.25).start(ones);
    let model = Model::new(Sequential::new().add(residue).add(Dense::new(1)).layer());
    let (x, y) = (normal(6, &[32, 4]), normal(7, &[32, 1]));
    let loss = tensorwright_nn::losses::MeanSquaredError;
    model.compile_with(Plan::new(tensorwright_nn::optimizers::Adam::default(), loss));
    let first = model.train_on_batch((x.clone(), y.clone())).unwrap();
    let last = (0..20).map(|_| model.train_on_batch((x.clone(), y.clone())).unwrap()).next_back().unwrap();
    assert!(last < first);
    let file = std::env::temp_dir().join(format!("tensorwright-own-{}.model", std::process::id()));
    model.save(&file).unwrap();
    let loaded = Model::load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_close(&loaded.predict(&x).unwrap(), &model.predict(&x).unwrap(), 0.0);
    let wrong = layer_from_json(&json!({"class_name": "Residual", "config": {"factor": 1.0}})).err().unwrap();
    assert!(wrong.to_string().contains("Residual: `inner`: it is missing"), "{wrong}");
    let refused = Swap::new().layer().infer(&x).unwrap_err().to_string();
    assert!(refused.contains("swap: 2 tensors are wanted, found 1"), "{refused}");
}

#[function]
fn applied(layer: Static<LayerRef>, x: Tensor, times: Tensor) -> Result<Tensor> {
    let (mut x, mut i) = (x, Tensor::from(0i32));
    while i < times {
        x = layer.infer(&x)?;
        i += 1;
    }
    Ok(x)
}

#[test]
fn layers_are_values_inside_functions_and_loops() {
    let layer = Dense::new(4).layer();
    let x = normal(8, &[2, 4]);
    layer.infer(&x).unwrap();
    let three = applied(Static(layer.clone()), x.clone(), Tensor::from(3i32)).unwrap();
    let wanted = (0..3).fold(x, |x, _| layer.infer(&x).unwrap());
    assert_close(&three, &wanted, 1e-5);
}

#[test]
fn layers_under_grad_vmap_and_scan() {
    let network = Sequential::new()
        .add(Dense::new(5).activation(tensorwright_nn::Activation::Tanh))
        .add(Dense::new(1))
        .layer();
    let x = normal(9, &[3, 4]);
    let whole = network.infer(&x).unwrap();

    // vmap: each row by itself.
    let own = network.clone();
    let rows = vmap(move |row: Tensor| -> Result<Tensor> { Ok(own.infer(row.expand_dims(0))?.squeeze([0])) });
    assert_close(&rows.call(x.clone()).unwrap(), &whole, 1e-5);

    // grad by inputs, of the sum, against differences.
    let own = network.clone();
    let slope = grad(move |x: Tensor| -> Result<Tensor> { Ok(own.infer(x)?.sum(..)) });
    let slopes = slope.call(x.clone()).unwrap();
    let step = 1e-2;
    let moved = |by: f64| {
        let shift =
            Tensor::zeros((3, 4), DType::F32).scatter_add(0, [0], Tensor::from([[by as f32, 0.0, 0.0, 0.0]]));
        network.infer(&x + shift).unwrap().sum(..).cast(DType::F64).item::<f64>().unwrap()
    };
    let difference = (moved(step) - moved(-step)) / (2.0 * step);
    let found = f64::from(slopes.i((0, 0)).item::<f32>().unwrap());
    assert!((found - difference).abs() < 1e-2 * (1.0 + difference.abs()), "{found} {difference}");

    // scan: a layer in a loop, differentiated by its weights.
    let cell = Dense::new(4).layer();
    let start = normal(10, &[2, 4]);
    cell.infer(&start).unwrap();
    let own = cell.clone();
    let walked = function(move |(start, xs): (Tensor, Tensor)| -> Result<Tensor> {
        let own = own.clone();
        let (last, _) = scan(start, xs, move |h: Tensor, x: Tensor| -> Result<(Tensor, Tensor)> {
            let h = own.infer(h + x)?.tanh();
            Ok((h.clone(), h))
        })?;
        Ok(last)
    });
    let xs = normal(11, &[6, 2, 4]);
    let wanted = (0..6).fold(start.clone(), |h, t| cell.infer(h + xs.i(t)).unwrap().tanh());
    assert_close(&walked.call((start, xs)).unwrap(), &wanted, 1e-5);
}

#[test]
fn a_recurrent_layer_under_vmap_and_grad() {
    let lstm = LSTM::new(3).layer();
    let x = normal(12, &[2, 5, 4]);
    let whole = lstm.infer(&x).unwrap();
    let own = lstm.clone();
    let rows = vmap(move |x: Tensor| -> Result<Tensor> { Ok(own.infer(x.expand_dims(0))?.squeeze([0])) });
    assert_close(&rows.call(x.clone()).unwrap(), &whole, 1e-5);
    let own = lstm.clone();
    let slope = grad(move |x: Tensor| -> Result<Tensor> { Ok(own.infer(x)?.square().sum(..)) });
    assert!(slope.call(x).unwrap().is_finite().all(..).item::<bool>().unwrap());
}

#[test]
fn mixed_precision_computes_in_bf16_and_keeps_f32() {
    let build = || Sequential::new().add(Dense::new(4)).add(MixedHead::layer());
    let network = build().layer().with_policy(Policy::mixed_bfloat16()).unwrap();
    let x = normal(13, &[2, 3]);
    let y = network.infer(&x).unwrap();
    assert_eq!(y.dtype().unwrap(), DType::F32);
    assert!(network.variables().iter().all(|(_, variable)| variable.ty().dtype == DType::F32));
    let own = network.clone();
    let tape = GradientTape::new();
    let loss = own.infer(&x).unwrap().square().sum(..);
    let weights: Vec<Tensor> = network.variables().iter().map(|(_, variable)| variable.value()).collect();
    for slope in tape.gradient_or_error(&loss, &weights.iter().collect::<Vec<_>>()).unwrap() {
        assert_eq!(slope.dtype().unwrap(), DType::F32);
    }
    let again = layer_from_json(&network.to_json()).unwrap();
    assert_eq!(again.to_json(), network.to_json());
    assert_eq!(again.infer(&x).unwrap().dtype().unwrap(), DType::F32);
}

/// A last layer in full precision.
struct MixedHead;

impl MixedHead {
    fn layer() -> LayerRef {
        Dense::new(2).layer().with_policy(DType::F32).unwrap()
    }
}

#[test]
fn factors_of_one_number_are_both_signs_of_it() {
    let single = RandomRotation::new(0.2).layer();
    assert_eq!(single.config()["factor"], json!([-0.2, 0.2]));
    let pair = RandomRotation::new((0.1, 0.3)).layer();
    assert_eq!(pair.config()["factor"], json!([0.1, 0.3]));
    let wrong = layer_from_json(&json!({"class_name": "RandomRotation", "config": {"factor": "much"}}))
        .err()
        .unwrap();
    assert!(wrong.to_string().contains("a number or two numbers are wanted"), "{wrong}");
}
