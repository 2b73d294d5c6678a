"""Distillation losses that no golden file holds, written down once more from docs/losses.md, in NumPy and float64.

Prints the values that tests/losses/golden_test.cpp quotes: python3 tests/golden/losses_restated.py
"""
import numpy as np

STUDENT = 3 * np.sin(0.7 * np.arange(24) + 0.1).reshape(4, 6)
TEACHER = 3 * np.sin(1.3 * np.arange(24) + 0.5).reshape(4, 6)
LABELS = np.array([1, 3, 0, 5])


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def kd_rows(p, q, t):
    return t * t * (p * np.log(p / q)).sum(axis=1)


def wsld(t=2.0):
    rows = np.arange(4)
    student, teacher = softmax(STUDENT), softmax(TEACHER)
    ratio = -np.log(student[rows, LABELS]) / (-np.log(teacher[rows, LABELS]) + 1e-7)
    soft = -(softmax(TEACHER / t) * np.log(softmax(STUDENT / t))).sum(axis=1)
    return t * t * np.mean((1 - np.exp(-ratio)) * soft)


def mlld(t0=4.0, masks=True):
    p1 = softmax(TEACHER)
    samples = p1.max(axis=1) <= np.percentile(p1.max(axis=1), 50)
    classes = p1.sum(axis=0) <= np.percentile(p1.sum(axis=0), 50)
    if not masks:
        samples, classes = np.ones(4, bool), np.ones(6, bool)
    total = 0
    for t in (t0, 2, 3, 5, 6):
        p, q = softmax(TEACHER / t), softmax(STUDENT / t)
        total += (kd_rows(p, q, t) * samples).mean()
        total += (((q @ q.T - p @ p.T) ** 2)[samples]).sum() / 4
        total += (((q.T @ q - p.T @ p) ** 2)[classes]).sum() / 6
    return total


def tfkd(t=1.0, correct=0.99):
    virtual = np.full((4, 6), (1 - correct) / 5)
    virtual[np.arange(4), LABELS] = correct
    softened = virtual ** (1 / t)
    softened /= softened.sum(axis=1, keepdims=True)
    return kd_rows(softened, softmax(STUDENT / t), t).mean()


if __name__ == "__main__":
    for name, value in {"wsld": wsld(), "mlld": mlld(), "mlld:masks=false:temperature=2": mlld(2, False),
                        "tfkd": tfkd(), "tfkd:temperature=20:correct=0.9": tfkd(20, 0.9)}.items():
        print(f"{name:40s} {value:.12f}")
