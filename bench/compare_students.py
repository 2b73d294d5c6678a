#!/usr/bin/env python3
"""Several students from one pass against as many runs of one: processor time of both ways, in turns (A B A B ...).

    compare_students.py --retort build/retort [--peers-python .deps/peers/bin/python] [--rounds 3]
                        [--data SPEC --samples N] [--students A,B,...] [--img-size 64]

Without --data it makes a folder of JPEG files of about 500 x 375. A small teacher writes soft labels first, which count
to neither. Counted is the whole program each time: start, views, steps, validation, files. Students have one thread.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from compare_steps import PEERS_PYTHON, ROOT, machine

PIPELINE = ROOT / "bench" / "peers" / "pipeline.py"
AIM = 0.85


def core_seconds(command):
    """Runs it and returns the processor time that it took."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"[bench] {' '.join(command)}: exit code {process.returncode}\n{errors.strip()}")
    return usage.ru_utime + usage.ru_stime


class Bench:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.shared = ["--data", options.data, "--samples", str(options.samples)]

    def verb(self, name, *arguments):
        return [str(self.options.retort), name, *self.shared, "--quiet", "--threads", "1", *arguments]

    def path(self, name):
        return f"{self.directory}/{name}"

    def make_labels(self):
        size = ["--img-size", str(self.options.img_size)]
        core_seconds(self.verb("train", "--model", "resnet8", "--epochs", "1", "--out", self.path("teacher"), *size))
        core_seconds(self.verb("label", "--teacher", self.path("teacher"), "--views", "2", "--out", self.path("labels")))

    def distill(self, name, students):
        named = [word for student in students for word in ("--student", student)]
        return core_seconds(self.verb("distill", "--labels", self.path("labels"), "--epochs", str(self.options.epochs),
                                      "--batch", "64", "--img-size", str(self.options.img_size), *named, "--out",
                                      self.path(name)))


def measure(options):
    """(of one pass, of separate runs) for each round."""
    students, rounds = options.students.split(","), []
    with tempfile.TemporaryDirectory() as directory:
        if not options.data:
            options.data = f"folder:{directory}/images"
            core_seconds([options.peers_python, str(PIPELINE), "--data", f"{directory}/images", "--make",
                          str(options.images)])
        bench = Bench(options, directory)
        bench.make_labels()
        for number in range(options.rounds):
            together = bench.distill(f"pass-{number}", students)
            apart = [bench.distill(f"run-{number}-{i}", [student]) for i, student in enumerate(students)]
            rounds.append((together, sum(apart)))
            print(f"one pass {together:.1f} s, apart {sum(apart):.1f} s ({', '.join(f'{a:.1f}' for a in apart)}), ratio "
                  f"{together / sum(apart):.3f}", file=sys.stderr, flush=True)
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retort", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--peers-python", default=PEERS_PYTHON, help="a Python with Pillow, to make images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default="", help="spec of a data set; empty makes a folder of JPEG files")
    parser.add_argument("--images", type=int, default=1500, help="of that folder")
    parser.add_argument("--samples", type=int, default=0, help="a subset of train; 0 is all")
    parser.add_argument("--students", default="resnet8,resnet14,mobilenetv3_small_050,mobilenetv3_small_075,"
                                              "mobilenetv3_small_100")
    parser.add_argument("--img-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    ratios = [together / apart for together, apart in measure(options)]
    print(f"{machine()}; {options.students} at {options.img_size} x {options.img_size}: one pass costs "
          f"{statistics.median(ratios):.2f} of the separate runs' processor time ({min(ratios):.2f} to {max(ratios):.2f}, "
          f"{options.rounds} rounds); aim: at most {AIM:g}")


if __name__ == "__main__":
    main()
