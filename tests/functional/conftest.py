# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures for tests of the built daemon (WEIR_BUILD: the build folder)."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weirtest import corpus, daemon, fakedns, proc  # noqa: E402
from weirtest import postfix as pf  # noqa: E402
from weirtest import sink as smtp_sink  # noqa: E402
from weirtest.milter import MilterClient  # noqa: E402
from weirtest.policy import PolicyClient  # noqa: E402

# Files that take longest, longest first: a process that began with one of them
# last would work on alone.
LONG = ["test_sdk", "test_postfix", "test_abi", "test_attachment_death",
        "test_examples", "test_antivirus", "test_quarantine", "test_ctl",
        "test_quarantine_release", "test_reload", "test_first_module",
        "test_kill", "test_overload", "test_rules"]


def pytest_collection_modifyitems(items):
    """Begin with the longest files; the order within a file stays."""
    items.sort(key=lambda item: LONG.index(item.path.stem)
               if item.path.stem in LONG else len(LONG))


@pytest.fixture
def folder():
    """A short-named folder (socket paths are limited to 107 octets) that
    other users may enter."""
    path = Path(tempfile.mkdtemp(prefix="weir-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def weir(folder):
    """Start daemons: weir(conf, workers=1, ...).  All must stop in good
    order, with status 0 and without a word from a sanitizer."""
    if proc.program("weir") is None:
        pytest.skip(f"weir is not built in {proc.build_dir()}")
    started = []

    def start(conf, **options):
        where = folder / f"weir{len(started)}"
        where.mkdir()
        one = daemon.Weir(where, conf, **options)
        started.append(one)
        return one.start()

    yield start
    running = [one for one in started if one.process is not None]
    try:
        for one in running:
            if one.process.running():
                one.stop()
    finally:
        for one in running:
            one.process.stop()


@pytest.fixture
def fake_dns():
    """A scripted name server."""
    server = fakedns.FakeDNS()
    yield server
    server.stop()


@pytest.fixture
def sink():
    """The next hop."""
    server = smtp_sink.Sink()
    yield server
    server.stop()


@pytest.fixture
def postfix(folder, sink):
    """Start a private Postfix before the sink: postfix(milters=[...],
    policy=..., settings...)."""
    reason = pf.available()
    if reason is not None:
        pytest.skip(reason)
    started = []

    def start(**options):
        one = pf.Postfix(folder / f"postfix{len(started)}", sink.address,
                         **options)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def milter_client():
    """milter_client(address, timeout=10, split=False): a MilterClient."""
    made = []

    def make(address, **options):
        made.append(MilterClient(address, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def policy_client():
    """policy_client(address): a PolicyClient."""
    made = []

    def make(address, **options):
        made.append(PolicyClient(address, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def smtp_send():
    """smtp_send(address, raw, ...): the last answer and refused
    recipients."""
    return smtp_sink.smtp_send


@pytest.fixture(scope="session")
def eml():
    """Paths of all messages of the corpus in a folder of the data."""
    def messages(name="mime"):
        found = corpus.mails(name)
        if not found:
            pytest.skip(f"no test data: {corpus.data_dir() / name}")
        return found
    return messages


@pytest.fixture(scope="session")
def data_archive():
    """The unpacked folder of one archive of the test data."""
    def unpack(name):
        found = corpus.unpack(name)
        if found is None:
            pytest.skip(f"no test data: {corpus.data_dir() / name}.tar.xz")
        return found
    return unpack


@pytest.fixture(scope="session")
def installed():
    """The environment of an author: Weir installed below a prefix of its own,
    weir-module.pc moved there.  WEIR_STAGE: an installation that is there
    already (make install DESTDIR=...)."""
    if not (proc.build_dir() / "Makefile").exists():
        pytest.skip("there is no build to install from")
    root = Path(tempfile.mkdtemp(prefix="weir-sdk-"))
    root.chmod(0o755)
    stage = Path(os.environ.get("WEIR_STAGE", root))
    if stage == root:
        done = subprocess.run(
            ["make", "-s", f"-j{os.cpu_count()}", "-C", proc.build_dir(),
             "install", f"DESTDIR={stage}"], capture_output=True, text=True,
            timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
    found, = stage.rglob("weir-module.pc")
    text = found.read_text()
    prefix = re.search("^prefix=(.*)$", text, re.M).group(1)
    (root / "weir-module.pc").write_text(
        text.replace(f"={prefix}/", f"={stage}{prefix}/")
        .replace(f"={prefix}\n", f"={stage}{prefix}\n"))
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("MAKE", "MFLAGS"))}
    env.update(PATH=f"{stage}{prefix}/bin:{stage}{prefix}/sbin:"
               + os.environ["PATH"], PKG_CONFIG_PATH=str(root),
               WEIR_HELPER=str(next(iter(stage.rglob("weir-helper")), "")))
    yield env
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def yardstick(folder):
    """Start a filter of tests/bench: yardstick("floor", "-n")."""
    started = []

    def start(name, *options):
        binary = proc.program(name)
        if binary is None:
            pytest.skip(f"{name} is not built (make bench-tools)")
        address = f"unix:{folder}/{name}{len(started)}.sock"
        one = proc.Process([binary, *options, address],
                           folder / f"{name}.log")
        started.append(one)
        one.wait_listening(address)
        return address

    yield start
    for one in started:
        # libmilter takes five seconds to end in good order
        one.stop(signal.SIGKILL)
