#!/usr/bin/env python3
"""Writes small image files of every kind into fuzz/corpus/{jpeg,png,webp}, and into tests/golden/decode.json what Pillow
makes of each: the size, and the FNV-1a of `open(file).convert("RGB")`. Needs numpy, Pillow and cjpeg (Debian:
libjpeg-turbo-progs):

    decode_golden.py [ROOT]
"""

import io
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import PIL
from PIL import Image

from image_golden import fnv1a

HEIGHT, WIDTH = 37, 45  # whole blocks of no kind
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def picture(channels):
    """Waves, an edge and a little noise."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [127 + 70 * np.sin(x / (4 + c) + y / (9 - c)) + 50 * (x + 2 * y > 60 + 10 * c) for c in range(channels)]
    noise = np.random.default_rng(channels).normal(0, 4, (HEIGHT, WIDTH, channels))
    return (np.stack(planes, -1) + noise).clip(0, 255).astype(np.uint8)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def cjpeg(image, *options):
    with tempfile.NamedTemporaryFile(suffix=".ppm") as file:
        image.save(file.name)
        return subprocess.run(["cjpeg", "-quality", "60", *options, file.name], capture_output=True, check=True).stdout


def jpegs():
    rgb = Image.fromarray(picture(3))
    cmyk = saved(Image.frombytes("CMYK", (WIDTH, HEIGHT), picture(4).tobytes()), "JPEG", quality=60)
    adobe = cmyk.index(b"Adobe") + 11
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as scans:
        scans.write("0;\n1;\n2;\n")
        scans.flush()
        yield "noninterleaved", cjpeg(rgb, "-scans", scans.name)
    for sampling in ("1x1", "2x1", "2x2", "1x2", "4x1", "4x2", "1x4"):
        yield sampling, cjpeg(rgb, "-sample", sampling, "-optimize")
        yield f"{sampling}_progressive", cjpeg(rgb, "-sample", sampling, "-progressive")
    yield "chroma_1x2", cjpeg(rgb, "-sample", "2x2,1x2,2x1")
    yield "restart", cjpeg(rgb, "-restart", "2B")
    yield "arithmetic", cjpeg(rgb, "-arithmetic")
    yield "gray", cjpeg(rgb, "-grayscale", "-optimize")
    yield "gray_2x2", cjpeg(rgb, "-grayscale", "-sample", "2x2")
    yield "gray_progressive", cjpeg(rgb, "-grayscale", "-progressive")
    yield "rgb", cjpeg(rgb, "-rgb")
    yield "cmyk", cmyk
    yield "ycck", cmyk[:adobe] + b"\2" + cmyk[adobe + 1:]
    yield "one_pixel", cjpeg(rgb.crop((0, 0, 1, 1)))
    yield "column", cjpeg(rgb.crop((20, 0, 21, HEIGHT)))
    yield "row", cjpeg(rgb.crop((0, 20, WIDTH, 21)))


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def packed(values, depth):
    """Rows of samples [H, W, C] as PNG packs them, each after filter type 0."""
    rows = values.reshape(len(values), -1)
    if depth == 16:
        rows = rows.astype(">u2").view(np.uint8)
    elif depth < 8:
        bits = (rows[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        rows = np.packbits(bits.reshape(len(rows), -1).astype(np.uint8), axis=1)
    return b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in rows)


def png(colour, depth, interlaced=False, extra=b""):
    samples = picture(PNG_CHANNELS[colour])[:13, :19].astype(np.uint32)
    samples = samples * 257 + samples % 251 if depth == 16 else samples >> (8 - depth)
    if colour == 0 and depth == 16:
        samples = samples // 200  # around 255, where Pillow clips
    data = packed(samples, depth)
    if interlaced:
        passes = [samples[top::down, left::across] for top, left, down, across in ADAM7]
        data = b"".join(packed(part, depth) for part in passes if part.size)
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9)) +
            chunk(b"IEND", b""))


def palette(colours):
    table = np.random.default_rng(colours).integers(0, 256, (colours, 3), dtype=np.uint8)
    return chunk(b"PLTE", table.tobytes())


def pngs():
    for depth in (1, 2, 4, 8, 16):
        yield f"gray{depth}", png(0, depth)
    for depth in (8, 16):
        yield f"gray_alpha{depth}", png(4, depth)
        yield f"rgb{depth}", png(2, depth)
        yield f"rgba{depth}", png(6, depth)
    for depth in (1, 2, 4, 8):
        yield f"palette{depth}", png(3, depth, extra=palette(2**depth))
    yield "palette_short", png(3, 4, extra=palette(9))  # some pixels name a colour that is not there
    yield "palette_transparent", png(3, 2, extra=palette(4) + chunk(b"tRNS", b"\0\x80"))
    yield "gray_transparent", png(0, 4, extra=chunk(b"tRNS", b"\0\3"))
    yield "gamma", png(2, 8, extra=chunk(b"gAMA", struct.pack(">I", 100000)))
    for colour, depth in ((2, 8), (0, 1), (6, 16)):
        yield f"interlaced_{colour}_{depth}", png(colour, depth, interlaced=True)
    yield "interlaced_palette2", png(3, 2, interlaced=True, extra=palette(4))


def webps():
    rgb, rgba = (Image.fromarray(picture(channels)[:21, :26]) for channels in (3, 4))
    for name, options in (("lossy", {"quality": 50}), ("lossless", {"lossless": True})):
        yield name, saved(rgb, "WEBP", **options)
        yield f"{name}_alpha", saved(rgba, "WEBP", **options)
    yield "one_pixel", saved(rgb.crop((0, 0, 1, 1)), "WEBP")
    yield "animated", saved(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(180)], quality=20)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    rows = []
    for kind, files in (("jpeg", jpegs()), ("png", pngs()), ("webp", webps())):
        (root / "fuzz/corpus" / kind).mkdir(parents=True, exist_ok=True)
        for name, data in files:
            (root / "fuzz/corpus" / kind / name).write_bytes(data)
            if name == "animated":
                continue  # refused
            image = Image.open(io.BytesIO(data)).convert("RGB")
            rows.append({"file": f"{kind}/{name}", "size": [image.height, image.width], "fnv1a": fnv1a(image.tobytes())})
    made_by = f"tools/decode_golden.py, Pillow {PIL.__version__}"
    text = json.dumps({"made_by": made_by, "files": rows}).replace(' {"file"', '\n{"file"').replace('[{"', '[\n{"')
    (root / "tests/golden/decode.json").write_text(text + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
