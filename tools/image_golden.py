#!/usr/bin/env python3
"""Writes tests/golden/resize.json: what Pillow's resize and timm's evaluation transform make of made-up pixels, bit for
bit. Pixels are rebuilt from their seed (`noise`); of the result the FNV-1a of its bytes is kept. Needs Pillow 9.5 to
12.0 (13 resizes in another order), torch, torchvision and timm:

    image_golden.py [OUT]
"""

import json
import pathlib
import sys

import numpy as np
import PIL
from PIL import Image

MASK = (1 << 64) - 1
FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS,
           "box": Image.BOX}
RESIZES = [  # height, width, channels; to height, width
    (1, 1, 3, 5, 7), (5, 7, 3, 1, 1), (28, 28, 1, 224, 224), (240, 320, 3, 128, 171), (97, 61, 3, 96, 61),
    (61, 97, 1, 61, 33), (3, 400, 3, 17, 16), (33, 15, 3, 300, 47), (2, 10, 3, 3, 15), (64, 64, 3, 64, 64)]
FITS = [  # image; input size; crop_pct, crop_mode, interpolation
    ((240, 320, 3), (3, 224, 224), 0.875, "center", "bicubic"), ((333, 251, 3), (3, 224, 224), 0.9, "center", "bilinear"),
    ((240, 320, 3), (3, 160, 160), 0.95, "squash", "bicubic"), ((333, 251, 3), (3, 96, 160), 1.0, "squash", "bilinear"),
    ((240, 320, 3), (3, 160, 160), 0.95, "border", "bicubic"), ((333, 251, 3), (3, 161, 128), 0.9, "border", "lanczos"),
    ((100, 37, 3), (3, 224, 224), 1.0, "border", "bicubic"), ((240, 320, 3), (3, 224, 160), 0.9, "center", "bicubic"),
    ((333, 251, 3), (3, 160, 224), 0.875, "center", "bicubic"), ((28, 28, 1), (1, 28, 28), 1.0, "center", "bicubic"),
    ((28, 28, 1), (1, 224, 224), 0.875, "center", "bicubic"), ((28, 28, 3), (3, 224, 224), 0.9, "center", "bilinear"),
    ((31, 45, 3), (3, 32, 32), 1.0, "center", "nearest"), ((65, 33, 1), (1, 48, 33), 1.5, "center", "box"),
    ((50, 50, 3), (3, 32, 32), 1.25, "squash", "bilinear"), ((2, 90, 3), (3, 32, 32), 0.875, "center", "bicubic"),
    ((47, 47, 3), (3, 32, 32), 0.71, "center", "bicubic")]


def noise(height, width, channels):
    """splitmix64 counted up from the shape, the top 8 bits of each."""
    state = np.uint64(height * 1_000_000 + width * 1_000 + channels)
    with np.errstate(over="ignore"):
        z = state + np.arange(1, height * width * channels + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    pixels = (z >> np.uint64(56)).astype(np.uint8).reshape(height, width, channels)
    return Image.fromarray(pixels if channels == 3 else pixels[..., 0])


def fnv1a(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return f"{h:016x}"


def resize_row(height, width, channels, to_height, to_width, name):
    out = noise(height, width, channels).resize((to_width, to_height), FILTERS[name])
    return {"image": [channels, height, width], "to": [to_height, to_width], "interpolation": name,
            "fnv1a": fnv1a(out.tobytes())}


def fit_row(image, size, crop_pct, crop_mode, interpolation):
    from timm.data import create_transform
    mean = [0.485, 0.456, 0.406][:size[0]]
    transform = create_transform(input_size=size, is_training=False, interpolation=interpolation, crop_pct=crop_pct,
                                 crop_mode=crop_mode, mean=mean, std=[0.25] * size[0], normalize=False)
    pixels = transform(noise(*image)).numpy()
    assert pixels.dtype == np.uint8 and pixels.shape == size
    return {"image": [image[2], *image[:2]], "size": size, "crop_pct": crop_pct, "crop_mode": crop_mode, "mean": mean,
            "interpolation": interpolation, "fnv1a": fnv1a(pixels.transpose(1, 2, 0).tobytes())}


def main():
    import timm
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/resize.json")
    assert (9, 5) <= tuple(map(int, PIL.__version__.split(".")[:2])) <= (12, 0), "another Pillow resizes in another order"
    rows = {"made_by": f"tools/image_golden.py, Pillow {PIL.__version__}, timm {timm.__version__}",
            "resize": [resize_row(*sizes, name) for sizes in RESIZES for name in FILTERS],
            "fit": [fit_row(*row) for row in FITS]}
    text = json.dumps(rows).replace(' {"image"', '\n{"image"').replace('[{"image"', '[\n{"image"')
    out.write_text(text + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
