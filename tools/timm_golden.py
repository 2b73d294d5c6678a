#!/usr/bin/env python3
"""Writes what timm computes with weights that anyone can rebuild, one row a model, for tests/golden/.

Every tensor, the input included, is filled from its own name, so no weights are stored:
    h    = FNV-1a 64 of the UTF-8 name
    z_i  = splitmix64 finaliser of (h + (i + 1) * 0x9E3779B97F4A7C15) mod 2**64, i the flat row-major index
    u_i  = (z_i >> 40) * 2**-23 - 1                  in [-1, 1), exact in float32
and then, in float64, cast to float32 last:
    input                                   u
    name ends in cls_token or pos_embed     0.02 u
    2 or more dimensions                    u * sqrt(3 / fan_in), fan_in = product of all dimensions but the first
    name ends in running_var                1 + 0.5 u
    name ends in running_mean               0.1 u
    name ends in gamma (layer scale)        0.5 + 0.1 u
    1 dimension, name ends in weight        1 + 0.1 u
    1 dimension, anything else              0.1 u
    num_batches_tracked                     0

A row holds, of the model with 10 classes and two images of the size it was given: logits, parameters, and the SHA-256
of all its tensors as sorted lines "name size,size,...\\n"; multiply-adds of one image in convolutions, linear layers and
attention's two products of matrices; and of the model as published: parameters with 1000 classes, input size, names of its first convolution and classifier.

Usage: timm_golden.py FILE.json ARCH[:side] ...     adds these rows to the file, or replaces them (needs torch and timm)
       timm_golden.py FILE.json                     makes all of its rows again
       timm_golden.py FILE.json --taps ARCH:MODULE,... ...      what forward hooks on these modules are given instead
       timm_golden.py FILE.json --mdistiller DIR ARCH=NAME ...     mdistiller's instead, from its source tree in DIR
"""
import argparse
import hashlib
import importlib
import json
import math
import os
import sys

import numpy as np
import timm
import torch
from timm.layers import Attention

CLASSES, SIDE, ODD_IMAGE = 10, 64, (3, 97, 225)


def unit(name, n):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.uint64(h) + (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0


def fill(name, shape):
    u = unit(name, math.prod(shape))
    if name == "input":
        v = u
    elif name.endswith(("cls_token", "pos_embed")):
        v = 0.02 * u
    elif len(shape) >= 2:
        v = u * math.sqrt(3.0 / math.prod(shape[1:]))
    elif name.endswith("running_var"):
        v = 1 + 0.5 * u
    elif name.endswith("running_mean"):
        v = 0.1 * u
    elif name.endswith("gamma"):
        v = 0.5 + 0.1 * u
    elif name.endswith("weight"):
        v = 1 + 0.1 * u
    elif name.endswith("num_batches_tracked"):
        v = 0 * u
    else:
        v = 0.1 * u
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def logits_of(model, x):
    out = model(x)
    return out[0] if isinstance(out, tuple) else out  # mdistiller's give features too


def count_macs(model, image):
    """Multiply-adds in convolutions, linear layers and attention, counted as the model runs; None where it cannot."""
    macs = 0

    def count(module, _, out):
        nonlocal macs
        macs += out.numel() * module.weight[0].numel()

    def count_attention(_, inputs, __):
        nonlocal macs
        _, tokens, features = inputs[0].shape
        macs += 2 * tokens * tokens * features  # queries by keys, weights by values

    layers = [m for m in model.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    hooks += [m.register_forward_hook(count_attention) for m in model.modules() if isinstance(m, Attention)]
    try:
        logits_of(model, torch.empty(1, *image, device="meta"))
    except (AssertionError, RuntimeError):  # a fixed image size
        return None
    finally:
        for hook in hooks:
            hook.remove()
    return macs


def count_parameters(model):
    return sum(p.numel() for p in model.parameters())


def fill_model(model):
    state = model.state_dict()
    model.load_state_dict({k: fill(k, tuple(v.shape)).to(v.dtype) for k, v in state.items()})
    return state


def measure(arch, model, side):
    state = fill_model(model.eval())
    lines = sorted(f"{k} {','.join(map(str, v.shape))}\n" for k, v in state.items())
    x = fill("input", (2, 3, side, side))
    return {
        "arch": arch,
        "input": list(x.shape),
        "num_classes": CLASSES,
        "params": count_parameters(model),
        "tensors": hashlib.sha256("".join(lines).encode()).hexdigest(),
        "logits": logits_of(model, x).double().numpy().round(6).tolist(),
    }


def with_macs(row, model, *images):
    counts = [(list(image), count_macs(model.eval().to("meta"), image)) for image in images]
    return row | {"macs": [{"image": image, "macs": macs} for image, macs in counts if macs is not None]}


def create_timm(arch, side):
    fixed = timm.get_pretrained_cfg(arch).fixed_input_size
    return timm.create_model(arch, num_classes=CLASSES, **({"img_size": side} if fixed else {}))


def timm_row(spec):
    arch, _, side = spec.partition(":")
    cfg = timm.get_pretrained_cfg(arch)
    side = int(side or SIDE)
    own = create_timm(arch, cfg.input_size[1])
    row = with_macs(measure(arch, create_timm(arch, side), side), own, cfg.input_size, ODD_IMAGE)
    published = {"input_size": list(cfg.input_size), "first_conv": cfg.first_conv, "classifier": cfg.classifier}
    with torch.device("meta"):
        return row | {"published": {"params": count_parameters(timm.create_model(arch, num_classes=1000))} | published}


def tap_row(spec):
    arch, _, names = spec.partition(":")
    model, taps = create_timm(arch, SIDE).eval(), {}
    fill_model(model)

    def keep(name):
        def hook(_, __, out):
            flat = out.double().flatten()  # a copy: activations overwrite it later
            few = flat[[0, len(flat) // 3, 2 * len(flat) // 3, -1]]
            taps[name] = {"shape": list(out.shape), "mean": flat.mean().item(), "std": flat.std(correction=0).item(),
                          "values": few.numpy().round(7).tolist()}
        return hook

    for name in names.split(","):
        model.get_submodule(name).register_forward_hook(keep(name))
    x = fill("input", (2, 3, SIDE, SIDE))
    model(x)
    return {"arch": arch, "input": list(x.shape), "num_classes": CLASSES, "taps": taps}


def mdistiller_row(models, spec):
    arch, _, name = spec.partition("=")
    create = models[name][0]
    row = measure(arch, create(num_classes=CLASSES), 32)
    return with_macs(row, create(num_classes=CLASSES), (3, 32, 32)) | {"name": name}


def read_rows(path):
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        return {row["arch"]: row for row in json.load(f)["models"]}


def write_rows(path, rows, source):
    lines = [json.dumps(rows[arch], separators=(",", ":")) for arch in sorted(rows)]
    with open(path, "w") as f:
        f.write(f'{{"source":"{source}, by tools/timm_golden.py","models":[\n' + ",\n".join(lines) + "\n]}\n")


def respell(row):
    """The argument that made the row."""
    if "taps" in row:
        return f"{row['arch']}:{','.join(row['taps'])}"
    side = row["input"][2]
    return f"{row['arch']}={row['name']}" if "name" in row else row["arch"] + (f":{side}" if side != SIDE else "")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("Usage: ")[1])
    parser.add_argument("file")
    parser.add_argument("--mdistiller")
    parser.add_argument("--taps", action="store_true")
    parser.add_argument("specs", nargs="*")
    args = parser.parse_intermixed_args()
    make, source = tap_row if args.taps else timm_row, f"timm {timm.__version__}"
    if args.mdistiller:
        sys.path.insert(0, args.mdistiller)
        models = importlib.import_module("mdistiller.models.cifar").cifar_model_dict
        make, source = (lambda spec: mdistiller_row(models, spec)), "mdistiller"
    rows = read_rows(args.file)
    with torch.no_grad():
        for spec in args.specs or [respell(row) for row in rows.values()]:
            row = make(spec)
            rows[row["arch"]] = row
            print(row["arch"], row.get("params"), row.get("logits", [[]])[0][:3], flush=True)
    write_rows(args.file, rows, source)


if __name__ == "__main__":
    main()
