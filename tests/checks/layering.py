"""Holds the plan of the house against the includes: an arrow may only point down.

usage: layering.py SOURCE_ROOT

Prints every include that breaks the plan of docs/architecture.md and exits 1, or says how many it read.
"""
import pathlib
import re
import sys

# What each room may include, beside itself and the public headers.
MAY_INCLUDE = {
    "base": [],
    "kernels": ["base"],
    "tensor": ["base"],
    "ops": ["base", "kernels", "tensor"],
    "layers": ["base", "tensor", "ops"],
    "train": ["base", "tensor", "ops"],
    "data": ["base", "tensor", "ops"],
    "model": ["base", "tensor", "ops", "layers", "train", "data"],
    "io": ["base", "tensor", "layers", "train", "data", "model"],
    "plot": [],
}
# Where the processor may be asked for by the preprocessor.
CPU_CONDITIONS = re.compile(r"^\s*#\s*(if|ifdef|elif).*(__x86_64__|__aarch64__|__AVX|__SSE|__ARM|CNN__HAVE_(SSE|AVX|NEON))", re.M)
CPU_ROOMS = re.compile(r"^lib/(base/(cpu|float_environment|threads)[^/]*|kernels/dispatch\.c|kernels/(x86|arm)/.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def broken(root):
    count = 0
    for path in sorted((root / "lib").rglob("*.[ch]")):
        name = path.relative_to(root).as_posix()
        room = name.split("/")[1]
        text = path.read_text()
        for quote, header in INCLUDE.findall(text):
            count += 1
            if quote == "<":
                if header.startswith("cnn/") and not (root / "include" / header).exists():
                    yield f"{name}: there is no public header {header}"
                continue
            other = header.split("/")[0] if "/" in header else room
            if other != room and other not in MAY_INCLUDE[room]:
                yield f"{name}: {room} may not include {header}"
        if CPU_CONDITIONS.search(text) and not CPU_ROOMS.match(name):
            yield f"{name}: asks for the processor outside the places that may"
    for path in sorted((root / "include").rglob("*.h")):
        for quote, header in INCLUDE.findall(path.read_text()):
            count += 1
            if quote == '"':
                yield f"{path.relative_to(root)}: a public header includes {header} by quotes"
    for path in sorted((root / "examples").rglob("*.[ch]")):
        for quote, header in INCLUDE.findall(path.read_text()):
            count += 1
            if quote == '"' and "/" in header:
                yield f"{path.relative_to(root)}: an example includes {header}"
    if count == 0:
        yield "no include was read: is this the source folder?"
    print(f"{count} includes read")


def main():
    faults = list(broken(pathlib.Path(sys.argv[1])))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
