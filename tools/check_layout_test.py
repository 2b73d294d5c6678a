#!/usr/bin/env python3
"""Tests of check_layout.py: each rule is broken once in a small tree, and must be found at its line."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import check_layout

SCRIPT = pathlib.Path(check_layout.__file__)


def findings(files):
    """What check_layout says of a tree of {path: text}, as (path, line, reason)."""
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return [(str(path), line, reason) for path, line, reason in check_layout.check(root)]


def body(lines):
    return "  f();\n" * lines


class Includes(unittest.TestCase):
    def expect(self, path, text, line, part):
        found = findings({path: text})
        self.assertEqual([(p, n) for p, n, _ in found], [(path, line)], found)
        self.assertIn(part, found[0][2])

    def test_arrows_go_down(self):
        good = '#include "retort/data.h"\n#include <vector>\n#include "base/file.h"\n#include "data/idx.h"\n'
        self.assertEqual(findings({"src/data/a.cpp": good}), [])
        self.assertEqual(findings({"src/cli/a.cpp": '#include "train/loop.h"\n#include <CLI/CLI.hpp>\n'}), [])

    def test_arrow_up(self):
        self.expect("src/base/a.cpp", '#include "retort/base.h"\n#include "data/idx.h"\n', 2, "arrows go down")
        self.expect("src/network/a.cpp", '#include "retort/train.h"\n', 1, "arrows go down")
        self.expect("include/retort/data.h", '#pragma once\n#include "retort/model.h"\n', 2, "arrows go down")

    def test_arrow_sideways(self):
        self.expect("src/ensemble/a.cpp", '#include "retort/metrics.h"\n', 1, "arrows go down")

    def test_unknown_module(self):
        self.expect("src/novel/a.cpp", "int x;\n", 1, "not in the LAYERS table")
        self.expect("src/cli/a.cpp", '#include "retort/novel.h"\n', 1, "belongs to no module")

    def test_umbrella(self):
        self.expect("src/cli/a.cpp", '#include "retort/retort.h"\n', 1, "umbrella")
        umbrella = '#pragma once\n#include "retort/base.h"\n#include "retort/train.h"\n'
        self.assertEqual(findings({"include/retort/retort.h": umbrella, "examples/a.cpp": umbrella}), [])

    def test_torch(self):
        self.assertEqual(findings({"src/losses/a.cpp": "#include <ATen/ops/add.h>\n#include <c10/x.h>\n"}), [])
        self.assertEqual(findings({"src/train/a.cpp": "#include <torch/version.h>\n"}), [])
        self.expect("src/zoo/a.cpp", "#include <ATen/core/Tensor.h>\n", 1, "which is for losses, model, network")
        self.expect("src/train/a.cpp", "#include <torch/torch.h>\n", 1, "for nobody")

    def test_other_parts(self):
        self.expect("src/data/a.cpp", "#include <Eigen/Dense>\n", 1, "which is for ensemble")
        self.expect("src/train/a.cpp", "#include <CLI/CLI.hpp>\n", 1, "which is for cli")

    def test_public_headers(self):
        good = '#pragma once\n#include <ATen/core/Tensor.h>\n#include <cstdint>\n#include "retort/base.h"\n'
        self.assertEqual(findings({"include/retort/losses.h": good}), [])
        self.expect("include/retort/data.h", '#pragma once\n#include "data/idx.h"\n', 2, "a public header")
        self.expect("include/retort/data.h", "#pragma once\n#include <nlohmann/json.hpp>\n", 2, "a public header")
        self.expect("include/retort/losses.h", "#pragma once\n#include <ATen/ops/add.h>\n", 2, "a public header")


class Sizes(unittest.TestCase):
    def spans(self, text):
        return list(check_layout.functions(text))

    def test_files(self):
        files = {"src/data/a.cpp": "\n" * 400, "tests/data/a_test.cpp": "\n" * 600, "bench/a.py": "\n" * 400,
                 "include/retort/data.h": "#pragma once" + "\n" * 199}
        self.assertEqual(findings(files), [])
        for path, text in files.items():
            self.assertIn("lines in a", findings({path: text + "\n"})[0][2])

    def test_function_limit(self):
        self.assertEqual(findings({"src/data/a.cpp": "void f() {\n" + body(58) + "}\n"}), [])
        found = findings({"src/data/a.cpp": "\nvoid f() {\n" + body(59) + "}\n"})
        self.assertEqual(found, [("src/data/a.cpp", 2, "a function of 61 lines; at most 60")])

    def test_python_function(self):
        found = findings({"tools/a.py": "def f():\n" + "    x = 1\n" * 60})
        self.assertEqual(found, [("tools/a.py", 1, "a function of 61 lines; at most 60")])

    def test_scopes_are_no_functions(self):
        text = ("namespace a {\nnamespace {\nstruct S {\n  int x = 0;\n  int f() const {\n    return 1;\n  }\n};\n"
                "enum class E {\n  a,\n};\nconst int kTable[] = {\n    1,\n};\nconst S kRows = make({\n    1,\n});\n"
                "}  // namespace\n}\n")
        self.assertEqual(self.spans(text), [(5, 7)])

    def test_head_of_several_lines_counts(self):
        text = "template <class T>\nstd::vector<T> long_name(int a,\n                         int b) {\n  return {};\n}\n"
        self.assertEqual(self.spans(text), [(1, 5)])

    def test_nested_braces_and_lambdas(self):
        text = "void f() {\n  if (x) {\n    g([&](int i) {\n      h(i);\n    });\n  } else {\n  }\n}\nint g() { return 1; }\n"
        self.assertEqual(self.spans(text), [(1, 8), (9, 9)])

    def test_constructor_initialisers(self):
        text = "A::A(int x)\n    : a_{x},\n      b_(x),\n      c_{1, 2} {\n  f();\n}\nA::~A() {}\n"
        self.assertEqual(self.spans(text), [(1, 6), (7, 7)])

    def test_function_try_block(self):
        text = "int main() try {\n  f();\n} catch (const E& e) {\n  g();\n}\n"
        self.assertEqual(self.spans(text), [(1, 5)])

    def test_macros_and_tests(self):
        text = "#define X(a) {\\\n  a\nTEST(Idx, Reads) {\n  f();\n}\nextern \"C\" int Fuzz(int x) {\n  return x;\n}\n"
        self.assertEqual(self.spans(text), [(3, 5), (6, 8)])

    def test_braces_in_text_do_not_count(self):
        text = ("// {\n/* {\n { */\nvoid f() {\n  g(\"{\\\"{\", '{', R\"x({\n\"{)x\", 1'000'000);  // }\n}\n"
                "bool operator==(A a, A b) {\n  return true;\n}\n")
        self.assertEqual(self.spans(text), [(4, 7), (8, 10)])


class Text(unittest.TestCase):
    def test_ascii(self):
        self.assertEqual(findings({"src/data/a.cpp": "int x;  // caf\u00e9\n"}), [("src/data/a.cpp", 1, "not ASCII")])
        self.assertEqual(findings({"README.md": "caf\u00e9\n"}), [])

    def test_machine_paths(self):
        for top in ("home", "root", "work"):
            found = findings({"docs/a.md": f"see\n `/{top}/somebody/x`\n"})
            self.assertEqual(found, [("docs/a.md", 2, "a path of somebody's machine")])
        self.assertEqual(findings({"docs/a.md": "a/work/b, https://x.org/home/y, ~/work/z, ${x}/root/z\n"}), [])

    def test_silent_library(self):
        text = "#include <cstdio>\n// printf(\nvoid f() {\n  std::snprintf(a);\n  g.exit();\n  std::cout << 1;\n}\n"
        self.assertEqual([(p, n) for p, n, _ in findings({"src/data/a.cpp": text})], [("src/data/a.cpp", 6)])
        self.assertEqual(len(findings({"src/data/a.cpp": "void f() {\n  exit(1);\n}\n"})), 1)
        self.assertEqual(findings({"src/cli/a.cpp": text, "examples/a.cpp": text}), [])

    def test_header_guard(self):
        self.assertEqual(findings({"src/data/a.h": "int x();\n"}), [("src/data/a.h", 1, "no #pragma once")])


class Program(unittest.TestCase):
    def test_output_and_exit_code(self):
        with tempfile.TemporaryDirectory() as directory:
            good = subprocess.run([sys.executable, SCRIPT, directory], capture_output=True, text=True, check=False)
            self.assertEqual((good.returncode, good.stdout), (0, ""))
            (pathlib.Path(directory) / "a.h").write_text("\n", encoding="utf-8")
            bad = subprocess.run([sys.executable, SCRIPT, directory], capture_output=True, text=True, check=False)
            self.assertEqual((bad.returncode, bad.stdout), (1, "a.h:1: no #pragma once\n"))

    def test_git_ignored_files_are_left_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            subprocess.run(["git", "init", "-q", directory], check=True)
            (root / ".gitignore").write_text("/build/\n", encoding="utf-8")
            (root / "build").mkdir()
            (root / "build" / "a.h").write_text("\n", encoding="utf-8")
            (root / "new.h").write_text("\n", encoding="utf-8")
            self.assertEqual([str(p) for p, _, _ in check_layout.check(root)], ["new.h"])


if __name__ == "__main__":
    unittest.main()
