# SPDX-License-Identifier: GPL-2.0-or-later
"""The claims of the documents: every configuration in them is accepted, every
command that they name exists, every file that they point at is there."""

import re
import subprocess

import pytest
from weirtest import daemon, proc

ROOT = proc.ROOT
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("doc/*.md"),
                    *ROOT.glob("modules/*/README.md")])
CONFIG = re.compile(r"^\s*(listener|module|action|networks|dns|scores|log|"
                    r"explain|memory|limits|rules)\b.*\{", re.M)


def blocks(text):
    """Code blocks of a Markdown text: fenced, or indented by four."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.M | re.S)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    indented = re.findall(r"(?:^(?:    |\t)[^\n]*\n(?:[ \t]*\n)*)+", rest,
                          re.M)
    return fenced + [re.sub(r"^(    |\t)", "", b, flags=re.M)
                     for b in indented]


def configurations():
    found = []
    for path in DOCUMENTS:
        number = 0
        for block in blocks(path.read_text()):
            if CONFIG.search(block):
                number += 1
                found.append(pytest.param(
                    block, id=f"{path.relative_to(ROOT)}-{number}"))
    return found


@pytest.mark.parametrize("text", configurations())
def test_configuration_is_accepted(folder, text):
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    user, group = daemon.unprivileged()
    head = ""
    for key, value in (("module_path", daemon.module_path()),
                       ("user", user), ("group", group)):
        if not re.search(rf"^{key}\b", text, re.M):
            head += f'{key} = "{value}"\n'
    path = folder / "weir.conf"
    path.write_text(head + text)
    done = subprocess.run([proc.program("weir"), "-t", "-c", path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout


def test_readme_is_tested():
    """The README holds at least one configuration: the test above can't pass
    for want of blocks."""
    assert any("README.md-1" in p.id for p in configurations()
               if p.id.startswith("README"))


@pytest.mark.parametrize("path", DOCUMENTS,
                         ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_readme_commands_exist():
    """Programs named in the README's command blocks are built or shipped."""
    text = (ROOT / "README.md").read_text()
    for name in set(re.findall(r"^    (weir(?:ctl|-\w+)?|contrib/\w+)\b",
                               text, re.M)):
        assert (ROOT / name).exists() or proc.program(name) is not None, name
