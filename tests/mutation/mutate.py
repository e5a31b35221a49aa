#!/usr/bin/env python3
"""Changes one thing in a source file, links its room's test with the changed object, and sees whether the test notices.

usage: mutate.py BUILD [--count N] [--seed S] [--first K] [--seconds T] [--only PART]
       mutate.py BUILD --planted

BUILD is a build folder with the tests built; the tree and the build stay as they are. Mutations are drawn by seed from
parsers, shape rules and kernels: operators, comparisons, constants, checks that are left out. One is killed when the test
fails, crashes, or takes over 10 s. --first and --seconds run a part: the K-th on, for so long. --planted: a leak, an
unchecked allocation and an off-by-one in a parser must be found.
"""
import argparse, json, os, random, re, shlex, subprocess, sys, tempfile, time

# What is changed, and which test is to notice.
ROOMS = [
    ("parsers", ["lib/base/json_read.c"], "tests/unit/base/test_base_json"),
    ("parsers", ["lib/base/number.c", "lib/base/decimal.c"], "tests/unit/base/test_base_number"),
    ("parsers", ["lib/base/settings.c"], "tests/unit/base/test_base_settings"),
    ("parsers", ["lib/io/safetensors_read.c"], "tests/unit/io/io_safetensors"),
    ("parsers", ["lib/io/architecture.c", "lib/io/training_read.c", "lib/io/extras.c"], "tests/unit/io/io_model_file"),
    ("parsers", ["lib/data/idx.c", "lib/data/npy.c", "lib/data/cifar.c"], "tests/unit/data/test_data_files"),
    ("parsers", ["lib/data/png_read.c"], "tests/unit/data/test_data_png"),
    ("parsers", ["lib/data/jpeg_read.c", "lib/data/exif.c"], "tests/unit/data/test_data_jpeg"),
    ("parsers", ["lib/data/inflate.c"], "tests/unit/data/test_data_gzip"),
    ("shapes", ["lib/tensor/shape.c"], "tests/unit/tensor/test_tensor_shape"),
    ("shapes", ["lib/layers/support.c", "lib/layers/convolution.c", "lib/layers/conv2d.c", "lib/layers/max_pool2d.c",
                "lib/layers/concatenate.c", "lib/layers/zero_padding2d.c", "lib/layers/depthwise_conv2d.c"],
     "tests/unit/layers/test_layers_shapes"),
    ("kernels", ["lib/kernels/generic/image_generic.c"], "tests/kernels/kernels --family image"),
    ("kernels", ["lib/kernels/x86/image_avx2.c"], "tests/kernels/kernels --family image"),
]

OPERATORS = [("<=", ["<"]), (">=", [">"]), ("==", ["!="]), ("!=", ["=="]), ("&&", ["||"]), ("||", ["&&"]),
             (" < ", [" <= ", " > "]), (" > ", [" >= ", " < "]), (" + ", [" - "]), (" - ", [" + "]), (" * ", [" + "]),
             (" / ", [" * "]), (" % ", [" + "]), (" << ", [" >> "]), (" >> ", [" << "]), ("++", ["--"]), ("+= ", ["-= "]),
             ("if (!", ["if ("])]
SKIPPED = re.compile(r"^\s*(#|/\*|\*|//|assert\(|static const char|_Static_assert|enum )|cnn__fail|\"")


def candidates(path, text):
    """(line, begin, end, replacement) for everything that may be changed."""
    found, in_comment, offset = [], False, 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        code = line
        opened = in_comment or "/*" in code
        in_comment = (in_comment or "/*" in code) and "*/" not in code
        if not opened and not SKIPPED.search(code):
            for old, news in OPERATORS:
                at = code.find(old)
                while at >= 0:
                    for new in news:
                        found.append((number, offset + at, offset + at + len(old), new))
                    at = code.find(old, at + len(old))
            for match in re.finditer(r"(?<![\w.'])(\d+)(?![\w.'x])", code):
                value = int(match.group(1))
                for new in (value + 1, value - 1):
                    if new >= 0:
                        found.append((number, offset + match.start(1), offset + match.end(1), str(new)))
            check = re.match(r"\s*(if \(.*\)) (return .*|break|continue);$", code.rstrip("\n"))
            if check:
                found.append((number, offset + code.index("if ("), offset + len(code.rstrip("\n")), ";"))
        offset += len(line)
    return found


class Builder:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        with open(os.path.join(self.build, "compile_commands.json")) as file:
            self.commands = {os.path.normpath(os.path.join(c["directory"], c["file"])): c for c in json.load(file)
                             if c["output"].startswith("lib/")}
        self.links = {}
        self.work = tempfile.mkdtemp(prefix="cnn-mutation-")
        intro = json.load(open(os.path.join(self.build, "meson-info", "intro-buildsystem_files.json")))
        self.root = os.path.dirname(os.path.commonprefix([f for f in intro if f.endswith("meson.build")]) + "x")

    def compile(self, path, text):
        command = self.commands[os.path.join(self.root, path)]
        source, target = os.path.join(self.work, os.path.basename(path)), os.path.join(self.work, "changed.o")
        with open(source, "w") as file:
            file.write(text)
        words = [w for w in shlex.split(command["command"]) if w != "ccache"]
        words[words.index("-o") + 1] = target
        words[words.index("-c") + 1] = source
        for option in ("-MF", "-MQ"):
            if option in words:
                at = words.index(option)
                del words[at:at + 2]
        words = [w for w in words if w != "-MD"] + ["-w", "-O1", "-iquote", os.path.dirname(os.path.join(self.root, path))]
        return target if subprocess.run(words, cwd=self.build, capture_output=True).returncode == 0 else None

    def link(self, test, changed):
        if test not in self.links:
            lines = subprocess.run(["ninja", "-C", self.build, "-t", "commands", "-s", test], capture_output=True,
                                   text=True, check=True).stdout.splitlines()
            self.links[test] = [w for w in shlex.split(lines[-1]) if w != "ccache"]
        words = list(self.links[test])
        target = os.path.join(self.work, "test")
        at = words.index("-o")
        words[at + 1] = target
        words.insert(at + 2, changed)
        done = subprocess.run(words, cwd=self.build, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("cannot link %s:\n%s" % (test, done.stderr[-2000:]))
        return target

    def killed(self, test, path, text):
        """None: it does not compile."""
        changed = self.compile(path, text)
        if changed is None:
            return None
        program, *arguments = test.split()
        target = self.link(program, changed)
        environment = dict(os.environ, TMPDIR="/dev/shm" if os.path.isdir("/dev/shm") else "/tmp")
        try:
            return subprocess.run([target] + arguments, cwd=os.path.join(self.root, "tests/unit/data"), env=environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10).returncode != 0
        except subprocess.TimeoutExpired:
            return True


# file, test, what is there, what stands there instead
PLANTED = [
    ("a leak", "lib/io/safetensors_read.c", "tests/unit/io/io_safetensors", "  cnn__free(file->context, file->tensors);\n", ""),
    ("an unchecked allocation", "lib/data/npy.c", "tests/unit/data/test_data_files", "  if (!*array) return CNN_E_NOMEM;\n", ""),
    ("an off-by-one", "lib/io/safetensors_read.c", "tests/unit/io/io_safetensors", "if (size > total - sizeof prefix)", "if (size > total - sizeof prefix + 1)"),
    ("an off-by-one", "lib/base/json_read.c", "tests/unit/base/test_base_json", "if (depth == MAX_DEPTH)", "if (depth == MAX_DEPTH + 1)"),
]


def planted(builder):
    missed = 0
    for what, path, test, old, new in PLANTED:
        text = open(os.path.join(builder.root, path)).read()
        if text.count(old) != 1:
            sys.exit("%s: %r is not there once" % (path, old))
        sound, found = builder.killed(test, path, text) is False, builder.killed(test, path, text.replace(old, new))
        print("%s in %s: %s by %s" % (what, path, "found" if sound and found else "MISSED", test))
        missed += not (sound and found)
    return missed


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--only", default="")
    parser.add_argument("--planted", action="store_true")
    options = parser.parse_args()
    builder = Builder(options.build)
    if options.planted:
        return planted(builder)
    draw, drawn, texts = random.Random(options.seed), [], {}
    everything = [(test, path) for part, paths, test in ROOMS if options.only in part for path in paths]
    for test, path in everything:
        texts[path] = open(os.path.join(builder.root, path)).read()
    choices = {path: candidates(path, texts[path]) for _, path in everything}
    while len(drawn) < options.count:
        test, path = draw.choice(everything)
        if choices[path]:
            drawn.append((test, path, draw.choice(choices[path])))
    begin, tried, killed, place = time.time(), 0, 0, options.first
    for test, path, (line, first, last, new) in drawn[options.first:]:
        if time.time() - begin > options.seconds:
            break
        text = texts[path]
        outcome = builder.killed(test, path, text[:first] + new + text[last:])
        place += 1
        if outcome is None:
            continue
        tried += 1
        killed += outcome
        if not outcome:
            print("survived: %s:%d: %r -> %r: %s" % (path, line, text[first:last], new, text.splitlines()[line - 1].strip()), flush=True)
    print("mutations %d to %d: %d tried, %d killed" % (options.first, place, tried, killed), flush=True)
    return 0


sys.exit(main())
