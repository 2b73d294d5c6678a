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


def kd_mean_probabilities(t=4.0):
    second = 3 * np.sin(2.1 * np.arange(24) + 1.1).reshape(4, 6)
    mean = (softmax(TEACHER / t) + softmax(second / t)) / 2
    return kd_rows(mean, softmax(STUDENT / t), t).mean()


# Features: maps 4x3x4x4 and vectors 4x3; a linear part of a loss is the identity, the teacher's classifier of srrl too.
FLAT = np.arange(192).reshape(4, 3, 4, 4)
MAPS = np.sin(0.3 * FLAT + 0.2), np.cos(0.37 * FLAT + 0.4)
COUNT = np.arange(12).reshape(4, 3)
VECTORS = (5 * MAPS[0].mean(axis=(2, 3)) + 3 * np.sin(0.9 * COUNT + 0.3),
           5 * MAPS[1].mean(axis=(2, 3)) + 3 * np.sin(1.7 * COUNT + 0.8))


def unit(x, axis=-1):
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def correlation(gamma=0.4):
    def kernel(v):
        cosines = unit(v) @ unit(v).T
        return np.exp(-2 * gamma) * (1 + 2 * gamma * cosines + (2 * gamma * cosines) ** 2 / 2)

    return np.mean((kernel(VECTORS[0]) - kernel(VECTORS[1])) ** 2)


def ickd():
    def gram(f):
        flat = f.reshape(4, 3, 16)
        return unit(np.einsum("nci,ndi->ncd", flat, flat))

    return ((gram(MAPS[0]) - gram(MAPS[1])) ** 2).sum() / (3 * 4 * 4)


def label_free(tau=0.07):
    queue = unit(VECTORS[1])  # of the first call: this batch
    p, q = softmax(queue @ queue.T / tau), softmax(unit(VECTORS[0]) @ queue.T / tau)
    return (p * np.log(p / q)).sum(axis=1).mean()


def vid(variance=5.0):
    mean = np.maximum(MAPS[0], 0)
    return np.mean(0.5 * ((mean - MAPS[1]) ** 2 / variance + np.log(variance)))


def normed(f):
    return (f - f.mean(axis=(0, 2, 3), keepdims=True)) / np.sqrt(f.var(axis=(0, 2, 3), keepdims=True) + 1e-5)


def hint():
    return np.mean((np.maximum(normed(MAPS[0]), 0) - MAPS[1]) ** 2)


def srrl():
    embedding = np.maximum(normed(MAPS[0]), 0).mean(axis=(2, 3))
    teacher_logits = VECTORS[1]
    return np.mean((embedding - VECTORS[1]) ** 2) + np.mean((embedding - teacher_logits) ** 2)


if __name__ == "__main__":
    for name, value in {"wsld": wsld(), "mlld": mlld(), "mlld:masks=false:temperature=2": mlld(2, False),
                        "correlation": correlation(), "ickd": ickd(), "label_free": label_free(), "vid": vid(),
                        "hint": hint(), "srrl": srrl(), "tfkd": tfkd(), "kd_mean_probabilities": kd_mean_probabilities(), "tfkd:temperature=20:correct=0.9": tfkd(20, 0.9)}.items():
        print(f"{name:40s} {value:.12f}")
