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
SAMPLES = [ROOT / "contrib" / "weir.conf"]
CONFIG = re.compile(r"^\s*(listener|module|action|networks|dns|scores|log|"
                    r"explain|memory|limits|rules|record)\b.*\{", re.M)


def blocks(text):
    """Code blocks of a Markdown text, but for Lua: fenced, or indented."""
    fenced = re.findall(r"^```(?!lua)[^\n]*\n(.*?)^```", text, re.M | re.S)
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


def accept(folder, text):
    """weir -t has nothing to say against it."""
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    user, group = daemon.unprivileged()
    head = ""
    for key, value in (("module_path", daemon.module_path()),
                       ("user", user), ("group", group)):
        if not re.search(rf"^{key}\b", text, re.M):
            head += f'{key} = "{value}"\n'
    if not re.search(r"^listener\b", text, re.M):
        head += daemon.listener("m", "milter", f"unix:{folder}/m.sock")
    path = folder / "weir.conf"
    (folder / "rules").mkdir()
    path.write_text(head + text.replace("/etc/weir/rules",
                                        str(folder / "rules")))
    done = subprocess.run([proc.program("weir"), "-t", "-c", path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize("text", configurations())
def test_configuration_is_accepted(folder, text):
    accept(folder, text)


def test_example_of_the_manual_is_accepted(folder):
    """weir.conf(5), as it was built, shows what weir takes."""
    page = proc.build_dir() / "framework" / "man" / "weir.conf.5"
    if not page.exists():
        pytest.skip("weir.conf.5 is not built")
    example = re.search(r"^\.nf\n(.*?)^\.fi", page.read_text(), re.M | re.S)
    text = example.group(1).replace("\\e", "\\")
    for name in ("listener", "module", "action", "scores"):
        assert name in text
    accept(folder, text)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_sample_is_accepted(folder, path):
    accept(folder, path.read_text())


def test_readme_is_tested():
    """The README holds at least one configuration: the test above can't pass
    for want of blocks."""
    assert any("README.md-1" in p.id for p in configurations()
               if p.id.startswith("README"))


def test_links_lead_somewhere():
    links = [(path, target) for path in DOCUMENTS for target in
             re.findall(r"\]\(([^)#]+)\)", path.read_text())
             if "://" not in target]
    assert len(links) > 20
    assert [(str(path.relative_to(ROOT)), target) for path, target in links
            if not (path.parent / target).exists()] == []


def test_readme_commands_exist():
    """Programs named in the README's command blocks are built or shipped."""
    text = (ROOT / "README.md").read_text()
    names = set(re.findall(r"^    (weir(?:ctl|-\w+)?|contrib/\w+)\b", text,
                           re.M))
    assert {"weir", "weirctl", "weir-drive", "contrib/check"} <= names
    for name in names:
        assert (ROOT / name).exists() or proc.program(name) is not None, name


def test_packages_are_built_with_the_same():
    """contrib/debian asks for the libraries of contrib/packages."""
    text = (ROOT / "contrib/packages").read_text()
    group = text.split("# [build]")[1].split("# [")[0]
    wanted = {line.split("#")[0].strip() for line in group.splitlines()[1:]}
    control = (ROOT / "contrib/debian/control").read_text()
    asked = set(re.findall(r"[\w.+-]+", re.search(
        "^Build-Depends:(.*?)^[A-Z]", control, re.M | re.S)[1]))
    assert {w for w in wanted if w.endswith("-dev")} <= asked
