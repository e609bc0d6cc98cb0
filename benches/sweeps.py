"""The cases of `benches/src/convolutions.rs` and `attention.rs` in PyTorch: python3 benches/sweeps.py convolutions|attention [--threads 2] [--seconds 0.5]

Shapes are read from those files. Prints a JSON line for each case, with the best and the median time in microseconds; images have channels last in memory.
"""

import argparse
import json
import pathlib
import re
import statistics
import time

import torch
import torch.nn.functional as F

SOURCES = pathlib.Path(__file__).parent / "src"
NUMBER = re.compile(r"\d+")


def rows(file):
    """Names, numbers and what is left of the cases in a table of a source file."""
    for name, numbers, rest in re.findall(r'^    \("(\w+)", (\[.*\])(.*)\),$', (SOURCES / file).read_text(), re.M):
        yield name, [int(number) for number in NUMBER.findall(numbers)], rest


def convolutions():
    for name, (n, h, w, c, down, across, o, stride, padding, groups), _ in rows("convolutions.rs"):
        x = torch.randn(n, c, h, w).to(memory_format=torch.channels_last)
        kernel = torch.randn(o, c // groups, down, across).to(memory_format=torch.channels_last)
        around = tuple(0 if size == 1 else padding for size in (h, w))
        yield name, lambda: F.conv2d(x, kernel, None, stride, around, 1, groups)


def attention():
    for name, (heads, of_keys, queries, keys, width), rest in rows("attention.rs"):
        q, k, v = (torch.randn(1, h, n, width) for h, n in ((heads, queries), (of_keys, keys), (of_keys, keys)))
        causal, shared = "true" in rest, heads != of_keys
        yield name, lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=shared)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", choices=["convolutions", "attention"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with torch.inference_mode():
        for name, run in {"convolutions": convolutions, "attention": attention}[arguments.cases]():
            run(), run()
            times, end = [], time.perf_counter() + arguments.seconds
            while len(times) < 5 or time.perf_counter() < end:
                start = time.perf_counter()
                run()
                times.append((time.perf_counter() - start) * 1e6)
            line = {"case": name, "best_us": round(min(times), 1), "median_us": round(statistics.median(times), 1)}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
