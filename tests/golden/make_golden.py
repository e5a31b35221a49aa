#!/usr/bin/env python3
"""Make the golden vectors: what Keras computes, for the C tests to compare with. See README.md beside this file.

    python tests/golden/make_golden.py                             write tests/golden/vectors anew
    python tests/golden/make_golden.py --check                     write to a temporary folder and compare byte for byte
    python tests/golden/make_golden.py --only images --out DIR     one part alone, to look at it
"""
import argparse
import filecmp
import importlib
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ("layers", "training", "images", "tutorial")


def generate(folder, only=""):
    sys.path.insert(0, HERE)
    import golden
    recorder = golden.Recorder(folder)
    for module in MODULES:
        if only in ("", module):
            importlib.import_module(f"cases_{module}").all_cases(recorder)
            print(f"{module}: {len(recorder.rows)} files so far", flush=True)
    recorder.write_index()
    return recorder


def files(folder):
    return sorted(os.path.relpath(os.path.join(root, name), folder) for root, _, names in os.walk(folder) for name in names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(HERE, "vectors"))
    parser.add_argument("--only", default="", choices=("",) + MODULES)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    fresh = tempfile.mkdtemp(prefix="golden-")
    try:
        generate(fresh, options.only)
        if options.check:
            ours, theirs = files(fresh), files(options.out)
            same = lambda f: filecmp.cmp(os.path.join(fresh, f), os.path.join(options.out, f), shallow=False)
            differing = [f for f in ours if f in theirs and not same(f)]
            print(f"{len(ours)} files made; missing or extra: {sorted(set(ours) ^ set(theirs))}; differing: {differing}")
            return 1 if differing or ours != theirs else 0
        if not options.only:
            shutil.rmtree(options.out, ignore_errors=True)
        shutil.copytree(fresh, options.out, dirs_exist_ok=True, copy_function=shutil.copyfile)
        size = sum(os.path.getsize(os.path.join(options.out, f)) for f in files(options.out))
        print(f"{len(files(options.out))} files, {size} bytes")
        return 0
    finally:
        shutil.rmtree(fresh)


if __name__ == "__main__":
    sys.exit(main())
