#!/usr/bin/env python3
"""Runs our training steps and PyTorch's in turns (A B C A B C ...) and prints the ratios of their speeds.

    compare_steps.py --ours build/bench/step_bench [--peers-python .deps/peers/bin/python] [--rounds 5] [--only TEXT]

A ratio is ours over the other's images a second in the same round, on the wall or, with --core, of processor time,
which other work on the machine changes less; what is printed is the median over the rounds and
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
PEERS_PYTHON = os.environ.get("RETORT_PEERS_PYTHON", str(ROOT / ".deps" / "peers" / "bin" / "python"))
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


def plain(model, target, side=32, batch=128):
    size = ["--model", model, "--size", str(side), "--channels", "3", "--batch", str(batch)]
    peers = [Program(f"PyTorch {p}", [*size, "--precision", p], peer=True) for p in ("f32", "bf16")]
    return Configuration(f"plain step, {model}, {side}", target, Program("ours", [*size, "--precision", "auto"]), peers)


def distilled(model):
    size = ["--model", model, "--size", "28", "--channels", "1", "--batch", "128"]
    ours = Program("ours, 3 members stored", [*size, "--precision", "auto", "--labels", "3"])
    own = Program("ours, plain", [*size, "--precision", "auto"])
    peers = [Program(f"PyTorch {p}, 3 members live", [*size, "--precision", p, "--teachers", TEACHERS], peer=True)
             for p in ("f32", "bf16")]
    return [Configuration(f"distillation step against plain step, {model}", 0.97, ours, [own]),
            Configuration(f"distillation step, stored against live, {model}", 3, ours, peers)]


def top_of_many(model, size):
    """Soft labels of 1,000 classes, of which the store keeps 32."""
    shape = ["--model", model, "--size", str(size), "--channels", "3", "--batch", "128", "--classes", "1000",
             "--precision", "auto"]
    ours = Program("ours, 3 members stored", [*shape, "--labels", "3", "--top", "32"])
    return Configuration(f"distillation step against plain step, top 32 of 1000, {model} at {size}", 0.97, ours,
                         [Program("ours, plain", shape)])


MOBILE = ("mobilenetv3_small_050", "mobilenetv3_large_100", "efficientnet_b0")
CONFIGURATIONS = [plain(m, 2) for m in MOBILE]
CONFIGURATIONS += [plain("resnet18", 1.3), plain("resnet8", 1.25), plain("resnet20", 1.25), plain("resnet50", 1.2)]
CONFIGURATIONS += [plain(m, 1.6, 224, 32) for m in MOBILE]
CONFIGURATIONS += [plain("resnet18", 1.05, 224, 32), plain("resnet50", 1.05, 224, 32)]
CONFIGURATIONS += [plain("vit_tiny_patch16_224", 1, 224, 32)]
CONFIGURATIONS += distilled("resnet8_half") + distilled("resnet8")
CONFIGURATIONS += [top_of_many("mobilenetv3_small_050", 32), top_of_many("mobilenetv3_small_050", 64)]


def run(command):
    """What it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"[bench] {' '.join(command)}: exit code {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def measure(program, options):
    """One run: {"images_per_second", "peak_memory", "base_memory", ...}."""
    start = [options.peers_python, str(STEP)] if program.peer else [str(options.ours)]
    arguments = [*program.arguments, "--threads", str(options.threads), "--seconds", str(options.seconds)]
    if options.device != "cpu":
        arguments += ["--device", options.device]
    return json.loads(run([*start, *arguments]))


def run_rounds(programs, options, title):
    """Program name -> its measurements, one a round."""
    results = {program.name: [] for program in programs}
    for number in range(options.rounds):
        print(f"{title}: round {number + 1}/{options.rounds}", file=sys.stderr, flush=True)
        for program in programs:
            results[program.name].append(measure(program, options))
    return results


def peak(measurements, base=None):
    """Highest memory of the runs, bytes; without `base`, a key."""
    return max(m["peak_memory"] - (m[base] if base else 0) for m in measurements)


def compare(configuration, results, unit):
    """One line of the table, as a list of cells."""
    def speeds(measurements):
        return [m[unit] for m in measurements]

    ours = results[configuration.ours.name]
    best = max(configuration.others, key=lambda other: statistics.median(speeds(results[other.name])))
    other = results[best.name]
    ratios = [a / b for a, b in zip(speeds(ours), speeds(other))]
    if "teacher_share" in ours[0]:
        share = statistics.median(m["teacher_share"] for m in ours)
        print(f"reading and combining the store: {100 * share:.2f}% of the step", file=sys.stderr, flush=True)
    memory = peak(ours) / peak(other)
    grown = peak(ours, "base_memory") / peak(other, "base_memory")
    median = statistics.median(ratios)
    return [configuration.title, f"{statistics.median(speeds(ours)):.0f}", best.name,
            f"{statistics.median(speeds(other)):.0f}", f"{median:.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"{configuration.target:g}", "yes" if median >= configuration.target else "no", f"{memory:.2f}", f"{grown:.2f}"]


def markdown(rows, unit):
    head = ["step", f"ours, {unit}", "other", f"other's, {unit}", "ratio", "lowest to highest", "aim", "reached",
            "peak memory, ratio", "without what was there before the network"]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def machine():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=pathlib.Path, required=True, help="the program step_bench")
    parser.add_argument("--peers-python", default=PEERS_PYTHON, help="a Python with torch and timm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="measured time of one run")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--core", action="store_true", help="images a second of processor time")
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
        unit = "images_per_core_second" if options.core else "images_per_second"
        rows.append(compare(configuration, run_rounds(programs, options, configuration.title), unit))
    print(f"{machine()}, {options.threads} threads, {options.rounds} rounds of {options.seconds:g} s each, "
          f"device {options.device}\n\n{markdown(rows, 'images/s and core' if options.core else 'images/s')}")


if __name__ == "__main__":
    main()
