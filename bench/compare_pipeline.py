#!/usr/bin/env python3
"""Runs our training pipeline on image files and torchvision's in turns (A B A B ...) and prints the ratios.

    compare_pipeline.py --ours build/bench/pipeline_bench [--peers-python .deps/peers/bin/python] [--rounds 5]

Counts images a second and core: all processor time of the program, its worker processes included. "Decode alone" reads
and decodes the same files whole and does nothing else. The images are made once, below the temporary directory. Without
a Python that has torchvision (`./dev bench peers`; or $RETORT_PEERS_PYTHON) there are no images and nothing runs.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

from compare_steps import PEERS_PYTHON, ROOT, machine, run

PEER = ROOT / "bench" / "peers" / "pipeline.py"
IMAGES = 512
AIM = 1.5
PROGRAMS = {"ours": (False, []), "ours, decode alone": (False, ["--decode-only"]),
            "torchvision with Pillow": (True, []), "Pillow, decode alone": (True, ["--decode-only"])}


def measure(name, options, directory):
    peer, extra = PROGRAMS[name]
    start = [options.peers_python, str(PEER)] if peer else [str(options.ours)]
    command = [*start, "--data", directory, "--workers", str(options.workers), "--seconds", str(options.seconds), *extra]
    return json.loads(run(command))["images_per_core_second"]


def row(name, ours, others):
    ratios = [a / b for a, b in zip(ours, others)]
    return f"| {name} | {statistics.median(others):.0f} | {statistics.median(ratios):.2f} | " \
           f"{min(ratios):.2f} to {max(ratios):.2f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, required=True, help="the program pipeline_bench")
    parser.add_argument("--peers-python", default=PEERS_PYTHON, help="a Python with torchvision")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="measured time of one run")
    parser.add_argument("--workers", type=int, default=1, help="our threads, torchvision's processes")
    options = parser.parse_args()
    if not pathlib.Path(options.peers_python).exists():
        sys.exit("[bench] no torchvision; `./dev bench peers` installs it")
    results = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as directory:
        run([options.peers_python, str(PEER), "--data", directory, "--make", str(IMAGES)])
        for number in range(options.rounds):
            print(f"round {number + 1}/{options.rounds}", file=sys.stderr, flush=True)
            for name, rates in results.items():
                rates.append(measure(name, options, directory))
    print(f"{machine()}, {options.workers} workers, {options.rounds} rounds of {options.seconds:g} s each; ours: "
          f"{statistics.median(results['ours']):.0f} images a second and core; aim: {AIM:g} times torchvision's\n")
    print("| other | images a second and core | ours against it | lowest to highest |\n| --- | --- | --- | --- |")
    for name in list(PROGRAMS)[1:]:
        print(row(name, results["ours"], results[name]))


if __name__ == "__main__":
    main()
