#!/usr/bin/env python3
"""What a cascade's threshold, chosen on val, loses on new samples, by the rule that chose it: synthetic members.

    cascade_rules.py [--draws 300]

Two stages: the first of three correlated members, then all. For each size of val and rule: mean and 5% quantile of the
accuracy on new samples less the whole ensemble's, in points, and the mean cost as a share of the whole.
"""

import argparse

import numpy as np

CLASSES = 10
COST_FIRST, COST_ALL = 1, 8
RULES = {
    "any": lambda gain, spread: gain >= 0,
    "first": lambda gain, spread: np.minimum.accumulate(gain) >= 0,
    "half an error": lambda gain, spread: gain >= 0.5 * spread,
    "one error": lambda gain, spread: gain >= spread,
}


def draw(rng, samples):
    """Confidence of the first member; whether it, and whether all, are right."""
    easy = np.abs(rng.normal(3.2, 1.6, samples))  # the label, class 0, stands out by so much
    shared = rng.normal(0, 1, (samples, CLASSES))
    members = []
    for skill, noise in ((0.9, 1.0), (1.0, 0.8), (1.08, 0.7)):
        logits = 0.7 * shared + noise * rng.normal(0, 1, (samples, CLASSES))
        logits[:, 0] += skill * easy
        members.append(1.3 * logits)
    first, everyone = members[0], sum(members) / len(members)
    confidence = 1 / np.exp(first - first.max(1, keepdims=True)).sum(1)
    return confidence, (first.argmax(1) == 0).astype(int), (everyone.argmax(1) == 0).astype(int)


def choose(val, rule):
    """The lowest threshold that the rule allows."""
    confidence, first, everyone = val
    order = np.argsort(-confidence)
    change = (first - everyone)[order]
    gain = np.concatenate([[0], np.cumsum(change)])
    spread = np.sqrt(np.concatenate([[0], np.cumsum(change**2)]))
    settled = int(np.flatnonzero(RULES[rule](gain, spread)).max())
    edges = np.concatenate([[2], confidence[order], [0]])
    return 0 if settled == len(order) else (edges[settled] + edges[settled + 1]) / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=300)
    draws = parser.parse_args().draws
    rng = np.random.default_rng(0)
    confidence, first, everyone = draw(rng, 400_000)
    print("| samples of val | rule | points lost | at worst (5%) | cost |\n| --- | --- | --- | --- | --- |")
    for samples in (300, 1000, 6000):
        results = {rule: [] for rule in RULES}
        for _ in range(draws):
            val = draw(rng, samples)
            for rule, rows in results.items():
                settled = confidence >= choose(val, rule)
                loss = everyone.mean() - np.where(settled, first, everyone).mean()
                cost = np.where(settled, COST_FIRST, COST_ALL).mean() / COST_ALL
                rows.append((100 * loss, cost))
        for rule, rows in results.items():
            loss, cost = np.array(rows).T
            print(f"| {samples} | {rule} | {loss.mean():.3f} | {np.quantile(loss, 0.95):.3f} | {cost.mean():.3f} |")


if __name__ == "__main__":
    main()
