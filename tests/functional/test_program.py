# SPDX-License-Identifier: GPL-2.0-or-later
"""Helpers that are programs of their own: what the sandbox refuses, and what
becomes of mail when one dies, hangs, lies or is not fit to be started."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient

# deaths are expected: no pause
OFTEN = daemon.section("crash", limit=100, window="1m", bench="3s")
PROGRAM = proc.ROOT / "tests/abi/program_helper.py"


def install(where):
    """The module and its program in a folder."""
    built = daemon.module_path() / "mod_programtest.so"
    if not built.exists():
        pytest.skip("mod_programtest is not built (make abi-modules)")
    where.mkdir(mode=0o755)
    shutil.copy(built, where)
    shutil.copy(PROGRAM, where / "helper.py")
    (where / "helper.py").chmod(0o755)
    return where


@pytest.fixture(autouse=True)
def built(monkeypatch):
    monkeypatch.setenv("WEIR_HELPER", str(proc.build_dir() / "weir-helper"))


@pytest.fixture
def where(folder):
    return install(folder / "modules")


def conf(where, extra="", **options):
    options.setdefault("timeout", "5s")
    options.setdefault("on_failure", "tempfail")
    return (daemon.listener("milter", "milter", "unix:{dir}/m.sock")
            + daemon.section("module", "programtest",
                             path=f"{where}/mod_programtest.so", **options)
            + extra)


class Asker:
    """Mails with X-Remote fields; the answers come from the log."""

    def __init__(self, weir):
        self.weir = weir
        self.address = f"unix:{weir.dir}/m.sock"

    def reply(self, *words, body=b"body\r\n"):
        with MilterClient(self.address, timeout=30) as client:
            assert client.session() is None
            fields = "".join(f"X-Remote: {w}\r\n" for w in words)
            return client.message(
                f"From: a@example.org\r\n{fields}\r\n".encode() + body)

    def answers(self):
        found = re.findall(r'msg="answer ((?:[^"\\]|\\.)*)"', self.weir.log())
        return [re.sub(r'\\(["\\])', r"\1", one) for one in found]

    def ask(self, word, **options):
        """(status, octets, text) of the answer."""
        before = len(self.answers())
        self.reply(word, **options)
        text = proc.wait_for(lambda: self.answers()[before:], 10,
                             "the answer")[0]
        status, size, rest = text.split(" ", 2)
        return int(status), int(size), rest

    def service(self):
        """It answers again."""
        proc.wait_for(lambda: self.reply("echo again").code == 2, 20,
                      "service")

    def supervisors(self):
        """Processes of weir-helper for the helper "tight"."""
        return [p for p in proc.children(self.weir.pid) if
                arguments(p)[:2] == ["weir-helper", "programtest.tight"]]

    def programs(self):
        return [p for s in self.supervisors() for p in children(s)]


def children(pid):
    try:
        return [int(p) for t in Path(f"/proc/{pid}/task").iterdir()
                for p in (t / "children").read_text().split()]
    except OSError:
        return []


def arguments(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1][1] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def shared():
    """One daemon for all that does no harm."""
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    folder.chmod(0o755)
    try:
        where = install(folder / "modules")
        # whatever is refused here is not refused by file modes
        place = folder / "open"
        place.mkdir()
        place.chmod(0o777)
        (place / "file").write_text("text")
        (place / "file").chmod(0o666)
        if os.geteuid() == 0:
            shutil.chown(place / "file", daemon.unprivileged()[0])
        (folder / "readable").write_text("text")
        text = conf(where, file=folder / "readable", secret="a b'c",
                    list=["x", "y"])
        one = daemon.Weir(
            folder, text.replace("\tlist", '\tpart "one" { size = "4k" }\n'
                                 "\tlist"),
            env={"WEIR_HELPER": str(proc.build_dir() / "weir-helper")})
        one.start()
        yield Asker(one)
        one.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_good_requests(shared):
    assert shared.ask("echo some words") == (0, 10, "some words")
    assert shared.ask("echo") == (0, 0, "")
    assert shared.ask("fill 65536")[:2] == (0, 65536)
    assert shared.ask("status -10")[0] == -10
    assert shared.ask("thread")[2] == "1"


def test_options_as_json(shared):
    got = json.loads(shared.ask("options")[2])
    assert got == {
        "module": "programtest", "helper": "tight", "threads": 4,
        "temp_dir": None, "options": {
            "init": "good", "file": str(shared.weir.dir / "readable"),
            "secret": "a b'c", "list": ["x", "y"], "pause": 60000, "on": True,
            "share": 0.5, "kind": "b", "part": {"one": {"size": 4096}}}}


def test_environment(shared):
    arguments, variables, folder, descriptors = json.loads(
        shared.ask("environment")[2])
    assert arguments == ["programtest.tight"] and folder == "/"
    variables.pop("LC_CTYPE", None)     # Python's own
    variables.pop("TZ", None)
    assert variables == {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                         "HOME": "/nonexistent", "TMPDIR": "/nonexistent"}
    assert descriptors[:4] == ["0", "1", "2", "3"] and len(descriptors) == 5


def test_message_is_seen_and_sealed(shared):
    body = b"".join(b"line %d\r\n" % i for i in range(10000))
    raw = b"From: a@example.org\r\nX-Remote: message\r\n\r\n" + body
    total = 0
    for octet in raw:
        total = (total * 31 + octet) & 0xFFFFFFFF
    assert shared.ask("message", body=body)[2] == f"{len(raw)} {total} sealed"


# what the filter refuses, and what Landlock refuses
FILTER = ["fork", "socket", "unixsocket", "socketpair", "connect", "kill",
          "killgroup", "setuid", "rlimit", "setsid", "nice", "pdeathsig",
          "chmod {open}/file"]
FILES = ["execve", "execve /bin/true", "execve /usr/bin/perl",
         "read /etc/passwd", "read {conf}", "read {open}/file"]
WRITES = ["write {open}/new", "write {open}/file", "append {open}/file",
          "truncate {open}/file", "unlink {open}/file", "mkdir {open}/folder",
          "write {shared}/weir-new", "write /dev/shm/weir-new"]


@pytest.mark.parametrize("which", ["", "temp:"])
@pytest.mark.parametrize("word", FILTER + FILES + WRITES)
def test_program_is_refused(shared, which, word):
    place = shared.weir.dir / "open"
    status, _, text = shared.ask(which + word.format(
        open=place, conf=shared.weir.conf_path,
        shared=tempfile.gettempdir()))
    assert status == 0
    assert text in ("EPERM",) if word in FILTER else ("EPERM", "EACCES")
    if not which or word in FILES:
        assert text == ("EACCES" if word in FILES else "EPERM")
    assert [p.name for p in place.iterdir()] == ["file"]
    assert (place / "file").read_text() == "text"
    assert (place / "file").stat().st_mode & 0o777 == 0o666


def test_program_may(shared):
    assert shared.ask(f"read {shared.weir.dir}/readable")[2] == "ALLOWED"
    assert shared.ask("read /usr/bin/env")[2] == "ALLOWED"
    assert shared.ask(f"read {shared.weir.dir}/modules/helper.py")[2] == \
        "ALLOWED"
    path = shared.ask("temp:temp")[2]
    assert path.startswith(f"{shared.weir.state}/helpers/")
    assert Path(path, "file").read_text() == "word"
    assert Path(path, "file").stat().st_mode & 0o777 == 0o600


def test_memory_limit(shared):
    binary = (proc.build_dir() / "weir-helper").read_bytes()
    if b"__asan_init" in binary:
        pytest.skip("a sanitizer needs more address space")
    assert shared.ask("memory")[2] == "ENOMEM"


def test_program_is_another_user_without_rights(shared):
    pid, = shared.programs()
    status = dict(line.split(":\t", 1) for line in Path(
        f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    if os.geteuid() == 0:
        assert "0" not in status["Uid"].split()
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    limits = Path(f"/proc/{pid}/limits").read_text()
    for name, value in (("file size", 0), ("core file size", 0),
                        ("open files", 1024)):
        assert re.search(rf"Max {name} +\d+ +{value} ", limits), name
    # processor time is limited as soon as it works
    shared.ask("echo")
    proc.wait_for(lambda: re.search(
        r"Max cpu time +\d+ ", Path(f"/proc/{pid}/limits").read_text()), 5,
        "a limit")


@pytest.mark.parametrize("word, why", [
    ("crash", "died of signal 6"), ("exit 7", "ended with status 7: these are "
                                              "my last words"),
    ("exit 0", "ended with status 0"), ("raise oops", "ended with status 3: "
                                        "ValueError: oops"),
    ("close", "closed its connection")])
def test_death_fails_at_once_and_program_returns(weir, where, word, why):
    asker = Asker(weir(conf(where)))
    old, = asker.programs()
    begin = time.monotonic()
    # another request is under way there
    assert asker.reply("sleep 4000", word).code == 4
    assert time.monotonic() - begin < 3
    asker.service()
    assert not alive(old) and asker.programs() != [old]
    assert f"program {where}/helper.py {why}" in asker.weir.log()


@pytest.mark.parametrize("victim", ["programs", "supervisors"])
def test_killed_from_outside(weir, where, victim):
    asker = Asker(weir(conf(where)))
    old = asker.programs() + asker.supervisors()
    os.kill(getattr(asker, victim)()[0], signal.SIGKILL)
    # neither is left without the other
    proc.wait_for(lambda: not any(map(alive, old)), 5, "both ends")
    asker.service()


@pytest.mark.parametrize("word", ["hang", "spin", "deaf"])
def test_hang_meets_the_deadline(weir, where, word):
    asker = Asker(weir(conf(where, timeout="1s")))
    old = asker.programs() + asker.supervisors()
    begin = time.monotonic()
    assert asker.reply(word).code == 4
    assert 0.9 < time.monotonic() - begin < 2.5
    proc.wait_for(lambda: "a request did not return in its time"
                  in asker.weir.log(), 10, "its end")
    proc.wait_for(lambda: not any(map(alive, old)), 5, "both ends")
    asker.service()


def test_cancel_is_told(weir, where):
    asker = Asker(weir(conf(where, timeout="1s")))
    old = asker.programs()
    assert asker.reply("sleep 2500").code == 4
    proc.wait_for(lambda: "cancelled in time" in asker.weir.log(), 5,
                  "its line")
    # it answered although nobody waits: no reason to end it
    asker.service()
    assert asker.programs() == old


@pytest.mark.parametrize("words", [
    "short magic id twice", "hello request status positive",
    "size long descriptor"])
def test_garbage_ends_it(weir, where, words):
    asker = Asker(weir(conf(where, extra=OFTEN)))
    for n, how in enumerate(words.split(), 1):
        old, = asker.programs()
        # the second response comes when the first one is done
        assert asker.reply(f"garbage {how}").code == 4 or how == "twice"
        proc.wait_for(lambda n=n: len(re.findall(
            "event=helper.death.*(?:broke the protocol|answered what nobody "
            "asked)", asker.weir.log())) == n, 5, "its end")
        asker.service()
        assert not alive(old)


def test_lines_are_logged_and_limited(shared):
    # so that the master's own limit does not show
    time_of_line = time.monotonic()
    assert shared.ask("flood 20000")[2] == "written"
    assert time.monotonic() - time_of_line < 10
    lines = re.findall(r'module=programtest.*msg="(line \d+ x+)"',
                       shared.weir.log())
    assert lines[0] == "line 0 " + "x" * 10
    # cut, and not broken in two
    assert lines[1].startswith("line 1 xxx") and len(lines[1]) <= 900
    assert lines[2].startswith("line 2 ")
    assert len(lines) <= 20 * 11


@pytest.mark.parametrize("init, why", [
    ("exit", "ended with status 1: no engine"),
    ("garbage", "broke the protocol"),
    ("hang", "did not finish init within 5000 ms")])
def test_bad_init_refuses_the_start(folder, where, init, why):
    one = daemon.Weir(folder, conf(where, init=init))
    with pytest.raises(RuntimeError) as e:
        one.start(30)
    one.process.stop()
    assert why in str(e.value) and "helper programtest." in str(e.value)


def test_hello_limits_what_comes_at_once(weir, where):
    asker = Asker(weir(conf(where, init="one")))
    begin = time.monotonic()
    assert asker.reply(*["sleep 300"] * 3).code == 2
    assert time.monotonic() - begin > 0.85


def spoil(where, how):
    path = where / "helper.py"
    if how == "missing":
        path.unlink()
    elif how == "owner":
        if os.geteuid() != 0:
            pytest.skip("needs root")
        shutil.chown(path, daemon.unprivileged()[0])
    elif how == "writable":
        path.chmod(0o777)
    elif how == "folder":
        (where / "real").mkdir()
        path.rename(where / "real" / "helper.py")
        path.symlink_to(where / "real" / "helper.py")
        (where / "real").chmod(0o777)
    elif how == "mode":
        path.chmod(0o644)
    elif how == "env":
        path.write_text("#!/usr/bin/env python3\n")
    elif how == "text":
        path.write_text("print()\n")
    elif how == "pipe":
        path.unlink()
        os.mkfifo(path, 0o755)


BAD_FILES = [
    ("missing", "No such file"), ("owner", "must belong to root"),
    ("writable", "chmod go-w"), ("folder", "is writable by others"),
    ("mode", "chmod a+rx"), ("env", "name the interpreter itself"),
    ("text", "no script that begins with #!"), ("pipe", "not a file")]


@pytest.mark.parametrize("how, why", BAD_FILES)
def test_bad_file_refuses_the_configuration(folder, where, how, why):
    spoil(where, how)
    one = daemon.Weir(folder, conf(where))
    done = subprocess.run([proc.program("weir"), "-t", "-c", one.conf_path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and why in done.stdout + done.stderr, done


@pytest.mark.parametrize("how, why", [BAD_FILES[0], BAD_FILES[1],
                                      BAD_FILES[2]])
def test_file_that_turned_bad(weir, where, how, why):
    """It ran and is not fit to be started again: mail waits."""
    asker = Asker(weir(conf(where, extra=OFTEN)))
    assert asker.ask("echo good")[2] == "good"
    spoil(where, how)
    assert asker.reply("exit 1").code == 4
    proc.wait_for(lambda: re.search(f"event=helper.death.*{why}",
                                    asker.weir.log()), 5, "its failure")
    assert asker.reply("echo").code == 4
    said = asker.weir.ctl("status")
    assert re.search(rf"NOT STARTED: helper \S+, 1 of 1 processes can't be "
                     rf"started, the last: .*{why}", said), said
    assert "died too often" not in said
    shutil.copy(PROGRAM, where / "new")
    (where / "new").chmod(0o755)
    (where / "new").rename(where / "helper.py")
    asker.service()


def test_reload_starts_a_changed_program(weir, where):
    asker = Asker(weir(conf(where)))
    old = asker.programs()
    asker.weir.ctl("reload")
    assert asker.programs() == old
    path = where / "helper.py"
    path.write_text(path.read_text().replace("text = arg", "text = 'new'"))
    asker.weir.ctl("reload")
    assert asker.ask("echo old")[2] == "new"
    proc.wait_for(lambda: len(asker.programs()) == 1, 10, "the old end")
    assert asker.programs() != old


def test_other_languages(weir, where):
    """Nothing in the protocol is Python's: a compiled program."""
    if shutil.which("cc") is None:
        pytest.skip("no compiler")
    (where / "x.c").write_text(r"""
#include <sys/socket.h>
#include <string.h>
#include <unistd.h>
static struct { unsigned magic, kind; unsigned long id; unsigned flags;
	int value; unsigned size, reserved; char text[65536]; } p;
int main(void)
{
	if (recv(3, &p, sizeof(p), 0) < 32 || p.kind != 5)
		return 1;
	p.kind = 1; p.id = getpid(); p.flags = 0; p.value = 1; p.size = 0;
	send(3, &p, 32, 0);
	while (recv(3, &p, sizeof(p), 0) >= 32) {
		if (p.kind != 2)
			continue;
		p.kind = 4; p.flags = 0; p.value = 0; p.size = 5;
		memcpy(p.text, "C too", 5);
		send(3, &p, 32 + 5, 0);
	}
	return 0;
}
""")
    for flags in ([], ["-static"]):
        subprocess.run(["cc", *flags, where / "x.c", "-o",
                        where / "helper.py"], check=True)
        one = weir(conf(where))
        assert Asker(one).ask("echo")[2] == "C too"
        one.stop()


def test_stop_is_quick_and_clean(weir, where):
    asker = Asker(weir(conf(where)))
    pids = asker.programs() + asker.supervisors()
    asker.ask("temp:temp")
    begin = time.monotonic()
    asker.weir.stop()
    assert time.monotonic() - begin < 4
    assert not any(map(alive, pids))
    assert not list((asker.weir.state / "helpers").iterdir())


def test_drive_starts_it(folder, where):
    path = folder / "weir.conf"
    path.write_text(daemon.section("module", "programtest",
                                   path=f"{where}/mod_programtest.so"))
    mail = folder / "mail.eml"
    for word, want in [("echo from drive", "0 10 from drive"),
                       ("execve", "EACCES"), ("crash", "answer -10 0")]:
        mail.write_text(f"From: a@b\nX-Remote: {word}\n\nbody\n")
        done = subprocess.run(
            [proc.program("weir-drive"), "--json", "-c", path, "--eml", mail,
             "--from", "a@b", "--rcpt", "c@d", "--client", "192.0.2.1"],
            capture_output=True, text=True, timeout=60)
        assert want in done.stdout + done.stderr, done.stderr


EXAMPLE = proc.ROOT / "sdk/examples/helper_python"


def test_example_in_python(folder):
    """As its README says."""
    if shutil.which("cc") is None:
        pytest.skip("no compiler")
    commands = re.search(r"```\n(.*?)```", (EXAMPLE / "README.md").read_text(),
                         re.S)[1]
    for name in ("mod_linkcheck.c", "helper.py", "linkcheck.case"):
        shutil.copy(EXAMPLE / name, folder)
    flags = re.search("^module_ldflags=(.*)$", (
        proc.ROOT / "sdk/weir-module.pc.in").read_text(), re.M)[1]
    commands = commands.replace(
        "$(pkg-config --variable=module_ldflags weir-module)",
        f"-Wall -Wextra -Werror {flags}").replace(
        "$(pkg-config --cflags weir-module)", f"-I{proc.ROOT}/include")
    assert "pkg-config" not in commands
    path = Path(proc.program("weir-drive")).parent
    done = subprocess.run(
        commands, shell=True, cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"},
        timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # nothing but the standard library, and short
    text = (EXAMPLE / "helper.py").read_text()
    assert len(text.splitlines()) < 110
    imports = re.findall(r"^import (\w+)", text, re.M)
    import sys
    assert imports and all(m in sys.stdlib_module_names for m in imports)


def test_document_of_the_protocol(shared):
    """Claims of doc/helper-protocol.md that are numbers or names."""
    text = (proc.ROOT / "doc/helper-protocol.md").read_text()
    source = (proc.ROOT / "framework/daemon/helper_program.c").read_text()
    define = dict(re.findall(r"^#define (\w+) (\d+)", source, re.M))
    assert f"at most {define['LINES']} a second, {define['LINE']} octets" \
        in " ".join(text.split())
    sample = json.loads(re.search(r'```\n(\{"module".*?)```', text, re.S)[1])
    got = json.loads(shared.ask("options")[2])
    assert set(sample) == set(got)
    assert "57344" in text and str(65536 - 8192) == "57344"
    for name in ("PATH", "LANG", "HOME", "TMPDIR"):
        assert f"`{name}" in text
    kinds = dict(re.findall(r"^\| +(\d) \| (\w+) +\|", text, re.M))
    assert kinds == {"1": "HELLO", "2": "REQUEST", "3": "CANCEL",
                     "4": "RESPONSE", "5": "CONFIG"}
    header = (proc.ROOT / "framework/work/helper_wire.h").read_text()
    for number, name in kinds.items():
        assert f"HELPER_WIRE_{name} = {number}" in header
