"""The pipelines of `benches/src/pipelines.rs` in tf.data, by the same rule.

    python3 benches/pipelines.py [FOLDER_OF_IMAGES]
    python3 benches/pipelines.py --write FOLDER      makes FOLDER/jpeg and FOLDER/png, 96 pictures of 640 x 480 each
"""

import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

ELEMENTS = 1_000_000
PASSES = 5


def fastest(dataset):
    """Seconds of the fastest pass."""
    best = float("inf")
    for _ in range(PASSES):
        start = time.perf_counter()
        for _ in dataset:
            pass
        best = min(best, time.perf_counter() - start)
    return best


def of_numbers():
    data = tf.data.Dataset.range(ELEMENTS)
    mapped = data.map(lambda x: x * 2 + 1)
    yield "range, map", mapped
    chain = mapped.shuffle(10_000, seed=1).batch(128)
    yield "range, map, shuffle, batch", chain
    yield "range, map, shuffle, batch, prefetch", chain.prefetch(2)
    yield "range, batch of 16, prefetch", data.batch(16).prefetch(2)


def of_rows(path):
    path.write_text("".join(f"{i},{i % 97}.5,{i * 7 % 1001}\n" for i in range(ELEMENTS)))
    columns = [tf.constant(0, tf.int64), tf.constant(0.0), tf.constant(0, tf.int64)]
    rows = tf.data.experimental.CsvDataset(str(path), columns)
    yield "csv of three columns", rows
    yield "csv of three columns, batch", rows.batch(128)


def write_images(folder):
    """Clouds of several sizes with some noise: their files are as large as those of photographs."""
    random = tf.random.Generator.from_seed(1)
    for kind, encode in (("jpeg", lambda x: tf.io.encode_jpeg(x, quality=90)), ("png", tf.io.encode_png)):
        inner = pathlib.Path(folder, kind)
        inner.mkdir(parents=True, exist_ok=True)
        for i in range(96):
            clouds = [tf.image.resize(random.normal((4 * 2**s, 5 * 2**s, 3)), (480, 640), "bicubic") / 2**s for s in range(6)]
            pixels = 128 + 60 * tf.add_n(clouds) + random.normal((480, 640, 3), stddev=2.0)
            data = encode(tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8))
            (inner / f"{i:03}.{kind}").write_bytes(data.numpy())


def of_images(folder):
    def decode(path):
        return tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)

    def resized(path):
        return tf.image.resize(decode(path), (224, 224))

    files = sorted(str(path) for path in pathlib.Path(folder).iterdir())
    data = tf.data.Dataset.from_tensor_slices(files)
    for name, dataset in [
        ("decode", data.map(decode)),
        ("decode, resize, batch", data.map(resized).batch(32)),
        ("decode on threads", data.map(decode, num_parallel_calls=tf.data.AUTOTUNE)),
        ("decode on threads, resize, batch", data.map(resized, num_parallel_calls=tf.data.AUTOTUNE).batch(32)),
    ]:
        print(f"{name:48} {len(files) / fastest(dataset):8.0f} images/s", flush=True)


if sys.argv[1:2] == ["--write"]:
    sys.exit(write_images(sys.argv[2]))
with tempfile.TemporaryDirectory() as folder:
    for name, dataset in [*of_numbers(), *of_rows(pathlib.Path(folder, "rows.csv"))]:
        print(f"{name:48} {ELEMENTS / fastest(dataset) / 1e6:8.2f} M elements/s", flush=True)
if len(sys.argv) > 1:
    of_images(sys.argv[1])
