#!/usr/bin/env python3
"""Combiners as Python users have them, on predictions that ensemble_bench wrote: ensemble.py DIRECTORY --members M
--classes C METHOD. Prints one JSON line like ensemble_bench's.

  stacking  scikit-learn's LogisticRegression on the members' log-probabilities, C by cross-validated log-loss
  greedy    AutoGluon's EnsembleSelection, its rule restated here: 25 rounds, by accuracy or (greedy_nll) log-loss
  weighted  SciPy's SLSQP on the weights of logits
  tempered  SciPy's bounded search for each member's temperature
  mean_logits, mean_probabilities
"""
import argparse
import json
import pathlib
import resource
import time

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, logsumexp


def log_loss(log_p, labels):
    return -log_p[np.arange(len(labels)), labels].mean()


def mean_logits(_logits, _labels):
    return lambda z: log_softmax(z.mean(0), 1)


def mix(weights):
    """Mean of probabilities."""
    used = np.flatnonzero(weights)
    return lambda z: logsumexp(log_softmax(z[used], 2) + np.log(weights[used])[:, None, None], axis=0)


def mean_probabilities(logits, _labels):
    return mix(np.full(len(logits), 1 / len(logits)))


def stacking(logits, labels):
    from sklearn.linear_model import LogisticRegressionCV

    def features(z):
        return log_softmax(z, 2).transpose(1, 0, 2).reshape(z.shape[1], -1)

    model = LogisticRegressionCV(Cs=np.logspace(-5, 1, 7), cv=5, scoring="neg_log_loss", max_iter=500, n_jobs=2,
                                 l1_ratios=(0,), use_legacy_attributes=False).fit(features(logits), labels)
    return lambda z: model.predict_log_proba(features(z))


def select(logits, labels, by_nll, rounds=25):
    p = np.exp(log_softmax(logits, 2))
    total, order, errors, rounding = np.zeros(p.shape[1:]), [], [], False
    for s in range(rounds):
        scores, losses = np.empty(len(p)), np.empty(len(p))
        for j, one in enumerate(p):
            mean = (total + one) / (s + 1)
            mean /= mean.sum(1, keepdims=True)
            losses[j] = -np.log(np.clip(mean[np.arange(len(labels)), labels], 1e-15, 1)).mean()
            scores[j] = losses[j] if by_nll else (mean.argmax(1) != labels).mean()
        if rounding:
            scores = scores.round(6)
        best = np.flatnonzero(scores == scores.min())
        best = [j for j in best if j in order] or best
        best = min(best, key=lambda j: losses[j])
        if s == 0:
            rounding = scores[best] > 1e-4
        order.append(best)
        errors.append(scores[best].round(6) if rounding else scores[best])
        total += p[best]
    order = order[:int(np.argmin(errors)) + 1]
    return mix(np.bincount(order, minlength=len(p)) / len(order))


def weighted(logits, labels):
    def nll(w):
        return log_loss(log_softmax(np.tensordot(w, logits, 1), 1), labels)

    members = len(logits)
    found = minimize(nll, np.full(members, 1 / members), method="SLSQP", bounds=[(0, 1)] * members,
                     constraints={"type": "eq", "fun": lambda w: w.sum() - 1})
    return lambda z: log_softmax(np.tensordot(found.x, z, 1), 1)


def tempered(logits, labels):
    def temperature(z):
        return minimize_scalar(lambda t: log_loss(log_softmax(z / t, 1), labels), bounds=(0.01, 100),
                               method="bounded").x

    scales = np.array([temperature(z) for z in logits])[:, None, None]
    return lambda z: mix(np.full(len(z), 1 / len(z)))(z / scales)


METHODS = {
    "mean_logits": mean_logits,
    "mean_probabilities": mean_probabilities,
    "stacking": stacking,
    "greedy": lambda z, y: select(z, y, by_nll=False),
    "greedy_nll": lambda z, y: select(z, y, by_nll=True),
    "weighted": weighted,
    "tempered": tempered,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--members", type=int, required=True)
    parser.add_argument("--classes", type=int, required=True)
    options = parser.parse_args()

    def read(split):
        logits = np.fromfile(options.directory / f"{split}_logits.f32", np.float32).astype(np.float64)
        labels = np.fromfile(options.directory / f"{split}_labels.i64", np.int64)
        return logits.reshape(options.members, -1, options.classes), labels

    val, test = read("val"), read("test")
    begin, cpu = time.monotonic(), time.process_time()
    combine = METHODS[options.method](*val)
    seconds, core_seconds = time.monotonic() - begin, time.process_time() - cpu
    log_p = combine(test[0])
    print(json.dumps({
        "combiner": options.method, "fit_seconds": seconds, "fit_core_seconds": core_seconds,
        "members": options.members, "samples": len(val[1]), "classes": options.classes,
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "test_nll": log_loss(log_p, test[1]), "test_accuracy": float((log_p.argmax(1) == test[1]).mean())}))


if __name__ == "__main__":
    main()
