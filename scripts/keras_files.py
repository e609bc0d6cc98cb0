#!/usr/bin/env python3
"""Writes models that Keras has saved to nn/tests/data, and what they give.

    pip install keras==3.15.1 jax && KERAS_BACKEND=jax python scripts/keras_files.py
"""

import pathlib

import keras
import numpy as np
from keras import layers

FOLDER = pathlib.Path(__file__).parent.parent / "nn/tests/data"


def images():
    return keras.Sequential([
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, activation="relu", padding="same", name="first"),
        layers.BatchNormalization(),
        layers.Conv2D(4, 3, padding="same"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(5, name="out", kernel_regularizer="l2"),
    ])


def texts():
    words = keras.Input((6,), dtype="int32", name="words")
    x = layers.Embedding(10, 4)(words)
    x = layers.MultiHeadAttention(2, 2)(x, x)
    x = layers.LayerNormalization()(x)
    both = layers.Bidirectional(layers.LSTM(4))(x)
    last = layers.GRU(4)(x)
    inner = keras.Sequential([layers.Dense(3, activation="tanh"), layers.Dense(2)], name="inner")
    return keras.Model(words, [layers.Add()([inner(both), layers.Dense(2)(last)]), layers.Dense(2)(both)])


def save(name, model, x):
    random = np.random.default_rng(3)
    model.set_weights([np.abs(random.normal(0.3, 0.4, w.shape)).astype(w.dtype) for w in model.get_weights()])
    model.compile("adam", "mse", metrics=None if len(model.outputs) > 1 else ["mae"])
    model.save(FOLDER / f"{name}.keras")
    if name == "images":
        model.save_weights(FOLDER / f"{name}.weights.h5")
    outputs = model.predict(x, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    np.savez(FOLDER / f"{name}.npz", x=x, **{f"y{i}": y for i, y in enumerate(outputs)})


random = np.random.default_rng(1)
save("images", images(), random.normal(size=(3, 8, 8, 1)).astype(np.float32))
save("texts", texts(), random.integers(0, 10, (3, 6)).astype(np.int32))
