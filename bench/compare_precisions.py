#!/usr/bin/env python3
"""Does the plan learn as well as plain LibTorch in float32? Trains both over seeds and compares accuracy on val.

    compare_precisions.py --retort build/retort [--models resnet8,mobilenetv3_small_050,efficientnet_b0] [--seeds 3]
                          [--data fashion-mnist] [--samples 10000] [--epochs 8] [--threads 1]

For each net: accuracy with `--precision auto` less that with `--precision f32` of the same seed, its mean over seeds and
a 95% interval (Student's t of the paired differences). Nets of dense convolutions run in bf16 by auto where the machine
has it; the last column says what ran.
"""

import argparse
import json
import math
import pathlib
import statistics
import sys
import tempfile

from compare_steps import machine, run

# 97.5% points of Student's t by degrees of freedom.
STUDENT_T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]


def train(options, directory, model, precision, seed):
    """Accuracy on val after the last epoch, and the precision that it became."""
    out = f"{directory}/{model}-{precision}-{seed}"
    result = json.loads(run([str(options.retort), "train", "--json", "--quiet", "--threads", str(options.threads),
                             "--data", options.data, "--model", model, "--samples", str(options.samples), "--epochs",
                             str(options.epochs), "--batch", str(options.batch), "--precision", precision, "--seed",
                             str(seed), "--out", out]))
    kept = json.loads(pathlib.Path(out, "run.json").read_text(encoding="utf-8"))
    return result["val"]["accuracy"], kept["precision"]


def compare(options, directory, model):
    """One line of the table, as a list of cells."""
    changes, plain, ran = [], [], ""
    for seed in range(options.seeds):
        planned, ran = train(options, directory, model, "auto", seed)
        plain.append(train(options, directory, model, "f32", seed)[0])
        changes.append(planned - plain[-1])
        print(f"{model}, seed {seed}: auto {planned:.4f}, f32 {plain[-1]:.4f}", file=sys.stderr, flush=True)
    mean = statistics.mean(changes)
    half = STUDENT_T[options.seeds - 2] * statistics.stdev(changes) / math.sqrt(options.seeds)
    return [model, f"{100 * statistics.mean(plain):.2f}%", f"{100 * mean:+.2f}",
            f"{100 * (mean - half):+.2f} to {100 * (mean + half):+.2f}",
            "yes" if abs(mean) <= half else "no", ran]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retort", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--models", type=lambda text: text.split(","),
                        default=["resnet8", "mobilenetv3_small_050", "efficientnet_b0"])
    parser.add_argument("--seeds", type=int, default=3, choices=range(2, len(STUDENT_T) + 2))
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main():
    options = parse_arguments()
    head = ["net", "f32, mean", "auto less f32, points", "95% interval", "holds no change", "auto ran in"]
    print(f"{machine()}, {options.data}, {options.samples} samples, {options.epochs} epochs, {options.seeds} seeds, "
          "accuracy on val\n")
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    with tempfile.TemporaryDirectory() as directory:
        for model in options.models:
            print("| " + " | ".join(compare(options, directory, model)) + " |", flush=True)


if __name__ == "__main__":
    main()
