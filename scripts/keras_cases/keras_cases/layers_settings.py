"""Settings of layers that the other files leave at their defaults."""

import numpy as np

from .engine import L, LayerSpec, N, family, keras
from .layers_dense import FIRST, LAST, image

ACTS = ("relu6", "leaky_relu", "softsign", "exponential", "linear", "celu", "silu", "hard_silu", "log_softmax", "hard_tanh", "tanh_shrink",
        "sparse_plus", "squareplus", "log_sigmoid", "glu")


def regularized(p, names):
    rule = lambda: p.pick(keras.regularizers.L2(p.number(0.01, 0.2)), keras.regularizers.L1(p.number(0.01, 0.2)),
                          keras.regularizers.L1L2(p.number(0.01, 0.2), p.number(0.01, 0.2)))
    return {f"{name}_regularizer": rule() for name in names if p.pick(True, False)}


# ------------------------------------------------------------------------ core
@family("Dense settings", 6)
def dense(p):
    kwargs = dict(units=p.size(1, 4), activation=p.pick(*ACTS[:-1]), **regularized(p, ("kernel", "bias", "activity")),
                  kernel_constraint=p.pick(None, keras.constraints.MaxNorm(1.0)), bias_constraint=p.pick(None, keras.constraints.NonNeg()))
    call = {}
    inputs = p.normal(*p.pick((1, 3), (2, 3, 4), (1, 2, 1, 3), (0, 3)))
    if inputs.ndim == 3:
        call["mask"] = p.steps_mask(2, 3, "right")
    return L("Dense", kwargs, inputs, call)


def lora_family(name, make):
    @family(f"{name} with low-rank updates", 3)
    def lora(p):
        kwargs, inputs = make(p)
        kwargs["lora_rank"] = p.size(1, 3)
        if p.pick(True, False):
            kwargs["lora_alpha"] = p.size(1, 6)
        return L(name, kwargs, inputs)


lora_family("Dense", lambda p: (dict(units=4, use_bias=p.pick(True, False)), p.normal(2, 3)))
lora_family("EinsumDense", lambda p: (dict(equation="abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"), p.normal(2, 3, 4)))
lora_family("Embedding", lambda p: (dict(input_dim=5, output_dim=4), p.ints(5, 2, 3)))
lora_family("Conv1D", lambda p: (dict(filters=3, kernel_size=2), p.normal(2, 5, 2)))
lora_family("Conv2D", lambda p: (dict(filters=3, kernel_size=(2, 3), padding="same"), p.normal(2, 5, 4, 2)))


@family("EinsumDense settings", 6)
def einsum_dense(p):
    a, b, c, d = 2, 3, 4, 5
    equation, output, bias, shape = p.pick(
        ("ab...,bc->ac...", (d,), "c", (2, b, 2)), ("ab...,bc->ac...", (d, None), None, (2, b, 3)),
        ("abc,cde->aebd", (d, None, a), "e", (2, b, c)), ("abc,cde->abed", (None, d, a), "bed", (2, b, c)),
        ("...a,ab->...b", (d,), "b", (1, b)), ("abcd,bde->ace", (c, d), "e", (2, b, c, a)))
    return L("EinsumDense", dict(equation=equation, output_shape=output, bias_axes=bias, **regularized(p, ("kernel", "bias", "activity"))),
             p.normal(*shape))


@family("Embedding settings", 3)
def embedding(p):
    tokens = p.size(4, 9)
    kwargs = dict(input_dim=tokens, output_dim=p.size(1, 3), mask_zero=True, **regularized(p, ("embeddings", "activity")))
    inputs = p.pick(p.ints(tokens, 1, 1), p.ints(tokens, 2, 3, 2).astype("float32"), p.ints(tokens, 2, 3, dtype="int64"),
                    p.ints(tokens, 2, 3, dtype="uint8"))
    return L("Embedding", kwargs, inputs, gradients=inputs.dtype != np.float32)


@family("Masking settings", 3)
def masking(p):
    inputs = p.pick(p.normal(2, 3, 2, 2), p.normal(1, 4, 1), p.normal(2, 3))
    inputs[0, 0] = 2.0
    return L("Masking", dict(mask_value=2.0), inputs)


@family("Activation layers with masks", 6)
def activation_masks(p):
    name, kwargs = p.pick(("ReLU", dict(max_value=6.0, negative_slope=0.2, threshold=1.0)), ("ELU", dict(alpha=0.5)), ("LeakyReLU", {}),
                          ("PReLU", dict(shared_axes=[1], alpha_regularizer=keras.regularizers.L2(0.1))), ("Activation", dict(activation="glu")),
                          ("Activation", dict(activation="gelu")))
    return L(name, kwargs, p.normal(2, 3, 4, scale=2), dict(mask=p.steps_mask(2, 3, "holes")))


@family("Softmax settings", 4)
def softmax(p):
    inputs = p.normal(2, 2, 3, scale=2)
    axis = p.pick(-2, [-1, -2], [0, 2], 2)
    call = {}
    if p.pick(True, False):
        mask = p.rng.random(p.pick((2, 2, 3), (2, 2, 3))) < 0.5
        mask[0] = False  # nothing is left
        call["mask"] = mask
    return L("Softmax", dict(axis=axis), inputs, call)


# ----------------------------------------------------------------- convolutions
def conv_family(rank, count):
    name = f"Conv{rank}D"

    @family(f"{name} settings", count)
    def conv(p):
        style = p.pick("number", "depth", "one", "regularized", "groups", "causal")
        kwargs = dict(filters=p.size(1, 3), kernel_size=3, padding=p.pick("valid", "same"))
        data_format, channels, sides, batch = LAST, 2, (5, 6), 2
        if style == "number":
            kwargs.update(strides=2)
        if style == "depth":
            kwargs.update(dilation_rate=p.pick(2, 3), padding="same")
        if style == "one":
            batch, channels = 1, 1
            kwargs.update(kernel_size=1, strides=p.pick(1, 2, 3))
        if style == "regularized":
            kwargs.update(**regularized(p, ("kernel", "bias", "activity")), activation=p.pick("gelu", "softmax"))
        if style == "groups":
            channels, data_format = 6, p.pick(FIRST, LAST)
            kwargs.update(filters=p.pick(3, 6), groups=3, data_format=data_format, kernel_size=2, strides=p.pick(1, 2))
        if style == "causal" and rank == 1:
            kwargs.update(padding="causal", **p.pick(dict(strides=2), dict(dilation_rate=2), {}))
        return L(name, kwargs, image(p, rank, channels, *sides, data_format, batch))


for _rank, _count in ((1, 8), (2, 8), (3, 5)):
    conv_family(_rank, _count)


def transpose_family(rank, count):
    name = f"Conv{rank}DTranspose"

    @family(f"{name} settings", count)
    def conv_transpose(p):
        kwargs = dict(filters=p.size(1, 3), kernel_size=p.pick(1, 2, 3, 5), strides=p.pick(1, 2, 3), padding=p.pick("valid", "same"),
                      data_format=p.pick(LAST, FIRST), **regularized(p, ("kernel", "bias", "activity")))
        if kwargs["strides"] > 1 and p.pick(True, False):
            kwargs["output_padding"] = kwargs["strides"] - 1
        return L(name, kwargs, image(p, rank, p.size(1, 2), 1, 4, kwargs["data_format"], 1))


for _rank, _count in ((1, 6), (2, 6), (3, 4)):
    transpose_family(_rank, _count)


def depthwise_family(name, rank, count, separable):
    @family(f"{name} settings", count)
    def depthwise(p):
        kwargs = dict(kernel_size=p.pick(1, 2, 3), padding=p.pick("valid", "same"), depth_multiplier=p.pick(1, 2), strides=p.pick(1, 2),
                      data_format=p.pick(LAST, FIRST))
        kernels = ("depthwise", "pointwise") if separable else ("depthwise",)
        kwargs.update(regularized(p, (*kernels, "bias", "activity")))
        if separable:
            kwargs["filters"] = 5
        elif kwargs["strides"] == 1 and p.pick(True, False):
            kwargs["dilation_rate"] = 2
        if separable and kwargs["strides"] == 1 and p.pick(True, False):
            kwargs["dilation_rate"] = 2
        return L(name, kwargs, image(p, rank, p.size(1, 3), 6, 8, kwargs["data_format"], 1))


for _name, _rank, _count, _separable in (("DepthwiseConv1D", 1, 5, False), ("DepthwiseConv2D", 2, 5, False),
                                         ("SeparableConv1D", 1, 5, True), ("SeparableConv2D", 2, 5, True)):
    depthwise_family(_name, _rank, _count, _separable)


# --------------------------------------------------------------------- pooling
def pooling_family(kind, rank):
    name = f"{kind}Pooling{rank}D"

    @family(f"{name} settings", 3)
    def pooling(p):
        kwargs = dict(pool_size=p.pick(1, 2, 4), padding=p.pick("valid", "same"), strides=p.pick(None, 1, 3), data_format=p.pick(LAST, FIRST))
        return L(name, kwargs, image(p, rank, None, 4, 5, kwargs["data_format"], 1))


def adaptive_family(kind, rank):
    name = f"Adaptive{kind}Pooling{rank}D"

    @family(f"{name} settings", 2)
    def pooling(p):
        data_format = p.pick(LAST, FIRST)
        return L(name, dict(output_size=p.pick(2, 3, 5), data_format=data_format), image(p, rank, None, 3, 7, data_format, 1))


for _kind in ("Max", "Average"):
    for _rank in (1, 2, 3):
        pooling_family(_kind, _rank)
        adaptive_family(_kind, _rank)


@family("GlobalAveragePooling1D settings", 4)
def masked_average(p):
    data_format = p.pick(LAST, FIRST)
    shape = (3, 4, 2) if data_format == LAST else (3, 2, 4)
    mask = p.steps_mask(3, 4, "holes")
    if p.pick(True, False):
        mask = mask.astype("float32")
    return L("GlobalAveragePooling1D", dict(keepdims=p.pick(True, False), data_format=data_format), p.normal(*shape), dict(mask=mask))


@family("pooling of masked sequences", 3)
def masked_pooling(p):
    name, kwargs = p.pick(("GlobalMaxPooling1D", {}), ("MaxPooling1D", dict(pool_size=2)), ("AveragePooling1D", dict(pool_size=2, padding="same")))
    return L(name, kwargs, p.normal(2, 5, 2), dict(mask=p.steps_mask(2, 5, "right")))


# ------------------------------------------------------------------- reshaping
@family("Flatten settings", 5)
def flatten(p):
    return L("Flatten", dict(data_format=p.pick(LAST, FIRST)), p.normal(*p.pick((3,), (2, 3), (1, 2, 1, 2, 2), (0, 2, 2), (2, 3, 2))))


@family("Permute settings", 2)
def permute(p):
    return L("Permute", dict(dims=p.pick((1,), (4, 2, 1, 3))), p.normal(2, 3, 4, 2, 2)) if p.pick(True, False) else \
        L("Permute", dict(dims=(2, 1)), p.normal(2, 3, 4))


@family("Reshape settings", 4)
def reshape(p):
    target, shape = p.pick(((), (3, 1)), ((2, 3), (0, 6)), ((6, -1), (2, 2, 3)), ((1, 6, 1), (2, 6)))
    return L("Reshape", dict(target_shape=target), p.normal(*shape))


@family("Reshape with masks", 4)
def reshaping_masks(p):
    name, kwargs = p.pick(("Flatten", {}), ("Reshape", dict(target_shape=(12,))), ("Identity", {}), ("Permute", dict(dims=(2, 1))))
    return L(name, kwargs, p.normal(2, 3, 4), dict(mask=p.steps_mask(2, 3, "right")))


@family("borders settings", 8)
def borders(p):
    name, kwargs, rank = p.pick(
        ("ZeroPadding1D", dict(padding=(0, 0)), 1), ("ZeroPadding2D", dict(padding=(1, 2)), 2), ("ZeroPadding3D", dict(padding=(0, 1, 2)), 3),
        ("Cropping1D", dict(cropping=0), 1), ("Cropping2D", dict(cropping=((0, 3), (2, 0))), 2), ("Cropping3D", dict(cropping=((1, 0), (0, 2), (1, 1))), 3),
        ("UpSampling1D", dict(size=4), 1), ("UpSampling3D", dict(size=3), 3))
    return L(name, kwargs, image(p, rank, 2, 4, 4, LAST, 1))


@family("UpSampling2D settings", 6)
def upsampling2d(p):
    data_format = p.pick(LAST, FIRST)
    kwargs = dict(size=p.pick(1, 2, 3), data_format=data_format, interpolation=p.pick("bilinear", "lanczos3", "lanczos5", "nearest"))
    return L("UpSampling2D", kwargs, image(p, 2, 1, 1, 4, data_format, 1))


# --------------------------------------------------------------------- merging
def merging_family(name):
    @family(f"{name} settings", 4)
    def merge(p):
        style = p.pick("four", "one mask", "broadcast", "masks")
        shapes = {"four": [(1, 2, 3)] * 4, "one mask": [(2, 3, 2)] * 2, "broadcast": [(2, 3, 2), (1, 1, 2)], "masks": [(2, 3, 2)] * 3}[style]
        call = {}
        if name == "Subtract":
            shapes = shapes[:2]
        if style == "one mask":
            call["mask"] = [p.steps_mask(2, 3, "right"), None]
        if style == "masks":
            call["mask"] = [p.steps_mask(2, 3, "right") for _ in shapes]
        return L(name, {}, [p.normal(*s) for s in shapes], call)


for _name in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"):
    merging_family(_name)


@family("Concatenate settings", 5)
def concatenate(p):
    axis = p.pick(-1, 1, -2)
    shapes = [[2, 3, 2] for _ in range(p.size(2, 4))]
    for shape in shapes:
        shape[axis] = p.size(1, 3)
    call = {}
    if p.pick(True, True, False):
        call["mask"] = [p.pick(None, p.steps_mask(2, s[1], "right"), p.steps_mask(2, s[1], "holes")) for s in shapes]
    return L("Concatenate", dict(axis=axis), [p.normal(*s) for s in shapes], call)


@family("Dot settings", 5)
def dot(p):
    axes, left, right = p.pick((-1, (2, 3), (2, 3)), (-1, (2, 2, 3), (2, 4, 3)), ((-1, -2), (2, 2, 3), (2, 3, 4)), ((1, 2), (2, 3), (2, 2, 3)),
                               ((3, 1), (2, 2, 2, 3), (2, 3, 4)))
    return L("Dot", dict(axes=axes, normalize=p.pick(False, True)), [p.normal(*left), p.normal(*right)])


@family("dropout settings", 8)
def dropouts(p):
    name, kwargs, shape = p.pick(
        ("Dropout", dict(rate=0.3, noise_shape=(2, 1)), (2, 3)), ("Dropout", dict(rate=0.3, noise_shape=(None, 1)), (2, 3)),
        ("AlphaDropout", dict(rate=0.3, noise_shape=(None, 1)), (2, 3)), ("SpatialDropout2D", dict(rate=0.3, data_format=FIRST), (2, 3, 2, 2)),
        ("SpatialDropout3D", dict(rate=0.3, data_format=FIRST), (2, 3, 2, 2, 2)), ("GaussianDropout", dict(rate=0.2), (2, 3)),
        ("SpatialDropout1D", dict(rate=0.3), (2, 3, 2)), ("GaussianNoise", dict(stddev=0.2), (2, 3)))
    return L(name, kwargs, p.normal(*shape), modes=("inference",))


@family("dropout of nothing", 4)
def no_dropout(p):
    name, key = p.pick(("AlphaDropout", "rate"), ("GaussianDropout", "rate"), ("SpatialDropout2D", "rate"), ("GaussianNoise", "stddev"))
    return L(name, {key: 0.0}, p.normal(2, 3, 2, 2), modes=("inference", "training"))


# --------------------------------------------------------------- normalisation
@family("BatchNormalization settings", 8)
def batch_normalization(p):
    inputs = p.pick(p.normal(1, 3), p.normal(2, 3, 2, 2, 2), p.normal(3, 2, 4), p.normal(2, 3, 4, 2))
    kwargs = dict(axis=p.pick(*[a for a in (-1, 1, -2, 2) if abs(a) < inputs.ndim]), momentum=p.pick(0.0, 0.5, 1.0), epsilon=p.pick(0.1, 1e-6),
                  **regularized(p, ("beta", "gamma")))
    call = {}
    if inputs.ndim == 3 and kwargs["axis"] in (-1, 2):
        call["mask"] = p.steps_mask(3, 2, "holes")
    return L("BatchNormalization", kwargs, inputs * 2 + 1, call, modes=("inference", "training"))


@family("BatchNormalization renorm settings", 3)
def batch_renorm(p):
    kwargs = dict(renorm=True, renorm_momentum=p.pick(0.5, 0.99), momentum=0.7, center=p.pick(True, False), scale=p.pick(True, False))
    return L("BatchNormalization", kwargs, p.normal(6, 3), modes=("inference", "training"))


@family("BatchNormalization that is frozen", 1)
def batch_frozen(p):
    return L("BatchNormalization", dict(trainable=False), p.normal(4, 3), modes=("inference", "training"))


@family("LayerNormalization settings", 6)
def layer_normalization(p):
    kwargs = dict(axis=p.pick([-1, 1], [2, 1], [1, 2, 3], [3], -3, [1, 3]), epsilon=p.pick(0.1, 1e-6), center=p.pick(True, False), scale=p.pick(True, False),
                  **regularized(p, ("beta", "gamma")))
    return L("LayerNormalization", kwargs, p.normal(2, 2, 3, 4))


@family("LayerNormalization by root mean squares", 3)
def layer_rms(p):
    return L("LayerNormalization", dict(axis=p.pick(-1, [1, 2], [-1, -2]), rms_scaling=True, center=p.pick(True, False), scale=p.pick(True, False)),
             p.normal(3, 4, 5))


@family("GroupNormalization settings", 6)
def group_normalization(p):
    data_format = p.pick(LAST, FIRST)
    kwargs = dict(groups=p.pick(2, 4, -1, 1), axis=-1 if data_format == LAST else p.pick(1, -3), epsilon=p.pick(0.1, 1e-6), **regularized(p, ("beta", "gamma")))
    return L("GroupNormalization", kwargs, image(p, 2, 4, 2, 3, data_format, 1) * 3 + 1)


@family("GroupNormalization of other ranks", 3)
def group_ranks(p):
    return L("GroupNormalization", dict(groups=2, axis=p.pick(-1, 1)), p.normal(*p.pick((3, 4), (2, 4, 4), (2, 4, 2, 2, 4))))


@family("RMSNormalization settings", 4)
def rms_normalization(p):
    return L("RMSNormalization", dict(axis=p.pick(-1, [-2, -1], [2, 3], [1, 2, 3]), epsilon=p.pick(0.1, 1e-8)), p.normal(2, 2, 3, 4))


@family("UnitNormalization settings", 3)
def unit_normalization(p):
    inputs = p.normal(2, 3, 2, 2)
    inputs[0, 0] = 0.0
    return L("UnitNormalization", dict(axis=p.pick(-2, [2, 1], [-1, -3], [1, 2, 3])), inputs)


@family("SpectralNormalization settings", 3)
def spectral_normalization(p):
    inner, inputs = p.pick((N("Conv2DTranspose", filters=2, kernel_size=2), image(p, 2, 2, 3, 3)), (N("Conv1D", filters=3, kernel_size=2), p.normal(2, 4, 2)),
                           (N("EinsumDense", equation="abc,cd->abd", output_shape=(None, 4), bias_axes="d"), p.normal(2, 3, 2)))
    return L("SpectralNormalization", dict(layer=inner, power_iterations=p.pick(1, 4)), inputs, modes=("inference", "training"))


# --------------------------------------------------------------------- recurrent
def sequence(p, batch=2):
    return p.normal(batch, p.pick(1, 4, 3), p.size(1, 3))


def rnn_options(p):
    return dict(return_sequences=p.pick(True, False), return_state=p.pick(True, False), go_backwards=p.pick(True, False), unroll=p.pick(True, False))


def recurrent_family(name, states, own):
    @family(f"{name} settings", 10)
    def recurrent(p):
        units, inputs = p.size(1, 3), sequence(p, p.pick(1, 3))
        kwargs = dict(units=units, **rnn_options(p), **own(p), **regularized(p, ("kernel", "recurrent", "bias", "activity")))
        kwargs.update(dropout=p.pick(0.0, 0.3), recurrent_dropout=p.pick(0.0, 0.2), use_bias=p.pick(True, True, False))
        call = {}
        if p.pick(True, True, False):
            call["mask"] = p.steps_mask(inputs.shape[0], inputs.shape[1], p.pick("right", "left", "holes"))
        if p.pick(True, False):
            initial = [p.normal(inputs.shape[0], units) for _ in range(states)]
            call["initial_state"] = initial if states > 1 or p.pick(True, False) else initial[0]
        return L(name, kwargs, inputs, call)

    @family(f"{name} stateful settings", 3)
    def stateful(p):
        inputs, call = sequence(p), {}
        if p.pick(True, False):
            call["mask"] = p.steps_mask(2, inputs.shape[1], "right")
        return L(name, dict(units=2, stateful=True, return_state=p.pick(True, False), go_backwards=p.pick(True, False),
                            return_sequences=p.pick(True, False)), inputs, call, calls=2)


recurrent_family("SimpleRNN", 1, lambda p: dict(activation=p.pick("linear", "sigmoid", "relu")))
recurrent_family("LSTM", 2, lambda p: dict(unit_forget_bias=p.pick(True, False), activation=p.pick("relu", "tanh", "gelu"),
                                           recurrent_activation=p.pick("sigmoid", "hard_sigmoid", "tanh")))
recurrent_family("GRU", 1, lambda p: dict(reset_after=p.pick(True, False), activation=p.pick("relu", "tanh", "softsign"),
                                          recurrent_activation=p.pick("sigmoid", "hard_sigmoid", "tanh")))


def cell(p, units):
    name = p.pick("LSTMCell", "GRUCell", "SimpleRNNCell")
    kwargs = dict(units=units, use_bias=p.pick(True, False), dropout=p.pick(0.0, 0.4))
    if name == "GRUCell":
        kwargs["reset_after"] = p.pick(False, True)
    return N(name, **kwargs), 2 if name == "LSTMCell" else 1


@family("RNN settings", 8)
def rnn(p):
    (first, a), (second, b) = cell(p, 2), cell(p, 3)
    inputs, call, style = sequence(p), {}, p.pick("one", "stacked", "one")
    kwargs = dict(cell=first if style == "one" else N("StackedRNNCells", cells=[first, second]), **rnn_options(p))
    if p.pick(True, False):
        call["mask"] = p.steps_mask(2, inputs.shape[1], p.pick("left", "holes"))
        kwargs["zero_output_for_mask"] = p.pick(True, False)
    if style == "one" and p.pick(True, False):
        call["initial_state"] = [p.normal(2, 2) for _ in range(a)]
    if not call and p.pick(True, False):
        kwargs["stateful"] = True
        return L("RNN", kwargs, inputs, calls=2)
    return L("RNN", kwargs, inputs, call)


@family("Bidirectional settings", 8)
def bidirectional(p):
    name, states = p.pick(("LSTM", 2), ("GRU", 1), ("SimpleRNN", 1))
    inputs = sequence(p, p.pick(1, 2))
    inner = N(name, units=2, return_sequences=p.pick(True, False), return_state=p.pick(True, False), go_backwards=p.pick(False, True),
              dropout=p.pick(0.0, 0.3))
    call = {}
    if p.pick(True, False):
        call["mask"] = p.steps_mask(inputs.shape[0], inputs.shape[1], p.pick("right", "left", "holes"))
    if p.pick(True, False):
        call["initial_state"] = [p.normal(inputs.shape[0], 2) for _ in range(2 * states)]
    return L("Bidirectional", dict(layer=inner, merge_mode=p.pick("concat", "sum", "mul", "ave", None)), inputs, call)


@family("Bidirectional that is stateful", 2)
def bidirectional_stateful(p):
    inner = N(p.pick("LSTM", "GRU"), units=2, stateful=True, return_sequences=p.pick(True, False))
    return L("Bidirectional", dict(layer=inner), sequence(p), calls=2)


@family("Bidirectional of cells", 2)
def bidirectional_cells(p):
    inner = N("RNN", cell=N(p.pick("LSTMCell", "GRUCell"), units=2), return_sequences=p.pick(True, False))
    return L("Bidirectional", dict(layer=inner, merge_mode=p.pick("concat", None)), sequence(p))


@family("TimeDistributed settings", 6)
def time_distributed(p):
    inner, inputs = p.pick((N("LSTM", units=2), p.normal(2, 3, 2, 2)), (N("Embedding", input_dim=4, output_dim=2), p.ints(4, 2, 3, 2)),
                           (N("TimeDistributed", layer=N("Dense", units=2)), p.normal(2, 3, 2, 2)), (N("GlobalMaxPooling1D"), p.normal(1, 2, 3, 2)),
                           (N("LayerNormalization"), p.normal(2, 1, 3)), (N("Dense", units=2, kernel_regularizer=keras.regularizers.L2(0.1)), p.normal(2, 2, 3)))
    call = {}
    if p.pick(True, False):
        call["mask"] = p.steps_mask(inputs.shape[0], inputs.shape[1], "right")
    return L("TimeDistributed", dict(layer=inner), inputs, call)


def conv_lstm_family(rank, count):
    name = f"ConvLSTM{rank}D"

    @family(f"{name} settings", count)
    def conv_lstm(p):
        kwargs = dict(filters=p.size(1, 2), kernel_size=2, padding=p.pick("same", "valid"), return_sequences=p.pick(True, False),
                      return_state=p.pick(True, False), go_backwards=p.pick(True, False), use_bias=p.pick(True, False), activation=p.pick("tanh", "relu"),
                      unit_forget_bias=p.pick(True, False), **regularized(p, ("kernel", "recurrent", "bias", "activity")))
        kwargs.update(p.pick({}, dict(dilation_rate=2), dict(strides=2)))
        inputs, call = p.normal(2, 3, *(4,) * rank, 2), {}
        if p.pick(True, False):
            call["mask"] = p.steps_mask(2, 3, p.pick("right", "holes"))
        if p.pick(False, True):
            return L(name, dict(kwargs, stateful=True), inputs, calls=2)
        return L(name, kwargs, inputs, call)


for _rank, _count in ((1, 6), (2, 6), (3, 3)):
    conv_lstm_family(_rank, _count)


# ------------------------------------------------------------------- attention
@family("Attention settings", 6)
def attention(p):
    shape = p.pick((2,), (1,))
    tensors = [p.normal(*shape, 3, 2), p.normal(*shape, 4, 2)]
    call = {}
    if p.pick(True, False):
        tensors.append(p.normal(*shape, 4, 2))
    if p.pick(True, False):
        call["mask"] = [p.pick(None, p.steps_mask(shape[0], 3, "right")), p.steps_mask(shape[0], 4, "holes")] + ([None] if len(tensors) == 3 else [])
    call["use_causal_mask"] = p.pick(True, False)
    call["return_attention_scores"] = p.pick(True, False)
    name = p.pick("Attention", "AdditiveAttention")
    kwargs = dict(use_scale=p.pick(True, False), dropout=p.pick(0.0, 0.3))
    if name == "Attention":
        kwargs["score_mode"] = p.pick("dot", "concat")
    return L(name, kwargs, tensors, call)


@family("MultiHeadAttention settings", 10)
def multi_head_attention(p):
    b = p.pick(1, 2)
    kwargs = dict(num_heads=2, key_dim=p.pick(1, 3), dropout=p.pick(0.0, 0.2), use_bias=p.pick(True, False), **regularized(p, ("kernel", "bias", "activity")))
    kwargs.update(p.pick({}, dict(output_shape=(3, 2)), dict(value_dim=2), dict(use_gate=True, value_dim=3)))
    call = dict(query=p.normal(b, 3, 4), value=p.normal(b, 5, 2))
    if p.pick(True, False):
        call["key"] = p.normal(b, 5, 3)
    style = p.pick("heads", "one", "two", "keys", "integers", None)
    if style in ("heads", "one", "two", "integers"):
        shape = {"heads": (b, 2, 3, 5), "one": (b, 1, 3, 5), "two": (3, 5), "integers": (b, 3, 5)}[style]
        mask = p.rng.random(shape) < 0.6
        mask[..., 0] = True
        call["attention_mask"] = mask.astype("int32") if style == "integers" else mask
    if style == "keys":
        call["key_mask"] = p.steps_mask(b, 5, "left")
        call["query_mask"] = p.steps_mask(b, 3, "right")
    call["return_attention_scores"] = p.pick(True, False)
    call["use_causal_mask"] = p.pick(True, False)
    return LayerSpec("MultiHeadAttention", kwargs, call)


@family("MultiHeadAttention over axes", 6)
def attention_axes(p):
    axes = p.pick((1,), (2,), (1, 2), (-2,), None, (-3, -2))
    query, value = p.normal(2, 2, 3, 4), p.normal(2, 2, 3, 4)
    call = dict(query=query, value=value)
    if p.pick(True, False):
        call["return_attention_scores"] = True
    if axes in ((1, 2), None) and p.pick(True, False):
        call["attention_mask"] = p.rng.random((2, 2, 3, 2, 3)) < 0.7
    return LayerSpec("MultiHeadAttention", dict(num_heads=2, key_dim=3, attention_axes=axes), call)


@family("GroupQueryAttention settings", 8)
def group_query_attention(p):
    b = p.pick(1, 2)
    kwargs = dict(head_dim=2, num_query_heads=4, num_key_value_heads=p.pick(1, 2, 4), dropout=p.pick(0.0, 0.3), use_gate=p.pick(True, False),
                  **regularized(p, ("kernel", "bias", "activity")))
    call = dict(query=p.normal(b, 3, 4), value=p.normal(b, 5, 4))
    style = p.pick("heads", "one", "two", "keys", "integers", None)
    if style in ("heads", "one", "two", "integers"):
        shape = {"heads": (b, 4, 3, 5), "one": (b, 1, 3, 5), "two": (3, 5), "integers": (b, 3, 5)}[style]
        mask = p.rng.random(shape) < 0.6
        mask[..., 0] = True
        call["attention_mask"] = mask.astype("int32") if style == "integers" else mask
    if style == "keys":
        call["key_mask"] = p.steps_mask(b, 5, "left")
        call["query_mask"] = p.steps_mask(b, 3, "right")
    call["return_attention_scores"] = p.pick(True, False)
    call["use_causal_mask"] = p.pick(True, False)
    return LayerSpec("GroupQueryAttention", kwargs, call)
