# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/migrating.md: the code for Weir is built with the installed SDK, passes
lint, and does in weir-drive what the page says; the milter compiles."""

import re
import subprocess

import pytest

from weirtest import proc

PAGE = (proc.ROOT / "doc" / "migrating.md").read_text()
SECTIONS = re.split(r"^## ", PAGE, flags=re.M)[1:]


def fenced(text, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)


def build(installed, folder, source):
    """The module of a block of C; its file."""
    name = re.search(r'\.name = "([a-z0-9-]+)"', source).group(1)
    (folder / f"mod_{name}.c").write_text(source)
    done = subprocess.run(
        "cc -std=c11 -Wall -Wextra -Wno-unused-parameter -Werror -D_DEFAULT_SOURCE -O1 "
        "-fPIC -fvisibility=hidden $(pkg-config --cflags weir-module) "
        "$(pkg-config --variable=module_ldflags weir-module) "
        f"mod_{name}.c -o mod_{name}.so && weir-module-lint mod_{name}.so",
        shell=True, cwd=folder, env=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / f"mod_{name}.so"


CASES = [s for s in SECTIONS if fenced(s, "case")]


def test_three_are_run():
    assert len(CASES) == 3
    assert len(fenced(PAGE, "c")) == 3 and len(fenced(PAGE, "lua")) == 2


@pytest.mark.parametrize("section", CASES,
                         ids=lambda s: s.split(":")[0].split()[-1])
def test_code_does_what_the_page_says(installed, folder, section):
    modules = [build(installed, folder, c) for c in fenced(section, "c")
               if "<weir/weir.h>" in c]
    text = fenced(section, "case")[0]
    rules = fenced(section, "lua")
    if rules:
        (folder / "rules.lua").write_text("\n".join(rules))
        text = re.sub(r"^(case .*)$", r'\1\n  config rules { path = '
                      f'"{folder}/rules.lua" }}', text, flags=re.M)
    (folder / "page.case").write_text(text)
    done = subprocess.run(
        ["weir-drive", "--strict",
         *(a for m in modules for a in ("--module", m)), "page.case"],
        cwd=folder, env=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed" in done.stdout


def test_milter_compiles(folder):
    before, = [c for c in fenced(PAGE, "c") if "mfapi.h" in c]
    (folder / "milter.c").write_text(before)
    done = subprocess.run(
        "echo '#include <libmilter/mfapi.h>' | cc -E - >/dev/null",
        shell=True, capture_output=True)
    if done.returncode != 0:
        pytest.skip("libmilter-dev is not installed")
    done = subprocess.run(["cc", "-Wall", "-Werror", "-fsyntax-only",
                           folder / "milter.c"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
