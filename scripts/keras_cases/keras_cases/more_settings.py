"""What the other settings leave out: masks on their way through all layers, penalties of what any layer gives, images of whole numbers, masks of steps within steps."""

import numpy as np

from .engine import L, LayerSpec, N, family, keras
from .data_settings import FIXED, picture
from .layers_settings import regularized

THROUGH = (
    ("EinsumDense", dict(equation="abc,cd->abd", output_shape=(None, 5))), ("RMSNormalization", {}), ("LayerNormalization", dict(axis=[-1, 1])),
    ("UnitNormalization", {}), ("GroupNormalization", dict(groups=2)), ("BatchNormalization", {}), ("SpectralNormalization", dict(layer=N("Conv1D", filters=2, kernel_size=1))),
    ("Normalization", dict(axis=None, mean=1.0, variance=2.0)), ("Rescaling", dict(scale=2.0)), ("Dense", dict(units=2)), ("SpatialDropout1D", dict(rate=0.2)),
    ("Conv1D", dict(filters=2, kernel_size=2)), ("ActivityRegularization", dict(l1=0.1)), ("TimeDistributed", dict(layer=N("Dense", units=2))), ("Masking", dict(mask_value=0.5)),
    ("UpSampling1D", {}), ("ZeroPadding1D", {}), ("Cropping1D", {}), ("MaxPooling1D", {}), ("GlobalMaxPooling1D", {}), ("Discretization", dict(bin_boundaries=[0.0, 1.0])),
    ("Activation", dict(activation="relu")), ("GaussianNoise", dict(stddev=0.1)), ("AlphaDropout", dict(rate=0.1)), ("PReLU", {}),
)


@family("more masks through layers", len(THROUGH))
def through(p):
    name, kwargs = p.pick(*THROUGH)
    return L(name, kwargs, p.normal(2, 3, 4), dict(mask=p.steps_mask(2, 3, "holes")), gradients=name != "Discretization")


@family("more masks of tokens", 3)
def tokens(p):
    name, kwargs = p.pick(("ReversibleEmbedding", dict(input_dim=5, output_dim=2, mask_zero=True)), ("Embedding", dict(input_dim=5, output_dim=2)),
                          ("Embedding", dict(input_dim=5, output_dim=2, mask_zero=True)))
    return L(name, kwargs, p.ints(5, 2, 3), dict(mask=p.steps_mask(2, 3, "right")))


@family("more masks of what is merged", 7)
def merged(p):
    name = p.pick("Add", "Multiply", "Maximum", "Concatenate", "Subtract", "Average", "Minimum")
    masks = [p.steps_mask(2, 3, p.pick("right", "left")), p.pick(p.steps_mask(2, 3, "holes"), None)]
    return L(name, {}, [p.normal(2, 3, 2) for _ in masks], dict(mask=masks))


@family("more masks along the concatenated axis", 3)
def concatenated(p):
    masks = [p.pick(p.steps_mask(2, 3, "right"), None), p.steps_mask(2, 4, "holes")]
    return L("Concatenate", dict(axis=1), [p.normal(2, 3, 2), p.normal(2, 4, 2)], dict(mask=masks))


@family("more masks of steps within steps", 3)
def within(p):
    inner = p.pick(N("LSTM", units=2), N("GRU", units=2, return_sequences=True), N("GlobalAveragePooling1D"))
    mask = np.stack([p.steps_mask(2, 4, "right") for _ in range(3)], 1)
    return L("TimeDistributed", dict(layer=inner), p.normal(2, 3, 4, 2), dict(mask=mask))


PENALISED = (
    ("MaxPooling1D", {}, (2, 4, 3)), ("Flatten", {}, (2, 2, 3)), ("Dropout", dict(rate=0.2), (2, 3)), ("LayerNormalization", {}, (2, 3)), ("ReLU", {}, (2, 3)), ("Reshape", dict(target_shape=(3, 2)), (2, 6)),
    ("Bidirectional", dict(layer=N("LSTM", units=2, activity_regularizer=keras.regularizers.L1(0.1), return_state=True)), (2, 3, 2)), ("RNN", dict(cell=N("GRUCell", units=2), return_state=True), (2, 3, 2)),
    ("UpSampling1D", {}, (2, 3, 2)), ("Softmax", {}, (2, 3)), ("SimpleRNN", dict(units=2, return_state=True, return_sequences=True), (2, 3, 2)),
)


@family("more penalties of what is given", len(PENALISED))
def penalised(p):
    name, kwargs, shape = p.pick(*PENALISED)
    rule = p.pick(keras.regularizers.L2(p.number(0.01, 0.2)), keras.regularizers.L1(p.number(0.01, 0.2)))
    return L(name, dict(kwargs, activity_regularizer=rule), p.normal(*shape))


@family("more penalties of attention", 6)
def attended(p):
    rules = regularized(p, ("kernel", "bias", "activity"))
    call = dict(query=p.normal(2, 3, 4), value=p.normal(2, 5, 4), return_attention_scores=p.pick(True, False), use_causal_mask=p.pick(True, False))
    if p.pick(True, False):
        call["attention_mask"] = p.ints(2, *p.pick((2, 3, 5), (2, 1, 3, 5)))
        call["attention_mask"][..., 0] = 1
    gate = dict(use_gate=p.pick(True, False))
    if p.pick(True, False):
        return LayerSpec("MultiHeadAttention", dict(num_heads=2, key_dim=3, **gate, **rules), call)
    return LayerSpec("GroupQueryAttention", dict(head_dim=2, num_query_heads=4, num_key_value_heads=2, **gate, **rules), call)


IMAGES = {
    **{name: FIXED[name] for name in ("RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomSharpness", "RandomColorDegeneration", "RandomInvert", "RandomGrayscale",
                                      "AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization")},
    "Resizing": lambda p: dict(height=p.size(2, 7), width=p.size(2, 7), interpolation=p.pick("bilinear", "nearest", "bicubic", "lanczos3"), crop_to_aspect_ratio=p.pick(True, False)),
    "CenterCrop": lambda p: dict(height=p.pick(2, 9), width=3),
    "Solarization": lambda p: dict(addition_factor=0.0, threshold_factor=0.0),
    "Rescaling": lambda p: dict(scale=1 / 127.5, offset=-1.0),
}
RANDOM_IN_TRAINING = ("RandomFlip", "RandomCrop", "RandomHue", "RandomPosterization", "RandomContrast", "RandomErasing", "RandomGaussianBlur", "RandomPerspective", "RandomElasticTransform",
                      "RandomColorJitter", "RandomSaturation", "RandomBrightness")
SIZES = {"RandomCrop": dict(height=2, width=2), "RandomColorJitter": dict(brightness_factor=0.1), "RandomHue": dict(factor=0.2), "RandomPosterization": dict(factor=4), "RandomContrast": dict(factor=0.2),
         "RandomSaturation": dict(factor=0.2), "RandomBrightness": dict(factor=0.2)}


@family("more images of whole numbers", 2 * len(IMAGES))
def images(p):
    name = p.pick(*IMAGES)
    modes = ("inference",) if name in ("Resizing", "CenterCrop", "Rescaling") else ("inference", "training")
    return L(name, IMAGES[name](p), picture(p).astype(p.pick("uint8", "int32")), modes=modes, gradients=False)


@family("more images of whole numbers outside training", len(RANDOM_IN_TRAINING))
def unchanged(p):
    name = p.pick(*RANDOM_IN_TRAINING)
    return L(name, SIZES.get(name, {}), picture(p).astype(p.pick("uint8", "int32")), gradients=False)


@family("more texts that are not split", 6)
def texts(p):
    kwargs = dict(output_mode=p.pick("int", "count", "multi_hot"), split=None, standardize=p.pick("lower", None), vocabulary=["oak", "ash", "the pine"])
    if kwargs["output_mode"] == "int" and p.pick(True, False):
        kwargs["output_sequence_length"] = p.pick(2, 5)
    words = np.array(["oak", "the pine", "Ash", "yew", "ash", "oak"], dtype=object)
    return L("TextVectorization", kwargs, p.pick(words[:3], words.reshape(2, 3), words.reshape(6, 1)), gradients=False)
