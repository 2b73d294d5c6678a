#!/usr/bin/env python3
"""Distils members into a student on Fashion-MNIST in PyTorch with live teachers, as `retort label` and `retort distill`
do from a store: the same members' weights, samples, number of views, epochs, batches, loss, optimiser and schedule.

    workflow.py --members RUN RUN RUN --student resnet8_half --views 4 --epochs 16 --seed 0

The mean of the members' logits is the teacher. Images lie in memory; crops and flips are made a batch at a time.
Prints one JSON line: accuracy on test, and processor time of training and validation, without the start of the program.
"""

import argparse
import gzip
import json
import math
import pathlib
import re
import time

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

import nets

CLASSES, MASK = 10, 2**64 - 1
RENAME = {
    "resnet": [(r"layer(\d)\.(\d)\.", lambda m, n: f"blocks.{(int(m[1]) - 1) * n + int(m[2])}.")],
    "wrn": [(r"block(\d)\.layer\.(\d)\.", lambda m, n: f"blocks.{(int(m[1]) - 1) * n + int(m[2])}."),
            (r"convShortcut", lambda m, n: "shortcut")],
    "vgg": [(r"block(\d)\.(\d)", lambda m, n: f"features.{(0, 4, 8, 12, 15)[int(m[1])] + int(m[2])}")],
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--members", nargs="+", type=pathlib.Path, required=True)
    parser.add_argument("--student", default="resnet8_half")
    parser.add_argument("--samples", type=int, default=15000)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--temperature", type=float, default=2)
    parser.add_argument("--alpha", type=float, default=0.9)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


# ---- Retort's choice of samples: hashes of their places


def mix64(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def first_number(*name):
    """Of the random stream of this name."""
    golden, key = 0x9E3779B97F4A7C15, 0
    for part in name:
        key = mix64(key + golden + mix64(part + golden & MASK) & MASK)
    return mix64(key + golden & MASK)


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def chosen(count, samples):
    """Places in the training file of the fixed subset that `--samples` takes, and of all of val."""
    split, subset = 1, 2
    ids = [mix64(fnv1a("train") ^ mix64(i)) for i in range(count)]
    val = [i for i in range(count) if first_number(0, split, ids[i], 0) % 10 == 0]
    train = sorted(set(range(count)).difference(val), key=lambda i: first_number(0, subset, ids[i], 0))
    return sorted(train[:samples]), val


# ---- data


def read_idx(path):
    data = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(data, ">u4", data[3], 4)
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(*shape).copy())


class Data:
    def __init__(self, options):
        read = {part: (read_idx(options.data / f"{part}-images-idx3-ubyte.gz"),
                       read_idx(options.data / f"{part}-labels-idx1-ubyte.gz").long()) for part in ("train", "t10k")}
        places, val = (torch.tensor(some) for some in chosen(len(read["train"][0]), options.samples))
        self.images, self.labels = read["train"][0][places], read["train"][1][places]
        self.val = read["train"][0][val], read["train"][1][val]
        self.test = read["t10k"]
        pixels = self.images.float() / 255
        self.mean, self.std = pixels.mean(), pixels.std()
        self.padded = F.pad(self.images, (2, 2, 2, 2))
        random = torch.Generator().manual_seed(0)  # views are the same for all students
        count = len(self.images)
        self.corners = torch.randint(5, (options.views, 2, count), generator=random)
        self.flips = torch.rand((options.views, count), generator=random) < 0.5

    def normalise(self, images):
        return ((images.float() / 255 - self.mean) / self.std).unsqueeze(1).contiguous(memory_format=torch.channels_last)

    def batch(self, view, places):
        """Random crops of the padded images, some of them flipped."""
        rows = self.corners[view, 0, places][:, None] + torch.arange(28)
        columns = self.corners[view, 1, places][:, None] + torch.arange(28)
        columns = torch.where(self.flips[view, places][:, None], columns.flip(1), columns)
        images = self.padded[places[:, None, None], rows[:, :, None], columns[:, None, :]]
        return self.normalise(images), self.labels[places]


# ---- networks


def load_member(run):
    """The net of a run directory, with its weights under the names of nets.py."""
    name = json.loads((run / "config.json").read_text())["architecture"]
    net = nets.make_net(name, CLASSES, 1)
    weights = load_file(run / "model.safetensors")
    blocks = len(net.blocks) // 3 if hasattr(net, "blocks") else 0
    family = next(f for f in RENAME if name.startswith(f))
    for pattern, made in RENAME[family]:
        weights = {re.sub(pattern, lambda m: made(m, blocks), key): value for key, value in weights.items()}
    net.load_state_dict(weights)
    return net.eval()


def accuracy(net_logits, data, images, labels):
    with torch.no_grad():
        right = [(net_logits(data.normalise(some)).argmax(1) == true).sum()
                 for some, true in zip(images.split(256), labels.split(256))]
    return sum(right).item() / len(labels)


def rate(options, step, steps, warm_up):
    if step < warm_up:
        return options.lr * (0.01 + 0.99 * step / warm_up)
    return options.lr * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))


def train(options, data, teachers):
    def autocast():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16")

    student = nets.make_net(options.student, CLASSES, 1).train()
    decayed = [p for p in student.parameters() if p.ndim > 1]
    kept = [p for p in student.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4}, {"params": kept, "weight_decay": 0}],
                                lr=options.lr, momentum=0.9, nesterov=True, fused=True)
    per_epoch = len(data.images) // options.batch
    steps, step = options.epochs * per_epoch, 0
    for epoch in range(options.epochs):
        for places in torch.randperm(len(data.images))[:per_epoch * options.batch].split(options.batch):
            images, labels = data.batch(epoch % options.views, places)
            with torch.no_grad(), autocast():
                target = torch.stack([teacher(images) for teacher in teachers]).float().mean(0)
            with autocast():
                logits = student(images).float()
            soft = F.kl_div(F.log_softmax(logits / options.temperature, 1),
                            F.log_softmax(target / options.temperature, 1), reduction="batchmean", log_target=True)
            loss = (options.alpha * options.temperature**2 * soft
                    + (1 - options.alpha) * F.cross_entropy(logits, labels))
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] = rate(options, step, steps, per_epoch // 2)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
        with autocast():
            accuracy(student.eval(), data, *data.val)
        student.train()
    return student.eval()


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    data = Data(options)
    teachers = [load_member(run) for run in options.members]
    begun = time.process_time()
    student = train(options, data, teachers)
    seconds = time.process_time() - begun
    print(json.dumps({"accuracy": accuracy(student, data, *data.test), "core_seconds": seconds}))


if __name__ == "__main__":
    main()
