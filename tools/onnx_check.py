#!/usr/bin/env python3
"""Holds exported ONNX files against ONNX itself: its checker, and what ONNX Runtime makes of them.

    onnx_check.py FILE.onnx...      one line a file; exits with 1 where one fails

Checks each file with onnx.checker (full_check: types and shapes of every node), runs it in ONNX Runtime on batches of
1 and 3 random images, and expects one finite answer of [N, classes] that does not depend on the batch.
Needs Python's packages onnx, onnxruntime and numpy: .deps/peers/bin/pip install onnx onnxruntime
"""
import sys

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as error:
    print(f"[onnx_check] {error}; pip install onnx onnxruntime", file=sys.stderr)
    sys.exit(77)

TOLERANCE = 1e-4  # of the largest number: other batches take other kernels


def images(session, count):
    tensor = session.get_inputs()[0]
    rng = np.random.default_rng(0)
    shape = [3, *tensor.shape[1:]]
    if tensor.type == "tensor(uint8)":
        return tensor.name, rng.integers(0, 256, shape, dtype=np.uint8)[:count]
    return tensor.name, rng.standard_normal(shape, dtype=np.float32)[:count]


def check(path):
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    answers = [session.run(None, dict([images(session, count)])) for count in (1, 3)]
    (one,), (three,) = answers
    if one.ndim != 2 or three.shape != (3, one.shape[1]):
        raise ValueError(f"answers {one.shape} and {three.shape}; expected [1, classes] and [3, classes]")
    if not np.isfinite(three).all():
        raise ValueError("an answer is not finite")
    difference = float(np.abs(one - three[:1]).max() / max(np.abs(three).max(), 1e-6))
    if difference > TOLERANCE:
        raise ValueError(f"the answer to an image depends on its batch, by {difference:.2g} of the largest number")
    model = onnx.load(path, load_external_data=False)
    return f"{len(model.graph.node)} nodes, {one.shape[1]} classes, batches differ by {difference:.1g}"


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    failed = 0
    for path in sys.argv[1:]:
        try:
            print(f"{path}: good: {check(path)}")
        except Exception as error:  # pylint: disable=broad-except  # whatever either package throws is the finding
            failed += 1
            print(f"{path}: BAD: {' '.join(str(error).split())[:300]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
