#!/usr/bin/env python3
"""Runs our training steps and PyTorch's in turns (A B C A B C ...) and prints the ratios of their speeds.

    compare_steps.py --ours build/bench/step_bench [--peers-python .deps/peers/bin/python] [--rounds 5] [--only TEXT]

A ratio is ours over the other's images a second in the same round; what is printed is the median over the rounds and
the lowest and highest. Against PyTorch the better of float32 and bf16 counts, by its median over the rounds. Without a
Python that has PyTorch (`./dev bench peers`; or $RETORT_PEERS_PYTHON) only our own programs run.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEP = ROOT / "bench" / "peers" / "step.py"
TEACHERS = "vgg8,resnet20,wrn_16_2"


@dataclasses.dataclass
class Program:
    name: str
    arguments: list
    peer: bool = False


@dataclasses.dataclass
class Configuration:
    """`ours` against the fastest of `others`, which it should reach `target` times."""

    title: str
    target: float
    ours: Program
    others: list


def plain(model):
    size = ["--model", model, "--size", "32", "--channels", "3", "--batch", "128"]
    peers = [Program(f"PyTorch {p}", [*size, "--precision", p], peer=True) for p in ("f32", "bf16")]
    return Configuration(f"plain step, {model}", 0.95, Program("ours", [*size, "--precision", "auto"]), peers)


def distilled(model):
    size = ["--model", model, "--size", "28", "--channels", "1", "--batch", "128"]
    ours = Program("ours, 3 members stored", [*size, "--precision", "auto", "--labels", "3"])
    own = Program("ours, plain", [*size, "--precision", "auto"])
    peers = [Program(f"PyTorch {p}, 3 members live", [*size, "--precision", p, "--teachers", TEACHERS], peer=True)
             for p in ("f32", "bf16")]
    return [Configuration(f"distillation step against plain step, {model}", 0.95, ours, [own]),
            Configuration(f"distillation step, stored against live, {model}", 3, ours, peers)]


CONFIGURATIONS = [plain(m) for m in ("resnet18", "resnet8", "mobilenetv3_small_050")]
CONFIGURATIONS += distilled("resnet8_half") + distilled("resnet8")


def measure(program, options):
    """One run: {"images_per_second", "peak_memory"}."""
    start = [options.peers_python, str(STEP)] if program.peer else [str(options.ours)]
    arguments = [*program.arguments, "--threads", str(options.threads), "--seconds", str(options.seconds)]
    if options.device != "cpu":
        arguments += ["--device", options.device]
    done = subprocess.run([*start, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"[bench] {' '.join([*start, *arguments])}: exit code {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def run_rounds(programs, options, title):
    """Program name -> its measurements, one a round."""
    results = {program.name: [] for program in programs}
    for number in range(options.rounds):
        print(f"{title}: round {number + 1}/{options.rounds}", file=sys.stderr, flush=True)
        for program in programs:
            results[program.name].append(measure(program, options))
    return results


def speeds(measurements):
    return [m["images_per_second"] for m in measurements]


def compare(configuration, results):
    """One line of the table, as a list of cells."""
    ours = results[configuration.ours.name]
    best = max(configuration.others, key=lambda other: statistics.median(speeds(results[other.name])))
    other = results[best.name]
    ratios = [a / b for a, b in zip(speeds(ours), speeds(other))]
    memory = max(m["peak_memory"] for m in ours) / max(m["peak_memory"] for m in other)
    median = statistics.median(ratios)
    return [configuration.title, f"{statistics.median(speeds(ours)):.0f}", best.name,
            f"{statistics.median(speeds(other)):.0f}", f"{median:.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"{configuration.target:g}", "yes" if median >= configuration.target else "no", f"{memory:.2f}"]


def markdown(rows):
    head = ["step", "ours, images/s", "other", "other's, images/s", "ratio", "lowest to highest", "aim", "reached",
            "peak memory, ratio"]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def parse_arguments():
    default = os.environ.get("RETORT_PEERS_PYTHON", str(ROOT / ".deps" / "peers" / "bin" / "python"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, required=True, help="the program step_bench")
    parser.add_argument("--peers-python", default=default, help="a Python with torch and timm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="measured time of one run")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default="", help="configurations whose title holds this text")
    return parser.parse_args()


def main():
    options = parse_arguments()
    have_peers = pathlib.Path(options.peers_python).exists()
    if not have_peers:
        print("[bench] no PyTorch for Python; `./dev bench peers` installs it; only our own steps run", file=sys.stderr)
    rows = []
    for configuration in CONFIGURATIONS:
        programs = [configuration.ours, *configuration.others]
        if options.only not in configuration.title or not have_peers and any(p.peer for p in programs):
            continue
        rows.append(compare(configuration, run_rounds(programs, options, configuration.title)))
    print(f"{machine()}, {options.threads} threads, {options.rounds} rounds of {options.seconds:g} s each, "
          f"device {options.device}\n\n{markdown(rows)}")


if __name__ == "__main__":
    main()
