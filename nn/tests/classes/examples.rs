//! Random configurations of each class, and what they can be called with.

use serde_json::{Value, json};
use tensorwright::prelude::*;
use tensorwright_nn::{Argument, Inputs, Strings};

/// A layer's settings, and the arguments of a call.
pub(super) struct Example {
    pub(super) config: Value,
    pub(super) inputs: Inputs,
}

/// Random choices (Steele et al. 2014, SplitMix64).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn size(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    fn pick(&mut self, choices: &[Value]) -> Value {
        choices[self.size(0, choices.len() - 1)].clone()
    }

    fn flag(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    fn floats(&mut self, shape: &[usize]) -> Tensor {
        RandomKey::new(self.next()).normal(shape, 0.0f32, 1.0)
    }

    fn pixels(&mut self, shape: &[usize]) -> Tensor {
        RandomKey::new(self.next()).uniform(shape, 0.0f32, 255.0)
    }

    fn integers(&mut self, shape: &[usize], below: i64) -> Tensor {
        RandomKey::new(self.next()).randint(shape, 0i64, below)
    }

    fn words(&mut self, shape: &[usize]) -> Strings {
        let words = ["ash", "oak", "elm", "", "a yew, an Oak"];
        let count = shape.iter().product();
        let values = (0..count).map(|_| words[self.size(0, words.len() - 1)].to_owned()).collect();
        Strings { values, shape: shape.to_vec() }
    }

    fn activation(&mut self) -> Value {
        self.pick(&[json!("linear"), json!("relu"), json!("tanh"), json!("sigmoid"), json!("gelu")])
    }

    fn regularizer(&mut self) -> Value {
        let l2 = json!({"class_name": "L2", "config": {"l2": 0.01}});
        self.pick(&[Value::Null, l2])
    }

    /// Images, sequences or volumes with so many axes of pixels, channels last or first.
    fn field(&mut self, axes: usize, first: bool, channels: usize) -> Tensor {
        let mut shape: Vec<usize> = (0..axes).map(|_| self.size(4, 6)).collect();
        shape.insert(if first { 0 } else { axes }, channels);
        shape.insert(0, self.size(1, 2));
        self.floats(&shape)
    }
}

fn format(first: bool) -> Value {
    if first { "channels_first".into() } else { "channels_last".into() }
}

/// How many axes of pixels a class has, by the digit in its name.
fn axes(class: &str) -> usize {
    class.chars().find_map(|c| c.to_digit(10)).map_or(1, |digit| digit as usize)
}

fn example(config: Value, first: impl Into<Argument>) -> Example {
    Example { config, inputs: Inputs::of(first.into()) }
}

/// An example of a class, which must be known here.
pub(super) fn of(class: &str, d: &mut Draw) -> Example {
    let families = [elementwise, fields, images, sequences, attentions, lookups, others];
    families.iter().find_map(|family| family(class, d)).unwrap_or_else(|| panic!("no example of {class}"))
}

fn elementwise(class: &str, d: &mut Draw) -> Option<Example> {
    let x = d.floats(&[2, 3, 4]);
    let config = match class {
        "Activation" => json!({"activation": d.activation()}),
        "ELU" => json!({"alpha": 0.7}),
        "LeakyReLU" => json!({"negative_slope": 0.2}),
        "PReLU" => json!({"shared_axes": d.pick(&[Value::Null, json!([1])])}),
        "ReLU" => json!({"max_value": d.pick(&[Value::Null, json!(1.5)]), "negative_slope": 0.1}),
        "Softmax" => json!({"axis": d.pick(&[json!(-1), json!(1), json!([1, 2])])}),
        "Dropout" | "GaussianDropout" | "AlphaDropout" | "SpatialDropout1D" => json!({"rate": 0.3}),
        "GaussianNoise" => json!({"stddev": 0.5}),
        "ActivityRegularization" => json!({"l1": 0.1, "l2": 0.2}),
        "Flatten" | "Identity" | "UnitNormalization" | "Masking" | "SinePositionEncoding" => json!({}),
        "Permute" => json!({"dims": d.pick(&[json!([2, 1]), json!([1, 2])])}),
        "Reshape" => json!({"target_shape": d.pick(&[json!([12]), json!([4, -1]), json!([2, 2, 3])])}),
        "LayerNormalization" | "RMSNormalization" => json!({"axis": -1, "epsilon": 1e-3}),
        "BatchNormalization" => {
            json!({"axis": d.pick(&[json!(-1), json!(1)]), "center": d.flag(), "scale": d.flag()})
        }
        "GroupNormalization" => json!({"groups": d.pick(&[json!(2), json!(4), json!(-1)])}),
        "Rescaling" => json!({"scale": 0.5, "offset": d.pick(&[json!(1.0), json!([1.0, 2.0, 3.0, 4.0])])}),
        "Normalization" => {
            json!({"mean": [0.1, 0.2, 0.3, 0.4], "variance": [1.0, 2.0, 3.0, 4.0], "invert": d.flag()})
        }
        "Dense" => {
            json!({"units": d.size(1, 5), "activation": d.activation(), "use_bias": d.flag(), "kernel_regularizer": d.regularizer()})
        }
        "EinsumDense" => {
            json!({"equation": "abc,cd->abd", "output_shape": [null, 5], "bias_axes": d.pick(&[Value::Null, json!("d")])})
        }
        "TimeDistributed" => {
            json!({"layer": {"class_name": "Dense", "config": {"units": 3}}})
        }
        "SpectralNormalization" | "WeightNormalization" => {
            json!({"layer": {"class_name": "Dense", "config": {"units": 3}}})
        }
        "PositionEmbedding" => json!({"sequence_length": d.size(3, 6)}),
        "RotaryEmbedding" => json!({"sequence_axis": d.pick(&[json!(1), json!(0)])}),
        "Sequential" => {
            json!({"layers": [{"class_name": "Dense", "config": {"units": 4, "activation": "relu"}}, {"class_name": "Dense", "config": {"units": 2}}]})
        }
        _ => return None,
    };
    Some(example(config, x))
}

fn fields(class: &str, d: &mut Draw) -> Option<Example> {
    let (axes, first) = (axes(class), d.flag());
    let padding = d.pick(&[json!("valid"), json!("same")]);
    let mut config = json!({"data_format": format(first)});
    let mut set = |name: &str, value: Value| config[name] = value;
    let channels = 4;
    if class.starts_with("AdaptiveAverage") || class.starts_with("AdaptiveMax") {
        set("output_size", d.size(2, 3).into());
    } else if class.starts_with("GlobalAverage") || class.starts_with("GlobalMax") {
        set("keepdims", d.flag().into());
    } else if class.starts_with("AveragePooling") || class.starts_with("MaxPooling") {
        set("pool_size", d.size(1, 3).into());
        set("strides", d.pick(&[Value::Null, json!(1), json!(2)]));
        set("padding", padding);
    } else if class.starts_with("ZeroPadding") {
        set("padding", d.size(0, 2).into());
    } else if class.starts_with("Cropping") {
        set("cropping", d.size(0, 1).into());
    } else if class.starts_with("UpSampling") {
        set("size", d.size(1, 3).into());
    } else if class.starts_with("SpatialDropout") && axes > 1 {
        set("rate", json!(0.4));
    } else if class.starts_with("ConvLSTM") {
        return Some(conv_lstm(axes, d));
    } else if class.contains("Conv") {
        set("kernel_size", d.size(1, 3).into());
        set("strides", d.size(1, 2).into());
        set("padding", padding);
        set("activation", d.activation());
        set("use_bias", d.flag().into());
        match class {
            _ if class.starts_with("Depthwise") => set("depth_multiplier", d.size(1, 2).into()),
            _ => set("filters", (2 * d.size(1, 2)).into()),
        }
        if class.starts_with("Conv") && !class.ends_with("Transpose") {
            set("groups", d.size(1, 2).into());
        }
    } else {
        return None;
    }
    if ["UpSampling1D", "UpSampling3D", "Cropping1D", "ZeroPadding1D"].contains(&class) && first {
        // These know no format, or only the other one.
        config["data_format"] = format(false);
        if class.ends_with("1D") {
            config.as_object_mut()?.remove("data_format");
        }
        return Some(example(config, d.field(axes, false, channels)));
    }
    if class == "UpSampling1D" {
        config.as_object_mut()?.remove("data_format");
    }
    Some(example(config, d.field(axes, first, channels)))
}

fn conv_lstm(axes: usize, d: &mut Draw) -> Example {
    let mut shape = vec![2, 3];
    shape.extend((0..axes).map(|_| d.size(3, 4)));
    shape.push(2);
    let config =
        json!({"filters": 2, "kernel_size": d.size(1, 2), "padding": "same", "return_sequences": d.flag()});
    example(config, d.floats(&shape))
}

fn images(class: &str, d: &mut Draw) -> Option<Example> {
    let first = d.flag();
    let mut config = match class {
        "Resizing" => {
            let method = d.pick(&[json!("bilinear"), json!("nearest"), json!("bicubic"), json!("area")]);
            json!({"height": d.size(2, 7), "width": d.size(2, 7), "interpolation": method})
        }
        "CenterCrop" | "RandomCrop" => json!({"height": d.size(2, 7), "width": d.size(2, 7)}),
        "RandomFlip"
        | "MixUp"
        | "CutMix"
        | "AutoContrast"
        | "Equalization"
        | "RandomInvert"
        | "RandomGrayscale"
        | "RandomErasing"
        | "RandomGaussianBlur"
        | "RandomElasticTransform"
        | "RandomPerspective" => json!({}),
        "ContrastLimitedAdaptiveHistogramEqualization" => json!({"tile_grid_size": [2, d.size(1, 3)]}),
        "RandomBrightness"
        | "RandomContrast"
        | "RandomColorDegeneration"
        | "RandomSharpness"
        | "RandomHue"
        | "RandomSaturation" => json!({"factor": d.pick(&[json!(0.3), json!([0.1, 0.6])])}),
        "RandAugment" => json!({"num_ops": d.size(1, 3), "factor": d.pick(&[json!(0.3), json!([0.1, 0.6])])}),
        "AugMix" => json!({"num_chains": d.size(1, 3), "chain_depth": d.size(0, 3), "all_ops": d.flag()}),
        "RandomPosterization" => json!({"factor": d.size(1, 8)}),
        "RandomColorJitter" => {
            json!({"brightness_factor": 0.2, "hue_factor": d.pick(&[Value::Null, json!(0.4)])})
        }
        "Solarization" => json!({"addition_factor": 0.3, "threshold_factor": 0.5}),
        "RandomTranslation" => json!({"height_factor": 0.3, "width_factor": [0.1, 0.2]}),
        "RandomZoom" => json!({"height_factor": 0.3, "width_factor": d.pick(&[Value::Null, json!(0.2)])}),
        "RandomRotation" => json!({"factor": 0.2}),
        "RandomShear" => json!({"x_factor": 0.2, "y_factor": 0.3}),
        _ => return None,
    };
    if ["RandomTranslation", "RandomZoom", "RandomRotation", "RandomShear"].contains(&class) {
        config["fill_mode"] = d.pick(&[json!("constant"), json!("reflect"), json!("wrap"), json!("nearest")]);
        config["interpolation"] = d.pick(&[json!("nearest"), json!("bilinear")]);
    }
    config["data_format"] = format(first);
    let (height, width) = (d.size(4, 6), d.size(4, 6));
    let mut shape = if first { vec![3, height, width] } else { vec![height, width, 3] };
    if d.flag() {
        shape.insert(0, 2);
    }
    Some(example(config, d.pixels(&shape)))
}

fn sequences(class: &str, d: &mut Draw) -> Option<Example> {
    let cell = |name: &str| json!({"class_name": name, "config": {"units": 3}});
    let config = match class {
        "SimpleRNN" | "GRU" | "LSTM" => {
            json!({"units": d.size(1, 4), "return_sequences": d.flag(), "go_backwards": d.flag(), "use_bias": d.flag()})
        }
        "SimpleRNNCell" | "GRUCell" | "LSTMCell" => json!({"units": d.size(1, 4)}),
        "RNN" => {
            json!({"cell": cell(d.pick(&[json!("GRUCell"), json!("LSTMCell")]).as_str()?), "return_sequences": d.flag()})
        }
        "StackedRNNCells" => json!({"cells": [cell("GRUCell"), cell("LSTMCell")]}),
        "Bidirectional" => {
            let layer = json!({"class_name": "GRU", "config": {"units": 2, "return_sequences": d.flag()}});
            json!({"layer": layer, "merge_mode": d.pick(&[json!("concat"), json!("sum"), json!("ave"), json!("mul")])})
        }
        "RepeatVector" => json!({"n": d.size(1, 4)}),
        "STFTSpectrogram" => {
            let mode = d.pick(&[
                json!("log"),
                json!("magnitude"),
                json!("psd"),
                json!("real"),
                json!("angle"),
                json!("stft"),
            ]);
            let config =
                json!({"mode": mode, "frame_length": 8, "frame_step": d.size(2, 6), "expand_dims": d.flag()});
            return Some(example(config, d.floats(&[2, 30, 2])));
        }
        "MelSpectrogram" => {
            let config = json!({"fft_length": 16, "sequence_stride": d.size(3, 8), "num_mel_bins": 4, "sampling_rate": 8000, "power_to_db": d.flag()});
            return Some(example(config, d.floats(&[2, 40])));
        }
        _ => return None,
    };
    let is_step = class.ends_with("Cell") || class.ends_with("Cells") || class == "RepeatVector";
    Some(example(config, if is_step { d.floats(&[2, 4]) } else { d.floats(&[2, 5, 4]) }))
}

fn attentions(class: &str, d: &mut Draw) -> Option<Example> {
    let (query, value) = (d.floats(&[2, 3, 4]), d.floats(&[2, 5, 4]));
    match class {
        "Attention" | "AdditiveAttention" => {
            let config = json!({"dropout": 0.2, "use_scale": d.flag()});
            Some(example(config, vec![query, value]))
        }
        "MultiHeadAttention" | "GroupQueryAttention" => {
            let config = match class {
                "MultiHeadAttention" => {
                    json!({"num_heads": d.size(1, 3), "key_dim": d.size(1, 4), "use_bias": d.flag()})
                }
                _ => {
                    json!({"head_dim": d.size(1, 4), "num_query_heads": 4, "num_key_value_heads": d.pick(&[json!(1), json!(2), json!(4)])})
                }
            };
            let inputs = Inputs::of(query.into()).with("value", value).with("use_causal_mask", d.flag());
            Some(Example { config, inputs })
        }
        "AlibiBias" => Some(example(json!({}), d.floats(&[2, 3, 4, 5]))),
        _ => None,
    }
}

fn lookups(class: &str, d: &mut Draw) -> Option<Example> {
    let mode = d.pick(&[json!("int"), json!("multi_hot"), json!("count")]);
    Some(match class {
        "Embedding" => {
            example(json!({"input_dim": 6, "output_dim": 3, "mask_zero": d.flag()}), d.integers(&[2, 4], 6))
        }
        "ReversibleEmbedding" => {
            example(json!({"input_dim": 6, "output_dim": 3, "tie_weights": d.flag()}), d.integers(&[2, 4], 6))
        }
        "CategoryEncoding" => {
            let mode = if mode == "int" { json!("count") } else { mode };
            example(json!({"num_tokens": 5, "output_mode": mode}), d.integers(&[2, 3], 5))
        }
        "Discretization" => {
            example(json!({"bin_boundaries": [-0.5, 0.0, 1.0], "output_mode": mode}), d.floats(&[2, 3]))
        }
        "IntegerLookup" => {
            let config =
                json!({"vocabulary": [1, 3, 5], "output_mode": mode, "num_oov_indices": d.size(1, 3)});
            example(config, d.integers(&[2, 3], 8))
        }
        "StringLookup" => {
            let config =
                json!({"vocabulary": ["ash", "oak"], "output_mode": mode, "num_oov_indices": d.size(1, 3)});
            example(config, d.words(&[2, 3]))
        }
        "TextVectorization" => example(
            json!({"vocabulary": ["ash", "oak"], "output_mode": mode, "ngrams": d.size(1, 2)}),
            d.words(&[3]),
        ),
        "Hashing" => {
            let config = json!({"num_bins": d.size(1, 9), "salt": d.pick(&[Value::Null, json!(7), json!([1, 2])]), "output_mode": mode});
            if d.flag() {
                example(config, d.words(&[2, 3]))
            } else {
                example(config, d.integers(&[2, 3], 90))
            }
        }
        "HashedCrossing" => {
            let parts = vec![d.words(&[4]).into(), d.integers(&[4], 90).into()];
            example(json!({"num_bins": d.size(1, 9)}), Argument::List(parts))
        }
        _ => return None,
    })
}

fn others(class: &str, d: &mut Draw) -> Option<Example> {
    let pair = |d: &mut Draw| vec![d.floats(&[2, 3, 4]), d.floats(&[2, 3, 4])];
    Some(match class {
        "Add" | "Average" | "Maximum" | "Minimum" | "Multiply" | "Subtract" => example(json!({}), pair(d)),
        "Concatenate" => example(json!({"axis": d.pick(&[json!(-1), json!(1), json!(2)])}), pair(d)),
        "Dot" => example(json!({"axes": d.pick(&[json!(1), json!(2)]), "normalize": d.flag()}), pair(d)),
        "Any" => example(json!({"axis": -1}), d.floats(&[2, 3]).gt(0.0)),
        "NotEqual" => Example {
            config: json!({}),
            inputs: Inputs::of(d.floats(&[2, 3]).into()).with("x2", Argument::Plain(json!(0.0))),
        },
        "Functional" => {
            let tensor = |name: &str| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}});
            let layers = json!([
                {"class_name": "InputLayer", "name": "x", "config": {"batch_shape": [null, 4], "dtype": "float32", "name": "x"}, "inbound_nodes": []},
                {"class_name": "Dense", "name": "a", "config": {"units": 4, "name": "a"}, "inbound_nodes": [{"args": [tensor("x")], "kwargs": {}}]},
                {"class_name": "Add", "name": "b", "config": {"name": "b"}, "inbound_nodes": [{"args": [[tensor("x"), tensor("a")]], "kwargs": {}}]},
            ]);
            let config =
                json!({"layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["b", 0, 0]]});
            example(config, d.floats(&[2, 4]))
        }
        _ => return None,
    })
}
