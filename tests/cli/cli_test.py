#!/usr/bin/env python3
"""Drives the program as a user does: cli_test.py PATH-OF-RETORT. Needs the Python standard library only."""
import gzip
import json
import os
import pty
import random
import resource
import select
import shutil
import signal
import struct
import subprocess
import time

from retort_case import RetortCase, main

SIZE, CLASSES = 12, 4


def write_idx(path, dims, payload, magic_type=0x08, open_file=open):
    with open_file(path, "wb") as f:
        f.write(struct.pack(">BBBB", 0, 0, magic_type, len(dims)))
        f.write(b"".join(struct.pack(">I", d) for d in dims))
        f.write(payload)


def make_data(directory, train=600, test=200):
    """Noisy bright quarters: quickly learnt, not trivially."""
    rng = random.Random(1)
    os.makedirs(directory)
    for part, count in (("train", train), ("t10k", test)):
        labels = bytes(rng.randrange(CLASSES) for _ in range(count))
        pixels = bytearray()
        for label in labels:
            top, left = (label // 2) * SIZE // 2, (label % 2) * SIZE // 2
            for y in range(SIZE):
                for x in range(SIZE):
                    inside = top <= y < top + SIZE // 2 and left <= x < left + SIZE // 2
                    pixels.append(min(255, rng.randrange(140) + (60 if inside else 0)))
        write_idx(f"{directory}/{part}-images-idx3-ubyte.gz", (count, SIZE, SIZE), bytes(pixels), open_file=gzip.open)
        write_idx(f"{directory}/{part}-labels-idx1-ubyte", (count,), labels)


class CliTest(RetortCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = f"idx:{cls.dir}/data"
        make_data(f"{cls.dir}/data")

    def train_args(self, out, *more):
        return ["train", "--data", self.data, "--model", "resnet8_half", "--epochs", 2, "--batch", 32, "--augment",
                "random_crop:padding=1", "--threads", 1, "--out", f"{self.dir}/{out}", *more]

    def member(self, name, *more):
        """A small trained run, made once."""
        out = f"{self.dir}/{name}"
        if not os.path.exists(out):
            self.run_retort(*self.train_args(name, *more))
        return out

    def test_help(self):
        text = self.run_retort("--help").stdout
        for verb in ("demo", "data", "train", "ensemble", "calibrate", "soup", "label", "distill", "eval", "export", "bench", "plan", "compare", "list"):
            self.assertIn(verb, text)
            for option in ("--json", "--seed", "--threads", "--device", "--quiet"):
                self.assertIn(option, self.run_retort(verb, "--help").stdout)
        self.assertRegex(self.run_retort("--version").stdout, r"^retort \d+\.\d+\.\d+")

    def test_usage_errors(self):
        self.assertIn("did you mean train", self.error_line_raw("trian"))
        self.assertIn("did you mean --epochs", self.error_line_raw("train", "--epoch", "3"))
        self.assertIn("--model", self.error_line_raw("train", "--out", "x"))
        self.assertIn("resnet18", self.error_line(*self.train_args("x"), "--model", "resnet81", expect=2))
        self.assertIn("--lr", self.error_line(*self.train_args("x", "--lr", "-1"), expect=2))
        self.assertIn("padding", self.error_line(*self.train_args("x"), "--augment", "random_crop:pad=1", expect=2))
        self.assertIn("--threads", self.error_line_raw(*self.train_args("x", "--threads", "-3")))
        self.assertIn("--profile", self.error_line(*self.train_args("x", "--profile", "--folds", 2), expect=2))
        self.assertFalse(os.path.exists(f"{self.dir}/x"))

    def error_line_raw(self, *args):
        p = self.run_retort(*args, expect=2)
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        return p.stderr

    def test_data(self):
        doc = self.run_json("data", self.data)
        self.assertEqual(doc["shape"], [1, SIZE, SIZE])
        self.assertEqual(sum(s["samples"] for s in doc["splits"].values()), 800)
        self.assertEqual(doc["splits"]["test"]["samples"], 200)
        self.assertEqual(doc["broken"], [])
        self.assertEqual(doc["sizes"]["median"], {"height": SIZE, "width": SIZE})
        self.assertNotIn("broken", self.run_json("data", self.data, "--no-check"))

    def test_data_of_a_folder(self):
        for name in ("train/a/1.jpg", "train/b/2.png", "val/a/3.jpg", "train/a/4.bmp"):
            os.makedirs(os.path.dirname(f"{self.dir}/folder/{name}"), exist_ok=True)
            with open(f"{self.dir}/folder/{name}", "wb") as file:
                file.write(b"no image")
        doc = self.run_json("data", f"folder:{self.dir}/folder")
        self.assertEqual(doc["classes"], ["a", "b"])
        self.assertEqual(doc["passed_over"], {".bmp": 1})
        self.assertEqual(len(doc["broken"]), 3)
        self.assertIn("train/a/1.jpg", doc["broken"][0]["name"])
        self.assertIn("broken images: 3", self.run_retort("data", f"folder:{self.dir}/folder").stdout)

    def test_lists(self):
        names = {m["name"] for m in self.run_json("list", "models")["models"]}
        self.assertLessEqual({"resnet18", "mobilenetv3_small_050", "efficientnet_b0", "resnet8_half"}, names)
        for what, some in (("losses", "kd"), ("combiners", "weighted"), ("calibrations", "isotonic"),
                           ("augmentations", "hflip"), ("data", "fashion-mnist"), ("schedules", "cyclic"),
                           ("diversities", "bagging"), ("soups", "greedy")):
            self.assertIn(some, [item["name"] for item in self.run_json("list", what)[what]])
            self.assertIn(some, self.run_retort("list", what).stdout)

    def test_plan(self):
        args = ("plan", "--model", "mobilenetv3_small_050", "--img-size", "16", "--batch", "2", "--seconds", "0", "--threads", "1")
        doc = self.run_json(*args)
        candidates = {step["candidate"] for step in doc["steps"]}
        self.assertLessEqual({"depthwise", "matmul", "norm", "squeeze", "torch"}, candidates)
        self.assertAlmostEqual(sum(step["seconds"] for step in doc["steps"]), doc["seconds"])
        self.assertIn("conv_stem", self.run_retort(*args).stdout)
        self.assertIn("--batch", self.error_line(*args, "--batch", "0", expect=2))

    def test_pipeline(self):
        a, b = self.member("a"), self.member("b", "--seed", 2)
        ensemble, labels, student = (f"{self.dir}/{n}" for n in ("ensemble", "labels", "student"))
        doc = self.run_json("ensemble", "--members", a, b, "--method", "tempered", "--calibrate", "temperature", "--data",
                            self.data, "--out", ensemble)
        self.assertEqual([os.path.basename(m["path"]) for m in doc["members"]], ["a", "b"])
        self.assertLessEqual(doc["calibration"]["nll_after"], doc["calibration"]["nll_before"])
        self.assertIn("test", self.error_line("ensemble", "--members", a, b, "--method", "weighted", "--data", self.data,
                                              "--split", "test", "--out", f"{self.dir}/never", expect=2))
        self.assertFalse(os.path.exists(f"{self.dir}/never"))
        doc = self.run_json("label", "--teacher", ensemble, "--data", self.data, "--views", 2, "--augment",
                            "random_crop:padding=1", "--out", labels)
        self.assertEqual((doc["views"], len(doc["teachers"])), (2, 2))
        self.assertTrue(self.run_json("label", "--verify", 20, "--data", self.data, "--out", labels)["good"])
        doc = self.run_json("distill", "--labels", labels, "--teacher", ensemble, "--data", self.data, "--student",
                            "resnet8_half", "--epochs", 4, "--batch", 32, "--out", student)
        self.assertGreater(doc["val"]["accuracy"], 0.5)
        doc = self.run_json("eval", "--model", a, ensemble, student, "--data", self.data)
        for row in doc["results"]:
            self.assertEqual((row["samples"], row["split"]), (200, "test"))
            low, high = row["accuracy_interval"]
            self.assertTrue(low <= row["accuracy"] <= high)
        doc = self.run_json("bench", "--model", a, ensemble, "--seconds", 0.05)
        for row in doc["results"]:
            self.assertLessEqual(row["latency_median"], row["latency_p99"])
            self.assertGreater(row["peak_memory"], 1 << 20)
        doc = self.run_json("compare", a, b, ensemble, student, "--data", self.data, "--seconds", 0.05, "--out",
                            f"{self.dir}/table", "--diversity")
        self.assertEqual([r["kind"] for r in doc["rows"]], ["member", "member", "ensemble", "student"])
        self.assertEqual([len(d["pairs"]) for d in doc["diversity"]], [1])
        for difference in doc["differences"]:
            self.assertIn("mcnemar_p", difference)
            self.assertIn("supported", difference)
        for suffix in ("txt", "md", "csv", "json"):
            self.assertGreater(os.path.getsize(f"{self.dir}/table/table.{suffix}"), 100)
        with open(f"{self.dir}/table/table.json") as f:
            self.assertEqual(json.load(f)["rows"], doc["rows"])
        self.run_retort("distill", "--labels", labels, "--data", self.data, "--student", "resnet8_half", "--epochs", 1,
                        "--batch", 32, "--lr", 0.001, "--pretrained", student, "--quantize", "int8", "--out", f"{student}8")
        doc = self.run_json("export", "--model", f"{student}8", "--precision", "int8", "--out", f"{student}8.onnx",
                            "--max-loss", 1)
        self.assertEqual(doc["int8"]["calibration_images"], 0)
        self.assertLessEqual(doc["int8"]["trained"]["changed_decisions"], 128 // 20)
        self.assertIn("samples", self.error_line("distill", "--labels", labels, "--data", self.data, "--samples", 100,
                                                 "--student", "resnet8_half", "--out", f"{self.dir}/never", expect=1))

    def test_calibrate_nest_and_views(self):
        a, b, run, inner, outer = self.member("a"), self.member("b", "--seed", 2), *(
            f"{self.dir}/{n}" for n in ("calibrated", "inner", "outer"))
        shutil.copytree(a, run)
        doc = self.run_json("calibrate", "--model", run, "--method", "vector_scaling", "--data", self.data)
        self.assertLessEqual(doc["nll_after"], doc["nll_before"])
        before, after = self.run_json("eval", "--model", a, run, "--data", self.data, "--split", "val")["results"]
        self.assertAlmostEqual(before["nll"], doc["nll_before"], places=6)
        self.assertAlmostEqual(after["nll"], doc["nll_after"], places=6)
        self.assertEqual([sum(row) for row in after["confusion"]], [c["samples"] for c in after["per_class"]])
        right = sum(after["confusion"][k][k] for k in range(CLASSES))
        self.assertAlmostEqual(right / after["samples"], after["accuracy"])
        for members, out in (([a, b], inner), ([inner, run], outer)):
            self.run_retort("ensemble", "--members", *members, "--data", self.data, "--out", out)
        two, one = (self.run_json("eval", "--model", outer, "--data", self.data, "--views", n) for n in (2, 1))
        self.assertNotEqual(two["results"][0]["nll"], one["results"][0]["nll"])
        text = self.run_retort("eval", "--model", outer, "--data", self.data, "--per-class", "--predictions",
                               f"{self.dir}/kept").stdout
        with open(f"{self.dir}/kept/outer/predictions.json") as f:
            self.assertEqual(json.load(f)["samples"], 200)
        self.assertEqual(text.count("recall"), CLASSES)
        self.assertIn("did you mean 'temperature'", self.error_line("calibrate", "--model", run, "--method", "temperatur", expect=2))

    def test_cascade(self):
        a, b, cascade = self.member("a"), self.member("b", "--seed", 2), f"{self.dir}/cascade"
        doc = self.run_json("ensemble", "--members", a, b, "--cascade", "same", "--data", self.data, "--out",
                            cascade)["cascade"]
        self.assertLessEqual(doc["val_cost"], sum(doc["costs"]))
        self.assertEqual((doc["target"], doc["cost"]), ("same", "measured"))
        self.assertIn("cheapest", self.error_line("ensemble", "--members", a, b, "--cascade", "0.01", "--cost", "macs",
                                                  "--data", self.data, "--out", f"{self.dir}/never", expect=2))
        self.assertFalse(os.path.exists(f"{self.dir}/never"))
        self.assertIn("cascade", self.error_line("bench", "--model", a, cascade, "--seconds", 0.05, expect=2))
        doc = self.run_json("bench", "--model", a, cascade, "--data", self.data, "--seconds", 0.05)
        self.assertEqual((doc["data"], doc["split"]), (self.data, "test"))
        self.assertTrue(all(row["latency_mean"] > 0 for row in doc["results"]))
        doc = self.run_json("eval", "--model", cascade, "--data", self.data)["results"][0]["cascade"]
        self.assertAlmostEqual(sum(doc["settled"]), 1)
        self.assertEqual(doc["run"][0], 1)
        self.assertLessEqual(doc["latency_median"], doc["latency_p99"])
        doc = self.run_json("compare", a, b, cascade, "--data", self.data, "--seconds", 0.05)
        self.assertEqual([r["method"] for r in doc["rows"]][2], "cascade of mean_logits")

    def test_export_and_use_the_file(self):
        a, b, mixed, whole = self.member("a"), self.member("b", "--seed", 2), *(
            f"{self.dir}/{n}" for n in ("mixed", "whole.xml"))
        file = f"{self.dir}/a.onnx"
        doc = self.run_json("export", "--model", a, "--out", file)
        self.assertEqual((doc["size_on_disk"], doc["precision"]), (os.path.getsize(file), "f32"))
        self.assertEqual((doc["check"]["data"], doc["check"]["split"]), (self.data, "val"))
        self.assertGreaterEqual(doc["check"]["samples"], 64)
        self.assertLess(doc["check"]["largest_difference"], 1e-3)
        self.assertIn("exists", self.error_line("export", "--model", a, "--out", file, expect=2))
        int8 = self.run_json("export", "--model", a, "--out", f"{self.dir}/a8.onnx", "--precision", "int8",
                             "--calibration-samples", 64, "--max-loss", 1)
        self.assertEqual(int8["precision"], "int8")
        self.assertEqual([a["split"] for a in int8["int8"]["accuracy"]], ["val", "test"])
        self.assertLess(int8["size_on_disk"], doc["size_on_disk"])
        self.run_retort("ensemble", "--members", file, b, "--data", self.data, "--out", mixed)
        two = self.run_json("eval", "--model", a, file, "--data", self.data)["results"]
        self.assertAlmostEqual(two[0]["nll"], two[1]["nll"], places=4)
        self.assertIn("a.onnx", self.error_line("export", "--model", mixed, "--out", whole, "--format", "openvino",
                                                expect=1))
        self.assertFalse(os.path.exists(whole))
        self.run_json("bench", "--model", file, mixed, "--seconds", 0.05)
        rows = self.run_json("compare", a, file, mixed, "--data", self.data, "--seconds", 0.05)["rows"]
        self.assertEqual(rows[0]["parameters"] > 0, rows[1]["parameters"] > 0)
        self.run_json("label", "--teacher", mixed, "--data", self.data, "--views", 1, "--out", f"{self.dir}/mixed-labels")

    def test_out_is_not_overwritten(self):
        a = self.member("a")
        before = os.stat(f"{a}/model.safetensors").st_mtime_ns
        self.error_line(*self.train_args("a"), expect=2)
        self.assertEqual(os.stat(f"{a}/model.safetensors").st_mtime_ns, before)

    def interrupt(self, out, sig, epochs):
        p = subprocess.Popen([self.retort, *map(str, self.train_args(out, "--epochs", epochs, "--checkpoint-seconds", 0.2))],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while not os.path.exists(f"{self.dir}/{out}/checkpoint") and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        p.send_signal(sig)
        _, stderr = p.communicate(timeout=60)
        return p.returncode, stderr

    def test_interrupt_and_resume(self):
        epochs = 60
        self.run_retort(*self.train_args("straight", "--epochs", epochs))
        with open(f"{self.dir}/straight/model.safetensors", "rb") as f:
            straight = f.read()
        for out, sig, code in (("interrupted", signal.SIGINT, 130), ("killed", signal.SIGKILL, -9)):
            got, stderr = self.interrupt(out, sig, epochs)
            self.assertEqual(got, code, stderr)
            self.assertFalse(os.path.exists(f"{self.dir}/{out}/model.safetensors"), "interrupted too late to test")
            if code == 130:
                self.assertIn("--resume", stderr)
            self.run_retort(*self.train_args(out, "--epochs", epochs, "--resume"))
            with open(f"{self.dir}/{out}/model.safetensors", "rb") as f:
                self.assertTrue(f.read() == straight, f"{out}: resumed weights differ")
            leftovers = [n for _, _, names in os.walk(f"{self.dir}/{out}") for n in names if n.endswith(".tmp")]
            self.assertTrue(sig == signal.SIGKILL or not leftovers, leftovers)

    def test_damaged_data(self):
        def broken(name, change):
            directory = f"{self.dir}/broken-{name}"
            make_data(directory, 60, 20)
            change(directory)
            line = self.error_line("data", f"idx:{directory}", expect=1)
            self.assertIn("idx", line)
        images, labels = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"
        pixels = bytes(20 * SIZE * SIZE)
        broken("missing", lambda d: os.remove(f"{d}/{labels}"))
        broken("cut", lambda d: os.truncate(f"{d}/{labels}", 15))
        broken("cut-gzip", lambda d: os.truncate(f"{d}/{images}", os.path.getsize(f"{d}/{images}") // 2))
        broken("magic", lambda d: write_idx(f"{d}/{labels}", (20,), bytes(20), magic_type=0x0D))
        broken("counts", lambda d: write_idx(f"{d}/{labels}", (19,), bytes(19)))
        broken("liar", lambda d: write_idx(f"{d}/{images}", (2**32 - 1, 2**16, 2**16), pixels, open_file=gzip.open))
        broken("empty", lambda d: (write_idx(f"{d}/{images}", (0, SIZE, SIZE), b"", open_file=gzip.open),
                                   write_idx(f"{d}/{labels}", (0,), b"")))
        self.assertIn("expected", self.error_line("data", "no-such-kind", expect=2).replace("known", "expected"))

    def test_damaged_run(self):
        copy = f"{self.dir}/damaged"
        shutil.copytree(self.member("a"), copy)
        size = os.path.getsize(f"{copy}/model.safetensors")
        for cut in (0, 7, 100, size // 2, size - 1):
            os.truncate(f"{copy}/model.safetensors", cut)
            self.error_line("eval", "--model", copy, "--data", self.data, expect=1)
            shutil.copy(f"{self.member('a')}/model.safetensors", copy)
        with open(f"{copy}/config.json", "w") as f:
            f.write('{"architecture": 7}')
        self.error_line("eval", "--model", copy, "--data", self.data, expect=1)
        self.error_line("eval", "--model", f"{self.dir}/nowhere", "--data", self.data, expect=1)

    def test_full_disk(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        line = self.error_line(*self.train_args("full"), expect=1, preexec_fn=limit)
        self.assertIn("cannot write", line)
        self.assertFalse(os.path.exists(f"{self.dir}/full/model.safetensors"))
        leftovers = [n for _, _, names in os.walk(f"{self.dir}/full") for n in names if n.endswith(".tmp")]
        self.assertEqual(leftovers, [])

    def test_nan_loss(self):
        line = self.error_line(*self.train_args("nan", "--lr", "1e30"), expect=1)
        self.assertRegex(line, r"step \d+")
        self.assertIn("--lr", line)

    def test_progress_on_a_terminal(self):
        try:
            pid, fd = pty.fork()
        except OSError as error:  # a container without /dev/pts
            self.skipTest(str(error))
        if pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(self.retort, [self.retort, *map(str, self.train_args("pty"))])
        seen = b""
        while True:
            if not select.select([fd], [], [], 120)[0]:
                self.fail("no output for two minutes")
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertIn(b"[#", seen)
        self.assertIn(b"images/s", seen)
        self.assertIn(f"next: {self.retort} eval".encode(), seen)


if __name__ == "__main__":
    main()
