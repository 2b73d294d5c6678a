#!/usr/bin/env python3
"""Writes tests/golden/onnx/*.onnx with the onnx package: classifiers of other people, whole and broken.

All average each channel of images [N, 3, 8, 8] and give logits 4 times as many as W = 0, 1, ... 11 by rows of 3.
"""
import os
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper

OUT = pathlib.Path(__file__).resolve().parent / "onnx"


def info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def save(name, nodes=None, image=("N", 3, 8, 8), kind=TensorProto.FLOAT, outputs=None, inputs=(), opset=17, before=()):
    if nodes is None:
        nodes = [*before, helper.make_node("GlobalAveragePool", ["x" if before else "image"], ["pool"]),
                 helper.make_node("Flatten", ["pool"], ["flat"]),
                 helper.make_node("Gemm", ["flat", "w", "b"], ["scores"], transB=1)]
    constants = [helper.make_tensor("w", TensorProto.FLOAT, [4, 3], np.arange(12, dtype=np.float32).tobytes(), raw=True),
                 helper.make_tensor("b", TensorProto.FLOAT, [4], np.zeros(4, np.float32).tobytes(), raw=True)]
    graph = helper.make_graph(nodes, "g", [info("image", image, kind), *inputs],
                              outputs or [info("scores", ["N", 4])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    return model


def main():
    OUT.mkdir(exist_ok=True)
    plain = save("classifier")
    base = list(plain.graph.node)
    save("fixed_batch", image=(1, 3, 8, 8), outputs=[info("scores", [1, 4])])
    save("open_size", image=("N", 3, "H", "W"))
    save("channels_last", image=("N", 8, 8, 3),
         before=[helper.make_node("Transpose", ["image"], ["x"], perm=[0, 3, 1, 2])])
    save("pixels", kind=TensorProto.UINT8, before=[helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT)])
    save("softmax", nodes=[*base, helper.make_node("Softmax", ["scores"], ["p"], axis=-1)], outputs=[info("p", ["N", 4])])
    save("with_features", outputs=[info("pool", ["N", 3, 1, 1]), info("scores", ["N", 4])])
    save("two_classifiers", nodes=[*base, helper.make_node("Relu", ["scores"], ["more"])],
         outputs=[info("scores", ["N", 4]), info("more", ["N", 4])])
    save("two_inputs", nodes=[*base[:2], helper.make_node("Add", ["flat", "mask"], ["masked"]),
                              helper.make_node("Gemm", ["masked", "w", "b"], ["scores"], transB=1)],
         inputs=[info("mask", ["N", 3])])
    save("no_classifier", nodes=base[:1], outputs=[info("pool", ["N", 3, 1, 1])])
    save("vectors", nodes=[helper.make_node("Gemm", ["image", "w", "b"], ["scores"], transB=1)], image=("N", 3))
    save("newer_opset", opset=99)
    save("unknown_operator", nodes=[*base[:2], helper.make_node("Frobnicate", ["flat", "w", "b"], ["scores"])])
    onnx.save(plain, OUT / "external_data.onnx", save_as_external_data=True, location="gone.data", size_threshold=0)
    os.remove(OUT / "gone.data")


if __name__ == "__main__":
    main()
