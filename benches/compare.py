"""Compares the workloads with those of other libraries in one sitting: python3 benches/compare.py --peers jax,tf,torch [--svg FILE] [WORKLOAD ...]

Ours and each peer run in turn, each in a process of its own, as often as `--rounds` says; what counts is the best of all. Prints for each workload the ratio of our best time to the best
peer's, of medians and of first calls, and geometric means; below 1 is faster. `--python` names the interpreters that have the peers, as `torch=venv/bin/python`.
"""

import argparse
import collections
import json
import math
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
OURS = ["cargo", "run", "--release", "--quiet", "-p", "tensorwright-benches", "--bin", "workloads", "--", "--json"]


def lines_of(command):
    """The JSON lines that a command prints; other lines are left out."""
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent).stdout
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def measure(arguments, pythons):
    """For each workload, and each of ours and the peers, the least of each figure."""
    found = collections.defaultdict(dict)
    for _ in range(arguments.rounds):
        for name in ["ours", *arguments.peers]:
            peer = [pythons.get(name, sys.executable), str(HERE / "peers.py"), name]
            for line in lines_of((OURS if name == "ours" else peer) + arguments.workloads):
                if "best_us" not in line:
                    continue
                figures = found[line["workload"]].setdefault(name, {})
                for figure in ("best_us", "median_us", "first_ms"):
                    figures[figure] = min(figures.get(figure, math.inf), line[figure])
    return {workload: figures for workload, figures in found.items() if "ours" in figures and len(figures) > 1}


def ratios(figures, figure):
    """Ours by that of the best peer, and which that is."""
    name, best = min(((n, f[figure]) for n, f in figures.items() if n != "ours"), key=lambda pair: pair[1])
    return figures["ours"][figure] / best, name


def mean(values):
    """The geometric mean."""
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def chart(rows, title):
    """A bar for each workload on a logarithmic axis, to the left of 1 if ours is faster."""
    left, width, height = 170, 560, 20
    most = max(2.0, *(max(r, 1 / r) for _, r in rows))
    place = lambda ratio: left + width / 2 + math.log(ratio) / math.log(most) * width / 2  # noqa: E731
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 60} {len(rows) * height + 70}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="18" font-size="13">{title}</text>',
    ]
    end = len(rows) * height + 40
    for tick in [0.05, 0.1, 0.2, 0.5, 1, 2, 5]:
        if 1 / most <= tick <= most:
            color = "#444" if tick == 1 else "#ddd"
            out.append(f'<line x1="{place(tick):.1f}" x2="{place(tick):.1f}" y1="30" y2="{end}" stroke="{color}"/>')
            out.append(f'<text x="{place(tick):.1f}" y="{end + 16}" text-anchor="middle">{tick:g}</text>')
    for number, (name, ratio) in enumerate(rows):
        y, (start, stop) = 34 + number * height, sorted((place(ratio), place(1)))
        color = "#2a7f62" if ratio <= 1 else "#b5482f"
        out.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{name}</text>')
        out.append(f'<rect x="{start:.1f}" y="{y}" width="{max(stop - start, 0.5):.1f}" height="{height - 6}" fill="{color}"/>')
        # Beside the bar, or in it where there is no room.
        aside = f'x="{stop + 4:.1f}" fill="#444"' if ratio > 1 else f'x="{start - 4:.1f}" text-anchor="end" fill="#444"'
        if start < left + 30:
            aside = f'x="{start + 4:.1f}" fill="#fff"'
        out.append(f'<text {aside} y="{y + 12}">{ratio:.2f}</text>')
    return "\n".join([*out, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default="jax", type=lambda text: text.split(","))
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--svg", metavar="FILE")
    parser.add_argument("--title", default="Time by that of the fastest other library; below 1 is faster")
    parser.add_argument("workloads", nargs="*")
    arguments = parser.parse_args()
    found = measure(arguments, dict(pair.split("=", 1) for pair in arguments.python))
    print(f"{'workload':<22} {'best':>7} {'median':>7} {'first':>7}  fastest other")
    for workload, figures in found.items():
        best, peer = ratios(figures, "best_us")
        median, first = ratios(figures, "median_us")[0], ratios(figures, "first_ms")[0]
        print(f"{workload:<22} {best:>7.2f} {median:>7.2f} {first:>7.3f}  {peer}, {figures[peer]['best_us']:.1f} us")
    means = [mean(ratios(figures, figure)[0] for figures in found.values()) for figure in ("best_us", "median_us", "first_ms")]
    print(f"{'geometric mean':<22} {means[0]:>7.2f} {means[1]:>7.2f} {means[2]:>7.3f}")
    if arguments.svg:
        rows = sorted(((w, ratios(f, "best_us")[0]) for w, f in found.items()), key=lambda row: row[1])
        pathlib.Path(arguments.svg).write_text(chart(rows, arguments.title))


if __name__ == "__main__":
    main()
