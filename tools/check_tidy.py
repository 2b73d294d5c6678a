#!/usr/bin/env python3
"""Runs clang-tidy on the C++ sources that changed since the last good commit, several at a time.

    check_tidy.py --build DIR [--all] [--seconds S]

A changed header is checked through one source that includes it. The last good commit is $RETORT_BASE, or where this
branch left the remote's, or on that branch itself the commit before the last. After S seconds no further source is
begun, and those left out are named.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLANG_TIDY = "clang-tidy-14"
# The compile database is GCC's: its precompiled headers and its own flags and warnings mean nothing to clang.
ADDED = " -Wno-unknown-warning-option"
DROPPED = re.compile(r"\s-(Winvalid-pch|fpch-preprocess)\b|\s-include\s+\S*cmake_pch\.hxx")


def git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def base_commit():
    """The commit to compare with, or None where there is none."""
    if os.environ.get("RETORT_BASE"):
        return os.environ["RETORT_BASE"]
    head = git("rev-parse", "HEAD")
    for branch in ("origin/HEAD", "origin/main", "origin/master"):
        fork = git("merge-base", "HEAD", branch)
        if fork and fork != head:
            return fork[0]
    before = git("rev-parse", "--verify", "-q", "HEAD~1")
    return before[0] if before else None


def changed_files():
    base = base_commit()
    listed = git("diff", "--name-only", "--diff-filter=d", base) if base else git("ls-files")
    return set(listed) | set(git("ls-files", "--others", "--exclude-standard"))


def compile_commands(build):
    """Relative path -> entry of the compile database, for our own sources."""
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    found = {}
    for entry in entries:
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(ROOT) and not path.is_relative_to(build) and "cmake_pch" not in path.name:
            found[str(path.relative_to(ROOT))] = {**entry, "command": DROPPED.sub("", entry["command"]) + ADDED}
    return found


def source_for_header(header, sources):
    """One source that includes `header`, of its own module where there is one."""
    name = re.sub(r"^(include|src|tests)/", "", header)
    including = [s for s in sources if re.search(rf'#\s*include\s*["<]{re.escape(name)}[">]',
                                                 (ROOT / s).read_text(encoding="utf-8"))]
    module = pathlib.PurePosixPath(header).stem if header.startswith("include/") else header.split("/")[1]
    return min(including, key=lambda s: (f"/{module}/" not in s, s), default=None)


def chosen_sources(sources, everything):
    if everything:
        return sorted(sources)
    chosen = set()
    for path in changed_files():
        source = source_for_header(path, sources) if path.endswith(".h") else path
        if source in sources:
            chosen.add(source)
    return sorted(chosen)


def tidy(database, source, deadline):
    """(source, exit code or None where there was no time, what clang-tidy says, seconds)"""
    start = time.monotonic()
    if deadline and start > deadline:
        return source, None, "", 0
    done = subprocess.run([CLANG_TIDY, "--quiet", "-p", str(database), str(ROOT / source)],
                          capture_output=True, text=True, check=False)
    return source, done.returncode, done.stdout.strip() or done.stderr.strip(), time.monotonic() - start


def run(database, chosen, total, deadline):
    """How many of the chosen sources clang-tidy finds fault with."""
    failed, skipped = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, code, output, seconds in pool.map(lambda s: tidy(database, s, deadline), chosen):
            if code is None:
                skipped.append(source)
                continue
            print(f"{source}  {seconds:.1f} s", file=sys.stderr)
            if code != 0:
                failed += 1
                print(output, flush=True)
    if skipped:
        print(f"clang-tidy: out of time (--seconds), not checked: {' '.join(skipped)}", file=sys.stderr)
    print(f"clang-tidy: {len(chosen) - len(skipped)} of {total} sources checked, {failed} with findings", file=sys.stderr)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a configured build directory")
    parser.add_argument("--all", action="store_true", help="every source, changed or not")
    parser.add_argument("--seconds", type=float, help="default: 300, no limit with --all")
    options = parser.parse_args()
    seconds = options.seconds or (0 if options.all else 300)
    build = options.build.resolve()
    sources = compile_commands(build)
    chosen = chosen_sources(sources, options.all)
    database = build / "tidy"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(list(sources.values())), encoding="utf-8")
    return 1 if run(database, chosen, len(sources), time.monotonic() + seconds if seconds else None) else 0


if __name__ == "__main__":
    sys.exit(main())
