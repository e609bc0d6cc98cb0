"""Settings of preprocessing layers that the other files leave at their defaults."""

import numpy as np

from .engine import L, family
from .layers_data import NAMES, WORDS

PHRASES = ["Oak, ash!", "the LARCH   and the pine", "pine; oak? cedar-elm", "yew's fir_tree", "", "an Oak. an oak"]


@family("Normalization settings", 5)
def normalization(p):
    style = p.pick("axes", "scalar", "none", "array", "one")
    if style == "axes":
        data = p.normal(5, 2, 3, 2, scale=3) + 1
        return L("Normalization", dict(axis=p.pick((1, 3), (1, -1))), p.normal(2, 2, 3, 2), adapt=data, keep_weights=True)
    if style == "scalar":
        return L("Normalization", dict(mean=2.0, variance=0.5, axis=None), p.normal(3, 2))
    if style == "none":
        return L("Normalization", dict(axis=None), p.normal(3, 2), adapt=p.normal(4, 2), keep_weights=True)
    if style == "array":
        return L("Normalization", dict(axis=1, mean=[1.0, 2.0], variance=[0.0, 4.0]), p.normal(3, 2, 2))
    return L("Normalization", {}, p.normal(1, 1), adapt=p.normal(5, 1), keep_weights=True)


@family("Rescaling settings", 3)
def rescaling(p):
    inputs = p.pick(p.ints(255, 2, 3, 3, dtype="uint8"), p.ints(9, 2, 3), p.normal(3))
    return L("Rescaling", dict(scale=0.5, offset=p.pick(1.0, -2.0, 0.0)), inputs, gradients=inputs.dtype == np.float32)


@family("Discretization settings", 4)
def discretization(p):
    inputs = p.pick(p.ints(9, 2, 3), p.normal(1, 1), p.normal(4), p.normal(2, 2, 2))
    mode = "int" if inputs.ndim == 3 else p.pick("int", "multi_hot", "count")
    return L("Discretization", dict(bin_boundaries=[-1.0, 0.0, 0.5, 3.0], output_mode=mode), inputs, gradients=False)


@family("CategoryEncoding settings", 6)
def category_encoding(p):
    mode = p.pick("one_hot", "multi_hot", "count")
    inputs = p.pick(p.ints(4, 3, 1), p.ints(4, 2, 2, 3), p.ints(4, 1, 4, dtype="int64"), p.ints(4, 2, 3).astype("float32"))
    return L("CategoryEncoding", dict(num_tokens=5, output_mode=mode), inputs, gradients=False)


@family("StringLookup settings", 8)
def string_lookup(p):
    words = [str(w) for w in p.rng.permutation(WORDS)[:4]]
    style = p.pick("oov", "buckets", "idf", "mask", "shape", "several")
    inputs = np.array(list(NAMES), dtype=object)[p.ints(10, 2, 3)]
    if style == "oov":
        return L("StringLookup", dict(vocabulary=words, oov_token="[?]", invert=True), p.ints(5, 2, 3, dtype="int64"))
    if style == "buckets":
        return L("StringLookup", dict(vocabulary=words, num_oov_indices=p.size(2, 4)), inputs)
    if style == "several":
        return L("StringLookup", dict(vocabulary=words, num_oov_indices=2, output_mode=p.pick("multi_hot", "count"), mask_token=""), inputs)
    if style == "idf":
        return L("StringLookup", dict(vocabulary=words, output_mode="tf_idf", idf_weights=[0.5, 1.0, 1.5, 2.0]), inputs)
    if style == "mask":
        inputs[0, 0] = "[PAD]"
        return L("StringLookup", dict(vocabulary=words, mask_token="[PAD]", output_mode=p.pick("int", "count", "multi_hot")), inputs)
    return L("StringLookup", dict(vocabulary=words, output_mode=p.pick("int", "one_hot")), np.array(words, dtype=object)[p.ints(4, *p.pick((3,), (3, 1)))])


@family("IntegerLookup settings", 6)
def integer_lookup(p):
    style = p.pick("mask", "oov", "hash", "shape", "int32", "pad")
    words = [7, 3, 12, 5]
    if style == "mask":
        return L("IntegerLookup", dict(vocabulary=words, mask_token=-1, output_mode=p.pick("int", "count")), p.ints(13, 2, 4, low=-1, dtype="int64"))
    if style == "oov":
        return L("IntegerLookup", dict(vocabulary=words, oov_token=-9, invert=True), p.ints(5, 2, 3, dtype="int64"))
    if style == "hash":
        return L("IntegerLookup", dict(vocabulary=words, num_oov_indices=3), p.ints(50, 3, 5, low=-9, dtype="int64"))
    if style == "shape":
        return L("IntegerLookup", dict(vocabulary=words, output_mode="one_hot"), np.array([[7], [5], [1]], "int64"))
    if style == "int32":
        return L("IntegerLookup", dict(vocabulary=words), p.ints(13, 2, 3))
    return L("IntegerLookup", dict(vocabulary=words, output_mode="multi_hot", max_tokens=9, pad_to_max_tokens=True), p.ints(13, 2, 3, dtype="int64"))


@family("TextVectorization settings", 8)
def text_vectorization(p):
    mode = p.pick("int", "multi_hot", "count", "tf_idf")
    kwargs = dict(output_mode=mode, standardize=p.pick("lower_and_strip_punctuation", "strip_punctuation", "lower", None),
                  split=p.pick("whitespace", "character", None), ngrams=p.pick(None, 3, (2, 3), 1))
    if kwargs["split"] is None:
        kwargs["ngrams"] = None
    if mode == "int":
        kwargs["output_sequence_length"] = p.pick(None, 3, 8)
        kwargs["max_tokens"] = p.pick(None, 6)
    texts = np.array([str(x) for x in p.rng.permutation(PHRASES)], dtype=object)[:3]
    return L("TextVectorization", kwargs, texts[:, None] if p.pick(True, False) else texts, adapt=np.array(PHRASES * 2, dtype=object))


@family("TextVectorization with weights", 2)
def text_weights(p):
    kwargs = dict(vocabulary=["oak", "ash", "pine"], output_mode="tf_idf", idf_weights=[0.5, 1.0, 2.0])
    return L("TextVectorization", kwargs, np.array(PHRASES[:4], dtype=object))


# ---------------------------------------------------------------------- images
def picture(p, data_format="channels_last", channels=3, high=255):
    sides = [p.size(4, 6), p.size(4, 6)]
    shape = [*sides, channels] if data_format == "channels_last" else [channels, *sides]
    if p.pick(True, False):
        shape = [2, *shape]
    return p.uniform(0, high, *shape)


@family("Resizing settings", 12)
def resizing(p):
    data_format = p.pick("channels_last", "channels_first")
    kwargs = dict(height=p.size(1, 9), width=p.size(1, 9), data_format=data_format, interpolation=p.pick("bilinear", "nearest", "lanczos3", "area"),
                  antialias=p.pick(True, False))
    kwargs.update(p.pick({}, dict(crop_to_aspect_ratio=True), dict(pad_to_aspect_ratio=True, fill_value=p.pick(0.0, 3.0))))
    inputs = picture(p, data_format)
    if p.pick(True, False):
        inputs = inputs.astype("uint8")
    return L("Resizing", kwargs, inputs, gradients=False)


@family("CenterCrop settings", 6)
def center_crop(p):
    data_format = p.pick("channels_last", "channels_first")
    inputs = picture(p, data_format)
    if p.pick(True, False):
        inputs = inputs.astype("uint8")
    return L("CenterCrop", dict(height=p.pick(1, 3, 9), width=p.pick(2, 3, 9), data_format=data_format), inputs, gradients=False)


def span(p, low, high):
    return (v := p.number(low, high), v)


FIXED = {
    "RandomBrightness": lambda p: dict(factor=span(p, -0.5, 0.5)),
    "RandomRotation": lambda p: dict(factor=span(p, -0.3, 0.3), **warp(p)),
    "RandomTranslation": lambda p: dict(height_factor=span(p, -0.4, 0.4), width_factor=span(p, -0.4, 0.4), **warp(p)),
    "RandomZoom": lambda p: dict(height_factor=span(p, -0.4, 0.4), width_factor=p.pick(None, span(p, -0.4, 0.4)), **warp(p)),
    "RandomShear": lambda p: dict(x_factor=span(p, 0, 0.4), y_factor=span(p, 0, 0.4), **warp(p)),
    "RandomSaturation": lambda p: dict(factor=span(p, 0.1, 0.9)),
    "RandomHue": lambda p: dict(factor=span(p, 0.1, 0.9)),
    "RandomSharpness": lambda p: dict(factor=span(p, 0.1, 0.9)),
    "RandomColorDegeneration": lambda p: dict(factor=span(p, 0.1, 0.9)),
    "RandomInvert": lambda p: dict(factor=(1.0, 1.0)),
    "RandomGrayscale": lambda p: dict(factor=1.0),
    "AutoContrast": lambda p: {},
    "Equalization": lambda p: dict(bins=p.pick(256, 64)),
    "ContrastLimitedAdaptiveHistogramEqualization": lambda p: dict(clip_limit=p.pick(2.0, 0.0), tile_grid_size=p.pick((2, 3), (1, 1))),
}
RANGED = set(FIXED) - {"RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomGrayscale"}


def warp(p):
    return dict(fill_mode=p.pick("reflect", "constant", "nearest", "wrap"), interpolation=p.pick("bilinear", "nearest"), fill_value=p.pick(0.0, 3.5))


def fixed_family(name):
    @family(f"{name} settings", 4)
    def fixed(p):
        kwargs = FIXED[name](p)
        # Keras reads rows as channels where they come first, see docs/keras.md.
        data_format = p.pick("channels_last", "channels_first") if name != "AutoContrast" else "channels_last"
        kwargs["data_format"] = data_format
        high = 255
        if name in RANGED and p.pick(True, False):
            kwargs["value_range"], high = (0, 1), 1
        inputs = picture(p, data_format, 3, high)
        if high == 255 and p.pick(True, False, False):
            inputs = inputs.astype("uint8")
        return L(name, kwargs, inputs, modes=("inference", "training"), gradients=False)


for _name in FIXED:
    fixed_family(_name)


@family("gradients of moved images", 2)
def moved_gradients(p):
    # TensorFlow gives others only roughly, see docs/keras.md.
    kwargs = dict(FIXED["RandomTranslation"](p), interpolation="bilinear", fill_mode="constant")
    return L("RandomTranslation", kwargs, p.normal(2, 5, 4, 2), modes=("training",))


# ----------------------------------------------------------------------- audio
@family("STFTSpectrogram settings", 8)
def stft(p):
    data_format = p.pick("channels_last", "channels_first")
    kwargs = dict(mode=p.pick("log", "magnitude", "psd", "real", "imag", "angle", "stft"), frame_length=p.pick(16, 9), frame_step=p.pick(None, 3, 20),
                  fft_length=p.pick(None, 32), window=p.pick("hann", None, "blackman", "bartlett"), padding=p.pick("valid", "same"), periodic=p.pick(True, False),
                  expand_dims=p.pick(True, False), scaling=p.pick("density", "spectrum", None), data_format=data_format)
    shape = (2, 40, p.pick(1, 2)) if data_format == "channels_last" else (2, p.pick(1, 2), 40)
    return L("STFTSpectrogram", kwargs, p.normal(*shape), keep_weights=True, gradients=False)


@family("MelSpectrogram settings", 5)
def mel(p):
    kwargs = dict(fft_length=32, sequence_stride=p.pick(8, 13), sequence_length=p.pick(None, 20), num_mel_bins=6, sampling_rate=8000, min_freq=p.pick(20.0, 0.0),
                  max_freq=p.pick(None, 3000), window=p.pick("hann", "hamming"), power_to_db=p.pick(True, False), top_db=p.pick(80.0, 10.0), mag_exp=p.pick(2.0, 1.0),
                  min_power=p.pick(1e-10, 1e-3), ref_power=p.pick(1.0, 2.0))
    return L("MelSpectrogram", kwargs, p.normal(*p.pick((2, 100), (100,))), keep_weights=True, gradients=False)
