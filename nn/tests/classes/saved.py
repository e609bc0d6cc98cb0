"""Saves models of one layer with Keras, in the settings of recorded cases, with what they give.

    python saved.py FOLDER CASES.. [--only TEXT]

CASES are folders with `cases.json` or `cases.json.gz`. FOLDER gets `NAME.keras`, and `NAME.npz` with inputs `x0`, `x1`.. and outputs `y0`, `y1`..
Cases of strings, which are no inputs of tensors alone, are left out; masks too, but where they are arguments.
"""

import argparse
import gzip
import inspect
import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
import tensorflow as tf

# What random configurations cannot ask of a model: these are called with more than tensors, or are no part of one.
OTHERS = ("HashedCrossing", "MixUp", "CutMix", "RandAugment", "AugMix")

SOUNDS = ("MelSpectrogram", "STFTSpectrogram")


class NoModel(Exception):
    """A case that is not called with tensors alone."""


def read(folder):
    folder = pathlib.Path(folder)
    if (folder / "cases.json").exists():
        cases = json.loads((folder / "cases.json").read_text())
    else:
        cases = json.loads(gzip.open(folder / "cases.json.gz").read())
    return cases["cases"], np.load(folder / "arrays.npz")


def with_module(value):
    """Layers in a layer's settings, in the module that Keras looks them up in."""
    if isinstance(value, list):
        return [with_module(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: with_module(item) for key, item in value.items()}
    if "class_name" in value and hasattr(keras.layers, value["class_name"]):
        value = {"module": "keras.layers", "registered_name": None, **value}
    return value


def layer_of(case):
    config = with_module(case["config"])
    if case["dtype"] != "float32":
        config["dtype"] = case["dtype"]
    row = {"module": "keras.layers", "class_name": case["name"], "config": config, "registered_name": None}
    return keras.layers.deserialize(row)


class Inputs:
    """Inputs of the model for the tensors of a call, and their values."""

    def __init__(self, arrays, is_stateful):
        self.arrays, self.inputs, self.values = arrays, [], []
        # What keeps states from batch to batch knows how large a batch is.
        self.is_stateful = is_stateful

    def of(self, value):
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "tensor" not in value:
            raise NoModel("strings")
        array = self.arrays[value["tensor"]]
        if array.ndim < 1 or len(array) == 0:
            raise NoModel("no examples")
        # NumPy has no floats of 16 bits with eight of them for the exponent: layers cast what they are given.
        dtype = "float32" if value["dtype"] in ("bfloat16", "float16") else value["dtype"]
        batch = array.shape[0] if self.is_stateful else None
        given = keras.Input(batch_shape=(batch, *array.shape[1:]), dtype=dtype)
        self.inputs.append(given)
        self.values.append(tf.cast(array, dtype))
        return given


def model_of(case, arrays):
    layer = layer_of(case)
    if case["name"] in SOUNDS and len(case["call"]["inputs"]["shape"]) < 2:
        raise NoModel("one sound")
    made = Inputs(arrays, '"stateful": true' in json.dumps(case["config"]))
    accepted = inspect.signature(layer.call).parameters
    call = {name: made.of(value) for name, value in case["call"].items() if name in accepted or name != "mask"}
    first = next(iter(call))
    outputs = layer(call.pop(first), **call)
    flat = tf.nest.flatten(outputs)
    if len({len(x) for x in made.values}) > 1:
        raise NoModel("inputs of several batches")
    # What hangs on no input, as an argument that is none, would be no part of the model.
    return keras.Model(made.inputs, flat if len(flat) > 1 else flat[0]), made.values


def filled(model, random):
    values = []
    for weight in model.weights:
        shape, name = tuple(weight.shape), weight.path.rsplit("/", 1)[-1]
        value = random.uniform(0.5, 1.5, shape) if "variance" in name or name in ("gamma", "scale") else random.normal(size=shape) * 0.5
        values.append(np.asarray(weight) if "int" in str(weight.dtype) else value)
    model.set_weights(values)
    for layer in model.layers:
        # Numbers that follow from the weights are made when these are read.
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def outputs_of(model, values):
    given = values if len(values) > 1 else values[0]
    try:
        outputs = model(given, training=False)
    except (tf.errors.OpError, NotImplementedError):
        # Channels first, which TensorFlow computes by XLA alone on processors.
        outputs = tf.function(lambda x: model(x, training=False), jit_compile=True)(given)
    return tf.nest.flatten(outputs)


def wide(tensor):
    tensor = tf.convert_to_tensor(tensor)
    return (tf.cast(tensor, "float32") if tensor.dtype in (tf.bfloat16, tf.float16) else tensor).numpy()


def save(case, arrays, path, random):
    keras.utils.clear_session(free_memory=False)
    model, values = model_of(case, arrays)
    filled(model, random)
    model.save(path)
    outputs = outputs_of(model, values)
    if any(y.dtype == tf.string for y in outputs):
        raise NoModel("strings")
    named = {f"x{i}": wide(x) for i, x in enumerate(values)} | {f"y{i}": wide(y) for i, y in enumerate(outputs)}
    np.savez(path.with_suffix(".npz"), **named)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    saved = 0
    for folder in given.cases:
        cases, arrays = read(folder)
        # As the cases are named where they are run: those of further settings by their folder.
        further = pathlib.Path(folder).name
        prefix = f"{further}." if further in ("settings", "more") else ""
        for case in cases:
            if case["kind"] != "layer" or given.only not in case["name"] or case["name"] in OTHERS:
                continue
            path = given.folder / f"{prefix}{case['id']}.keras"
            try:
                save(case, arrays, path, np.random.default_rng(saved))
                saved += 1
            except NoModel:
                path.unlink(missing_ok=True)
            except Exception as error:  # noqa: BLE001
                path.unlink(missing_ok=True)
                print(f"not saved: {path.stem}: {type(error).__name__}: {' '.join(str(error).split())[:300]}", flush=True)
    print(f"{saved} models")


main()
