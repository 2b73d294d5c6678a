#!/usr/bin/env python3
"""Several members, as a user makes them: members_test.py PATH-OF-RETORT. Needs the Python standard library only."""
import glob
import os

from cli_test import make_data
from retort_case import RetortCase, main


class MembersTest(RetortCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = f"idx:{cls.dir}/data"
        make_data(f"{cls.dir}/data", train=300, test=100)

    def train_args(self, out, *more):
        return ["train", "--data", self.data, "--model", "resnet8_quarter", "--epochs", 2, "--batch", 32, "--threads", 1,
                "--out", f"{self.dir}/{out}", *more]

    def test_snapshots_and_soup(self):
        run = f"{self.dir}/run"
        text = self.run_retort(*self.train_args("run", "--schedule", "cyclic:cycles=2"), "--quiet").stdout
        self.assertIn(f"ensemble --members {run}/snapshots/* ", text)
        snapshots = sorted(glob.glob(f"{run}/snapshots/*"))
        self.assertEqual([os.path.basename(s) for s in snapshots], ["epoch-1", "epoch-2"])
        document = self.run_json("soup", "--members", *snapshots, "--method", "uniform", "--data", self.data, "--batch", 32,
                                 "--out", f"{self.dir}/soup")
        self.assertEqual([m["weight"] for m in document["members"]], [0.5, 0.5])
        self.run_json("ensemble", "--members", *snapshots, "--data", self.data, "--out", f"{self.dir}/ensemble")
        rows = self.run_json("compare", snapshots[1], f"{self.dir}/soup", f"{self.dir}/ensemble", "--data",
                             self.data, "--no-speed")["rows"]
        self.assertEqual(rows[1]["method"], "uniform soup of 2")
        self.assertEqual(rows[0]["train_core_seconds"], rows[2]["train_core_seconds"])  # one training, paid for once
        error = self.error_line("soup", "--members", snapshots[0], "--data", self.data, "--out", f"{self.dir}/x", expect=2)
        self.assertIn("at least two", error)
        self.assertIn("cyclic", self.error_line(*self.train_args("x", "--schedule", "cyclc"), expect=2))

    def test_diversify(self):
        args = self.train_args("bag", "--diversify", "bagging:count=2")
        document = self.run_json(*args)
        self.assertEqual([m["run"] for m in document["members"]], [f"{self.dir}/bag/1", f"{self.dir}/bag/2"])
        self.assertIn("not empty", self.error_line(*args, expect=2))
        self.assertIn("next: ", self.run_retort(*args, "--resume", "--diversify", "bagging:count=3", "--quiet").stdout)
        self.assertTrue(os.path.exists(f"{self.dir}/bag/3/run.json"))
        error = self.error_line(*self.train_args("nets", "--diversify", "backbones"), "--model", "resnet8_quarter,resnt8",
                                expect=2)
        self.assertIn("1 of 2 trainings failed", error)
        self.assertIn("resnt8", error)
        self.assertTrue(os.path.exists(f"{self.dir}/nets/1/run.json"))

    def test_students_of_one_pass(self):
        self.run_json(*self.train_args("teacher"))
        args = ["distill", "--data", self.data, "--teacher", f"{self.dir}/teacher", "--epochs", 1, "--batch", 32,
                "--threads", 2, "--out", f"{self.dir}/pass", "--student", "resnet8_quarter", "--student", "resnet8_quarter"]
        document = self.run_json(*args)
        runs = [f"{self.dir}/pass/{name}" for name in ("resnet8_quarter", "resnet8_quarter-2")]
        self.assertEqual([s["run"] for s in document["students"]], runs)
        self.assertIn("not empty", self.error_line(*args, expect=2))
        text = self.run_retort(*args, "--resume", "--quiet").stdout
        self.assertIn(f"compare {runs[0]} {runs[1]} --data", text)
        self.assertIn("equal part", text)
        error = self.error_line(*args, "--student", "resnt8", "--out", f"{self.dir}/never", expect=2)
        self.assertIn("resnt8", error)
        self.assertFalse(os.path.exists(f"{self.dir}/never"))

    def test_folds(self):
        document = self.run_json(*self.train_args("folds", "--folds", 2))
        self.assertEqual(len(document["folds"]), 2)
        self.assertEqual(document["out_of_fold"]["samples"], 300)
        self.run_json("eval", "--model", f"{self.dir}/folds", "--data", self.data)
        self.error_line_raw(*self.train_args("x", "--folds", 2, "--diversify", "seeds"))

    def error_line_raw(self, *args):
        return self.run_retort(*args, expect=2).stderr


if __name__ == "__main__":
    main()
