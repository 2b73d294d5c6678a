#!/usr/bin/env python3
"""Recipes as a user runs them: recipes_test.py PATH-OF-RETORT. Needs the Python standard library only."""
import json
import os
import pathlib
import signal
import subprocess
import time

from cli_test import make_data
from retort_case import RetortCase, main

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"

RECIPE = """
out = "runs"
[defaults.train]
epochs = 2
batch = 32
augment = "random_crop:padding=1"
[[train]]
name = "a"
model = "resnet8_quarter"
[[train]]
name = "b"
model = "resnet8_quarter"
lr = 0.05
[[ensemble]]
name = "both"
members = ["a", "b"]
method = "weighted"
[report]
speed = false
"""


class RecipeTest(RetortCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = f"idx:{cls.dir}/data"
        make_data(f"{cls.dir}/data", train=300, test=100)

    def home(self, name, text=RECIPE):
        """A directory of its own with a recipe in it, as keyword arguments for running there."""
        os.makedirs(f"{self.dir}/{name}")
        with open(f"{self.dir}/{name}/r.toml", "w") as file:
            file.write(f'data = "{self.data}"\n' + text)
        return {"cwd": f"{self.dir}/{name}"}

    def run_recipe(self, *args, **kwargs):
        p = self.run_retort("run", *args, "--threads", 2, "--json", **kwargs)
        return json.loads(p.stdout)

    @staticmethod
    def by_status(doc):
        out = {}
        for step in doc["steps"]:
            out.setdefault(step["status"], []).append(step["name"])
        return out

    def test_a_newcomer(self):
        home = self.home("newcomer")
        long = ["r.toml", "--set", "train.a.epochs=400", "--set", "train.a.checkpoint_seconds=0.2"]
        plan = self.run_recipe(*long, "--dry-run", **home)
        self.assertEqual(self.by_status(plan), {"planned": ["a", "b", "both", "report"]})
        self.assertGreater(plan["wall_seconds"], 0)
        self.assertEqual(os.listdir(home["cwd"]), ["r.toml"])

        p = subprocess.Popen([self.retort, "run", *long, "--threads", "2", "--quiet"], **home)
        deadline = time.monotonic() + 120
        history = f"{home['cwd']}/runs/a/history.csv"
        while time.monotonic() < deadline and not (os.path.exists(history) and os.path.getsize(history) > 300 and
                                                   os.path.exists(f"{home['cwd']}/runs/b/run.json")):
            time.sleep(0.05)
        time.sleep(0.3)
        p.send_signal(signal.SIGKILL)
        p.wait()
        self.assertFalse(os.path.exists(f"{home['cwd']}/runs/a/run.json"), "killed too late to test")

        text = self.run_retort("run", *long, "--dry-run", **home).stdout
        self.assertRegex(text, r"a +train +will run .*goes on after epoch \d+")
        self.assertRegex(text, r"b +train +done .*unchanged")
        short = ["r.toml", "--set", "train.a.epochs=3"]
        doc = self.run_recipe(*short, **home)
        self.assertEqual(self.by_status(doc), {"done": ["a", "both", "report"], "kept": ["b"]})
        self.assertEqual([row["name"] for row in doc["table"]["rows"]], ["a", "b", "both"])

        text = self.run_retort("run", *short, "--set", "train.b.lr=0.02", "--dry-run", **home).stdout
        self.assertIn("settings changed: lr 0.05 -> 0.02", text)
        doc = self.run_recipe(*short, "--set", "train.b.lr=0.02", **home)
        self.assertEqual(self.by_status(doc), {"kept": ["a"], "done": ["b", "both", "report"]})
        p = self.run_retort("run", *short, "--set", "train.b.lr=0.02", **home)
        self.assertIn("4 of 4 steps are done already", p.stderr)
        self.assertIn("both", p.stdout)

    def test_one_failure_loses_nothing_else(self):
        home = self.home("failing")
        line = self.error_line("run", "r.toml", "--set", "train.b.lr=1e30", expect=1, **home)
        for part in ("1 of 4 steps failed: b: ", "both, report", "go on with: "):
            self.assertIn(part, line)
        self.assertTrue(os.path.exists(f"{home['cwd']}/runs/a/run.json"))
        self.assertEqual(self.by_status(self.run_recipe("r.toml", **home))["kept"], ["a"])

    def test_errors(self):
        home = self.home("errors", RECIPE.replace("lr = 0.05", "lrr = 0.05"))
        self.assertRegex(self.error_line("run", "r.toml", expect=2, **home), r"^\[r.toml:\d+\] unknown key 'lrr'; did you mean 'lr'")
        self.error_line("run", "nowhere.toml", expect=1, **home)
        self.error_line("run", "r.toml", "--memory", "much", expect=2, **home)
        self.assertEqual(os.listdir(home["cwd"]), ["r.toml"])

    def small(self, name, *more):
        """A recipe of examples/ in a small form."""
        return self.run_recipe(EXAMPLES / f"{name}.toml", "--set", f"out={self.dir}/{name}", "--set", f"data={self.data}",
                               "--set", "samples=0", "--set", "train.epochs=1", "--set", "distill.epochs=1", "--set",
                               "report.speed=false", *more)

    def test_example_temperatures(self):
        doc = self.small("temperatures", "--set", "train.teacher.model=resnet8_half")
        self.assertEqual([row["name"] for row in doc["table"]["rows"]], ["teacher", "scratch", "T1", "T2", "T4", "T8"])

    def test_example_combiners(self):
        doc = self.run_recipe(EXAMPLES / "combiners.toml", "--set", f"out={self.dir}/combiners", "--set",
                              f"data={self.data}", "--set", "samples=0", "--set", "train.epochs=1", "--set",
                              "report.speed=false")
        combiners = [item["name"] for item in self.run_json("list", "combiners")["combiners"]]
        shown = [row["name"] for row in doc["table"]["rows"] if row["kind"] == "ensemble"]
        self.assertLessEqual(set(shown), set(combiners))
        self.assertGreaterEqual(len(shown), 10)
        self.assertGreater(len(doc["table"]["diversity"]), 3)  # some combiners keep one member alone

    def test_demo(self):
        demo = ["demo", "--data", self.data, "--samples", 120, "--seeds", 1, "--out", f"{self.dir}/demo"]
        doc = self.run_json(*demo)
        self.assertEqual([row["name"] for row in doc["rows"]],
                         ["wrn_16_2", "vgg8", "resnet20", "mean_logits", "mean_probabilities", "majority_vote",
                          "rank_average", "weighted", "greedy", "bma", "tempered", "class_weighted", "stacking", "cascade",
                          "student-scratch-seed1", "student-distilled-seed1"])
        self.assertEqual(doc["command"].split()[1], "demo")
        self.assertEqual(self.by_status(self.run_json(*demo)), {"kept": [step["name"] for step in doc["steps"]]})
        text = self.run_retort(*demo).stdout
        self.assertIn("Try next:", text)
        self.assertIn("--samples 120", text)


if __name__ == "__main__":
    main()
