#!/usr/bin/env python3
"""Our combiners and Python's (bench/peers/ensemble.py) on the same synthetic predictions, side by side:

    compare_ensembles.py --ours build/bench/ensemble_bench [--members 5 --samples 5000 --classes 10] [--only NAME]

Prints a Markdown table: seconds of processor time of the fit, NLL and accuracy on held-out predictions. Without a
Python that has scikit-learn (`./dev bench peers`; or --peers-python) only our own run.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEER = ROOT / "bench" / "peers" / "ensemble.py"
PAIRS = [("mean_logits", "mean_logits"), ("mean_probabilities", "mean_probabilities"), ("weighted", "weighted"),
         ("tempered", "tempered"), ("greedy", "greedy"), ("greedy:metric=nll", "greedy_nll"), ("stacking", "stacking"),
         ("class_weighted", None), ("majority_vote", None), ("rank_average", None), ("bma", None)]


def run(command):
    print(" ".join(map(str, command)), file=sys.stderr, flush=True)
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"[bench] exit code {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def cells(result):
    if result is None:
        return ["-"] * 3
    return [f"{result['fit_core_seconds']:.3g}", f"{result['test_nll']:.4f}", f"{result['test_accuracy']:.4f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, default=ROOT / "build" / "bench" / "ensemble_bench")
    parser.add_argument("--peers-python", type=pathlib.Path, default=ROOT / ".deps" / "peers" / "bin" / "python")
    parser.add_argument("--members", default=5)
    parser.add_argument("--samples", default=5000)
    parser.add_argument("--test-samples", default=10000)
    parser.add_argument("--classes", default=10)
    parser.add_argument("--only", help="one of our combiners")
    options = parser.parse_args()
    size = ["--members", options.members, "--classes", options.classes]
    print("| combiner | ours, core seconds | NLL | accuracy | Python's, core seconds | NLL | accuracy |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as directory:
        for name, peer in PAIRS:
            if options.only not in (None, name):
                continue
            ours = run([options.ours, *size, "--samples", options.samples, "--test-samples", options.test_samples,
                        "--combiner", name, "--write", directory])
            theirs = None
            if peer and options.peers_python.exists():
                theirs = run([options.peers_python, PEER, directory, peer, *size])
            print("| " + " | ".join([name, *cells(ours), *cells(theirs)]) + " |", flush=True)


if __name__ == "__main__":
    main()
