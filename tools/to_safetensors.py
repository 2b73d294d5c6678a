#!/usr/bin/env python3
"""Converts PyTorch weights (.pth, .pt, .bin) into model.safetensors, which Retort and timm read.

    tools/to_safetensors.py pytorch_model.bin OUT                         OUT/model.safetensors
    tools/to_safetensors.py best.pth OUT --key model_ema --arch resnet18  and OUT/config.json in timm's form

The file is read with torch.load(weights_only=True): no code of it is run. A checkpoint that holds more than weights is
searched for the dictionary called by --key; without it model_ema, state_dict_ema, state_dict and model are tried, in
this order. Prefixes of wrappers (module., _orig_mod.) are taken off. Tensors that share memory are written each on its
own. Needs torch; --arch needs timm.
"""
import argparse
import json
import os
import struct
import sys
from pathlib import Path

KEYS = ["model_ema", "state_dict_ema", "state_dict", "model"]
PREFIXES = ("module.", "_orig_mod.")


class BadInput(Exception):
    """What the user is told, in one line."""


def is_tensors(value, torch):
    return isinstance(value, dict) and any(isinstance(v, torch.Tensor) for v in value.values())


def state_dict_of(checkpoint, key, torch):
    """The dictionary of weights inside what torch.load gave."""
    if key is None and is_tensors(checkpoint, torch):
        return checkpoint
    if not isinstance(checkpoint, dict):
        raise BadInput(f"holds a {type(checkpoint).__name__}; expected a dictionary of tensors; save model.state_dict()")
    for name in [key] if key is not None else KEYS:
        if is_tensors(checkpoint.get(name), torch):
            return checkpoint[name]
    raise BadInput(f"holds no weights under {key or ', '.join(KEYS)}; it has {', '.join(map(str, checkpoint))}; "
                   "name one with --key")


def plain_name(name):
    for prefix in PREFIXES * 2:  # a compiled model in a wrapper, or the other way round
        name = name.removeprefix(prefix)
    return name


def clean(state, torch):
    """Names without prefixes; tensors with memory of their own, in row-major order."""
    tensors = {}
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            continue
        if plain_name(name) in tensors:
            raise BadInput(f"holds '{plain_name(name)}' twice, with and without a prefix; remove one of them")
        tensors[plain_name(name)] = value.detach().cpu().contiguous().clone()
    return tensors


def write_safetensors(path, tensors, torch):
    """8 bytes of header length, a JSON header, then the bytes: the widest types first, so that all are aligned."""
    kinds = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
             torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8"}
    header, end = {"__metadata__": {"format": "pt"}}, 0
    order = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    for name, tensor in order:
        if tensor.dtype not in kinds:
            raise BadInput(f"tensor '{name}' is {tensor.dtype}; expected one of {', '.join(kinds.values())}")
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, tensor in order:
            file.write(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_config(path, arch, tensors):
    """timm's description of the architecture, with the classes and channels that the weights have."""
    import timm
    cfg = timm.get_pretrained_cfg(arch)
    if cfg is None:
        near = timm.list_models(f"*{arch.split('.')[0][:6]}*")[:6]
        raise BadInput(f"timm has no architecture '{arch}'; near ones: {', '.join(near) or 'none'}")
    first = lambda names: names[0] if isinstance(names, (list, tuple)) else names
    classifier, conv = f"{first(cfg.classifier)}.weight", f"{first(cfg.first_conv)}.weight"
    for name in (classifier, conv):
        if name not in tensors:
            raise BadInput(f"has no '{name}', which timm's {arch} has; name the right --arch")
    classes, channels = tensors[classifier].shape[0], tensors[conv].shape[1]
    pretrained = {k: v for k, v in cfg.to_dict(remove_null=True).items()
                  if k not in ("url", "file", "hf_hub_id", "hf_hub_filename", "source", "architecture", "label_offset")}
    pretrained.update(num_classes=classes, input_size=[channels, *cfg.input_size[1:]])
    if channels != len(cfg.mean):
        mean, std = sum(cfg.mean) / len(cfg.mean), sum(cfg.std) / len(cfg.std)
        pretrained.update(mean=[mean] * channels, std=[std] * channels)
    config = {"architecture": arch.split(".")[0], "num_classes": classes,
              "num_features": tensors[classifier].shape[1], "pretrained_cfg": pretrained}
    if channels != 3:
        config["model_args"] = {"in_chans": channels}
    path.write_text(json.dumps(config, indent=2) + "\n")


def convert(arguments):
    import torch
    try:
        checkpoint = torch.load(arguments.file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInput("does not exist") from None
    except Exception as error:  # torch raises many kinds
        raise BadInput(f"cannot be read without running code of it: {str(error).splitlines()[0]}") from None
    tensors = clean(state_dict_of(checkpoint, arguments.key, torch), torch)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.arch:
        write_config(arguments.out / "config.json", arguments.arch, tensors)
    write_safetensors(arguments.out / "model.safetensors", tensors, torch)
    print(f"{arguments.out / 'model.safetensors'}: {len(tensors)} tensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .pth, .pt or .bin file")
    parser.add_argument("out", type=Path, help="directory to write into")
    parser.add_argument("--key", help=f"where the weights lie in a checkpoint, such as {', '.join(KEYS)}")
    parser.add_argument("--arch", help="timm's name of the architecture: config.json is written as well")
    arguments = parser.parse_args()
    try:
        convert(arguments)
    except (BadInput, OSError, ImportError) as error:
        sys.exit(f"[{arguments.file}] {error}")


if __name__ == "__main__":
    main()
