#!/usr/bin/env python3
"""Folders of images and models of the hub, as a user works with them: images_test.py PATH-OF-RETORT. Needs the Python
standard library only; the hub is tests/support/hub_server.py."""
import json
import math
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import zlib

from retort_case import RetortCase, main

TESTS = pathlib.Path(__file__).resolve().parent.parent
PHOTOS = TESTS / "golden" / "images"
EXAMPLES = TESTS.parent / "examples"
COLOURS = {"blue": (40, 60, 200), "green": (50, 190, 70), "red": (210, 50, 60)}


def write_png(path, width, height, pixels):
    """RGB, 8 bits."""
    rows = b"".join(b"\0" + pixels[3 * width * y:3 * width * (y + 1)] for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_folder(directory, parts, classes=COLOURS):
    """Noisy images of one colour a class, of many sizes: DIR/part/class/N.png."""
    rng = random.Random(1)
    for part, count in parts.items():
        for name, colour in classes.items():
            os.makedirs(f"{directory}/{part}/{name}")
            for i in range(count):
                width, height = rng.randrange(14, 30), rng.randrange(14, 30)
                pixels = bytes(min(255, max(0, c + rng.randrange(-60, 60))) for _ in range(width * height)
                               for c in colour)
                write_png(f"{directory}/{part}/{name}/{i}.png", width, height, pixels)


class ImagesTest(RetortCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_folder(f"{cls.dir}/colours", {"train": 40, "test": 10})
        cls.data = f"folder:{cls.dir}/colours"
        cls.start_hub()

    @classmethod
    def start_hub(cls):
        os.makedirs(f"{cls.dir}/hub")
        cls.server = subprocess.Popen([sys.executable, TESTS / "support" / "hub_server.py", f"{cls.dir}/hub"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.env = {"HF_ENDPOINT": f"http://127.0.0.1:{cls.server.stdout.readline().strip()}",
                   "HF_HOME": f"{cls.dir}/cache", "no_proxy": "127.0.0.1,localhost"}

    @classmethod
    def tearDownClass(cls):
        cls.server.communicate()  # closes its stdin, which ends it
        super().tearDownClass()

    def train(self, name, *more):
        """A small trained run, made once."""
        out = f"{self.dir}/{name}"
        if not os.path.exists(out):
            self.run_retort("train", "--data", self.data, "--model", "resnet8_half", "--img-size", 16, "--epochs", 2,
                            "--batch", 16, "--out", out, *more)
        return out

    def publish(self, run, name):
        """Puts a run on the hub."""
        os.makedirs(f"{self.dir}/hub/{name}")
        for file in ("config.json", "model.safetensors"):
            shutil.copy(f"{run}/{file}", f"{self.dir}/hub/{name}")

    def assert_predictions(self, document, classes):
        for row in document["results"]:
            self.assertEqual((len(row["logits"]), len(row["probabilities"])), (classes, classes))
            self.assertAlmostEqual(sum(row["probabilities"]), 1)
            total = sum(math.exp(z) for z in row["logits"])
            for logit, probability in zip(row["logits"], row["probabilities"]):
                self.assertAlmostEqual(math.exp(logit) / total, probability)
            self.assertEqual(row["top"][0]["probability"], max(row["probabilities"]))

    def test_a_folder_goes_through_everything(self):
        a, b = self.train("a"), self.train("b", "--seed", 2, "--img-size", 20)
        ensemble, labels, student = (f"{self.dir}/{n}" for n in ("ensemble", "labels", "student"))
        self.run_json("ensemble", "--members", a, b, "--method", "weighted", "--data", self.data, "--out", ensemble)
        self.run_json("label", "--teacher", ensemble, "--data", self.data, "--views", 2, "--out", labels)
        with open(f"{labels}/labels.json") as file:
            self.assertEqual(json.load(file)["augment"], "random_resized_crop,hflip")
        self.run_json("distill", "--labels", labels, "--teacher", ensemble, "--data", self.data, "--student",
                      "resnet8_half", "--img-size", 16, "--epochs", 2, "--batch", 16, "--out", student)
        for row in self.run_json("eval", "--model", a, b, ensemble, student, "--data", self.data)["results"]:
            self.assertEqual(row["samples"], 30)
            self.assertGreater(row["accuracy"], 0.8, row)
        files = [f"{self.dir}/colours/test/red/0.png", *sorted(map(str, PHOTOS.iterdir()))]
        for model in (a, ensemble, student):
            doc = self.run_json("predict", "--model", model, *files)
            self.assertEqual([row["file"] for row in doc["results"]], files)
            self.assert_predictions(doc, 3)
        self.assertEqual(doc["results"][0]["top"][0]["label"], "red")
        self.assertIn("red", self.run_retort("predict", "--model", a, files[0]).stdout)

    def test_a_live_teacher_of_another_size_sees_the_same_views(self):
        teacher = self.train("b", "--seed", 2, "--img-size", 20)
        doc = self.run_json("distill", "--teacher", teacher, "--data", self.data, "--student", "resnet8_half",
                            "--img-size", 16, "--epochs", 1, "--batch", 16, "--out", f"{self.dir}/beside")
        self.assertGreater(doc["val"]["samples"], 0)

    def test_broken_images(self):
        directory = f"{self.dir}/broken"
        write_folder(directory, {"train": 12, "test": 2})
        for name in ("red/3", "blue/7"):
            os.truncate(f"{directory}/train/{name}.png", 60)
        doc = self.run_json("data", f"folder:{directory}")
        self.assertEqual([os.path.basename(b["name"]) for b in doc["broken"]], ["7.png", "3.png"])
        train = ["train", "--data", f"folder:{directory}", "--model", "resnet8_half", "--img-size", 16, "--epochs", 1,
                 "--batch", 8, "--out", f"{self.dir}/from-broken"]
        line = self.error_line(*train, expect=1)
        self.assertRegex(line, r"(red/3|blue/7)\.png")
        self.assertIn("--skip-broken", line)
        shutil.rmtree(f"{self.dir}/from-broken", ignore_errors=True)
        self.run_retort(*train, "--skip-broken")
        self.error_line("predict", "--model", f"{self.dir}/from-broken", f"{directory}/train/red/3.png", expect=1)

    def test_a_hub_name_works_end_to_end(self):
        a = self.train("a")
        self.publish(a, "timm/tiny")
        photo = PHOTOS / "jpeg-420.jpg"
        local = self.run_json("predict", "--model", a, photo)["results"]
        for name in ("hf-hub:timm/tiny", "timm/tiny", "hf-hub:timm/tiny@main", f"local-dir:{a}"):
            self.assertEqual(self.run_json("predict", "--model", name, photo)["results"], local, name)
        self.assertTrue(os.path.exists(f"{self.dir}/cache/hub/models--timm--tiny/refs/main"))
        with open(f"{self.dir}/hub/requests.jsonl") as log:
            fetched = [r for r in map(json.loads, log) if r["method"] == "GET" and r["path"].startswith("/cdn/")]
        self.assertEqual(len(fetched), 1, fetched)
        self.run_retort("eval", "--model", "timm/tiny", "--data", self.data, env={"HF_HUB_OFFLINE": "1"})

        tuned = f"{self.dir}/tuned"
        doc = self.run_json("train", "--pretrained", "hf-hub:timm/tiny", "--data", self.data, "--epochs", 1, "--batch", 16,
                            "--lr", 0.01, "--freeze", "conv1", "--out", tuned)
        self.assertGreater(doc["val"]["accuracy"], 0.5)
        both = f"{self.dir}/with-hub"
        self.run_retort("ensemble", "--members", "timm/tiny", tuned, "--data", self.data, "--out", both)
        with open(f"{both}/ensemble.json") as file:
            self.assertEqual(json.load(file)["members"][0]["path"], "hf-hub:timm/tiny")
        self.run_retort("label", "--teacher", both, "--data", self.data, "--views", 1, "--out", f"{self.dir}/hub-labels")
        rows = self.run_json("compare", "timm/tiny", tuned, both, "--data", self.data, "--no-speed")["rows"]
        self.assertEqual([(r["name"], r["kind"]) for r in rows],
                         [("tiny", "member"), ("tuned", "member"), ("with-hub", "ensemble")])

    def test_example_fine_tune(self):
        self.publish(self.train("a"), "timm/small")
        small = [f"out={self.dir}/fine_tune", f"data={self.data}", "label.views=1", "report.speed=false"]
        small += [f"{kind}.{change}" for kind in ("train", "distill") for change in ("pretrained=timm/small", "epochs=1")]
        doc = self.run_json("run", EXAMPLES / "fine_tune.toml", *(word for s in small for word in ("--set", s)))
        self.assertEqual([row["name"] for row in doc["table"]["rows"]],
                         ["resnet18", "mobilenet", "convnext", "weighted", "student"])

    def test_hub_errors_say_what_to_do(self):
        photo = PHOTOS / "png-palette.png"
        self.assertIn("timm/nothing", self.error_line("predict", "--model", "hf-hub:timm/nothing", photo, expect=1))
        self.assertIn("--model", self.run_retort("predict", photo, expect=2).stderr)
        self.error_line("predict", "--model", "hf-hub:../../x", photo, expect=2)
        with open(f"{self.dir}/weights.pth", "wb") as file:
            file.write(b"PK")
        self.assertIn("to_safetensors.py", self.error_line("predict", "--model", f"{self.dir}/weights.pth", photo, expect=1))


if __name__ == "__main__":
    main()
