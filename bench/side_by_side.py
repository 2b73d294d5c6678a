#!/usr/bin/env python3
"""Whether trainings that do not need each other should run side by side, one thread each, or one after another with
all threads: side_by_side.py --retort build/retort [--rounds 3]. Prints the time of both ways, measured in turns."""
import argparse
import statistics
import subprocess
import tempfile
import time

MODELS = ("vgg8", "wrn_16_2")


def start(retort, model, threads, directory):
    return subprocess.Popen([retort, "train", "--model", model, "--samples", "4000", "--epochs", "1", "--batch", "64",
                             "--threads", str(threads), "--out", f"{directory}/{model}", "--quiet"],
                            stdout=subprocess.DEVNULL)


def seconds(retort, side_by_side):
    with tempfile.TemporaryDirectory() as directory:
        begin = time.monotonic()
        running = []
        for model in MODELS:
            running.append(start(retort, model, 1 if side_by_side else len(MODELS), directory))
            if not side_by_side:
                running[-1].wait()
        if any(p.wait() != 0 for p in running):
            raise SystemExit("a training failed")
        return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retort", default="build/retort")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    ratios = []
    for _ in range(arguments.rounds):
        together, in_turn = seconds(arguments.retort, True), seconds(arguments.retort, False)
        ratios.append(in_turn / together)
        print(f"side by side {together:.1f} s, one after another {in_turn:.1f} s, ratio {ratios[-1]:.2f}", flush=True)
    print(f"side by side is {statistics.median(ratios):.2f} times as fast "
          f"({min(ratios):.2f} to {max(ratios):.2f}, {arguments.rounds} rounds, {' and '.join(MODELS)})")


if __name__ == "__main__":
    main()
