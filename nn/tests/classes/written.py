"""Loads models that were written here with Keras, and says which give other numbers.

    python written.py FOLDER

FOLDER has `NAME.keras`, and `NAME.npz` with inputs `x0`, `x1`.. and outputs `y0`, `y1`..
"""

import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np


def numbers(archive, letter):
    return [archive[f"{letter}{i}"] for i in range(len(archive.files)) if f"{letter}{i}" in archive.files]


def outputs_of(model, given):
    try:
        return model(given, training=False)
    except Exception as error:  # noqa: BLE001
        if "NHWC" not in str(error) and "NDHWC" not in str(error):
            raise
        # Channels first, which TensorFlow computes by XLA alone on processors.
        import tensorflow as tf

        return tf.function(lambda x: model(x, training=False), jit_compile=True)(given)


def check(path):
    model = keras.models.load_model(path)
    archive = np.load(path.with_suffix(".npz"))
    inputs, wanted = numbers(archive, "x"), numbers(archive, "y")
    found = outputs_of(model, inputs[0] if len(inputs) == 1 else inputs)
    found = keras.tree.flatten(found)
    is_half = any("float16" in str(y.dtype) for y in found)
    found = [np.asarray(keras.ops.cast(y, "float32") if "float16" in str(y.dtype) else y) for y in found]
    assert len(found) == len(wanted), f"{len(found)} outputs, and not {len(wanted)}"
    tolerance = 3e-2 if is_half else 1e-4
    for i, (a, b) in enumerate(zip(found, wanted)):
        assert a.shape == b.shape, f"output {i} is {a.shape}, and not {b.shape}"
        a, b = a.astype("float64"), b.astype("float64")
        assert (np.isnan(a) == np.isnan(b)).all(), f"output {i} has NaN in other places"
        far = np.abs(np.nan_to_num(a - b)).max(initial=0.0)
        assert far <= tolerance * max(1.0, np.nan_to_num(np.abs(b)).max(initial=0.0)), f"output {i} differs by {far}"
    if path.stem.startswith("trained"):
        targets = np.zeros(wanted[0].shape, "float32")
        assert np.isfinite(model.train_on_batch(inputs[0], targets)[0]), "it is not trained"


wrong = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    if path.stem.split("_")[0].endswith(("Cell", "Cells")):
        continue  # A cell alone is no model of Keras.
    try:
        check(path)
    except Exception as error:
        wrong += 1
        print(f"{path.stem}: {type(error).__name__}: {' '.join(str(error).split())[:400]}")
sys.exit(1 if wrong else 0)
