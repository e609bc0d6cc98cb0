#!/usr/bin/env python3
"""Fetches the conformance cases of the `onnx` package to target/onnx, through pip, and compares their digest with the recorded one.

python3 scripts/onnx_cases.py [FOLDER]
"""
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile

VERSION = "1.22.0"
# Of the cases that formats/tests/onnx/cases.txt names, file after file.
DIGEST = "91442c691dc97ee44c43dbbd6b924ab8eac634979dd7cffa62596590ad334a19"
ROOT = pathlib.Path(__file__).resolve().parent.parent
INSIDE = "onnx/backend/test/data/"


def digest(folder):
    found = hashlib.sha256()
    names = (ROOT / "formats/tests/onnx/cases.txt").read_text().splitlines()
    for name in sorted(line.split("#")[0].strip() for line in names):
        if not name:
            continue
        for path in sorted((folder / name).rglob("*")):
            if path.is_file():
                found.update(path.relative_to(folder).as_posix().encode())
                found.update(path.read_bytes())
    return found.hexdigest()


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target/onnx"
    if folder.is_dir() and digest(folder) == DIGEST:
        print(f"the cases are in {folder}")
        return
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", temporary, f"onnx=={VERSION}"], check=True)
        (wheel,) = pathlib.Path(temporary).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(INSIDE) and not name.endswith("/"):
                    target = folder / name[len(INSIDE):]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
    if digest(folder) != DIGEST:
        sys.exit(f"the cases in {folder} are not those of onnx {VERSION}")
    print(f"the cases of onnx {VERSION} are in {folder}")


if __name__ == "__main__":
    main()
