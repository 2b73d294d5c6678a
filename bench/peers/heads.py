#!/usr/bin/env python3
"""Whether a head of trees or a small network on top of members beats what Retort fits: heads.py --val DIR... --test DIR...

The directories are members' predictions that `retort eval --predictions` kept. Heads see the members'
log-probabilities of val; each is judged on test, beside the mean of logits and scikit-learn's logistic regression.
Prints a Markdown table with the change of accuracy against the mean of logits and its paired 95% bootstrap interval.
"""
import argparse
import json
import pathlib
import struct
import time

import numpy as np
from scipy.special import log_softmax


def read(directory):
    raw = (pathlib.Path(directory) / "predictions.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])

    def tensor(name, dtype):
        begin, end = header[name]["data_offsets"]
        return np.frombuffer(raw[8 + size + begin:8 + size + end], dtype).reshape(header[name]["shape"])

    order = np.argsort(tensor("ids", np.uint64))
    return tensor("logits", np.float32)[0][order].astype(np.float64), tensor("labels", np.int64)[order]


def members(directories):
    parts = [read(d) for d in directories]
    return np.stack([z for z, _ in parts]), parts[0][1]


def heads():
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.neural_network import MLPClassifier

    yield "logistic regression", LogisticRegressionCV(Cs=np.logspace(-5, 1, 7), cv=5, scoring="neg_log_loss",
                                                      max_iter=500, l1_ratios=(0,), use_legacy_attributes=False)
    for leaves, rate in ((7, 0.05), (31, 0.1)):
        yield f"boosted trees, {leaves} leaves, rate {rate}", HistGradientBoostingClassifier(
            max_leaf_nodes=leaves, learning_rate=rate, early_stopping=True, random_state=0)
    yield "random forest, 500 trees", RandomForestClassifier(500, min_samples_leaf=5, n_jobs=2, random_state=0)
    for hidden in (32, 128):
        yield f"network, {hidden} hidden units", MLPClassifier((hidden,), alpha=1e-2, early_stopping=True, max_iter=200,
                                                               random_state=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--val", nargs="+", required=True)
    parser.add_argument("--test", nargs="+", required=True)
    options = parser.parse_args()
    (val, val_labels), (test, labels) = members(options.val), members(options.test)

    def features(z):
        return np.clip(log_softmax(z, 2), -30, None).transpose(1, 0, 2).reshape(z.shape[1], -1)

    def row(name, log_p, seconds):
        right = log_p.argmax(1) == labels
        nll = -log_p[np.arange(len(labels)), labels].mean()
        if name == "mean of logits":
            row.base = right
        rng = np.random.default_rng(0)
        change = right.astype(float) - row.base
        low, high = np.percentile([change[rng.integers(0, len(change), len(change))].mean() for _ in range(2000)],
                                  [2.5, 97.5]) * 100
        print(f"| {name} | {100 * right.mean():.2f} | {100 * change.mean():+.2f} [{low:+.2f}, {high:+.2f}] | {nll:.4f} "
              f"| {seconds:.1f} |", flush=True)

    print("| head | accuracy, % | against the mean of logits, points [95%] | NLL | core seconds |")
    print("| --- | ---: | ---: | ---: | ---: |")
    row("mean of logits", log_softmax(test.mean(0), 1), 0)
    for name, model in heads():
        start = time.process_time()
        model.fit(features(val), val_labels)
        seconds = time.process_time() - start
        row(name, np.log(np.clip(model.predict_proba(features(test)), 1e-15, 1)), seconds)


if __name__ == "__main__":
    main()
