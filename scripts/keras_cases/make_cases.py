"""Computes conformance cases with Keras 3 and writes them to a folder.

    python scripts/keras_cases/make_cases.py --seed 1 --out DIR
    python scripts/keras_cases/make_cases.py --seed 2 --settings --out DIR
    python scripts/keras_cases/make_cases.py --verify DIR --sample 60
    KERAS_CASES=DIR cargo test -p tensorwright-nn --test keras -- --nocapture

Needs keras >= 3.15 with tensorflow as its backend, on the CPU. `nn/tests/keras/README.md` describes the format.
"""

import argparse
import json
import pathlib
import random
import sys

import numpy as np

from keras_cases import engine
from keras_cases import layers_dense  # noqa: F401 - importing registers families
from keras_cases import layers_sequence  # noqa: F401
from keras_cases import layers_data
from keras_cases import functions  # noqa: F401
from keras_cases import training  # noqa: F401
from keras_cases import models  # noqa: F401

layers_data.register_variants()
USUAL = len(engine.FAMILIES)
from keras_cases import layers_settings, data_settings, function_settings, more_settings  # noqa: E402,F401

FORMAT = 1
DEFAULT_TOLERANCE = {
    "float32": {"rtol": 1e-4, "atol": 2e-5},
    "float64": {"rtol": 1e-9, "atol": 1e-10},
    "bfloat16": {"rtol": 3e-2, "atol": 3e-2},
    "mixed_bfloat16": {"rtol": 3e-2, "atol": 3e-2},
}


def generate(seed, which, wanted=lambda name: True):
    """Runs every family; the holdout set takes about half as many of each."""
    recorder = engine.Recorder(seed, which)
    seen = {}
    for family in engine.FAMILIES:
        seen[family.name] = seen.get(family.name, 0) + 1
        name = f"{family.name}#{seen[family.name]}" if seen[family.name] > 1 else family.name
        if not wanted(name):
            continue
        picker = engine.picker_for(seed, which, name)
        count = family.count
        if which == "holdout" and not family.always:
            count = max(1, family.count // 2) if family.count > 1 else int(picker.rng.random() < 0.5)
        for _ in range(count):
            recorder.attempt(family.make(picker), picker, name)
    return recorder


def header(seed, which):
    import keras
    import tensorflow

    return {
        "format": FORMAT, "set": which, "seed": seed, "keras": keras.__version__, "backend": keras.backend.backend(),
        "tensorflow": tensorflow.__version__, "numpy": np.__version__, "arrays": "arrays.npz", "tolerances": DEFAULT_TOLERANCE,
    }


def write(recorder, out):
    """One case per line in the index, all tensors in one compressed archive."""
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / "arrays.npz", **recorder.arrays)
    lines = ",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in recorder.cases)
    head = json.dumps(header(recorder.seed, recorder.which), indent=1)
    (out / "cases.json").write_text(head[:-2] + ',\n "cases": [\n' + lines + "\n]}\n")


def references(value):
    """All tensor references inside a case."""
    if isinstance(value, dict):
        if "tensor" in value:
            yield value
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def load(out):
    index = json.loads((out / "cases.json").read_text())
    with np.load(out / "arrays.npz") as archive:
        return index, {key: archive[key] for key in archive.files}


def verify(out, sample):
    """Reloads a folder, checks every reference, recomputes a random sample."""
    index, arrays = load(out)
    used = set()
    for case in index["cases"]:
        for ref in references(case):
            array = arrays[ref["tensor"]]
            stored = "float32" if ref["dtype"] in engine.HALF else ref["dtype"]
            assert list(array.shape) == ref["shape"] and array.dtype.name == stored, ref
            used.add(ref["tensor"])
    assert used == set(arrays), "arrays that no case mentions"

    families = sorted({c["family"] for c in index["cases"]})
    chosen = set(random.sample(families, min(sample, len(families))))
    again = generate(index["seed"], index["set"], chosen.__contains__)
    stored = [c for c in index["cases"] if c["family"] in chosen]
    assert len(stored) == len(again.cases), "the case list changed"
    for old, new in zip(stored, again.cases):
        compare(old, new, arrays, again.arrays)
    print(f"{len(index['cases'])} cases, {len(arrays)} arrays, all references resolve; "
          f"{len(stored)} cases of {len(chosen)} random families recomputed, all identical")


def compare(old, new, old_arrays, new_arrays):
    """The ids differ when only some families run; everything else must agree."""
    text = json.dumps(new).replace(f'"{new["id"]}', f'"{old["id"]}')
    assert json.loads(text) == old, old["id"]
    for a, b in zip(references(old), references(json.loads(json.dumps(new)))):
        x, y = old_arrays[a["tensor"]], new_arrays[b["tensor"]]
        assert np.array_equal(x, y, equal_nan=x.dtype.kind == "f"), a


def precision(out):
    """Runs the float32 layers, losses and activations of a folder in float64.

    Prints the cases whose float32 values miss the float64 ones by more than a
    fifth of the tolerance: those would be unfair to another implementation.
    """
    index, single = load(out)
    engine.SHADOW = "float64"
    families = {c["family"] for c in index["cases"] if c["kind"] in ("layer", "loss", "activation") and c["dtype"] == "float32"}
    double = generate(index["seed"], index["set"], families.__contains__)
    failed = {entry["name"] for entry in double.skipped}  # their numbering has shifted
    limit, worst = DEFAULT_TOLERANCE["float32"], {}
    for key, y in double.arrays.items():
        x = single.get(key)
        if x is None or key.split(".")[1] in failed or x.dtype != np.float32 or y.dtype != np.float64 or x.shape != y.shape or not np.isfinite(y).all():
            continue
        allowed = limit["atol"] * max(1.0, np.abs(y).max(initial=0.0)) + limit["rtol"] * np.abs(y)
        share = float((np.abs(x - y) / allowed).max(initial=0.0))
        worst[key.split("/")[0]] = max(worst.get(key.split("/")[0], (0.0, "")), (share, key))
    for share, key in sorted(worst.values(), reverse=True):
        if share > 0.2:
            print(f"{share:9.2f} of the tolerance: {key}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", choices=("open", "holdout"), default="open", dest="which")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--only", help="families whose name contains this text")
    parser.add_argument("--settings", action="store_true", help="only the families of unusual settings")
    parser.add_argument("--verify", type=pathlib.Path, help="check a folder instead of writing one")
    parser.add_argument("--precision", type=pathlib.Path, help="compare the float32 values of a folder with float64")
    parser.add_argument("--sample", type=int, default=40, help="families to recompute when verifying")
    options = parser.parse_args()
    engine.FAMILIES[:] = engine.FAMILIES[USUAL:] if options.settings else engine.FAMILIES[:USUAL]
    if options.precision:
        return precision(options.precision)
    if options.verify:
        return verify(options.verify, options.sample)
    recorder = generate(options.seed, options.which, lambda name: not options.only or options.only in name)
    if options.out:
        write(recorder, options.out)
    kinds = {}
    for case in recorder.cases:
        kinds[case["kind"]] = kinds.get(case["kind"], 0) + 1
    print(len(recorder.cases), "cases:", kinds)
    for entry in recorder.skipped:
        print("skipped:", entry["name"], entry["what"], "--", entry["reason"], file=sys.stderr)


if __name__ == "__main__":
    main()
