#!/usr/bin/env python3
"""What a model costs where it runs: exported files in OpenVINO against PyTorch eager and ONNX Runtime, from Python.

    compare_serving.py latency  --retort build/retort --run RUN [RUN ...]   one image a call: f32, bf16 and INT8 files
    compare_serving.py ensemble --retort build/retort --run RUN RUN RUN     one file against a loop over members
    compare_serving.py labels   --retort build/retort --run RUN [RUN ...]   `retort label` against PyTorch's forward passes

Runs are directories of `retort train` whose models timm knows by the same name (for `labels` also those of
bench/peers/nets.py), on Fashion-MNIST. Programs take turns; a ratio is that of the seconds in one round: processor time
on one thread, the clock's on more. Shown are medians over rounds, with the lowest and highest ratio. Run it by
.deps/peers/bin/python (`./dev bench peers`) with PYTHONPATH=.deps/wheels, where OpenVINO is.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
import timm
import torch
from safetensors.torch import load_file

from compare_steps import ROOT, machine, run
from compare_students import core_seconds
sys.path.insert(0, str(ROOT / "bench" / "peers"))
import nets  # noqa: E402
import workflow  # noqa: E402

SAMPLES, VIEWS, LATENCY_SECONDS = 10000, 4, 0.4


def config_of(directory):
    config = json.loads((directory / "config.json").read_text())
    return config["architecture"], config["pretrained_cfg"]["input_size"]


def torch_net(directory):
    name, (channels, _, _) = config_of(directory)
    if name in nets.SMALL:
        return workflow.load_member(directory)
    net = timm.create_model(name, num_classes=workflow.CLASSES, in_chans=channels)
    net.load_state_dict(load_file(directory / "model.safetensors"))
    return net.eval()


def torch_call(directories, image):
    models, tensor = [torch_net(d).to(memory_format=torch.channels_last) for d in directories], torch.from_numpy(image)

    def call():
        with torch.inference_mode():
            return torch.stack([model(tensor) for model in models]).mean(0).numpy()
    return call


def onnxruntime_call(path, image, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"input": image})


def openvino_call(path, image, threads, precision="f32"):
    import openvino
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape(list(image.shape))
    request = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                                                "INFERENCE_PRECISION_HINT": precision}).create_infer_request()
    return lambda: request.infer({0: image}, share_inputs=True)


def seconds(call, clock):
    start, count = clock(), 0
    while clock() - start < LATENCY_SECONDS or count < 5:
        call()
        count += 1
    return (clock() - start) / count


def in_turns(calls, options):
    """Seconds a call of each, by rounds."""
    clock = time.process_time if options.threads == 1 else time.perf_counter
    for call in calls.values():
        call()
    return [{who: seconds(call, clock) for who, call in calls.items()} for _ in range(options.rounds)]


def row(title, rounds, mine, theirs):
    ratios = [r[theirs] / r[mine] for r in rounds]
    a, b = (1e3 * statistics.median(r[who] for r in rounds) for who in (mine, theirs))
    print(f"| {title} | {mine} | {a:.2f} | {theirs} | {b:.2f} | {statistics.median(ratios):.2f} "
          f"| {min(ratios):.2f} to {max(ratios):.2f} |", flush=True)


def head(what):
    print(f"{machine()}\n\n| {what} | ours | ms | other | ms | ratio | |\n|---|---|---|---|---|---|---|", flush=True)


class Exports:
    """Files that `retort export` writes, into a directory that is gone at the end."""

    def __init__(self, options, directory):
        self.options, self.directory = options, pathlib.Path(directory)

    def export(self, model, precision):
        out = self.directory / f"{pathlib.Path(model).name}-{precision}.onnx"
        told = json.loads(run([str(self.options.retort), "export", "--json", "--quiet", "--model", str(model), "--out",
                               str(out), "--precision", precision, "--data", "fashion-mnist"]))
        return str(out), told

    def ensemble(self, members):
        out = self.directory / "ensemble"
        run([str(self.options.retort), "ensemble", "--quiet", "--method", "mean_logits", "--samples", "200", "--data",
             "fashion-mnist", "--out", str(out), "--members", *map(str, members)])
        return out


def image_for(directory):
    return np.random.default_rng(0).standard_normal((1, *config_of(directory)[1]), dtype=np.float32)


def latency(options, exports):
    head(f"one image a call, {options.threads} threads")
    for directory in options.run:
        name, size = config_of(directory)
        image = image_for(directory)
        exact, _ = exports.export(directory, "f32")
        rounded, told = exports.export(directory, "int8")
        calls = {"PyTorch": torch_call([directory], image),
                 "ONNX Runtime": onnxruntime_call(exact, image, options.threads),
                 "f32": openvino_call(exact, image, options.threads),
                 "bf16": openvino_call(exact, image, options.threads, "bf16"),
                 "int8": openvino_call(rounded, image, options.threads)}
        rounds = in_turns(calls, options)
        for theirs in ("PyTorch", "ONNX Runtime"):
            for mine in ("f32", "bf16", "int8"):
                row(f"{name} at {size[1]}", rounds, mine, theirs)
        print(f"| {name}: INT8 decides as float32 | | | | | | {told['int8']['accuracy']} |")


def ensemble(options, exports):
    head(f"{len(options.run)} members, one image a call, {options.threads} threads")
    image, members = image_for(options.run[0]), [exports.export(d, "f32")[0] for d in options.run]
    whole = exports.ensemble(options.run)
    alone = [openvino_call(path, image, options.threads) for path in members]
    calls = {"loop in PyTorch": torch_call(options.run, image),
             "members apart": lambda: [call() for call in alone],
             "f32": openvino_call(exports.export(whole, "f32")[0], image, options.threads),
             "int8": openvino_call(exports.export(whole, "int8")[0], image, options.threads)}
    rounds = in_turns(calls, options)
    names = ", ".join(config_of(d)[0] for d in options.run)
    for mine, theirs in (("f32", "loop in PyTorch"), ("int8", "loop in PyTorch"), ("f32", "members apart")):
        row(names, rounds, mine, theirs)


def labels(options, exports):
    """Of ours all that `retort label` does, its start too; of PyTorch the forward passes of ready batches alone."""
    head(f"labelling, {VIEWS} views of {SAMPLES} images, one thread; ms an image")
    whole = exports.ensemble(options.run)
    batch = np.repeat(image_for(options.run[0]), 64, 0)
    peer = torch_call(options.run, batch)
    rounds = []
    for number in range(options.rounds):
        seen = {"PyTorch": seconds(peer, time.process_time) / len(batch)}
        for precision in ("f32", "int8"):
            seen[precision] = core_seconds([str(options.retort), "label", "--quiet", "--teacher", str(whole), "--threads",
                                            "1", "--samples", str(SAMPLES), "--views", str(VIEWS), "--precision", precision,
                                            "--out", str(exports.directory / f"{precision}-{number}")]) / SAMPLES / VIEWS
        rounds.append(seen)
    for mine in ("f32", "int8"):
        row(", ".join(config_of(d)[0] for d in options.run), rounds, mine, "PyTorch")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["latency", "ensemble", "labels"])
    parser.add_argument("--retort", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--run", nargs="+", type=pathlib.Path, required=True, help="run directories")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as directory:
        {"latency": latency, "ensemble": ensemble, "labels": labels}[options.part](options, Exports(options, directory))


if __name__ == "__main__":
    main()
