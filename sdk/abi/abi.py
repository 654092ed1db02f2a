#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The promise that modules' binaries keep loading, as files that can be compared.

  abi.py layout [DIR]     print the layout of the headers in DIR (include)
  abi.py check            compare them with every baseline of this major
  abi.py store            write the baseline of the version in the headers

A baseline is sdk/abi/vMAJOR.MINOR: the headers as they were, layout-MODEL.txt
(what a compiler makes of them: every constant, size, offset and type) and
types-MACHINE.abi (the same as abidw sees it in the debug information).

Allowed is what a minor may do: constants, types, headers and tables that are
new, members above the "end of ABI" line of a struct that has one, and then a
higher WEIR_ABI_MINOR.  See weir-abi(7)."""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from headers import Failure, Headers  # noqa: E402

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
# what the host may meet in shorter forms: see framework/host/oldest.h
OLDEST = ["weir_host", "weir_stages", "weir_module", "weir_option",
          "weir_symbol", "weir_verdict", "weir_finding", "weir_helper"]


def compiler():
    return os.environ.get("CC", "cc").split()


def run(command, what):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{what}:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def program(h):
    """C that prints the layout of the headers."""
    out = ["#include <stdio.h>", "#include <weir/weir.h>"]
    out += [f"#include <{f}>" for f in h.files]
    out += ["#define NUMBER(n) _Generic((n), char *: 0, default: (n))",
            "#define TEXT(n) _Generic((n), char *: (n), default: NULL)",
            "#define MEMBER(s, m) printf(\"  %-4zu %-4zu %s \", "
            "offsetof(struct s, m), sizeof(((struct s *)0)->m), #m)",
            "static void constant(const char *name, const char *text, "
            "long long n)", "{", "\tif (text != NULL)",
            '\t\tprintf("constant %s = \\"%s\\"\\n", name, text);',
            "\telse", '\t\tprintf("constant %s = %lld\\n", name, n);', "}",
            "int main(void)", "{",
            '\tprintf("abi %d.%d\\nmodel %s\\n", WEIR_ABI_MAJOR, '
            'WEIR_ABI_MINOR, sizeof(void *) == 8 && sizeof(long) == 8 ? '
            '"lp64" : "ilp32");']
    out += [f'\tputs("header {f}");' for f in h.files]
    for name in h.constants:
        out.append(f'\tconstant("{name}", TEXT({name}), '
                   f"(long long)NUMBER({name}));")
    for name, text in sorted(h.types.items()):
        out.append(f'\tputs("type {name} = {text}");')
    for name in dict.fromkeys(h.macros + h.inlines):
        out.append(f'\tputs("macro {name}");')
    for s in h.structs.values():
        grows = "grows" if s.grows else "frozen"
        out.append(f'\tprintf("struct {s.name} {grows} size %zu\\n", '
                   f"sizeof(struct {s.name}));")
        for m in s.members:
            out.append(f'\tMEMBER({s.name}, {m.name}); puts(": {m.kind}");')
    return "\n".join(out + ["\treturn 0;", "}", ""])


def layout(folder):
    """The text of a layout."""
    h = Headers(folder)
    with tempfile.TemporaryDirectory(prefix="weir-abi-") as work:
        source, binary = Path(work, "layout.c"), Path(work, "layout")
        source.write_text(program(h))
        run([*compiler(), "-std=gnu11", "-w", f"-I{folder}", str(source),
             "-o", str(binary)], f"{folder}: the headers do not compile")
        return run([str(binary)], "the layout's program")


class Layout:
    """A layout read back."""

    def __init__(self, text):
        self.headers, self.names, self.structs = [], {}, {}
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word == "abi":
                self.major, self.minor = map(int, rest.split("."))
            elif word == "model":
                self.model = rest
            elif word == "header":
                self.headers.append(rest)
            elif word in ("constant", "type"):
                name, _, value = rest.partition(" = ")
                self.names[f"{word} {name}"] = value
            elif word == "macro":
                self.names[f"macro {rest}"] = ""
            elif word == "struct":
                name, how, _, size = rest.split()
                self.structs[name] = members = {}
                members[None] = (how, int(size))
            else:
                offset, size, member, _, kind = line.split(None, 4)
                members[member] = (int(offset), int(size), kind)

    @property
    def version(self):
        return f"{self.major}.{self.minor}"


def may_change(name):
    """Constants whose value tells how much there is."""
    return name == "constant WEIR_ABI_MINOR" or name.endswith("_COUNT")


def compare_struct(name, old, new):
    """What is wrong with one struct, and whether there is more in it."""
    (how, old_size), (_, new_size) = old[None], new[None]
    end = 0
    for member, was in old.items():
        if member is None:
            continue
        end = max(end, was[0] + was[1])
        what = f"member {member} of struct {name}"
        if member not in new:
            yield f"{what} was removed or renamed"
            continue
        now = new[member]
        if now[2] != was[2]:
            yield f"{what} changed its type from \"{was[2]}\" to \"{now[2]}\""
        if now[1] != was[1]:
            yield f"{what} changed its size from {was[1]} to {now[1]}"
        if now[0] != was[0]:
            yield f"{what} moved from offset {was[0]} to {now[0]}"
    for member, now in new.items():
        if member is None or member in old:
            continue
        if how == "frozen":
            yield (f"struct {name} is frozen: {member} can't be added to it "
                   "(put it into a table of another id)")
        elif now[0] < end:
            yield (f"member {member} of struct {name} is not at its end: new "
                   "ones belong above the \"end of ABI\" line")
    if new_size < old_size:
        yield f"struct {name} shrank from {old_size} to {new_size} octets"
    if how == "grows" and new[None][0] != "grows":
        yield f"struct {name} has lost its \"end of ABI\" line"


def compare(old, new):
    """Every breach of the promise, as a sentence; and what is new."""
    wrong, more = [], []
    for header in old.headers:
        if header not in new.headers:
            wrong.append(f"header {header} was removed")
    for name, was in old.names.items():
        if name not in new.names:
            wrong.append(f"{name} was removed or renamed")
        elif new.names[name] != was:
            now = new.names[name]
            grown = may_change(name) and int(now) > int(was)
            if not grown:
                wrong.append(f"{name} changed from {was} to {now}")
            elif name != "constant WEIR_ABI_MINOR":
                more.append(name)
    for name, was in old.structs.items():
        if name not in new.structs:
            wrong.append(f"struct {name} was removed or renamed")
            continue
        wrong += compare_struct(name, was, new.structs[name])
        more += [f"member {m} of struct {name}" for m in new.structs[name]
                 if m is not None and m not in was]
    more += [n for n in new.names if n not in old.names]
    more += [f"struct {n}" for n in new.structs if n not in old.structs]
    more += [f"header {n}" for n in new.headers if n not in old.headers]
    return wrong, more


# what abidw makes of a library that uses all of it

def stub(h):
    """C with a function for each type: the library that modules never link."""
    out = ["#include <weir/weir.h>"] + [f"#include <{f}>" for f in h.files]
    for name in h.structs:
        out.append(f"void weir_abi_s_{name}(struct {name} *p);"
                   f"void weir_abi_s_{name}(struct {name} *p) {{ (void)p; }}")
    for name, text in h.types.items():
        if "(" in text:
            out.append(f"void weir_abi_t_{name}({name} *p);"
                       f"void weir_abi_t_{name}({name} *p) {{ (void)p; }}")
    return "\n".join(out) + "\n"


def abidw(folder, where):
    """Write the types of the headers as abidw sees them; False: no abidw."""
    if shutil.which("abidw") is None:
        return False
    with tempfile.TemporaryDirectory(prefix="weir-abi-") as work:
        source, library = Path(work, "stub.c"), Path(work, "weir-abi.so")
        source.write_text(stub(Headers(folder)))
        run([*compiler(), "-std=gnu11", "-w", "-g", "-O0", "-shared", "-fPIC",
             f"-ffile-prefix-map={work}=.", f"-I{folder}", str(source), "-o",
             str(library)], f"{folder}: the headers do not compile")
        run(["abidw", "--no-corpus-path", "--no-comp-dir-path",
             "--no-show-locs", "--no-elf-needed", "--type-id-style", "hash",
             "--out-file", str(where), str(library)], "abidw")
    return True


def abidiff(old_file, folder, old, new):
    """abidiff's own opinion, without what a minor may do: structs that have
    only grown at their end."""
    grown = [name for name, was in old.structs.items()
             if name in new.structs and len(was) < len(new.structs[name])
             and not list(compare_struct(name, was, new.structs[name]))]
    with tempfile.TemporaryDirectory(prefix="weir-abi-") as work:
        now, allow = Path(work, "now.abi"), Path(work, "allow")
        abidw(folder, now)
        allow.write_text("".join(
            f"[suppress_type]\nname = {name}\ntype_kind = struct\n\n"
            for name in grown))
        done = subprocess.run(
            ["abidiff", "--no-added-syms", "--suppressions", str(allow),
             str(old_file), str(now)], capture_output=True, text=True)
    return [] if done.returncode == 0 else \
        ["abidiff finds:\n    " + done.stdout.strip().replace("\n", "\n    ")]


def oldest_text(baselines, current):
    """framework/host/oldest.h"""
    mine = [b for b in baselines if b[1].major == current.major]
    base = mine[0][1] if mine else current
    out = ["/* SPDX-License-Identifier: GPL-2.0-or-later */",
           "/* oldest - where the structs of the oldest ABI that this host "
           "serves end.", "   Written by `make storeabi`. */",
           "#ifndef WEIR_HOST_OLDEST_H", "#define WEIR_HOST_OLDEST_H", "",
           "#include <weir/weir.h>", "",
           f'#define OLDEST_ABI "{base.version}"',
           "#define OLDEST_END(type, last) \\",
           "\t(offsetof(struct type, last) + sizeof(((struct type *)0)->last))"]
    for name in OLDEST:
        last = list(base.structs[name])[-1]
        short = name.removeprefix("weir_").upper()
        out.append(f"#define OLDEST_{short} OLDEST_END({name}, {last})")
    return "\n".join(out + ["", "#endif", ""])


def baselines_of(root, model):
    """Every stored version, the oldest first: (folder, Layout)."""
    found = []
    for path in root.glob("v*.*"):
        file = path / f"layout-{model}.txt"
        if re.fullmatch(r"v\d+\.\d+", path.name) and file.exists():
            found.append((path, Layout(file.read_text())))
    return sorted(found, key=lambda b: (b[1].major, b[1].minor))


def check(args):
    current = Layout(layout(args.include))
    baselines = baselines_of(args.root, current.model)
    wrong, compared = [], 0
    for folder, old in baselines:
        stored = (folder / f"layout-{old.model}.txt").read_text()
        if layout(folder) != stored:
            wrong.append(f"{folder.name}: its own headers were edited: they "
                         "are no more what they were when they were stored")
        if old.major != current.major:
            print(f"{folder.name}: of another major than "
                  f"{current.version}: not compared")
            continue
        compared += 1
        bad, more = compare(old, current)
        if more and current.minor <= old.minor:
            bad.append(f"WEIR_ABI_MINOR is still {current.minor}, but there "
                       f"is more than in {old.version}: " + ", ".join(more))
        types = folder / f"types-{platform.machine()}.abi"
        if types.exists() and shutil.which("abidiff"):
            bad += abidiff(types, args.include, old, current)
        else:
            print(f"{folder.name}: types by their text only: "
                  + ("abidiff is not installed (apt-get install "
                     "abigail-tools)" if types.exists() else
                     f"no baseline for {platform.machine()}"))
        wrong += [f"{folder.name}: {text}" for text in bad]
    if args.oldest.exists() and \
            args.oldest.read_text() != oldest_text(baselines, current):
        wrong.append(f"{args.oldest.name} is not what `make storeabi` writes")
    if compared == 0 and current.major > 0:
        wrong.append(f"there is no baseline of {current.version}: "
                     "`make storeabi` writes it, once, when it is released")
    for text in wrong:
        print(f"checkabi: {text}", file=sys.stderr)
    if wrong:
        print(f"checkabi: ABI {current.version} breaks what was promised "
              "(weir-abi(7)); what is not yet released may be stored anew: "
              "make storeabi", file=sys.stderr)
        return 1
    print(f"ABI {current.version} keeps its promises to {compared} "
          f"baseline{'' if compared == 1 else 's'}"
          + (": 0.x makes none" if current.major == 0 else ""))
    return 0


def store(args):
    text = layout(args.include)
    current = Layout(text)
    if current.major > 0:
        folder = args.root / f"v{current.version}"
        again = folder.exists()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(args.include / "weir", folder / "weir",
                        ignore=lambda _, names: [
                            n for n in names if n.endswith(("~", ".orig"))])
        (folder / f"layout-{current.model}.txt").write_text(text)
        types = folder / f"types-{platform.machine()}.abi"
        if not abidw(args.include, types):
            raise Failure("abidw is not installed: apt-get install "
                          "abigail-tools")
        print(f"{folder}: stored" + (" anew: only right if it has not been "
                                     "released" if again else ""))
    args.oldest.write_text(oldest_text(
        baselines_of(args.root, current.model), current))
    print(f"{args.oldest}: written")
    return 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["layout", "check", "store"])
    parser.add_argument("directory", nargs="?", type=Path,
                        default=TOP / "include")
    parser.add_argument("--include", type=Path, default=TOP / "include",
                        help="the headers (%(default)s)")
    parser.add_argument("--root", type=Path, default=HERE,
                        help="where baselines are (%(default)s)")
    parser.add_argument("--oldest", type=Path,
                        default=TOP / "framework/host/oldest.h",
                        help="the host's own copy of the oldest sizes")
    args = parser.parse_args()
    try:
        if args.what == "layout":
            print(layout(args.directory), end="")
            return 0
        return {"check": check, "store": store}[args.what](args)
    except (Failure, OSError) as e:
        print(f"abi.py: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
