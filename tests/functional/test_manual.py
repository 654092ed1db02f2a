# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual of the contract: a page for each public header, made from it,
with all that is in it, and nothing that man or mandoc complains of."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from weirtest import proc

ROOT = proc.ROOT
HEADERS = sorted(h for h in (ROOT / "include" / "weir").rglob("*.h")
                 if h.name not in ("weir.h", "version.h"))
MODEL = ROOT / "sdk" / "man" / "weir-module.7"


def page(name):
    path = proc.build_dir() / "sdk" / "man" / f"weir_{name}.3"
    if not (proc.build_dir() / "Makefile").exists():
        pytest.skip("there is no build")
    assert path.exists(), f"{path} is not made: see sdk/man/local.mk"
    return path


def shown(path):
    """As a reader sees it, without line ends."""
    text = path.read_text()
    text = re.sub(r"^\.(?:nf|fi|PP|RS.*|RE|br)$|^\.BR? ", "", text,
                  flags=re.M)
    text = re.sub(r"\\f[BIPR]|\\&", "", text).replace("\\-", "-")
    text = text.replace("\\(dq", '"').replace("\\e", "\\")
    return " ".join(text.split())


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


@pytest.mark.parametrize("header", HEADERS, ids=lambda h: h.stem)
def test_all_of_the_header_is_there(header):
    text = header.read_text()
    bare = without_comments(text)
    there = shown(page(header.stem))
    names = set(re.findall(r"\(\*(\w+)\)\(", bare))
    names |= set(re.findall(r"^#define (WEIR_(?!\w*_H$)\w+)", bare, re.M))
    names |= set(re.findall(r"^\s+(WEIR_\w+) = ", bare, re.M))
    names |= set(re.findall(r"^(?:struct|enum) \w+(?= \{)", bare, re.M))
    names |= set(re.findall(r"^(weir_\w+)\(", bare, re.M))
    names -= {"WEIR_EXPORT", "WEIR_ENTRY_LINKAGE"}
    assert names
    assert [n for n in sorted(names) if n not in there] == []
    # and each word of the comments above members
    for comment in re.findall(r"\n\n?\t/\* (.*?) \*/\n", text, re.S):
        if "end of ABI" not in comment:
            assert " ".join(comment.split()) in there, comment


@pytest.mark.parametrize("tool", ["mandoc", "groff"])
def test_pages_are_clean(tool):
    pages = [page(h.stem) for h in HEADERS] + [MODEL]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    command = {"mandoc": ["mandoc", "-Tlint", "-W", "warning"],
               # what man --warnings calls
               "groff": ["groff", "-man", "-ww", "-z", "-Tutf8"]}[tool]
    done = subprocess.run([*command, *pages], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120)
    said = done.stdout if tool == "mandoc" else done.stderr
    # pages without a date are the same whenever they are built
    said = [s for s in said.splitlines() if "missing date" not in s]
    assert said == []


def test_model_names_all_extensions():
    text = MODEL.read_text().replace("\\fB", "").replace("\\fP", "")
    extensions = [h for h in HEADERS if h.parent.name == "ext"]
    assert len(extensions) > 8
    for header in extensions:
        found = re.search(r'"(weir\.\w+/\d)"', header.read_text())
        line = rf"^{re.escape(found.group(1))} +weir_{header.stem}\(3\)"
        assert re.search(line, text, re.M), line


def test_references_lead_somewhere():
    """Pages that are named exist, and are installed."""
    known = {f"weir_{h.stem}(3)" for h in HEADERS} | {"weir-module(7)"}
    known |= {f"{p.stem}({p.suffix[1:].rstrip('.in')})" for p in
              [*ROOT.glob("framework/man/*.[1-8]"),
               *ROOT.glob("sdk/*.[1-8]"), *ROOT.glob("sdk/*/*.[1-8]")]}
    known |= {"weir.conf(5)", "weir-lua(3)", "weir-abi(7)"}
    for path in [MODEL, *(page(h.stem) for h in HEADERS)]:
        text = path.read_text().replace("\\-", "-")
        for name, section in re.findall(r"^\.BR (weir\S+) \((\d)\)", text,
                                        re.M):
            assert f"{name}({section})" in known, (path, name)


def test_pages_are_installed(installed):
    done = subprocess.run(
        ["pkg-config", "--variable=datadir", "weir-module"], env=installed,
        capture_output=True, text=True, check=True)
    man = Path(done.stdout.strip()) / "man"
    for name in [f"man3/weir_{h.stem}.3" for h in HEADERS] + \
            ["man7/weir-module.7"]:
        assert (man / name).exists(), name
