"""What the tests of the program share: it is run as a user runs it."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest


class RetortCase(unittest.TestCase):
    """Tests with a directory of their own, `self.dir`, gone at the end."""
    retort = None
    env = {}  # beside the environment that there is

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="retort-cli-")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def run_retort(self, *args, expect=0, env=None, **kwargs):
        p = subprocess.run([self.retort, *map(str, args)], capture_output=True, text=True, timeout=300,
                           env=os.environ | self.env | (env or {}), **kwargs)
        self.assertEqual(p.returncode, expect, f"{args}: {p.stdout}{p.stderr}")
        return p

    def run_json(self, *args):
        return json.loads(self.run_retort(*args, "--json").stdout)

    def error_line(self, *args, expect, **kwargs):
        p = self.run_retort(*args, "--quiet", expect=expect, **kwargs)
        self.assertEqual(p.stdout, "")
        self.assertEqual(p.stderr.count("\n"), 1, p.stderr)
        self.assertRegex(p.stderr, r"^\[.+\] ")
        return p.stderr


def main():
    """TEST.py PATH-OF-RETORT [unittest's arguments]"""
    RetortCase.retort = os.path.abspath(sys.argv.pop(1))
    unittest.main(module="__main__")
