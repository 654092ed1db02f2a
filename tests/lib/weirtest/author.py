# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules from C text, as their authors compile them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from weirtest import proc

FLAGS = ["-fPIC", "-fvisibility=hidden", "-shared", "-Wl,-z,now",
         "-Wl,-z,relro"]


def compile_file(source, target, include=None, flags=(), compiler="cc"):
    """A module from a source file against headers (the tree's own)."""
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    done = subprocess.run(
        [compiler, "-D_GNU_SOURCE", *FLAGS,
         *([] if compiler != "cc" else ["-Wno-override-init"]), *flags,
         f"-I{include or proc.ROOT / 'include'}", str(source), "-o",
         str(target)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return target


def compile_module(folder, name, body="", flags=(), entry=True, head="",
                   create="return 0;", helo="return 0;"):
    """A small module of C text: head stands before the descriptor, body in
    it (it overrides what is there), create and helo in the callbacks."""
    source = folder / f"mod_{name}.c"
    source.write_text(
        "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
        "#include <string.h>\n#include <unistd.h>\n"
        "#include <weir/weir.h>\n" + head +
        "\nstatic int create(const struct weir_host *h, weir_self *s,\n"
        "    const weir_conf *c, void **state)\n"
        f"{{ (void)h; (void)s; (void)c; (void)state; {create} }}\n"
        "static int helo(void *s, weir_call *c)\n{ (void)s; (void)c; "
        f"{helo} }}\n"
        "static const struct weir_stages collect = { .size = sizeof(collect),"
        " .helo = helo };\n"
        "static const struct weir_module module = { WEIR_MODULE_HEAD,\n"
        f' .id = "org.example.{name}", .name = "{name}", .version = "1",\n'
        ' .license = "ISC", .summary = "Is there.", .collect = &collect,\n'
        f" .create = create, {body} }};\n"
        + (f"WEIR_MODULE_EXPORT(mod_{name.replace('-', '_')}, module)\n"
           if entry is True else
           "WEIR_EXPORT const void *other(void);\n"
           "const void *other(void) { return &module; }\n"
           if not entry else entry))
    return compile_file(source, folder / f"mod_{name}.so", flags=flags)


def younger_headers(target, members=8):
    """The tree's headers as a minor later: more members above every "end of
    ABI" line, more stages, more constants.  Returns the folder."""
    target = Path(target)
    shutil.copytree(proc.ROOT / "include", target)
    more = "".join(f"\tvoid (*future{i})(void);\n" for i in range(members))
    for path in target.rglob("*.h"):
        text = path.read_text()
        text = re.sub(r"^(\t/\* ---- end of ABI)",
                      lambda m: more + m.group(1), text, flags=re.M)
        if path.name == "version.h":
            text = re.sub(r"(WEIR_ABI_MINOR) (\d+)",
                          lambda m: f"{m[1]} {int(m[2]) + 1}", text)
        path.write_text(text)
    return target


def baselines():
    """Every version whose headers are kept: (name, folder)."""
    return sorted((p.name, p) for p in (proc.ROOT / "sdk/abi").glob("v*")
                  if (p / "weir/weir.h").exists())


def abi_version():
    text = (proc.ROOT / "include/weir/version.h").read_text()
    return tuple(int(re.search(rf"WEIR_ABI_{w} (\d+)", text).group(1))
                 for w in ("MAJOR", "MINOR"))
