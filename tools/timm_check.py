#!/usr/bin/env python3
"""Checks that timm computes the logits that Retort does, from the same directory and the same images.

    tools/timm_check.py RUN... --images IMAGE... [--retort build/retort]

RUN is a run directory, or a model's as timm saves it (config.json, model.safetensors). For each of them
timm.create_model("local-dir:RUN", pretrained=True) sees the images through timm's own evaluation transform, and
`retort predict --model RUN --json IMAGE...` through Retort's. They agree where

    max |timm - retort| <= 1e-4 * max |timm|,   both over all images and classes.

Exit code 0 where all agree, 1 where one does not, 77 (skipped) without timm. Needs torch, timm and Pillow.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

TOLERANCE = 1e-4
SKIPPED = 77


def timm_logits(run, images):
    import timm
    import torch
    from PIL import Image
    model = timm.create_model(f"local-dir:{run}", pretrained=True).eval()
    config = timm.data.resolve_data_config({}, model=model)
    transform = timm.data.create_transform(**config, is_training=False)
    mode = "L" if config["input_size"][0] == 1 else "RGB"
    batch = torch.stack([transform(Image.open(image).convert(mode)) for image in images])
    with torch.inference_mode():
        return model(batch).double().tolist()


def retort_logits(retort, run, images):
    command = [retort, "predict", "--model", str(run), "--json", "--quiet", *map(str, images)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"[{run}] retort predict failed: {done.stderr.strip()}")
    return [result["logits"] for result in json.loads(done.stdout)["results"]]


def distance(ours, theirs):
    """max |ours - theirs| / max |theirs|, over all images and classes."""
    if [len(row) for row in ours] != [len(row) for row in theirs]:
        sys.exit(f"timm has {len(theirs)} x {len(theirs[0])} logits, retort {len(ours)} x {len(ours[0])}")
    largest = max(abs(value) for row in theirs for value in row)
    apart = max(abs(a - b) for x, y in zip(ours, theirs) for a, b in zip(x, y))
    return apart / largest if largest > 0 else float(apart > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--images", type=Path, nargs="+", required=True, metavar="IMAGE")
    parser.add_argument("--retort", default=str(Path(__file__).resolve().parent.parent / "build" / "retort"))
    arguments = parser.parse_args()
    try:
        import timm  # noqa: F401
    except ImportError:
        print("skipped: timm is not installed")
        return SKIPPED
    bad = 0
    for run in arguments.runs:
        apart = distance(retort_logits(arguments.retort, run, arguments.images), timm_logits(run, arguments.images))
        bad += apart > TOLERANCE
        print(f"{run}: {apart:.2e} of the largest logit, {'differs' if apart > TOLERANCE else 'agrees'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
