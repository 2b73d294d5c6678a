#!/usr/bin/env python3
"""Fails where the house is not kept: an include that points up the layers, a heavy header where it does not belong,
files and functions that have grown too long, a library that prints, paths of somebody's machine.

    check_layout.py [ROOT]      prints FILE:LINE: REASON for each finding, exits with 1 where there is one
"""

import ast
import pathlib
import re
import subprocess
import sys

# A module may include itself and what stands in a lower layer.
LAYERS = [
    ["base"],
    ["image", "graph", "kernels", "predictions"],
    ["data", "zoo", "weights", "ensemble", "metrics"],
    ["network", "losses", "export", "infer"],
    ["model"],
    ["train", "report", "ship"],
    ["recipe"],
    ["cli"],
]
LAYER = {module: layer for layer, modules in enumerate(LAYERS) for module in modules}

# Headers of outside parts, and the modules that may see them.
TORCH_MODULES = {"network", "losses", "model", "train"}
OUTSIDE = {
    r"(ATen|c10|torch)/": TORCH_MODULES,
    r"torch/csrc/autograd/": {"network"},
    r"torch/(?!version\.h|csrc/autograd/)": set(),  # torch/torch.h takes 20 s to compile
    r"CLI/": {"cli"},
    r"(Eigen/|lbfgs\.h)": {"ensemble"},
    r"openssl/": {"base"},
    r"zlib\.h": {"data"},
    r"(jpeglib\.h|jerror\.h|spng\.h|webp/)": {"image"},
    r"curl/": {"weights"},
    r"hwy/": {"kernels"},
    r"protozero/": {"export", "infer", "train"},
    r"openvino/": {"infer"},
    r"toml\+\+/": {"recipe"},
}
PUBLIC_OUTSIDE = {"ATen/core/Tensor.h"}
UMBRELLA = "retort.h"

MAX_LINES = {"public header": 199, "source": 400, "test": 600}
MAX_FUNCTION = 60

CPP = {".h", ".cpp"}
TEXT = CPP | {".def", ".py", ".md", ".txt", ".cmake", ".in", ".json", ".sh", ""}
INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')
PRINTS = re.compile(r"\bstd::(cout|cerr|clog|puts|printf|exit|quick_exit)\b|(?<![\w:.>])(printf|puts|exit|_exit)\s*\(")
MACHINE_PATH = re.compile(r"(?<![\w.}~])/(?:home|root|work|Users)/")


def tracked_files(root):
    """Paths that git tracks, or would if asked; all of them where there is no git."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        names = sorted(set(listing.stdout.splitlines()))
    else:
        names = sorted(str(p.relative_to(root)) for p in root.rglob("*"))
    return [pathlib.PurePosixPath(n) for n in names if (root / n).is_file() and not (root / n).is_symlink()]


# ---- includes


def module_of(path):
    """The module that a file of src/ or include/retort/ belongs to, or None."""
    if path.parts[0] == "src" and len(path.parts) > 2:
        return path.parts[1]
    if path.parts[:2] == ("include", "retort"):
        return module_of_header(path.stem)
    return None


def module_of_header(stem):
    """A module's second header is called MODULE_theme.h."""
    return stem if stem in LAYER else stem.split("_")[0]


def module_of_include(name):
    parts = name.split("/")
    if parts[0] == "retort" and len(parts) == 2:
        return module_of_header(parts[1].removesuffix(".h"))
    return parts[0] if len(parts) > 1 and parts[0] in LAYER else None


def check_include(path, module, quote, name):
    """Reasons why `module` may not include `name`."""
    target = module_of_include(name)
    if name == "retort/" + UMBRELLA:
        yield "the umbrella header is for users; include the modules' own headers"
    elif target is not None and target not in LAYER:
        yield f"<{name}> belongs to no module of the LAYERS table in tools/check_layout.py"
    elif target is not None and target != module and LAYER[target] >= LAYER[module]:
        yield f"{module} (layer {LAYER[module]}) includes {name} of {target} (layer {LAYER[target]}); arrows go down"
    for pattern, modules in OUTSIDE.items():
        if re.match(pattern, name) and module not in modules:
            seen = ", ".join(sorted(modules)) or "nobody"
            yield f"{module} includes <{name}>, which is for {seen}"
    if path.parts[0] == "include" and not is_public_include(quote, name):
        yield f"a public header includes {name}; it may include retort/*.h, std and {', '.join(PUBLIC_OUTSIDE)}"


def is_public_include(quote, name):
    if quote == '"':
        return name.startswith("retort/")
    return re.fullmatch(r"[a-z_0-9]+", name) is not None or name in PUBLIC_OUTSIDE


def check_includes(path, text):
    module = module_of(path)
    if module is None or path.suffix not in CPP or path.name == UMBRELLA and path.parts[0] == "include":
        return
    if module not in LAYER:
        yield 1, f"module '{module}' is not in the LAYERS table of tools/check_layout.py"
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            for reason in check_include(path, module, *match.groups()):
                yield number, reason


# ---- sizes

LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
    r"|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.DOTALL | re.MULTILINE)


def blank(text):
    """The text without comments, strings, characters and preprocessor lines; line numbers stay."""
    return LITERALS.sub(lambda m: "\n" * m.group().count("\n") or " ", text)


# After the brace that ends a constructor's `: a_{1}` and the block of a function's `try`, the function goes on.
CONTINUES = re.compile(r"\s*([,{]|catch\b)")


class Scope:
    def __init__(self, kind, start):
        self.kind, self.start = kind, start  # kind: "outer" (namespace, class), "function" or "other"


def scope_kind(outer, head):
    """What the brace after `head` opens, inside a scope of kind `outer`."""
    if outer != "outer":
        return "other"
    head = re.sub(r"\btemplate\s*<[^{};]*?>(?=\s*\w)", " ", head)
    if "(" not in head:
        return "outer" if re.search(r"\b(namespace|extern|class|struct|union)\b", head) else "other"
    return "other" if " = " in head.split("(")[0] else "function"


def functions(text):
    """Yields (first line, last line) of each function in C++ text that clang-format has laid out."""
    text = blank(text)
    scopes, head, head_line, line = [Scope("outer", 0)], "", 0, 1
    for match in re.finditer(r"\n|[{};]|[^{};\n]+", text):
        token = match.group()
        if token == "\n":
            line += 1
            head += " "
        elif token == "{":
            scopes.append(Scope(scope_kind(scopes[-1].kind, head), head_line or line))
            head, head_line = "", 0
        elif token == "}" and len(scopes) > 1:
            scope = scopes.pop()
            if scope.kind == "function" and CONTINUES.match(text, match.end()):
                head, head_line = "f()", scope.start
                continue
            if scope.kind == "function":
                yield scope.start, line
            head, head_line = "", 0
        elif token == ";":
            head, head_line = "", 0
        else:
            if not head.strip() and token.strip():
                head_line = line
            head += token


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def check_sizes(path, text):
    if path.suffix not in CPP | {".py"}:
        return
    is_test = path.parts[0] == "tests" or path.stem.endswith("_test")
    kind = "public header" if path.parts[0] == "include" else "test" if is_test else "source"
    lines = text.count("\n")
    if lines > MAX_LINES[kind]:
        yield lines, f"{lines} lines in a {kind}; at most {MAX_LINES[kind]}"
    for first, last in python_functions(text) if path.suffix == ".py" else functions(text):
        if last - first + 1 > MAX_FUNCTION:
            yield first, f"a function of {last - first + 1} lines; at most {MAX_FUNCTION}"


# ---- the rest


def check_text(path, text):
    """ASCII sources, no machine paths, a library that is silent, guarded headers."""
    library = path.parts[0] in ("src", "include") and module_of(path) != "cli" and path.suffix in CPP
    code = blank(text).splitlines() if library else []
    for number, line in enumerate(text.splitlines(), 1):
        if path.suffix in CPP | {".py", ".def"} and not line.isascii():
            yield number, "not ASCII"
        if MACHINE_PATH.search(line):
            yield number, "a path of somebody's machine"
    for number, line in enumerate(code, 1):
        if PRINTS.search(line):
            yield number, "the library never prints or exits; throw, return, or tell the Monitor"
    if path.suffix == ".h" and "#pragma once" not in text and "HWY_TARGET_TOGGLE" not in text:
        yield 1, "no #pragma once"


def check(root):
    """All findings under `root`, as (path, line, reason)."""
    for path in tracked_files(root):
        if path.suffix not in TEXT:
            continue
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # corpora and the like
        for rule in (check_includes, check_sizes, check_text):
            for line, reason in rule(path, text):
                yield path, line, reason


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    findings = list(check(root))
    for path, line, reason in findings:
        print(f"{path}:{line}: {reason}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
