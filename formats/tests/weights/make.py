"""Writes the files of this folder's tests, of each format by the library that it belongs to, and their elements as JSON.

    python make.py checkpoint   # needs TensorFlow
    python make.py torch        # needs PyTorch
    python make.py numpy        # needs NumPy and safetensors
    python make.py gguf         # needs gguf

`expected.json` of a file has for each name the dtype, the shape and the elements' bytes in hexadecimal, or the strings.
"""
import json
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
FILES = Path(__file__).parent / "files"


def put(name, expected):
    """Writes what a file holds."""
    (FILES / f"{name}.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")


def numbers(dtype, array, shape):
    """What is expected of a tensor whose bytes are those of an array of NumPy."""
    return {"dtype": dtype, "shape": list(shape), "bytes": array.tobytes().hex()}


def arrays():
    """An array of each dtype of NumPy, by the names of dtypes here, with the numbers that are rounded or overflow in others."""
    import numpy as np

    ends = {}
    for name, dtype in {"i8": "i1", "i16": "<i2", "i32": "<i4", "i64": "<i8"}.items():
        info = np.iinfo(dtype)
        ends[name] = np.array([[info.min, -1, 0], [1, 2, info.max]], dtype)
    for name, dtype in {"u8": "u1", "u16": "<u2", "u32": "<u4", "u64": "<u8"}.items():
        ends[name] = np.array([0, 1, np.iinfo(dtype).max], dtype)
    for name, dtype in {"f16": "<f2", "f32": "<f4", "f64": "<f8"}.items():
        info = np.finfo(dtype)
        ends[name] = np.array([[-0.0, info.tiny / 4, 1 / 3, info.max], [np.inf, -np.inf, np.nan, -1]], dtype)
    ends["c64"] = np.array([1 + 2j, -0.0 - np.inf * 1j], "<c8")
    ends["c128"] = np.array([[1 / 3 + 2j], [np.nan]], "<c16")
    ends["bool"] = np.array([True, False, True])
    ends["scalar"] = np.array(2.5, "<f4")
    ends["empty"] = np.zeros((2, 0, 3), "<f4")
    return ends


def dtype_of(array):
    """The name of an array's dtype here."""
    return {"f": "f", "i": "i", "u": "u", "c": "c"}.get(array.dtype.kind, "") + str(array.dtype.itemsize * 8) if array.dtype != bool else "bool"


def checkpoint():
    """Checkpoints of TensorFlow: all dtypes, strings, slices, several files, packed blocks, and what Keras and `tf.train.Checkpoint` write."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.raw_ops import MergeV2Checkpoints, SaveV2

    tensors = {name: tf.constant(array) for name, array in arrays().items()}
    tensors["bf16"] = tf.cast(tf.constant([1 / 3, -0.0, np.inf]), tf.bfloat16)
    expected = {name: numbers(dtype_of(t.numpy()), t.numpy(), t.shape) for name, t in tensors.items() if name != "bf16"}
    expected["bf16"] = {"dtype": "bf16", "shape": [3], "bytes": tf.bitcast(tensors["bf16"], tf.uint16).numpy().tobytes().hex()}
    strings = {"words": tf.constant([["a", ""], ["\u00e9", "x" * 200]]), "word": tf.constant("one")}
    for name, words in strings.items():
        values = words.numpy().ravel().tolist() if words.shape.rank else [words.numpy()]
        expected[name] = {"dtype": "string", "shape": words.shape.as_list(), "strings": [value.hex() for value in values]}
    tensors.update(strings)
    names = list(tensors)
    slices = [""] * len(names)
    table = np.arange(15, dtype="<f4").reshape(5, 3)
    for piece, part in [("5 3 0,2:0,3", table[:2]), ("5 3 2,3:0,1", table[2:, :1]), ("5 3 2,3:1,2", table[2:, 1:])]:
        names.append("table")
        slices.append(piece)
        tensors[piece] = tf.constant(part)
    expected["table"] = numbers("f32", table, table.shape)
    half = len(names) // 2
    values = list(tensors.values())
    parts = []
    for at, own in enumerate([slice(None, half), slice(half, None)]):
        parts.append(str(FILES / f"part{at}"))
        SaveV2(prefix=parts[-1], tensor_names=names[own], shape_and_slices=slices[own], tensors=values[own])
    MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=str(FILES / "dtypes"), delete_old_dirs=False)
    for prefix in parts:
        for left in FILES.glob(Path(prefix).name + "*"):
            left.unlink()
    put("dtypes", expected)
    kernel = np.arange(6, dtype="<f4").reshape(2, 3)
    tf.train.Checkpoint(kernel=tf.Variable(kernel), step=tf.Variable(7, dtype=tf.int64)).write(str(FILES / "model"))


def numpy():
    """`.npz`, packed and not, `.npy`, safetensors."""
    import numpy as np
    from safetensors.numpy import save_file

    own = arrays()
    own["turned"] = np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3))
    own["big"] = np.arange(3, dtype=">f8")
    expected = {name: numbers(dtype_of(a), np.ascontiguousarray(a.astype(a.dtype.newbyteorder("<"))), a.shape) for name, a in own.items()}
    np.savez(FILES / "stored.npz", **own)
    np.savez_compressed(FILES / "packed.npz", **own)
    put("stored", expected)
    np.save(FILES / "one.npy", own["f16"])
    put("one", {"array": expected["f16"]})
    plain = {n: np.ascontiguousarray(a) for n, a in own.items() if n not in ("big", "turned", "c64", "c128", "scalar")}
    save_file(plain, FILES / "plain.safetensors", metadata={"made by": "make.py"})
    put("plain", {name: expected[name] for name in plain})


def torch():
    """Archives of PyTorch: all dtypes, views that share a storage, nested dicts, parameters, a file in both layouts."""
    import collections
    import shutil
    import zipfile

    import torch

    def of(tensor):
        dtype = {"float": "f", "bfloat": "bf", "int": "i", "uint": "u", "complex": "c", "bool": "bool"}
        name = str(tensor.dtype).removeprefix("torch.")
        letters = name.rstrip("0123456789")
        raw = tensor.detach().contiguous().flatten()
        raw = raw.view(torch.uint8).numpy().tobytes() if raw.numel() else b""
        return {"dtype": dtype[letters] + name[len(letters):], "shape": list(tensor.shape), "bytes": raw.hex()}

    own = {name: torch.from_numpy(array.copy()) for name, array in arrays().items()}
    own["bf16"] = torch.tensor([1 / 3, -0.0, float("inf")]).to(torch.bfloat16)
    base = torch.arange(24, dtype=torch.float32)
    own.update(
        base=base,
        turned=base.reshape(4, 6).t(),
        part=base.reshape(4, 6)[1:3, 1::2],
        spread=base[5:7].reshape(2, 1).expand(2, 3),
        parameter=torch.nn.Parameter(torch.ones(2, 2)),
    )
    nested = {
        "state": collections.OrderedDict(own),
        "model": torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict(),
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "groups": [{"lr": 0.1, "params": [0]}]},
        "list": [torch.tensor([1]), 2, torch.tensor([3])],
        "epoch": 4, "name": "run", "big": 1 << 80, "none": None, "size": torch.Size([2, 3]), "dtype": torch.float16, "device": torch.device("cpu"),
    }
    torch.save(nested, FILES / "nested.pt")
    expected = {f"state.{name}": of(tensor) for name, tensor in own.items()}
    expected |= {f"model.{name}": of(tensor) for name, tensor in nested["model"].items()}
    expected |= {"list.0": of(nested["list"][0]), "list.2": of(nested["list"][2])}
    expected["optimizer.state.0.step"] = of(nested["optimizer"]["state"][0]["step"])
    put("nested", expected)
    # Later protocols, and no folder in the archive.
    torch.save(nested, FILES / "flat.pt", pickle_protocol=4)
    with zipfile.ZipFile(FILES / "flat.pt") as old, zipfile.ZipFile(FILES / "new", "w") as new:
        for name in old.namelist():
            new.writestr(name.split("/", 1)[1], old.read(name))
    shutil.move(FILES / "new", FILES / "flat.pt")
    torch.save(torch.nn.Linear(2, 2), FILES / "module.pt")
    torch.save({"q": torch.ones(2).to(torch.float8_e4m3fn), "x": torch.ones(1)}, FILES / "narrow.pt")


def gguf():
    """A GGUF file with metadata of all kinds and tensors in plain and quantised form, which `gguf` itself reads back."""
    import numpy as np
    from gguf import GGMLQuantizationType as Kind, GGUFWriter, dequantize, quantize
    from gguf.constants import GGML_QUANT_SIZES

    writer = GGUFWriter(FILES / "kinds.gguf", "llama")
    writer.add_uint32("a.number", 7)
    writer.add_float32("a.float", 0.5)
    writer.add_bool("a.flag", True)
    writer.add_string("a.text", "caf\u00e9")
    writer.add_array("a.list", ["x", "y"])
    writer.add_int64("a.large", -(1 << 40))
    expected = {}
    plain = {name: array for name, array in arrays().items() if name in ("f16", "f32", "f64", "i8", "i16", "i32", "i64")}
    for name, array in plain.items():
        writer.add_tensor(name, array)
        expected[name] = numbers(name, array, array.shape)
    random = np.random.default_rng(1)
    for kind in (Kind.Q4_0, Kind.Q4_1, Kind.Q5_0, Kind.Q5_1, Kind.Q8_0, Kind.Q2_K, Kind.Q3_K, Kind.Q4_K, Kind.Q5_K, Kind.Q6_K, Kind.BF16):
        length, size = GGML_QUANT_SIZES[kind]
        shape = (2, max(length, 32) * 2 if length < 256 else 256)
        try:
            packed = quantize(random.standard_normal(shape, dtype="f4"), kind)
        except NotImplementedError:
            # Any bytes are blocks; scales of halves are finite.
            packed = random.integers(0, 0x38, (shape[0], shape[1] // length * size), dtype="u1")
        name = kind.name.lower()
        writer.add_tensor(name, packed, raw_dtype=kind)
        expected[name] = {"dtype": name, "shape": list(shape), "bytes": packed.tobytes().hex()}
        if kind != Kind.BF16:
            expected[name]["numbers"] = dequantize(packed, kind).astype("<f4").tobytes().hex()
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    put("kinds", expected)


if __name__ == "__main__":
    FILES.mkdir(exist_ok=True)
    globals()[sys.argv[1]]()
