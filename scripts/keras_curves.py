#!/usr/bin/env python3
"""Writes nn/tests/data/curves.npz: what 100 steps of two small networks do in Keras.

A convolutional network and a network of two LSTM layers, each with its first weights, ten batches that come in turn, and the loss before each of 100 steps of Adam.
nn/tests/curves.rs trains the same networks from the same weights with the same batches.

    pip install keras==3.15.1 jax && KERAS_BACKEND=jax python scripts/keras_curves.py
"""

import pathlib

import keras
import numpy as np
from keras import layers

STEPS, BATCHES, SIZE = 100, 10, 16
FILE = pathlib.Path(__file__).parent.parent / "nn/tests/data/curves.npz"


def convolutional():
    return keras.Sequential([
        keras.Input((10, 10, 1)),
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.BatchNormalization(),
        layers.Conv2D(12, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(5),
    ])


def recurrent():
    return keras.Sequential([
        keras.Input((12, 4)),
        layers.LSTM(10, return_sequences=True),
        layers.LSTM(8),
        layers.Dense(5),
    ])


def curve(name, model, rate, random):
    """The weights, batches and losses of a model, by names."""
    found = {}
    for i, weight in enumerate(model.weights):
        found[f"{name}.weight.{i}"] = weight.numpy()
    shape = (BATCHES, SIZE, *model.input_shape[1:])
    y = random.integers(0, 5, (BATCHES, SIZE))
    x = random.normal(size=shape) + 0.4 * y.reshape(BATCHES, SIZE, *[1] * (len(shape) - 2)) * np.sin(np.arange(shape[2]))[:, None].reshape(-1, *[1] * (len(shape) - 3))
    x, y = x.astype(np.float32), y.astype(np.int32)
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = []
    for step in range(STEPS):
        model.reset_metrics()
        losses.append(model.train_on_batch(x[step % BATCHES], y[step % BATCHES]))
    print(name, *(f"{loss:.4f}" for loss in losses[::9]))
    return found | {f"{name}.x": x, f"{name}.y": y, f"{name}.losses": np.array(losses, np.float32)}


keras.utils.set_random_seed(7)
random = np.random.default_rng(7)
arrays = curve("convolutional", convolutional(), 0.003, random) | curve("recurrent", recurrent(), 0.01, random)
FILE.parent.mkdir(exist_ok=True)
np.savez_compressed(FILE, **arrays)
