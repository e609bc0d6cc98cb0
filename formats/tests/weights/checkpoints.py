"""Reads checkpoints that were written in Rust with TensorFlow, and writes one for Rust.

    python checkpoints.py THEIRS FOLDER
"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.raw_ops import SaveV2

theirs, folder = tf.train.load_checkpoint(sys.argv[1]), sys.argv[2]
ours = tf.train.load_checkpoint(f"{folder}/back")
assert ours.get_variable_to_dtype_map() == theirs.get_variable_to_dtype_map()
assert ours.get_variable_to_shape_map() == theirs.get_variable_to_shape_map()
for name in theirs.get_variable_to_shape_map():
    one, other = np.asarray(ours.get_tensor(name)), np.asarray(theirs.get_tensor(name))
    assert (one.tolist() == other.tolist()) if one.dtype == object else (one.tobytes() == other.tobytes()), name

many = tf.train.load_checkpoint(f"{folder}/many")
assert len(many.get_variable_to_shape_map()) == 9000
for at in range(0, 9000, 97):
    assert many.get_tensor(f"model/block_{at:05}/attention/kernel").tolist() == [at]

names = [f"model/block_{at:05}/attention/kernel" for at in range(9000)]
tensors = [tf.constant([at], tf.int32) for at in range(9000)]
table = np.arange(700, dtype="f4").reshape(100, 7)
parts = [(0, 64), (64, 1), (65, 35)]
SaveV2(
    prefix=f"{folder}/theirs",
    tensor_names=names + ["table"] * len(parts),
    shape_and_slices=[""] * len(names) + [f"100 7 {start},{size}:-" for start, size in parts],
    tensors=tensors + [tf.constant(table[start : start + size]) for start, size in parts],
)
