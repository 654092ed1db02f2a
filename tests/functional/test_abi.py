# SPDX-License-Identifier: GPL-2.0-or-later
"""The public headers as a contract: they compile alone everywhere, say what
they must, and are compared with what was promised (weir-abi(7))."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from weirtest import proc

sys.path.insert(0, str(proc.ROOT / "sdk" / "abi"))
sys.dont_write_bytecode = True

import abi  # noqa: E402
from headers import Headers  # noqa: E402

INCLUDE = proc.ROOT / "include"
WARNINGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wpadded",
            "-Wshadow", "-Werror", f"-I{INCLUDE}"]
TAG = re.compile(r"\[(main|loop|job|any|helper|run)\]")

# What a module needs of the headers, in the oldest C and in C++.
MODULE = """\
#include <weir/weir.h>
int32_t used(void);
static int create(const struct weir_host *host, weir_self *self,
    const weir_conf *conf, void **state)
{
	(void)self;
	(void)conf;
	*state = WEIR_HAS(host, exempt) ? state : 0;
	host->log(self, 0, WEIR_LOG_INFO, WEIR_STR("x"));
	return weir_str_eq(weir_str_of("a"), "a") ? WEIR_OK : WEIR_E_INVAL;
}
"""
C = MODULE + """\
static const struct weir_module module = { WEIR_MODULE_HEAD, .id = "a.b",
	.name = "x", .create = create };
WEIR_MODULE_EXPORT(mod_x, module)
"""
CXX = MODULE + """\
static const struct weir_module module = { WEIR_MAGIC,
	sizeof(struct weir_module), WEIR_ABI_MAJOR, WEIR_ABI_MINOR,
	WEIR_ABI_MINOR, sizeof(struct weir_option), sizeof(struct weir_symbol),
	0, 0, 0, 0, "a.b", "x", "1", "ISC", "X.", 0, 0, 0, 0, 0, 0, 0, create,
	0, 0, 0, 0, 0, 0 };
WEIR_MODULE_EXPORT(mod_x, module)
"""


@pytest.mark.parametrize("compiler, standard", [
    ("gcc", "c11"), ("gcc", "c17"), ("gcc", "gnu2x"), ("g++", "c++17"),
    ("clang", "c11"), ("clang", "c17"), ("clang", "gnu2x"),
    ("clang++", "c++17")])
def test_each_header_compiles_alone(folder, compiler, standard):
    """Alone as C11 and C++17; that they do not need each other is no question
    of the standard: as C17 and C23 all of them at once."""
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    end = "cc" if "++" in compiler else "c"
    sources = []
    headers = Headers(INCLUDE).files
    for one in [[h] for h in headers] if standard in ("c11", "c++17") else \
            [headers]:
        source = folder / (one[0].replace("/", "_") + "." + end)
        source.write_text("".join(f"#include <{h}>\n" for h in one)
                          + "extern int something;\n")
        sources.append(source)
    module = folder / f"module.{end}"
    module.write_text(CXX if end == "cc" else C)
    # what authors write may leave members out
    sources.append(module)
    done = subprocess.run(
        [compiler, f"-std={standard}", *WARNINGS,
         "-Wno-missing-field-initializers", *sources],
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler")
def test_padding_is_found(folder):
    """That the flags above can fail."""
    (folder / "x.c").write_text("struct x { char c; int i; };\n"
                                "extern struct x y;\n")
    done = subprocess.run(["gcc", *WARNINGS, folder / "x.c"],
                          capture_output=True, text=True)
    assert "-Werror=padded" in done.stderr


def test_headers_say_what_they_must():
    """Every struct, member and function type has a comment; every function
    names its thread."""
    headers = Headers(INCLUDE)
    missing = []
    for s in headers.structs.values():
        if not s.comment and s.name != "weir_str":
            missing.append(f"struct {s.name}: no comment")
        commented = s.name not in ("weir_str", "weir_stages")
        last = None
        for m in s.members:
            where = f"{s.header}:{m.line}: {s.name}.{m.name}"
            if commented and not m.comment:
                missing.append(f"{where}: no comment")
            if m.is_function and m.comment is not last and \
                    not TAG.search(m.comment) and not TAG.search(s.comment):
                missing.append(f"{where}: no thread")
            last = m.comment
    for name, text in headers.types.items():
        if "(" in text and not TAG.search(headers.type_comments[name]):
            missing.append(f"{name}: no thread")
    assert missing == []


def test_headers_keep_to_the_rules():
    """No long, bool, enum or bit-field in a struct; one name space."""
    headers = Headers(INCLUDE)
    for s in headers.structs.values():
        for m in s.members:
            if m.is_function:
                continue
            words = re.findall(r"\w+", m.kind)
            assert not {"long", "bool", "enum", "float"} & set(words), \
                f"{s.name}.{m.name}: {m.kind}"
    for name in [*headers.structs, *headers.types, *headers.inlines]:
        assert name.startswith("weir_"), name
    for name in [*headers.constants, *headers.macros]:
        assert name.startswith("WEIR_"), name


def test_all_headers_are_installed():
    text = (proc.ROOT / "Makefile.am").read_text()
    files = Headers(INCLUDE).files
    assert len(files) > 15
    for header in files:
        assert f"include/{header}" in text, header


# the comparison with a baseline

class Tree:
    """Headers as version 1.0 that a test may change, and their baseline."""

    def __init__(self, folder):
        self.root = folder
        self.include = folder / "include"
        shutil.copytree(INCLUDE, self.include)
        self.edit("version.h", r"WEIR_ABI_MAJOR \d+", "WEIR_ABI_MAJOR 1")
        self.minor(0)
        self.first = None

    def edit(self, header, old, new, regex=True):
        path = self.include / "weir" / header
        text = path.read_text()
        changed = re.sub(old, new, text, count=1) if regex else \
            text.replace(old, new, 1)
        assert changed != text or old.startswith("WEIR_ABI"), old
        path.write_text(changed)

    def minor(self, n):
        self.edit("version.h", r"WEIR_ABI_MINOR \d+", f"WEIR_ABI_MINOR {n}")

    def append(self, header, struct, line):
        """Put a line above a struct's end-of-ABI line."""
        self.edit(header, rf"(struct {struct} \{{\n(?:.*\n)*?)(\t/\* ---- end)",
                  rf"\1\t{line}\n\2")

    def run(self, what):
        done = subprocess.run(
            [sys.executable, "-B", proc.ROOT / "sdk/abi/abi.py", what,
             "--include", self.include, "--root", self.root, "--oldest",
             self.root / "oldest.h"], capture_output=True, text=True,
            timeout=120)
        return done.returncode, done.stdout + done.stderr

    def compare(self):
        """The fast part of it."""
        if self.first is None:
            self.first = abi.Layout(abi.layout(self.include))
            return None
        return abi.compare(self.first, abi.Layout(abi.layout(self.include)))


@pytest.fixture
def tree(folder):
    if shutil.which("cc") is None:
        pytest.skip("no compiler")
    return Tree(folder)


def test_what_is_stored_passes(tree):
    if shutil.which("abidw") is None:
        pytest.skip("abidw is not installed")
    status, out = tree.run("store")
    assert status == 0, out
    stored = {p.name for p in (tree.root / "v1.0").iterdir()}
    assert {"weir", "layout-lp64.txt"} < stored
    assert any(name.startswith("types-") for name in stored)
    text = "".join(p.read_text() for p in (tree.root / "v1.0").glob("*.*"))
    assert str(tree.root) not in text and "/tmp" not in text
    assert tree.run("check") == (
        0, "ABI 1.0 keeps its promises to 1 baseline\n")
    # what a minor may do
    tree.append("host.h", "weir_host", "int (*more)(weir_call *);")
    tree.edit("types.h", "WEIR_E_EXISTS = -12", "WEIR_E_EXISTS = -12,\n"
              "\tWEIR_E_MORE = -13")
    status, out = tree.run("check")
    assert status == 1 and "WEIR_ABI_MINOR is still 0" in out
    assert "member more of struct weir_host" in out
    tree.minor(1)
    status, out = tree.run("check")
    assert status == 0, out
    # what it may not
    tree.edit("verdict.h", r"uint32_t rcpt;", "uint64_t rcpt;")
    status, out = tree.run("check")
    assert status == 1
    assert "member rcpt of struct weir_verdict changed its type" in out
    assert "abidiff finds" in out and "make storeabi" in out
    # nor may anybody improve the past
    tree.edit("verdict.h", r"uint64_t rcpt;", "uint32_t rcpt;")
    frozen = tree.root / "v1.0/weir/verdict.h"
    frozen.write_text(frozen.read_text().replace("WEIR_ACT_DISCARD = 3",
                                                 "WEIR_ACT_DISCARD = 7"))
    status, out = tree.run("check")
    assert status == 1 and "its own headers were edited" in out


def test_no_baseline(tree):
    status, out = tree.run("check")
    assert status == 1 and "there is no baseline of 1.0" in out
    (tree.include / "weir/types.h").write_text("struct")
    status, out = tree.run("check")
    assert status == 2 and "do not compile" in out


BREACHES = [
    ("option.h", r"(\tuint32_t type;.*\n)(\tuint32_t flags;.*\n)", r"\2\1",
     "member type of struct weir_option moved from offset 8 to 12"),
    ("types.h", r"\tWEIR_E_LIMIT = -9,.*\n", "",
     "constant WEIR_E_LIMIT was removed"),
    ("types.h", r"WEIR_E_TEMP = -10", "WEIR_E_TEMP = -20",
     "constant WEIR_E_TEMP changed from -10 to -20"),
    ("host.h", r"int64_t \(\*wall_ms\)", "uint64_t (*wall_ms)",
     "member wall_ms of struct weir_host changed its type from"),
    ("host.h", r"int \(\*want\)\(weir_self \*, uint32_t", "int (*want)("
     "weir_self *, uint64_t", "member want of struct weir_host changed"),
    ("module.h", r"\tint \(\*eom\)\(void \*state, weir_call \*\);\n", "",
     "member eom of struct weir_stages was removed"),
    ("ext/timer.h", r"(\tint \(\*every\))", r"\tint (*more)(weir_call *);\n\1",
     "struct weir_timer is frozen: more can't be added"),
    ("verdict.h", r"(\tuint32_t rcpt;)", r"\tuint64_t more;\n\1",
     "member more of struct weir_verdict is not at its end"),
    ("ext/dns.h", r'"weir.dns/1"', '"weir.dns/2"',
     'constant WEIR_EXT_DNS changed from "weir.dns/1" to "weir.dns/2"'),
    ("host.h", r"typedef void weir_task_fn\(weir_call \*, int status",
     "typedef void weir_task_fn(weir_call *, long status",
     "type weir_task_fn changed from void (weir_call *, int, void *) to"),
    ("verdict.h", r"\t/\* ---- end of ABI [0-9.]+ ---- \*/\n", "",
     'struct weir_verdict has lost its "end of ABI" line'),
    ("inline.h", r"weir_str_of\(const", "weir_string_of(const",
     "macro weir_str_of was removed"),
    ("types.h", r"WEIR_STAGE_COUNT = 9", "WEIR_STAGE_COUNT = 8",
     "constant WEIR_STAGE_COUNT changed from 9 to 8"),
]


@pytest.mark.parametrize("header, old, new, why", BREACHES)
def test_breach_is_named(tree, header, old, new, why):
    tree.compare()
    tree.edit(header, old, new)
    wrong, _ = tree.compare()
    assert any(text.startswith(why) for text in wrong), wrong


def test_parameter_names_are_free(tree):
    tree.compare()
    tree.edit("host.h", r"uint32_t attr, uint32_t rcpt,",
              "uint32_t which, uint32_t who,")
    tree.edit("module.h", r"\(void \*state, weir_call \*, uint32_t rcpt\)",
              "(void *mine, weir_call *call, uint32_t one)")
    assert tree.compare() == ([], [])


def test_the_tree_keeps_its_promises():
    """make checkabi"""
    if shutil.which("cc") is None:
        pytest.skip("no compiler")
    done = subprocess.run([sys.executable, "-B", proc.ROOT / "sdk/abi/abi.py",
                           "check"], capture_output=True, text=True,
                          timeout=120, env={**os.environ, "CC": "cc"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_promises_have_their_tests():
    """Each test that sdk/abi/behaviour.md names is there."""
    rows = [line for line in (proc.ROOT / "sdk/abi/behaviour.md").read_text()
            .splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) >= 10
    for row in rows:
        path = None
        for word in re.findall(r"`([^`]+)`", row):
            file, _, name = word.rpartition(": ")
            path = file or path
            text = (proc.ROOT / path).read_text()
            assert re.search(rf"\b{name}\(", text), f"{path}: {name}"


def test_manual_page():
    """weir-abi(7) exists, is linked to and names what there is."""
    page = (proc.ROOT / "framework/man/weir-abi.7").read_text()
    for word in ("checkabi", "storeabi", "WEIR_HAS", "abi_minor_min"):
        assert word in page
    for path in ("README.md", "doc/modules.md"):
        assert "weir-abi(7)" in (proc.ROOT / path).read_text(), path
    if shutil.which("groff") is not None:
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-z",
             proc.ROOT / "framework/man/weir-abi.7"], capture_output=True,
            text=True)
        assert done.stderr == ""
