#!/usr/bin/env python3
"""Writes tests/golden/metrics.json: what scikit-learn, torchmetrics and statsmodels make of three members'
logits. Needs `pip install torch torchmetrics scikit-learn statsmodels`.

    metrics_golden.py OUT
"""

import json
import sys
from importlib.metadata import version

import numpy as np
import sklearn.metrics as sk
import torch
from statsmodels.stats.contingency_tables import Table2x2, mcnemar
from statsmodels.stats.multitest import multipletests
from torchmetrics.functional.classification import multiclass_calibration_error

SAMPLES, CLASSES, FEW, BINS = 400, 8, 30, 15
MEMBERS = {"a": 4, "b": 1, "c": 2}  # name: how much of its logits is its own
MASK = (1 << 64) - 1


def fnv1a(text):
    state = 0xCBF29CE484222325
    for byte in text.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    return state


def mix64(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def unit(name, n):
    """n numbers in [-1, 1): splitmix64 counted up from the name's FNV-1a, as tests/support/golden.h makes them."""
    state, out = fnv1a(name), []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        out.append((mix64(state) >> 40) * 2.0**-23 - 1)
    return np.array(out)


def logits_of(member):
    """What is common to all members and what is the member's own."""
    common, own = unit("logits", SAMPLES * CLASSES), unit("logits " + member, SAMPLES * CLASSES)
    return (4 * common + MEMBERS[member] * own).astype(np.float32).reshape(SAMPLES, CLASSES)


def softmax(logits):
    e = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def quality(logits, labels):
    p, classes = softmax(logits), np.arange(CLASSES)
    answers = logits.argmax(axis=1)
    return {
        "accuracy": sk.accuracy_score(labels, answers),
        "top5_accuracy": sk.top_k_accuracy_score(labels, p, k=5, labels=classes),
        "nll": sk.log_loss(labels, p, labels=classes),
        "brier": sk.brier_score_loss(labels, p, labels=classes, scale_by_half=False),
        "ece": multiclass_calibration_error(torch.from_numpy(p), torch.from_numpy(labels), CLASSES, BINS,
                                            "l1").item(),
        "confusion": sk.confusion_matrix(labels, answers, labels=classes).ravel().tolist(),
        "recall": sk.recall_score(labels, answers, labels=classes, average=None).tolist(),
        "precision": sk.precision_score(labels, answers, labels=classes, average=None).tolist(),
    }


def pair(right_a, right_b):
    table = np.array([[np.sum(right_a & right_b), np.sum(right_a & ~right_b)],
                      [np.sum(~right_a & right_b), np.sum(~right_a & ~right_b)]])
    odds = Table2x2(table).oddsratio
    return {
        "only_a": int(table[0, 1]),
        "only_b": int(table[1, 0]),
        "mcnemar_exact": mcnemar(table, exact=True).pvalue,
        "mcnemar_chi_square": mcnemar(table, exact=False, correction=True).pvalue,
        "q": (odds - 1) / (odds + 1),
        "correlation": sk.matthews_corrcoef(right_a, right_b),
        "kappa": sk.cohen_kappa_score(right_a, right_b),
    }


def main():
    labels = (4 * unit("logits", SAMPLES * CLASSES) + 3 * unit("labels", SAMPLES * CLASSES))
    labels = labels.reshape(SAMPLES, CLASSES).argmax(axis=1)
    logits = {m: logits_of(m) for m in MEMBERS}
    right = {m: logits[m].argmax(axis=1) == labels for m in MEMBERS}
    p_values = [0.04, 0.001, 0.03, 0.5, 0.03, 0.9]
    packages = ("scikit-learn", "torchmetrics", "statsmodels")
    golden = {
        "made_by": "tools/metrics_golden.py with " + ", ".join(f"{p} {version(p)}" for p in packages),
        "samples": SAMPLES,
        "classes": CLASSES,
        "labels": labels.tolist(),
        "own": MEMBERS,
        "quality": {m: quality(logits[m], labels) for m in MEMBERS},
        "oracle_accuracy": np.any(list(right.values()), axis=0).mean(),
        "pairs": [{"a": a, "b": b, **pair(right[a], right[b])} for a, b in (("a", "b"), ("a", "c"), ("b", "c"))],
        # The same two members on a few samples only, so that McNemar's test is exact.
        "few": {"samples": FEW, **pair(right["a"][:FEW], right["b"][:FEW])},
        "holm": {"p": p_values, "corrected": multipletests(p_values, method="holm")[1].tolist()},
    }
    with open(sys.argv[1], "w") as f:
        json.dump(golden, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
