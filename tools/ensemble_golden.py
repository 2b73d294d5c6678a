#!/usr/bin/env python3
"""Writes tests/golden/ensemble.json: what SciPy and scikit-learn find for the fits of combiners and calibrations, on
predictions that tests/ensemble/golden_test.cpp rebuilds from the rule below.

    .deps/peers/bin/python tools/ensemble_golden.py > tests/golden/ensemble.json
"""

import json

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, logsumexp
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

MEMBERS, SAMPLES, CLASSES = 3, 300, 4
STRENGTH = np.array([1.5, 1.0, 0.4])
RULE = [
    "u(name) as in timm.json; 3 members, 300 samples, 4 classes; sample ids count up from 0",
    "label_i = floor(2 * (u('ensemble_labels')_i + 1))",
    "logit_mic = float32(3 * u('ensemble_logits')_mic + (c == label_i ? strength_m : 0)), strength 1.5, 1, 0.4",
    "log-probabilities less the mean u_m over a member's; L2 terms as in docs/ensembles.md, with l2 = 1",
]


def unit(name, n):
    mask = (1 << 64) - 1
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & mask
    out = np.empty(n)
    for i in range(n):
        h = (h + 0x9E3779B97F4A7C15) & mask
        z = h
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
        out[i] = (z >> 40) * 2.0**-23 - 1
    return out


LABELS = np.floor(2 * (unit("ensemble_labels", SAMPLES) + 1)).astype(int)
ONE_HOT = np.eye(CLASSES)[LABELS]
LOGITS = 3 * unit("ensemble_logits", MEMBERS * SAMPLES * CLASSES).reshape(MEMBERS, SAMPLES, CLASSES)
LOGITS = (LOGITS + STRENGTH[:, None, None] * ONE_HOT).astype(np.float32).astype(np.float64)
LOG_P = log_softmax(LOGITS, axis=2)
CENTRED = LOG_P - LOG_P.mean(axis=(1, 2), keepdims=True)


def nll(logits):
    """Sum over samples."""
    return (logsumexp(logits, axis=1) - logits[np.arange(SAMPLES), LABELS]).sum()


def search(objective, start):
    """The minimum, by one BFGS after another until none moves."""
    best = minimize(objective, start, method="L-BFGS-B", options={"maxiter": 100000, "maxfun": 10**7, "ftol": 1e-16})
    for _ in range(3):
        best = minimize(objective, best.x, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    return best.x, best.fun


def weighted():
    found = minimize(lambda w: nll(np.tensordot(w, LOGITS, 1)) / SAMPLES, np.full(MEMBERS, 1 / MEMBERS),
                     method="SLSQP", bounds=[(0, 1)] * MEMBERS, options={"ftol": 1e-15, "maxiter": 1000},
                     constraints={"type": "eq", "fun": lambda w: w.sum() - 1})
    return {"weights": found.x.tolist(), "nll": found.fun}


def temperature(m):
    found = minimize_scalar(lambda t: nll(LOGITS[m] / t), bounds=(0.01, 100), method="bounded",
                            options={"xatol": 1e-12})
    return found.x


def own(features, bias):
    """One weight a member and class, with or without biases."""
    members = len(features)
    start = np.full((members, CLASSES), 1 / members)

    def logits(theta):
        return np.einsum("mnc,mc->nc", features, theta[:members * CLASSES].reshape(members, CLASSES)) + (
            theta[members * CLASSES:] if bias else 0)

    first = np.concatenate([start.ravel(), np.zeros(CLASSES if bias else 0)])
    theta, value = search(lambda t: nll(logits(t)) + ((t - first) ** 2).sum() / 2, first)
    return {"log_probabilities": log_softmax(logits(theta)[:20], axis=1).tolist(), "value": value / SAMPLES}


def matrix(features):
    """A matrix and biases; what a class has to do with itself is held a hundred times less."""
    members = len(features)
    start = np.zeros((members, CLASSES, CLASSES))
    start[:, np.arange(CLASSES), np.arange(CLASSES)] = 1 / members
    l2 = np.ones_like(start)
    l2[:, np.arange(CLASSES), np.arange(CLASSES)] = 0.01
    first = np.concatenate([start.ravel(), np.zeros(CLASSES)])
    l2 = np.concatenate([l2.ravel(), np.full(CLASSES, 0.01)])

    def logits(theta):
        return np.einsum("mnk,mkc->nc", features, theta[:start.size].reshape(start.shape)) + theta[start.size:]

    theta, value = search(lambda t: nll(logits(t)) + (l2 * (t - first) ** 2).sum() / 2, first)
    return {"log_probabilities": log_softmax(logits(theta)[:20], axis=1).tolist(), "value": value / SAMPLES}


def logistic_regression():
    """scikit-learn's own problem: pulled to 0, biases free. Biases up to a constant."""
    x = CENTRED.transpose(1, 0, 2).reshape(SAMPLES, -1)
    model = LogisticRegression(C=1.0, tol=1e-12, max_iter=100000).fit(x, LABELS)
    return {"coefficients": model.coef_.T.tolist(), "bias": (model.intercept_ - model.intercept_.mean()).tolist()}


def isotonic():
    p = np.exp(LOG_P[0])
    curves = [IsotonicRegression(out_of_bounds="clip").fit(p[:, c], ONE_HOT[:, c]) for c in range(CLASSES)]
    queries = np.linspace(0, 1, 21)
    mixed = 0.999 * np.stack([curve.predict(p[:20, c]) for c, curve in enumerate(curves)], 1) + 0.001 * p[:20]
    return {"curves": [curve.predict(queries).tolist() for curve in curves],
            "probabilities": (mixed / mixed.sum(1, keepdims=True)).tolist()}


def main():
    golden = {
        "made_by": f"tools/ensemble_golden.py, SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}",
        "rule": RULE,
        "weighted": weighted(),
        "temperatures": [temperature(m) for m in range(MEMBERS)],
        "class_weighted": own(CENTRED, bias=False),
        "stacking": matrix(CENTRED),
        "vector_scaling": own(CENTRED[:1], bias=True),
        "dirichlet": matrix(CENTRED[:1]),
        "logistic_regression": logistic_regression(),
        "isotonic": isotonic(),
    }
    print(json.dumps(golden, indent=1))


if __name__ == "__main__":
    main()
