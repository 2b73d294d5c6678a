#!/usr/bin/env python3
"""Runs tools/to_safetensors.py and tools/timm_check.py. Exit code 77 (skipped) where torch is not there."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

try:
    import torch
except ImportError:
    print("skipped: torch is not installed")
    sys.exit(77)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import timm_check  # noqa: E402
import to_safetensors  # noqa: E402


def run(tool, *arguments):
    """Exit code, stdout and stderr of a tool, run in this process: to import torch once is enough."""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, "argv", [tool.__name__, *map(str, arguments)]):
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = tool.main() or 0
            except SystemExit as end:
                code = end.code
    if isinstance(code, str):  # as the interpreter does it
        err.write(code)
        code = 1
    return code, out.getvalue(), err.getvalue()


def read_safetensors(path):
    """Name to (dtype, shape, numbers as torch reads them)."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, kinds = json.loads(data[8:8 + size]), {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}
    assert size % 8 == 0 and header.pop("__metadata__") == {"format": "pt"}
    out, ends = {}, [0]
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, end = entry["data_offsets"]
        assert start == ends[-1], name
        ends.append(end)
        flat = torch.frombuffer(bytearray(data[8 + size + start:8 + size + end]), dtype=kinds[entry["dtype"]])
        out[name] = flat.reshape(entry["shape"])
    assert 8 + size + ends[-1] == len(data)
    return out


class ToSafetensors(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name)
        weight = torch.arange(24.0).reshape(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
        self.state = {"conv1.weight": weight, "fc.weight": torch.ones(4, 2).half(), "tied": weight,
                      "bn1.num_batches_tracked": torch.tensor(7)}

    def convert(self, saved, *arguments):
        torch.save(saved, self.path / "in.pth")
        return run(to_safetensors, self.path / "in.pth", self.path / "out", *arguments)

    def expect_state(self, done):
        self.assertEqual(done, (0, mock.ANY, ""))
        got = read_safetensors(self.path / "out" / "model.safetensors")
        self.assertEqual(set(got), set(self.state))
        for name, tensor in self.state.items():
            self.assertEqual(got[name].dtype, tensor.dtype, name)
            self.assertTrue(torch.equal(got[name], tensor), name)

    def test_a_state_dict_comes_back(self):
        self.expect_state(self.convert(self.state))

    def test_prefixes_are_taken_off(self):
        self.expect_state(self.convert({f"module._orig_mod.{name}": t for name, t in self.state.items()}))

    def test_weights_are_found_in_a_checkpoint(self):
        other = {"conv1.weight": torch.zeros(1)}
        self.expect_state(self.convert({"epoch": 3, "state_dict": self.state}))
        self.expect_state(self.convert({"state_dict": other, "model_ema": self.state}))
        self.expect_state(self.convert({"state_dict": other, "net": self.state}, "--key", "net"))

    def expect_refused(self, done, *words):
        code, _, error = done
        self.assertEqual((code, error.strip().count("\n")), (1, 0), error)
        for word in words:
            self.assertIn(word, error)
        self.assertFalse((self.path / "out" / "model.safetensors").exists())

    def test_what_is_no_weights_is_refused_in_one_line(self):
        self.expect_refused(self.convert({"epoch": 3}), "in.pth", "epoch", "--key")
        self.expect_refused(self.convert([1, 2]), "list")
        self.expect_refused(self.convert(self.state, "--key", "ema"), "ema")
        self.expect_refused(self.convert({"a": torch.zeros(1, dtype=torch.complex64)}), "complex64")
        self.expect_refused(self.convert({"a": torch.zeros(1), "module.a": torch.zeros(1)}), "twice")
        self.expect_refused(self.convert(torch.nn.Linear(1, 1)), "without running code")

    def test_timm_loads_what_comes_out(self):
        try:
            import timm
        except ImportError:
            self.skipTest("timm is not installed")
        for channels in (3, 1):
            model = timm.create_model("resnet10t", num_classes=5, in_chans=channels).eval()
            done = self.convert({"state_dict": model.state_dict()}, "--arch", "resnet10t")
            self.assertEqual(done, (0, mock.ANY, ""))
            loaded = timm.create_model(f"local-dir:{self.path / 'out'}", pretrained=True).eval()
            images = torch.rand(2, channels, 64, 64)
            self.assertTrue(torch.equal(loaded(images), model(images)))
        self.expect_bad_arch(model)

    def expect_bad_arch(self, model):
        (self.path / "out" / "model.safetensors").unlink()
        self.expect_refused(self.convert(model.state_dict(), "--arch", "resnet9999"), "resnet9999")
        self.expect_refused(self.convert(model.state_dict(), "--arch", "vit_tiny_patch16_224"), "head.weight")


class TimmCheck(unittest.TestCase):
    """Held against a stand-in for `retort predict --json` that says what timm does, give or take."""

    def setUp(self):
        try:
            import timm
            from PIL import Image
        except ImportError:
            self.skipTest("timm is not installed")
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name)
        self.model = timm.create_model("resnet10t", num_classes=5).eval()
        torch.save(self.model.state_dict(), self.path / "in.pth")
        run(to_safetensors, self.path / "in.pth", self.path / "run", "--arch", "resnet10t")
        self.image = self.path / "image.png"
        Image.new("RGB", (300, 200), (200, 40, 90)).save(self.image)

    def check(self, error):
        logits = timm_check.timm_logits(self.path / "run", [self.image])
        logits[0][0] += error * max(abs(v) for v in logits[0])
        fake = self.path / "retort"
        document = {"model": "run", "results": [{"file": str(self.image), "logits": logits[0]}]}
        fake.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(document)}\nEND\n")
        fake.chmod(0o755)
        return run(timm_check, self.path / "run", "--images", self.image, "--retort", fake)

    def test_says_whether_they_agree(self):
        code, out, error = self.check(0.5e-4)
        self.assertEqual((code, "agrees" in out), (0, True), error)
        code, out, error = self.check(3e-4)
        self.assertEqual((code, "differs" in out), (1, True), error)


if __name__ == "__main__":
    unittest.main()
