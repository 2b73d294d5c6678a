#!/usr/bin/env python3
"""Writes tests/golden/color.json: SHA-256 of what torchvision's adjust_* make of one Pillow image, and of its grey
version. Needs numpy, Pillow and torchvision. The image is 64 x 96 with byte i = splitmix64's finaliser of i, its lowest
byte; its first rows are grey and nearly grey, where rounding shows.

    color_golden.py [OUT]
"""
import hashlib
import json
import pathlib
import sys

import numpy as np
import PIL
import torchvision
from PIL import Image
from torchvision.transforms import functional

HEIGHT, WIDTH, GREY_ROWS = 64, 96, 8
FACTORS = {"brightness": [0, 0.3, 1, 1.7], "contrast": [0, 0.3, 1, 1.7], "saturation": [0, 0.3, 1, 1.7],
           "hue": [-0.5, -0.11, 0, 0.004, 0.3, 0.5]}


def mix64(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def pixels():
    numbers = mix64(np.arange(HEIGHT * WIDTH * 3, dtype=np.uint64))
    image = (numbers & np.uint64(255)).astype(np.uint8).reshape(HEIGHT, WIDTH, 3)
    image[:GREY_ROWS] = image[:GREY_ROWS, :, :1] // 2 + image[:GREY_ROWS] % 4
    return image


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/color.json")
    rows = []
    for kind, image in [("colour", Image.fromarray(pixels())), ("grey", Image.fromarray(pixels()[..., 0].copy()))]:
        for name, factors in FACTORS.items():
            for factor in factors:
                changed = getattr(functional, f"adjust_{name}")(image, factor)
                rows.append({"image": kind, "change": name, "factor": factor,
                             "sha256": hashlib.sha256(np.asarray(changed).tobytes()).hexdigest()})
    made_by = f"tools/color_golden.py with torchvision {torchvision.__version__}, Pillow {PIL.__version__}"
    text = ",\n".join("  " + json.dumps(row) for row in rows)
    out.write_text(f'{{"made_by": "{made_by}", "rows": [\n{text}\n]}}\n', encoding="ascii")


if __name__ == "__main__":
    main()
