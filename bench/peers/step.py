#!/usr/bin/env python3
"""Images a second of a PyTorch training step on images that lie in memory, as bench/step_bench.cpp measures ours.

    step.py --model resnet8 --precision bf16 --threads 1 --size 32 --channels 3 --batch 128 --seconds 5
            [--teachers vgg8,resnet20,wrn_16_2]

With --teachers the step distils: the members run beside the student, and the mean of their logits is the teacher.
Prints one JSON line.
"""

import argparse
import json
import resource
import time

import torch
from torch.nn import functional as F

import nets

CLASSES, POOL, WARM_UP = 10, 8, 3
TEMPERATURE, ALPHA = 3.0, 0.7


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet8")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--teachers", type=lambda text: text.split(","), default=[])
    return parser.parse_args()


def make_step(options):
    device = torch.device(options.device)
    student = nets.make_net(options.model, CLASSES, options.channels).to(device).train()
    teachers = [nets.make_net(name, CLASSES, options.channels).to(device).eval() for name in options.teachers]
    optimizer = torch.optim.SGD(student.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True,
                                fused=True)

    def autocast():
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=options.precision == "bf16")

    def distillation(logits, images, labels):
        with torch.no_grad(), autocast():
            target = torch.stack([teacher(images) for teacher in teachers]).float().mean(0)
        soft = F.kl_div(F.log_softmax(logits / TEMPERATURE, 1), F.log_softmax(target / TEMPERATURE, 1),
                        reduction="batchmean", log_target=True)
        return ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * F.cross_entropy(logits, labels)

    def step(images, labels):
        with autocast():
            logits = student(images)
        logits = logits.float()
        loss = distillation(logits, images, labels) if teachers else F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()  # every training looks at its loss

    return step


def peak_memory():
    """Of the whole process so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    shape = (options.batch, options.channels, options.size, options.size)
    pool = [(torch.randn(shape).contiguous(memory_format=torch.channels_last).to(options.device),
             torch.randint(CLASSES, (options.batch,)).to(options.device)) for _ in range(POOL)]
    base = peak_memory()
    step = make_step(options)
    for i in range(WARM_UP):
        step(*pool[i % POOL])
    steps, start, start_cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < options.seconds:
        step(*pool[steps % POOL])
        steps += 1
    rate = steps * options.batch / (time.perf_counter() - start)
    core_rate = steps * options.batch / (time.process_time() - start_cpu)
    print(json.dumps({"images_per_second": rate, "images_per_core_second": core_rate, "peak_memory": peak_memory(),
                      "base_memory": base}))


if __name__ == "__main__":
    main()
