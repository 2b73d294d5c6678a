#!/usr/bin/env python3
"""From members to a student on Fashion-MNIST: soft labels and distilling from them, against PyTorch with live teachers.

    compare_workflows.py --retort build/retort --members RUN RUN RUN [--peers-python .deps/peers/bin/python]
                         [--student resnet8_half] [--views 4] [--epochs 16] [--seeds 3] [--label-precision int8]

The same members, samples, number of views, epochs, batches, loss, optimiser, schedule and validation after each epoch,
one thread each, in turns by seed. Counted is processor time: of ours all of `retort label` and `retort distill`; of
PyTorch training and validation, without importing it. Each side's students are judged on test. Members are runs of vgg8, resnets of the
small-image papers or wide resnets, such as those of `retort demo`.
"""

import argparse
import json
import math
import pathlib
import statistics
import sys
import tempfile

from compare_steps import PEERS_PYTHON, ROOT, machine, run
from compare_students import core_seconds

PEER = ROOT / "bench" / "peers" / "workflow.py"
AIM = 4
TEMPERATURE, ALPHA = "2", "0.9"


def output(command):
    return json.loads(run(command))


class Workflow:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.same = ["--samples", str(options.samples), "--views", str(options.views)]
        self.training = ["--student", options.student, "--epochs", str(options.epochs), "--batch", "64", "--lr", "0.1",
                         "--temperature", TEMPERATURE, "--alpha", ALPHA]

    def verb(self, name, *arguments):
        return [str(self.options.retort), name, "--data", "fashion-mnist", "--threads", "1", "--quiet", *arguments]

    def label(self):
        """Processor seconds of writing the store."""
        core_seconds(self.verb("ensemble", "--method", "mean_logits", "--samples", "200", "--out",
                               f"{self.directory}/teacher", "--members", *self.options.members))
        return core_seconds(self.verb("label", "--teacher", f"{self.directory}/teacher", "--out",
                                      f"{self.directory}/labels", "--precision", self.options.label_precision, *self.same))

    def ours(self, seed):
        """(processor seconds, accuracy on test)"""
        run = f"{self.directory}/student-{seed}"
        seconds = core_seconds(self.verb("distill", "--labels", f"{self.directory}/labels", "--seed", str(seed), "--out",
                                         run, *self.same, *self.training))
        judged = output(self.verb("eval", "--json", "--model", run, "--split", "test"))
        return seconds, judged["results"][0]["accuracy"]

    def peers(self, seed, precision):
        result = output([self.options.peers_python, str(PEER), "--members", *self.options.members, "--seed", str(seed),
                         "--precision", precision, *self.same, *self.training])
        return result["core_seconds"], result["accuracy"]


def summary(accuracies):
    deviation = statistics.stdev(accuracies) if len(accuracies) > 1 else 0
    return f"{100 * statistics.mean(accuracies):.2f}+-{100 * deviation:.2f}%"


def difference(ours, peers):
    """Of the mean accuracies, with twice its standard error over seeds."""
    error = math.sqrt(sum(statistics.variance(a) / len(a) for a in (ours, peers))) if len(ours) > 1 else math.nan
    return f"{100 * (statistics.mean(ours) - statistics.mean(peers)):+.2f}+-{200 * error:.2f} points"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retort", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--peers-python", default=PEERS_PYTHON, help="a Python with torch and timm")
    parser.add_argument("--members", nargs="+", required=True, help="run directories")
    parser.add_argument("--student", default="resnet8_half")
    parser.add_argument("--samples", type=int, default=15000)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--label-precision", default="f32", help="of `retort label`: f32, bf16 or int8")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32", help="PyTorch's")
    options = parser.parse_args()
    ours, peers = [], []
    with tempfile.TemporaryDirectory() as directory:
        workflow = Workflow(options, directory)
        labelling = workflow.label()
        print(f"labelling {labelling:.1f} s", file=sys.stderr, flush=True)
        for seed in range(options.seeds):
            ours.append(workflow.ours(seed))
            peers.append(workflow.peers(seed, options.precision))
            print(f"seed {seed}: distilling {ours[-1][0]:.1f} s, PyTorch {peers[-1][0]:.1f} s", file=sys.stderr, flush=True)
    ratios = [p[0] / (labelling + o[0]) for o, p in zip(ours, peers)]
    together = sum(p[0] for p in peers) / (labelling + sum(o[0] for o in ours))
    accuracies = [a for _, a in ours], [a for _, a in peers]
    print(f"{machine()}, one thread; {options.student}, {options.views} views, {options.epochs} epochs of "
          f"{options.samples} images\nlabelling in {options.label_precision} {labelling:.0f} s and distilling "
          f"{statistics.median(o[0] for o in ours):.0f} s against {statistics.median(p[0] for p in peers):.0f} s: "
          f"{statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f}); all {options.seeds} "
          f"seeds from one store {together:.2f} times; aim: {AIM:g}\naccuracy on test {summary(accuracies[0])} against "
          f"{summary(accuracies[1])}, difference {difference(*accuracies)}")


if __name__ == "__main__":
    main()
