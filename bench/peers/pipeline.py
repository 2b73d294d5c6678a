#!/usr/bin/env python3
"""What bench/pipeline_bench.cpp measures, by torchvision: ImageFolder with Pillow, RandomResizedCrop, flip, ToTensor,
Normalize, and a DataLoader with as many worker processes. Prints one JSON line.

    pipeline.py --data DIR --workers 1 --size 224 --seconds 5 [--decode-only]     measures
    pipeline.py --data DIR --make 512                                              writes the images
"""

import argparse
import json
import os
import pathlib
import time

BATCH, CLASSES = 64, 4


def picture(seed, height, width):
    """Smooth colour fields with edges and some noise, which JPEG packs about as photographs."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    image = np.zeros((height, width, 3))
    for octave in range(1, 7):
        for channel in range(3):
            down, across = random.normal(0, 2**octave, 2)
            image[..., channel] += np.sin(6.28 * (down * y + across * x + random.uniform())) / 2**octave
    for _ in range(12):
        middle, radius = random.uniform(0, 1, 2), random.uniform(0.03, 0.2)
        inside = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2
        image[inside] = 0.5 * image[inside] + random.normal(0, 1, 3)
    image += random.normal(0, 0.05, image.shape)
    image = (image - image.min()) / (image.max() - image.min())
    return Image.fromarray((255 * image).astype(np.uint8))


def make(directory, count):
    """Sizes around 500 x 375, a fourth of them upright, as in ImageNet."""
    for number in range(count):
        path = pathlib.Path(directory) / f"class{number % CLASSES}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (500, 375) if number % 4 == 3 else (375, 500)
        picture(number, *size).save(path, quality=90)


def loader(options):
    import torch
    from torchvision import datasets, transforms

    torch.set_num_threads(1)
    if options.decode_only:
        steps = [lambda image: image.size[0]]
    else:
        steps = [transforms.RandomResizedCrop(options.size), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
                 transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    data = datasets.ImageFolder(options.data, transforms.Compose(steps))
    return torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=options.workers,
                                       persistent_workers=True)


def core_seconds(processes):
    """Processor time so far of these processes."""
    ticks = 0
    for process in processes:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(options):
    import multiprocessing

    batches = loader(options)
    images = sum(len(labels) for _, labels in batches) * 0  # brings the files into memory
    processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    wall, cores = time.monotonic(), core_seconds(processes)
    while time.monotonic() - wall < options.seconds:
        images += sum(len(labels) for _, labels in batches)
    wall, cores = time.monotonic() - wall, core_seconds(processes) - cores
    return {"images_per_second": images / wall, "images_per_core_second": images / cores, "images": images}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--decode-only", action="store_true")
    parser.add_argument("--make", type=int, default=0, help="write this many images and measure nothing")
    options = parser.parse_args()
    if options.make:
        make(options.data, options.make)
    else:
        print(json.dumps(measure(options)))


if __name__ == "__main__":
    main()
