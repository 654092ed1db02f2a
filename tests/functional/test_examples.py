# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of the SDK, built from where they are installed with nothing
but the installed SDK, in weir-drive, in a daemon; and what becomes of mail
when a helper dies, a panic or an exception gets loose."""

import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient

EXAMPLES = sorted(p.name for p in (proc.ROOT / "sdk" / "examples").iterdir()
                  if p.is_dir())
MODULES = {"service_pair": ["roster", "vouch"],
           "helper_python": ["linkcheck"]}
MAIL = b"From: a@example.org\r\nSubject: x\r\n\r\nhello\r\n"


def compilers(name):
    wanted = ["cc"]
    if name.endswith("_cpp"):
        wanted = ["c++"]
    elif name.endswith("_rust"):
        wanted = ["/usr/bin/rustc", "bindgen"]
    for one in wanted:
        if shutil.which(one) is None:
            pytest.skip(f"{one} is not installed")


@pytest.fixture(scope="module")
def examples(installed):
    """A copy of what was installed, for all tests of this file."""
    done = subprocess.run(
        ["pkg-config", "--variable=sdkexamplesdir", "weir-module"],
        env=installed, capture_output=True, text=True, check=True)
    where = Path(tempfile.mkdtemp(prefix="weir-examples-"))
    shutil.copytree(done.stdout.strip(), where, dirs_exist_ok=True)
    where.chmod(0o755)
    yield where
    shutil.rmtree(where, ignore_errors=True)


def make(env, where, *goals):
    # the recipe of the examples names a compiler of its own
    done = subprocess.run(
        ["make", "-s", "-C", where, "RUSTC=/usr/bin/rustc",
         "CFLAGS=-O1 -Werror -Wpedantic", "CXXFLAGS=-O1 -Werror -Wpedantic",
         *goals], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout + done.stderr


def built(examples, name):
    """The module's files, in the order of loading."""
    names = MODULES.get(name, [name.replace("_", "-")])
    return {n: examples / name / f"mod_{n}.so" for n in names}


def sections(modules, **options):
    return "".join(daemon.section("module", n, path=path, **options)
                   for n, path in modules.items())


def test_all_are_there(examples):
    """Installed is what is in the tree, and each is in the README."""
    tree = proc.ROOT / "sdk" / "examples"
    ours = {str(p.relative_to(tree)) for p in tree.rglob("*")
            if p.is_file() and p.suffix != ".so"
            and p.name not in ("weir_sys.rs", "local.mk")}
    there = {str(p.relative_to(examples)) for p in examples.rglob("*")
             if p.is_file() and p.suffix != ".so" and p.name != "weir_sys.rs"}
    assert ours == there
    readme = (tree / "README.md").read_text()
    makefile = (tree / "GNUmakefile").read_text().replace("\\\n", " ")
    checked = re.search("^CHECKED = (.*)$", makefile, re.M).group(1).split()
    assert sorted(checked) == EXAMPLES
    for name in EXAMPLES:
        assert f"\n| [{name}](" in readme, name


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(installed, examples, weir, name):
    """It builds, passes its cases and lint; a daemon loads it, and ordinary
    mail passes."""
    compilers(name)
    out = make(installed, examples, f"check-{name}")
    assert "0 failed" in out and "disconnected at" in out, out
    modules = built(examples, name)
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock")
               + sections(modules),
               env={"WEIR_HELPER": str(proc.build_dir() / "weir-helper")})
    listed = one.ctl_json("modules")
    text = json.dumps(listed)
    for n in modules:
        assert f'"{n}"' in text, text
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        reply = client.message(MAIL, sender="<>")
        assert reply.code == 2, reply


def findings(installed, path):
    done = subprocess.run(["weir-module-lint", "--json", "--strict", path],
                          env=installed, capture_output=True, text=True)
    found = [(f["level"], f["text"])
             for f in json.loads(done.stdout)["findings"]]
    return done.returncode, found


def test_what_rusts_library_does_is_a_notice(installed, examples):
    """It always imports abort; with panics that abort that is an error."""
    compilers("x_rust")
    folder = examples / "async_dns_rust"
    make(installed, examples, "async_dns_rust/mod_async-dns-rust.so")
    status, found = findings(installed, folder / "mod_async-dns-rust.so")
    assert status == 0, found
    assert sorted((level, text.split()[0]) for level, text in found) == [
        ("notice", "abort"), ("notice", "clock_gettime")], found
    where = Path(tempfile.mkdtemp(dir=examples))
    subprocess.run(["/usr/bin/rustc", "--edition", "2021", "--crate-type",
                    "cdylib", "-C", "panic=abort", "-C", "strip=symbols",
                    folder / "mod_async-dns-rust.rs", "-o",
                    where / "mod_async-dns-rust.so"], check=True, timeout=120)
    status, found = findings(installed, where / "mod_async-dns-rust.so")
    assert status == 1
    assert ("error", "abort ends the process") in found, found


def test_service_is_missed(installed, examples, folder):
    """The one that uses a service says who is missing."""
    make(installed, examples, "service_pair/mod_vouch.so")
    case = folder / "alone.case"
    case.write_text("case alone\n  expect refused *module* is needed\n"
                    .replace("* is needed", "*"))
    done = subprocess.run(
        ["weir-drive", "--module", examples / "service_pair" / "mod_vouch.so",
         case], env=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    # in either order in the file
    make(installed, examples, "service_pair/mod_roster.so")
    modules = built(examples, "service_pair")
    conf = folder / "weir.conf"
    for order in (modules, dict(reversed(modules.items()))):
        user, group = daemon.unprivileged()
        conf.write_text(f'user = "{user}"\ngroup = "{group}"\n'
                        + sections(order)
                        + daemon.listener("m", "milter", f"unix:{folder}/m"))
        done = subprocess.run([proc.program("weir"), "-t", "-c", conf],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def helpers(one, name):
    return [pid for pid in proc.children(one.pid)
            if proc.arguments(pid)[:2] == [b"weir-helper", name.encode()]]


def unread(sock):
    """Octets that the other side has not taken yet."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"1234"))[0]


def test_helper_is_killed(installed, examples, weir):
    """A mail whose helper dies while it reads is asked for again; the next
    one has a helper."""
    make(installed, examples, "remote_helper/mod_remote-helper.so")
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock")
               + sections(built(examples, "remote_helper"), text="lottery"),
               env={"WEIR_HELPER": str(proc.build_dir() / "weir-helper")})
    address = f"unix:{one.dir}/m.sock"

    def send(sent=None):
        with MilterClient(address, timeout=30) as client:
            assert client.session() is None
            if sent is not None:
                sent(client)
            return client.message(MAIL + b"a lottery\r\n")

    assert send().code == 2
    pid, = proc.wait_for(lambda: helpers(one, "remote-helper.search"))
    os.kill(pid, signal.SIGSTOP)
    replies, clients, complete = [], [], threading.Event()

    def watch(client):
        plain = client.send

        def send_and_tell(command, data=b""):
            plain(command, data)
            if command == "E":
                complete.set()
        client.send = send_and_tell
        clients.append(client)

    thread = threading.Thread(target=lambda: replies.append(send(watch)))
    thread.start()
    assert complete.wait(20)
    # the worker has read it to the end, and asks the helper in that breath
    proc.wait_for(lambda: unread(clients[0].sock) == 0,
                  what="the worker reads")
    os.kill(pid, signal.SIGKILL)
    thread.join(20)
    assert replies and replies[0].code == 4, replies
    assert "did not run: E_TEMP (the helper has no answer)" in one.log()
    proc.wait_for(lambda: send().code == 2, 20, "a new helper")
    assert helpers(one, "remote-helper.search") not in ([], [pid])


# what gets loose in a callback or in a completion

LOOSE = {
    "throw": ("cc", "async_dns_cpp", "weir.hpp", "mod_throw.cc"),
    "panic": ("rs", "async_dns_rust", "weir.rs", "mod_panic.rs"),
}


@pytest.fixture(params=list(LOOSE))
def loose(request, installed, examples, folder):
    """A module that throws, or panics, at helo and in a completion."""
    _, example, wrapper, source = LOOSE[request.param]
    compilers(example)
    where = examples / f"loose_{request.param}"
    where.mkdir(exist_ok=True)
    shutil.copy(examples / example / wrapper, where)
    if example.endswith("_rust"):
        make(installed, examples, f"{example}/weir_sys.rs")
        shutil.copy(examples / example / "weir_sys.rs", where)
    shutil.copy(proc.ROOT / "tests" / "abi" / source, where)
    make(installed, examples, f"{where.name}/{Path(source).stem}.so")
    return request.param, where / f"{Path(source).stem}.so"


@pytest.mark.parametrize("on_failure, passes", [
    ("tempfail", False), ("pass", True)])
def test_nothing_gets_loose(loose, weir, on_failure, passes):
    name, path = loose
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock")
               + daemon.section("module", name, path=path,
                                on_failure=on_failure))
    workers = proc.children(one.pid)
    for round_ in range(3):
        for sender in ("<stage@example.org>", "<answer@example.org>"):
            with MilterClient(f"unix:{one.dir}/m.sock") as client:
                assert client.session() is None
                reply = client.message(MAIL, sender=sender)
                assert reply.code == (2 if passes else 4), reply
    log = one.log()
    assert log.count("did not run: E_INTERNAL") == 6, log
    for text in ("loose in a stage", "loose in an answer"):
        assert log.count(text) >= 3, log
    # nobody died of it
    assert proc.children(one.pid) == workers
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        assert client.message(MAIL, sender="<good@example.org>").code == 2
