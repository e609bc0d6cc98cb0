"""Runs case specifications through Keras and records what came out.

A *specification* is a small Python object (`LayerSpec`, `LossSpec`, ...) that a
family function made from a `Picker`. The `Recorder` executes it and appends one
JSON-able case to `cases`; every tensor goes to `arrays` under a readable key.
"""

import dataclasses
import inspect
import os
import re
import zlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras.src import backend  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

HALF = ("bfloat16", "float16")

# Set to "float64" to run the float32 cases in double precision, see `precision`
# in make_cases.py.
SHADOW = None


# ---------------------------------------------------------------- randomness
class Picker:
    """Seeded source of sizes, options and tensors for one family.

    `pick` deals options from shuffled decks, so that over a few cases each
    option appears before any appears twice.
    """

    def __init__(self, *seed):
        self.rng = np.random.default_rng(seed)
        self.decks = {}

    def pick(self, *options):
        key = repr(options)
        if not self.decks.get(key):
            self.decks[key] = list(self.rng.permutation(len(options)))
        return options[self.decks[key].pop()]

    def size(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def number(self, low, high, digits=3):
        return round(float(self.rng.uniform(low, high)), digits)

    def normal(self, *shape, scale=1.0):
        return (self.rng.normal(size=shape) * scale).astype("float32")

    def uniform(self, low, high, *shape):
        return self.rng.uniform(low, high, size=shape).astype("float32")

    def ints(self, high, *shape, low=0, dtype="int32"):
        return self.rng.integers(low, high, size=shape).astype(dtype)

    def one_hot(self, classes, *shape):
        return np.eye(classes, dtype="float32")[self.ints(classes, *shape)]

    def simplex(self, *shape):
        """Rows of the last axis are probabilities, none of them extreme."""
        raw = self.rng.uniform(0.1, 1.0, size=shape)
        return (raw / raw.sum(-1, keepdims=True)).astype("float32")

    def steps_mask(self, batch, steps, style):
        """A mask over time steps: padding at the right, at the left, or holes."""
        lengths = self.rng.integers(1, steps + 1, size=batch)
        lengths[0] = max(1, steps - 1)
        ahead = np.arange(steps)[None, :] < lengths[:, None]
        if style == "right":
            return ahead
        if style == "left":
            return ahead[:, ::-1].copy()
        holes = self.rng.random((batch, steps)) < 0.6
        holes[:, self.size(0, steps - 1)] = True
        return holes


# ------------------------------------------------------------- specifications
@dataclasses.dataclass
class Nested:
    """A layer to be built inside another layer's arguments."""

    name: str
    kwargs: dict


def N(name, **kwargs):
    return Nested(name, kwargs)


@dataclasses.dataclass
class LayerSpec:
    """One layer case. The first entry of `call` is the positional argument."""

    name: str
    kwargs: dict
    call: dict
    dtype: str = "float32"
    modes: tuple = ("inference",)
    adapt: list = None
    keep_weights: bool = False
    calls: int = 1  # consecutive calls of a stateful layer
    notes: str = None
    statistics: dict = None
    gradients: bool = True


def L(name, kwargs, inputs, call=None, **more):
    return LayerSpec(name, kwargs, {"inputs": inputs, **(call or {})}, **more)


@dataclasses.dataclass
class Family:
    name: str
    make: object
    count: int
    always: bool  # deal `count` in both sets instead of half in the holdout set


FAMILIES = []


def family(name, count, always=False):
    """Registers `make(picker)`, called `count` times for the open set."""

    def register(make):
        FAMILIES.append(Family(name, make, count, always))
        return make

    return register


def picker_for(seed, which, name):
    return Picker(seed, {"open": 0, "holdout": 1}[which], zlib.crc32(name.encode()))


# --------------------------------------------------------------- config JSON
DROPPED = {
    "name", "dtype", "trainable", "seed", "module", "registered_name", "build_config",
    "quantization_config", "quantization_mode",
    "gptq_unpacked_column_size", "flash_attention", "use_cudnn", "batch_input_shape",
    "renorm_clipping", "compile_config", "synchronized",
}
DROPPED_WHEN_NONE = ("regularizer", "constraint")


def clean(value):
    """A `get_config` value without names, dtypes and initialisers."""
    if isinstance(value, dict):
        out = {}
        for key, item in value.items():
            if key == "trainable" and item is False:
                out[key] = item
            if key in DROPPED or (key.endswith("_initializer") and "alpha" not in key):
                continue
            if key.endswith("alpha_initializer"):
                continue
            if key.endswith(DROPPED_WHEN_NONE) and item is None:
                continue
            out[key] = clean(item)
        return out
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if tf.is_tensor(value):
        return value.numpy().tolist()
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"class_name": type(value).__name__, "config": clean(value.get_config())}
    return value


def build(spec_name, kwargs, dtype):
    """Instantiates a layer, and the layers nested in its arguments."""

    def deep(value):
        if isinstance(value, Nested):
            return build(value.name, value.kwargs, dtype)
        if isinstance(value, (list, tuple)):
            return type(value)(deep(item) for item in value)
        return value

    kwargs = {key: deep(value) for key, value in kwargs.items()}
    cls = getattr(keras.layers, spec_name)
    if "dtype" not in kwargs and dtype != "float32":
        kwargs["dtype"] = dtype
    return cls(**kwargs)


def to_numpy(tensor):
    if isinstance(tensor, tf.RaggedTensor):
        raise TypeError("ragged output")
    if isinstance(tensor, tf.IndexedSlices):
        tensor = tf.convert_to_tensor(tensor)
    if isinstance(tensor, np.ndarray):
        return tensor
    if hasattr(tensor, "numpy"):
        return np.asarray(tensor.numpy())
    return np.asarray(tensor)


def is_tensor(value):
    return isinstance(value, np.ndarray) or tf.is_tensor(value)


def map_tensors(fn, value):
    """Applies `fn(array, path)` to the arrays of nested lists and dicts."""

    def walk(item, path):
        if is_tensor(item):
            return fn(item, path)
        if isinstance(item, (list, tuple)):
            return [walk(x, f"{path}.{i}") for i, x in enumerate(item)]
        if isinstance(item, dict):
            return {k: walk(x, f"{path}.{k}" if path else k) for k, x in item.items()}
        return item

    return walk(value, "")


def is_float(array):
    return str(getattr(array.dtype, "name", array.dtype)) in ("float32", "float64", *HALF)


def flat_floats(value):
    found = []
    map_tensors(lambda t, _: found.append(t) if is_float(t) else None, value)
    return found


def short_path(variable, owner):
    path = variable.path
    head = owner.name + "/"
    return path[len(head):] if path.startswith(head) else path


def weight_value(picker, variable):
    """A random but sensible value for a weight, judged by its name."""
    shape, name = tuple(variable.shape), variable.path.rsplit("/", 1)[-1]
    if "variance" in name or "gamma" in name or name == "scale":
        return picker.rng.uniform(0.5, 1.5, size=shape)
    if "stddev" in name:
        return picker.rng.uniform(0.8, 1.2, size=shape)
    return picker.rng.normal(size=shape) * 0.5


# ------------------------------------------------------------------ recording
class Recorder:
    """Collects cases and arrays; remembers what could not be computed."""

    def __init__(self, seed, which):
        self.seed, self.which = seed, which
        self.cases, self.arrays, self.skipped = [], {}, []
        self.counts = {}

    # -- bookkeeping
    def new_id(self, kind, name):
        name = name.replace(" ", "_")
        index = self.counts.get((kind, name), 0)
        self.counts[kind, name] = index + 1
        return f"{kind}.{name}.{index}"

    def put(self, key, tensor):
        """Stores a tensor and returns the reference to it that goes to the JSON."""
        array = to_numpy(tensor)
        if array.dtype == object or array.dtype.kind in "SU":
            text = [x.decode() if isinstance(x, bytes) else str(x) for x in array.ravel()]
            return {"strings": text, "shape": list(array.shape)}
        dtype = array.dtype.name
        if dtype in HALF:
            array = array.astype("float32")
        assert key not in self.arrays, key
        self.arrays[key] = array
        return {"tensor": key, "dtype": dtype, "shape": list(array.shape)}

    def put_all(self, base, value):
        return map_tensors(lambda t, path: self.put(f"{base}{path}", t), value)

    def attempt(self, spec, picker, family_name):
        """Runs one specification; a failure is noted and undone."""
        kept = len(self.cases), set(self.arrays), dict(self.counts)
        try:
            keras.utils.clear_session(free_memory=False)  # resets names; a full collection takes 0.2 s
            keras.utils.set_random_seed(zlib.crc32(repr((self.seed, spec.name)).encode()) % 2**31)
            spec_runner(spec)(self, spec, picker)
            self.cases[-1]["family"] = family_name
        except Exception as error:  # noqa: BLE001 - Keras raises all kinds
            self.cases = self.cases[: kept[0]]
            self.arrays = {k: v for k, v in self.arrays.items() if k in kept[1]}
            self.counts = kept[2]
            reason = " ".join(str(error).split())[:160]
            self.skipped.append(
                {"name": spec.name, "what": repr(getattr(spec, "kwargs", ""))[:160],
                 "reason": f"{type(error).__name__}: {reason}"}
            )

    def add(self, case):
        self.cases.append(case)


RUNNERS = {}


def runs(spec_type):
    """Registers the function that executes one type of specification."""

    def register(fn):
        RUNNERS[spec_type] = fn
        return fn

    return register


def spec_runner(spec):
    return RUNNERS[type(spec)]


# ---------------------------------------------------------------- derivatives
def forward_and_gradients(call, tensors, variables, cotangents_for):
    """Runs `call` and differentiates sum(output * cotangent).

    Returns outputs, cotangents (None for outputs without gradient) and the
    gradients of `tensors` and `variables`, None where nothing flows.
    """
    values = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors)
        tape.watch(values)
        outputs = call()
        flat = tf.nest.flatten(outputs)
        cotangents = [cotangents_for(o) if is_float(o) else None for o in flat]
        terms = [
            tf.reduce_sum(wide(o) * wide(c)) for o, c in zip(flat, cotangents) if c is not None
        ]
        total = tf.add_n(terms) if terms else None
    if total is None:
        return outputs, cotangents, None, None
    grads = tape.gradient(total, list(tensors) + values)
    return outputs, cotangents, grads[: len(tensors)], grads[len(tensors):]


def wide(tensor):
    tensor = tf.convert_to_tensor(tensor)
    return tf.cast(tensor, "float32") if tensor.dtype.name in HALF else tensor


# --------------------------------------------------------------------- layers
def cast_inputs(spec, value):
    """Puts the float inputs of a case into the compute dtype of its policy."""
    target = spec.dtype.replace("mixed_", "")
    if target == "float32":
        return value
    return map_tensors(
        lambda t, _: np.asarray(tf.cast(t, target)) if t.dtype == np.float32 else t, value
    )


def tensors_of(value):
    return map_tensors(lambda t, _: tf.convert_to_tensor(t), value)


def swapped_rank(spec):
    """Spatial rank, if TensorFlow's CPU kernels lack the layer's channels_first.

    Such a layer is built as channels_last and run on transposed tensors, which
    is what channels_first means; its kernels have the same layout either way.
    """
    whole = spec.name.startswith("Conv")
    if whole and spec.kwargs.get("data_format") == "channels_first":
        return int(re.search(r"(\d)D", spec.name)[1])
    return None


def call_layer(layer, call, mode, rank=None):
    """Calls a layer with named arguments, giving a mask the way it is taken."""
    call = dict(call)
    accepted = inspect.signature(layer.call).parameters
    first = next(iter(call))
    inputs = call.pop(first)
    if rank:
        inputs = keras.ops.moveaxis(inputs, -rank - 1, -1)
        outputs = call_layer(layer, {first: inputs, **call}, mode)
        return tf.nest.map_structure(lambda o: keras.ops.moveaxis(o, -1, -rank - 1), outputs)
    if "mask" in call and "mask" not in accepted:
        masks = call.pop("mask")
        pairs = zip(inputs, masks) if isinstance(inputs, list) else [(inputs, masks)]
        for tensor, mask in pairs:
            backend.set_keras_mask(tensor, mask)
    if mode != "inference" and "training" in accepted:
        call["training"] = True
    elif "training" in accepted:
        call["training"] = False
    return layer(inputs, **call)


@runs(LayerSpec)
def record_layer(rec, spec, picker):
    case_id = rec.new_id("layer", spec.name)
    if SHADOW and spec.dtype == "float32":
        spec = dataclasses.replace(spec, dtype=SHADOW)
    rank = swapped_rank(spec)
    kwargs = {**spec.kwargs, "data_format": "channels_last"} if rank else spec.kwargs
    layer = build(spec.name, kwargs, spec.dtype)
    call = cast_inputs(spec, spec.call)
    if spec.adapt is not None:
        layer.adapt(spec.adapt if not isinstance(spec.adapt, list) else np.concatenate(spec.adapt))
    tensors = tensors_of(call)
    call_layer(layer, tensors, "inference", rank)  # builds the weights
    if spec.calls > 1:
        layer.reset_state()
    if not spec.keep_weights:
        randomise(layer, picker)
    start = [to_numpy(w.value).copy() for w in layer.weights]

    case = {
        "id": case_id, "kind": "layer", "name": spec.name, "dtype": spec.dtype,
        "config": clean(layer.get_config()),
    }
    if rank:
        case["config"]["data_format"] = "channels_first"
    if spec.adapt is not None:
        data = spec.adapt if isinstance(spec.adapt, list) else [spec.adapt]
        case["adapt"] = [rec.put(f"{case_id}/adapt.{i}", d) for i, d in enumerate(data)]
        if hasattr(layer, "get_vocabulary"):
            case["vocabulary"] = clean(layer.get_vocabulary())
    case["call"] = rec.put_all(f"{case_id}/", call)
    case["weights"] = [
        {"path": short_path(w, layer), "trainable": bool(w.trainable),
         "value": rec.put(f"{case_id}/weight.{i}", v)}
        for i, (w, v) in enumerate(zip(layer.weights, start))
    ]
    case["runs"] = []
    for mode in spec.modes:
        for variable, value in zip(layer.weights, start):
            variable.assign(value)
        for repeat in range(spec.calls):
            if spec.calls > 1 and repeat == 0:
                layer.reset_state()
            base = f"{case_id}/{mode}" + (f".{repeat}" if spec.calls > 1 else "")
            run = record_run(rec, layer, spec, call, mode, base, picker, start)
            if spec.calls > 1:
                run["continues"] = repeat > 0
            case["runs"].append(run)
    if spec.statistics:
        case["training_statistics"] = spec.statistics
    if spec.notes:
        case["notes"] = spec.notes
    rec.add(case)


def randomise(layer, picker):
    for variable in layer.weights:
        if "float" in str(variable.dtype):
            variable.assign(weight_value(picker, variable))


def record_run(rec, layer, spec, call, mode, base, picker, start):
    """One call of a layer: outputs, masks, gradients and changed state."""
    tensors = tensors_of(call)
    floats = flat_floats(tensors)
    trainable = list(layer.trainable_weights)
    rank = swapped_rank(spec)
    if spec.gradients:
        outputs, cotangents, input_grads, weight_grads = forward_and_gradients(
            lambda: call_layer(layer, tensors, mode, rank), floats, trainable,
            lambda o: tf.cast(picker.rng.normal(size=tuple(o.shape)), o.dtype),
        )
    else:
        outputs, input_grads = call_layer(layer, tensors, mode, rank), None
    flat = tf.nest.flatten(outputs)
    run = {"mode": mode, "outputs": [rec.put(f"{base}.out.{i}", o) for i, o in enumerate(flat)]}
    masks = [backend.get_keras_mask(o) for o in flat]
    if any(m is not None for m in masks):
        run["output_masks"] = [
            None if m is None else rec.put(f"{base}.mask.{i}", m) for i, m in enumerate(masks)
        ]
    if layer.losses:
        run["losses"] = [rec.put(f"{base}.loss.{i}", x) for i, x in enumerate(layer.losses)]
    if input_grads is not None:
        record_gradients(rec, run, base, call, floats, input_grads, trainable, weight_grads,
                         cotangents, layer)
    changed = {}
    for i, (variable, before) in enumerate(zip(layer.weights, start)):
        after = to_numpy(variable.value)
        if not np.array_equal(after, before, equal_nan=after.dtype.kind == "f"):
            changed[short_path(variable, layer)] = rec.put(f"{base}.state.{i}", after)
    if changed:
        run["weights_after"] = changed
    return run


def record_gradients(rec, run, base, call, floats, input_grads, trainable, weight_grads,
                     cotangents, layer):
    run["cotangents"] = [
        None if c is None else rec.put(f"{base}.cotangent.{i}", c) for i, c in enumerate(cotangents)
    ]
    queue = list(input_grads)

    def next_gradient(array, path):
        if not is_float(array):
            return None
        gradient = queue.pop(0)
        return None if gradient is None else rec.put(f"{base}.grad.{path}", gradient)

    grads = {k: v for k, v in map_tensors(next_gradient, call).items() if holds_tensor(v)}
    run["input_gradients"] = grads
    run["weight_gradients"] = {
        short_path(v, layer): None if g is None else rec.put(f"{base}.wgrad.{i}", g)
        for i, (v, g) in enumerate(zip(trainable, weight_grads))
    }


def holds_tensor(value):
    if isinstance(value, dict):
        return "tensor" in value or any(holds_tensor(v) for v in value.values())
    if isinstance(value, list):
        return any(holds_tensor(v) for v in value)
    return False
