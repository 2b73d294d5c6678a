#!/usr/bin/env python3
"""Writes fine_tuning.json: what timm makes of pretrained weights, and of layer-wise learning rates.

adapt_input_conv: a weight [2, from, 2, 2] filled with unit("conv", n), row-major, as timm adapts it to `to` channels.
layer_decay: for each parameter, the learning rate's factor and the weight decay of param_groups_layer_decay.
unit() is that of timm.json: splitmix64 counted up from the name's FNV-1a.
Usage: fine_tuning_golden.py > fine_tuning.json   (needs torch, timm and numpy)
"""
import json
import math

import numpy as np
import timm
import torch
from timm.models._manipulate import adapt_input_conv
from timm.optim import param_groups_layer_decay

DECAY, WEIGHT_DECAY = 0.75, 0.05
ARCHITECTURES = ["resnet18", "resnet50", "mobilenetv3_small_100", "mobilenetv4_conv_small", "efficientnet_b0", "regnety_002",
                 "vit_tiny_patch16_224", "convnext_atto"]


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


def adapted(channels, to):
    shape = (2, channels, 2, 2)
    weight = torch.from_numpy(unit("conv", math.prod(shape)).astype(np.float32).reshape(shape))
    return {"from": channels, "to": to, "values": adapt_input_conv(to, weight).flatten().tolist()}


def layer_decay(name):
    model = timm.create_model(name)
    names = {id(p): n for n, p in model.named_parameters()}
    skip = model.no_weight_decay() if hasattr(model, "no_weight_decay") else ()
    groups = param_groups_layer_decay(model, WEIGHT_DECAY, no_weight_decay_list=skip, layer_decay=DECAY)
    return [{"lr_scale": g["lr_scale"], "weight_decay": g["weight_decay"],
             "parameters": [names[id(p)] for p in g["params"]]} for g in groups]


print(json.dumps({
    "versions": {"timm": timm.__version__, "torch": torch.__version__},
    "layer_decay": DECAY,
    "weight_decay": WEIGHT_DECAY,
    "adapt_input_conv": [adapted(3, to) for to in (1, 2, 4, 5, 6)],
    "param_groups_layer_decay": {name: layer_decay(name) for name in ARCHITECTURES},
}))
