#!/usr/bin/env python3
"""Changes one thing in a source file, links its room's tests with what was changed, and sees whether one of them notices.

usage: mutate.py BUILD [--count N] [--seed S] [--only PART] [--shard K/N] [--state FILE] [--seconds T] [--check]
       mutate.py BUILD --planted

BUILD is a build folder with the tests built; the tree and the build stay as they are. Mutations are drawn by seed from
parsers, shape rules and kernels (a third each): operators, comparisons, constants, checks that are left out. Not changed is what
no test can see, since it changes nothing: comments, messages, estimates of work, prefetches, sizes of texts, an array declared
larger than it was, indices of a byte shuffle that mean none, the fourth lane of a pixel of three channels, a step more by a vector
of no floats. A mutation whose object file is the same as before is dropped. One
is killed when a test fails, crashes or hangs; all tests together have 10 s of processor time. --state keeps what was done, so
that a run of --seconds goes on where the last one ended. --shard K/N: of what the seed draws every N-th, beginning with the
K-th. --check: every test passes on the unchanged tree, and how long it takes.
--planted: a leak, an unchecked allocation and two off-by-ones in parsers must be found.
"""
import argparse, collections, json, os, random, re, resource, shlex, shutil, signal, subprocess, sys, tempfile, time

PROCESSOR_SECONDS, WALL_SECONDS, MEMORY = 10, 1800, 6 << 30  # the second: a machine may stop processes for a while

# Programs by short names: where they are and what they are given. {tree}: the source folder.
TESTS = {name.split("/")[-1]: "tests/" + name for name in (
    "unit/base/test_base_json", "unit/base/test_base_json_keys", "unit/base/test_base_json_pieces", "unit/base/test_base_names", "unit/base/test_base_edges", "unit/layers/test_layers_values", "unit/data/test_data_png_rows", "unit/data/test_data_npy", "unit/base/test_base_number", "unit/base/test_base_settings", "unit/base/test_base_mathematics",
    "unit/io/io_safetensors", "unit/io/io_model_file", "unit/io/io_callbacks", "unit/io/io_model_texts", "unit/io/io_metrics", "unit/io/io_bombs",
    "unit/data/test_data_files", "unit/data/test_data_idx_sizes", "unit/data/test_data_jpeg_header", "unit/data/test_data_png", "unit/data/test_data_jpeg", "unit/data/test_data_gzip",
    "unit/data/test_data_images", "unit/data/test_data_transforms", "unit/data/test_data_folder", "unit/data/test_data_loader",
    "unit/data/test_data_jpeg_markers", "unit/data/test_data_refusals", "unit/data/test_data_float_images", "unit/data/test_data_transform_chains",
    "unit/tensor/test_tensor_shape", "unit/tensor/test_tensor_tensor",
    "unit/layers/test_layers_shapes", "unit/layers/test_layers_options", "unit/layers/test_layers_sizes",
    "unit/layers/test_layers_operations", "unit/layers/test_layers_memory", "unit/layers/test_layers_files",
    "unit/model/test_model_build", "unit/model/test_model_plan", "unit/model/test_model_gradient", "unit/model/test_model_views",
    "unit/model/test_model_predict",
    "unit/ops/test_ops_activation", "unit/ops/test_ops_conv", "unit/ops/test_ops_conv_winograd", "unit/ops/test_ops_gemm",
    "unit/ops/test_ops_loss", "unit/ops/test_ops_normalization", "unit/ops/test_ops_optimizer", "unit/ops/test_ops_pool",
    "unit/ops/test_ops_vector", "grad/grad_layers", "golden/golden_layers", "golden/golden_train", "golden/golden_augment",
    "kernels/test_elementary", "fuzz/bombs")}
TESTS["replay"] = "tests/fuzz/replay run {tree}/tests/golden/images {tree}/tests/fuzz/found {tree}/tests/fuzz/corpus"
for family in ("gemm", "convolution", "depthwise", "elementwise", "image"):
    for isa in ("generic", "sse2", "avx2"):
        TESTS["%s-%s" % (family, isa)] = "tests/kernels/kernels --isa %s --family %s --rounds %d" % (isa, family, 400 if family == "elementwise" else 3000)

LAYERS = """test_layers_shapes test_layers_values test_layers_sizes test_layers_options test_layers_memory test_layers_operations test_layers_files golden_layers
test_model_plan test_model_build test_model_gradient test_model_views grad_layers replay test_model_predict"""
ELEMENTS = """test_ops_vector test_ops_pool test_ops_normalization test_ops_optimizer golden_layers golden_train test_ops_loss test_ops_activation
test_base_mathematics test_elementary elementwise-avx2"""
CONVOLUTIONS = "convolution-avx2 golden_layers test_ops_pool test_ops_conv test_ops_conv_winograd"
READERS = "test_data_refusals test_data_float_images test_data_npy test_data_files test_data_idx_sizes test_data_gzip replay bombs"
BLOCKS = "io_callbacks io_metrics io_model_texts replay io_bombs io_model_file"

# What is changed, and the tests that are to notice: the cheapest first. A header of kernels is changed for the families that
# include it, in generic C and AVX2 at once: so tests against references must find it, not only generic C against AVX2.
ROOMS = [
    ("parsers", "lib/base/json_read.c lib/base/json_string.c lib/base/json_keys.c lib/base/name_table.c",
     "test_base_names test_base_json_keys test_base_json_pieces test_base_edges test_base_json io_safetensors io_model_texts replay io_bombs io_model_file"),
    ("parsers", "lib/base/number.c lib/base/number_read.c lib/base/decimal.c lib/base/decimal_short.c", "test_base_edges test_base_json test_base_number"),
    ("parsers", "lib/base/settings.c", "test_base_settings test_layers_options test_layers_files io_model_texts replay io_bombs io_model_file"),
    ("parsers", "lib/io/safetensors_read.c", "io_safetensors replay io_bombs io_model_file"),
    ("parsers", "lib/io/architecture.c lib/io/training_read.c lib/io/extras.c", BLOCKS),
    ("parsers", "lib/data/idx.c lib/data/npy.c lib/data/cifar.c", READERS),
    ("parsers", "lib/data/png_read.c", "test_data_png test_data_png_rows test_data_images test_data_folder replay bombs"),
    ("parsers", "lib/data/jpeg_read.c lib/data/exif.c", "test_data_jpeg_header test_data_jpeg_markers test_data_jpeg test_data_images test_data_folder replay bombs"),
    ("parsers", "lib/data/inflate.c", READERS),
    ("shapes", "lib/tensor/shape.c", "test_tensor_shape test_tensor_tensor test_layers_shapes test_layers_sizes"),
    ("shapes", """lib/layers/support.c lib/layers/convolution.c lib/layers/conv2d.c lib/layers/max_pool2d.c lib/layers/concatenate.c
                lib/layers/zero_padding2d.c lib/layers/depthwise_conv2d.c lib/layers/add.c lib/layers/average_pool2d.c lib/layers/pooling.c
                lib/layers/dense.c lib/layers/flatten.c lib/layers/global_average_pool2d.c lib/layers/batch_normalization.c""", LAYERS),
    ("kernels", """lib/kernels/generic/image_generic.c lib/kernels/x86/image_avx2.c lib/kernels/x86/image_sse2.c
                 lib/kernels/image/image_body.h lib/kernels/image/pixel_sse.h""", "test_data_images test_data_transforms test_data_transform_chains golden_augment image-avx2 image-sse2"),
    ("kernels", """lib/kernels/convolution/winograd_forward_body.h lib/kernels/convolution/winograd_adjoint_body.h
                 lib/kernels/convolution/winograd_kernel_body.h lib/kernels/convolution/winograd_square.h
                 lib/kernels/convolution/winograd_transforms.h lib/kernels/convolution/ragged.h
                 lib/kernels/convolution/shallow_body.h lib/kernels/convolution/pooling_body.h""", CONVOLUTIONS),
    ("kernels", """lib/kernels/depthwise/depthwise_body.h lib/kernels/depthwise/depthwise_gradient_body.h
                    lib/kernels/depthwise/line_body.h lib/kernels/depthwise/three_taps.h""", "depthwise-avx2 golden_layers test_ops_conv"),
    ("kernels", """lib/kernels/gemm_body.h lib/kernels/gemm_chain.h lib/kernels/gemm_registers.h lib/kernels/gemm_order.h lib/kernels/gemm_pack.h lib/kernels/gemm_packing.h
                 lib/kernels/gemm_rows.h lib/kernels/gemm_dots.h lib/kernels/generic/gemm_generic.c""",
     "gemm-avx2 gemm-sse2 gemm-generic test_ops_gemm test_ops_conv"),
    ("kernels", """lib/kernels/elementwise/activation_body.h lib/kernels/elementwise/arithmetic_body.h lib/kernels/elementwise/loss_body.h
                 lib/kernels/elementwise/mathematics_body.h lib/kernels/elementwise/normalization_body.h
                 lib/kernels/elementwise/optimizer_body.h lib/kernels/elementwise/pooling_body.h lib/kernels/elementwise/lanes.h lib/kernels/x86/vector_avx2.h""", ELEMENTS),
    ("kernels", "lib/kernels/x86/vector_sse2.h", "elementwise-sse2 convolution-sse2 depthwise-sse2 gemm-sse2"),
    ("kernels", "lib/kernels/generic/vector_generic.h", "elementwise-avx2 convolution-avx2 depthwise-avx2"),
    ("kernels", "lib/kernels/x86/interleave.h", "convolution-sse2 " + CONVOLUTIONS),
]

# What headers are changed for that belong to no family.
INCLUDERS = {
    "lib/kernels/x86/vector_avx2.h": "x86/elementwise_avx2.c",
    "lib/kernels/x86/vector_sse2.h": "x86/elementwise_sse2.c x86/convolution_sse2.c x86/depthwise_sse2.c x86/gemm_sse2.c",
    "lib/kernels/generic/vector_generic.h": "generic/elementwise_generic.c generic/convolution_generic.c generic/depthwise_generic.c",
    "lib/kernels/x86/interleave.h": "x86/convolution_sse2.c x86/convolution_avx2.c",
    "lib/kernels/image/pixel_sse.h": "x86/image_avx2.c x86/image_sse2.c",
}

# The other files of lib/kernels in which something could be changed, and why it is not. (What is for AVX-512 or NEON
# neither: a processor that has them need not be here.)
UNCHANGED = {
    "contracts, which more includes than is compiled again": "gemm.h image.h convolution/winograd.h elementwise/arithmetic.h",
    "prefetches": "depthwise/ahead.h",
    "no kernel": "dispatch.c",
}

OPERATORS = [("<=", ["<"]), (">=", [">"]), ("==", ["!="]), ("!=", ["=="]), ("&&", ["||"]), ("||", ["&&"]),
             (" < ", [" <= ", " > "]), (" > ", [" >= ", " < "]), (" + ", [" - "]), (" - ", [" + "]), (" * ", [" + "]),
             (" / ", [" * "]), (" % ", [" + "]), (" << ", [" >> "]), (" >> ", [" << "]), ("++", ["--"]), ("+= ", ["-= "]),
             ("if (!", ["if ("])]

# What is not changed: comments, texts, directives; declarations of texts and of constants that only bound work; whole
# statements that make messages or estimates, prefetch, or are not compiled; a shuffle's negative indices, which mean none.
LEFT_OUT = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+' | ^[ \t]*\#(?:\\\n|[^\n])*
  | _mm_setr_ps\(r,\ g,\ b,\ 0\) | \bchar\s+[^;={}()]*\[[^;]*; | \benum\s*\{[^}]*\}; | \b\w+->flops\s*[+*]?=[^;]*; | \btable->rows\s*=[^;]*; """, re.S | re.M | re.X)
CALLS_LEFT_OUT = re.compile(r"\b(cnn__fail|cnn__fail_prefix|\w*_fail\w*|snprintf|assert|_Static_assert|static_assert|will_read|__builtin_prefetch)\(")
# Arrays without values, in functions and structs: one element more changes nothing, unless someone asks for their size.
# Loops over floats whose bodies get and put what is left (elementwise/lanes.h), which is nothing in a step more.
STEPS = re.compile(r"(?<=for \(size_t i = 0; i) < (?=(?:count|n|columns|channels); i \+= VECTOR_WIDTH)")
ARRAYS = re.compile(r"^[ \t]+(?:(?:const|static|unsigned)\s+)*[a-z_]\w* \**(?:const )?\w+(?:\[[^\];]*\])*(?:, \**\w+(?:\[[^\];]*\])*)*;", re.M)



def left_out(text):
    """For every character whether it is to stay."""
    stays = bytearray(len(text))
    for match in LEFT_OUT.finditer(text):
        stays[match.start():match.end()] = b"\1" * (match.end() - match.start())
    for match in CALLS_LEFT_OUT.finditer(text):
        at, depth = match.end(), 1
        while depth and at < len(text):
            if not stays[at]:
                depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        stays[match.start():at] = b"\1" * (at - match.start())
    for shuffle in re.finditer(r"_setr_epi8\([^;()]*\)", text):
        for match in re.finditer(r"-\d+", shuffle.group()):
            at = shuffle.start() + match.start()
            stays[at:at + len(match.group())] = b"\1" * len(match.group())
    return stays


def candidates(text):
    """(begin, end, replacement) for everything that may be changed."""
    found, stays = [], left_out(text)
    asked = set(re.findall(r"sizeof\W+(\w+)", text))
    larger = {at for match in ARRAYS.finditer(text) if not asked & set(re.findall(r"\w+", match.group()))
              for at in range(match.start(), match.end())}
    steps = {match.start() for match in STEPS.finditer(text)}
    for old, news in OPERATORS:
        for match in re.finditer(re.escape(old), text):
            found += [(match.start(), match.end(), new) for new in news if not (new == " <= " and match.start() in steps)]
    for match in re.finditer(r"(?<![\w.'])(\d+)(?![\w.'x])", text):
        value = int(match.group(1))
        found += [(match.start(), match.end(), str(new)) for new in (value + 1, value - 1)
                  if new >= 0 and not (new > value and match.start() in larger)]
    for match in re.finditer(r"^[ \t]*(if \([^\n]*\)) (return [^\n]*|break|continue);$", text, re.M):
        found.append((match.start(1), match.end(), ";"))
    return sorted(c for c in found if not stays[c[0]])


class Builder:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        with open(os.path.join(self.build, "compile_commands.json")) as file:
            self.commands = {os.path.normpath(os.path.join(c["directory"], c["file"])): c for c in json.load(file)
                             if c["output"].startswith("lib/")}
        self.links, self.sound = {}, {}
        self.work = tempfile.mkdtemp(prefix="cnn-mutation-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.linker = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []
        intro = json.load(open(os.path.join(self.build, "meson-info", "meson-info.json")))
        self.root = intro["directories"]["source"]

    def sources(self, path):
        """The files to compile for a change of path."""
        if path.endswith(".c"):
            return [path]
        if path in INCLUDERS:
            return ["lib/kernels/" + name for name in INCLUDERS[path].split()]
        family = re.split("[/_]", path[len("lib/kernels/"):])[0]
        kinds = [("x86", "sse2"), ("x86", "avx2")] if family in ("image", "gemm") else [("generic", "generic"), ("x86", "avx2")]
        return ["lib/kernels/%s/%s_%s.c" % (folder, family, kind) for folder, kind in kinds]

    def compile(self, path, text):
        """The objects' names and contents; None: it does not compile."""
        place = os.path.join(self.work, os.path.relpath(path, "lib"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w") as file:
            file.write(text)
        running, objects = [], []
        for source in self.sources(path):
            command = self.commands[os.path.join(self.root, source)]
            words = [w for w in shlex.split(command["command"]) if w not in ("ccache", "-MD")]
            objects.append(os.path.join(self.work, "changed-%d.o" % len(objects)))
            words[words.index("-o") + 1] = objects[-1]
            if source == path:
                words[words.index("-c") + 1] = place
            for option in ("-MF", "-MQ"):
                if option in words:
                    at = words.index(option)
                    del words[at:at + 2]
            words[1:1] = ["-I", self.work]
            words += ["-w", "-O1", "-iquote", os.path.dirname(os.path.join(self.root, source))]
            running.append(subprocess.Popen(words, cwd=self.build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        failed = [process.wait() for process in running]
        os.remove(place)
        return None if any(failed) else (objects, [open(o, "rb").read() for o in objects])

    def link(self, program, objects):
        if program not in self.links:
            lines = subprocess.run(["ninja", "-C", self.build, "-t", "commands", "-s", program], capture_output=True,
                                   text=True, check=True).stdout.splitlines()
            self.links[program] = [w for w in shlex.split(lines[-1]) if w != "ccache"]
        words = list(self.links[program])
        target = os.path.join(self.work, "test")
        at = words.index("-o")
        words[at + 1] = target
        words[at + 2:at + 2] = self.linker + objects
        done = subprocess.run(words, cwd=self.build, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("cannot link %s:\n%s" % (program, done.stderr[-2000:]))
        return target

    def run(self, test, objects, seconds):
        """Whether the test passes."""
        program, *arguments = TESTS[test].format(tree=self.root).split()
        target = self.link(program, objects)

        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (max(1, int(seconds + 0.5)),) * 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        # Kernels of AVX-512 are not changed: where the processor has it, tests take AVX2 all the same.
        environment = dict(os.environ, CNN_ISA="avx2", TMPDIR=self.work, CNN_GOLDEN=os.path.join(self.root, "tests/golden/vectors"))
        process = subprocess.Popen([target] + arguments, cwd=os.path.join(self.root, "tests/unit/data"), env=environment, preexec_fn=limit,
                                   start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return process.wait(timeout=WALL_SECONDS) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False

    def outcome(self, tests, path, text, original):
        """(invalid, same, killed, survived; by which test)."""
        if path not in self.sound:
            self.sound[path] = self.compile(path, original)[1]
        made = self.compile(path, text)
        if made is None:
            return "invalid", ""
        objects, contents = made
        if contents == self.sound[path]:
            return "same", ""
        left = PROCESSOR_SECONDS
        for test in tests:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            if not self.run(test, objects, left):
                return "killed", test
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            left -= after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return "survived", ""


# file, tests, what is there, what stands there instead
PLANTED = [
    ("a leak", "lib/io/safetensors_read.c", "io_safetensors", "  cnn__free(file->context, file->tensors);\n", ""),
    ("an unchecked allocation", "lib/data/npy.c", "test_data_files", "  if (!*array) return CNN_E_NOMEM;\n", ""),
    ("an off-by-one", "lib/io/safetensors_read.c", "io_safetensors", "if (size > total - sizeof prefix)", "if (size > total - sizeof prefix + 1)"),
    ("an off-by-one", "lib/base/json_read.c", "test_base_json", "if (depth == MAX_DEPTH)", "if (depth == MAX_DEPTH + 1)"),
]


def planted(builder):
    missed = 0
    for what, path, test, old, new in PLANTED:
        text = open(os.path.join(builder.root, path)).read()
        if text.count(old) != 1:
            sys.exit("%s: %r is not there once" % (path, old))
        sound = builder.run(test, builder.compile(path, text)[0], PROCESSOR_SECONDS)
        found = builder.outcome([test], path, text.replace(old, new), text)[0] == "killed"
        print("%s in %s: %s by %s" % (what, path, "found" if sound and found else "MISSED", test))
        missed += not (sound and found)
    return missed


def check(builder, everything):
    """The tests of every file on the unchanged tree: each passes, all together in half of the time that a mutation has."""
    failed, took = 0, {}
    for path, tests in everything.items():
        objects = builder.compile(path, open(os.path.join(builder.root, path)).read())[0]
        total = 0
        for test in tests:
            if test not in took:
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                if not builder.run(test, objects, PROCESSOR_SECONDS):
                    print("%s fails on the unchanged tree" % test)
                    failed += 1
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                took[test] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            total += took[test]
        failed += total > PROCESSOR_SECONDS * 0.8
        print("%5.1f s  %s" % (total, path), flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shard", default="1/1")
    parser.add_argument("--state", default="")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--planted", action="store_true")
    options = parser.parse_args()
    builder = Builder(options.build)
    try:
        return work(builder, options)
    finally:
        shutil.rmtree(builder.work)


def forgotten(root):
    """Files of kernels that are neither changed nor said not to be."""
    known = {path for _, paths, _ in ROOMS for path in paths.split()}
    known |= {"lib/kernels/" + path for paths in UNCHANGED.values() for path in paths.split()}
    files = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(root, "lib/kernels")) for name in names]
    there = {os.path.relpath(path, root) for path in files if path.endswith((".c", ".h")) and candidates(open(path).read())}
    return sorted(path for path in there - known if not re.search(r"/arm/|_avx512\.", path))


def work(builder, options):
    if options.planted:
        return planted(builder)
    if forgotten(builder.root):
        sys.exit("in no room: " + " ".join(forgotten(builder.root)))
    parts, everything = collections.defaultdict(list), {}
    for part, paths, tests in ROOMS:
        for path in paths.split():
            if options.only in part or options.only in path:
                parts[part].append(path)
                everything[path] = tests.split()
    if options.check:
        return check(builder, everything)
    texts = {path: open(os.path.join(builder.root, path)).read() for path in everything}
    choices = {path: candidates(texts[path]) for path in everything}
    state = {"drawn": 0, "results": []}
    if options.state and os.path.exists(options.state):
        state = json.load(open(options.state))
    draw, drawn, seen, begin = random.Random(options.seed), 0, set(), time.time()
    names = sorted(part for part in parts)
    shard, shards = (int(number) for number in options.shard.split("/"))
    while sum(r["outcome"] in ("killed", "survived") for r in state["results"]) < options.count and time.time() - begin < options.seconds:
        part = draw.choice(names)
        path = draw.choice(parts[part])
        first, last, new = draw.choice(choices[path])
        drawn += 1
        is_new = (path, first, new) not in seen
        seen.add((path, first, new))
        if drawn <= state["drawn"] or not is_new or drawn % shards != shard % shards:
            continue
        text = texts[path]
        outcome, test = builder.outcome(everything[path], path, text[:first] + new + text[last:], text)
        line = text.count("\n", 0, first)
        result = {"outcome": outcome, "test": test, "part": part, "path": path, "line": line + 1, "old": text[first:last], "new": new}
        state["drawn"] = drawn
        state["results"].append(result)
        if outcome == "survived":
            print("survived: %s:%d: %r -> %r: %s" % (path, line + 1, text[first:last], new, text.splitlines()[line].strip()), flush=True)
        if options.state:
            json.dump(state, open(options.state, "w"), indent=0)
    for part in names + [""]:
        count = collections.Counter(r["outcome"] for r in state["results"] if part in r["part"])
        print("%s: %d tried, %d killed; dropped: %d whose object is the same, %d that do not compile" % (
            part or "all", count["killed"] + count["survived"], count["killed"], count["same"], count["invalid"]), flush=True)
    return 0


sys.exit(main())
