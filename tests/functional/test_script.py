# SPDX-License-Identifier: GPL-2.0-or-later
"""The module script: answers of a check script, and what becomes of mail and
of processes when it fails, hangs, floods or dies."""

import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient
from weirtest.sink import smtp_send

RAW = b"Subject: one\r\nFrom: a@example.org\r\n\r\nbody\r\n.dot\rcr\r\n\r\n"


@pytest.fixture(autouse=True)
def built(monkeypatch):
    if not (daemon.module_path() / "mod_script.so").exists():
        pytest.skip("mod_script is not built")
    monkeypatch.setenv("WEIR_HELPER", str(proc.build_dir() / "weir-helper"))


class Site:
    """A daemon with a script."""

    def __init__(self, weir, folder, text, extra="", start=True, **options):
        self.bin = folder / "bin"
        self.bin.mkdir(mode=0o755)
        self.script = self.bin / "check"
        self.write(text)
        # where the script tells the test something
        self.out = folder / "out"
        self.out.mkdir()
        self.out.chmod(0o777)
        options.setdefault("max_time", "5s")
        options.setdefault("on_failure", "tempfail")
        self.conf = (
            daemon.listener("m", "milter", "unix:{dir}/m.sock")
            + daemon.section("module", "script", script=self.script,
                             state_folder=self.out, **options) + extra)
        self.weir = weir(self.conf) if start else None
        self.folder = folder

    def write(self, text):
        new = self.bin / "new"
        new.write_text(text.replace("{out}", str(self.bin.parent / "out")))
        new.chmod(0o755)
        new.rename(self.script)

    def send(self, raw=RAW):
        with MilterClient(f"unix:{self.weir.dir}/m.sock", timeout=30) as c:
            assert c.session() is None
            return c.message(raw)

    def log(self):
        return self.weir.log()

    def helper(self):
        pid, = [p for p in proc.children(self.weir.pid)
                if proc.arguments(p)[:2] == [b"weir-helper", b"script.run"]]
        return pid

    def temps(self):
        return [p for t in self.weir.state.glob("helpers/*.tmp")
                for p in t.iterdir()]


def shell(text):
    return "#!/bin/sh\n" + text


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1][1] != "Z"
    except OSError:
        return False


# as an operator of such a gateway has it
PMG = r"""#!/bin/sh
# usage: check v1 FILE
echo "called with $*" >&2
if [ "$#" -ne 2 ]; then
	echo "usage: $0 APIVERSION QUEUEFILENAME" 1>&2
	exit 1
fi
apiver="$1"
if [ "$apiver" != "v1" ]; then
	echo "wrong APIVERSION: $apiver" 1>&2
	exit 2
fi
queue_file="$2"
echo "v1"
if grep -q '^Subject: bad$' "$queue_file"; then
	echo "VIRUS: Test-Virus"
elif grep -q '^Subject: so so$' "$queue_file"; then
	echo "SCORE: $(expr 3 + 4)"
elif grep -q '^Subject: friend$' "$queue_file"; then
	echo "SCORE: -2"
else
	echo OK
fi
exit 0
"""


def test_answers(weir, folder):
    site = Site(weir, folder, PMG)
    assert site.send().kind in ("continue", "accept")
    reply = site.send(RAW.replace(b"one", b"bad"))
    assert reply.text.startswith(
        "554 5.7.1 Message contains malware (Test-Virus)")
    assert site.send(RAW.replace(b"one", b"so so")).code == 2
    assert site.send(RAW.replace(b"one", b"friend")).code == 2
    for score, symbol in (("0", ""), ("15", "SCRIPT_VIRUS"),
                          ("7", "SCRIPT_SCORE"), ("-2", "SCRIPT_SCORE")):
        want = rf' score={score} .*symbols="{symbol}"'
        proc.wait_for(lambda: re.search(want, site.log()), 5, want)
    assert re.search(r'msg="called with v1 /.*/run\.\w{6}/mail\.eml"',
                     site.log())
    assert not site.temps()


@pytest.mark.parametrize("virus, kind", [
    ("quarantine", 2), ("discard", 2), ("tempfail", 4), ("mark", 2)])
def test_virus_actions(weir, folder, virus, kind):
    site = Site(weir, folder, shell("echo v1; echo VIRUS: x"), virus=virus)
    assert site.send().code == kind
    # the line may follow the answer
    proc.wait_for(lambda: "SCRIPT_VIRUS" in site.log(), 5, "the verdict")


FAILURES = {
    "echo v2; echo OK": "the first line is not v1",
    "echo OK": "the first line is not v1",
    "echo v1": "it says nothing after v1",
    "exit 0": "it says nothing",
    "echo v1; echo MAYBE": "the second line is not",
    "echo v1; echo OK; echo SCORE: 1": "it says more than one thing",
    "echo v1; echo SCORE: many": "the number behind SCORE:",
    "echo v1; echo OK; exit 3": "it ended with status 3",
    "echo v1; echo OK; kill -SEGV $$": "it died of signal 11",
    "echo v1; echo OK; kill -KILL $$": "it died of signal 9",
    "yes": "its output is too long",
    "yes 1>&2": "its output is too long",
    "head -c 100000 /dev/zero": "its output is too long",
}


def test_failures(weir, folder):
    """The mail waits, the log says why, and the next one is checked."""
    site = Site(weir, folder, PMG)
    helper = site.helper()
    for text, why in FAILURES.items():
        site.write(shell(text))
        before = len(site.log())
        begin = time.monotonic()
        assert site.send().code == 4, text
        assert time.monotonic() - begin < 4, text
        proc.wait_for(lambda: f"the script: {why}" in site.log()[before:],
                      5, text)
        assert not site.temps(), text
    site.write(PMG)
    assert site.send().code == 2
    assert site.helper() == helper


def test_on_failure_pass(weir, folder):
    site = Site(weir, folder, shell("exit 1"), on_failure="pass")
    assert site.send().code == 2
    proc.wait_for(lambda: "the script: it ended with status 1" in site.log(),
                  5, "the reason")


def test_interpreter_is_missing(weir, folder):
    site = Site(weir, folder, "#!/no/such/interpreter\n")
    assert site.send().code == 4
    proc.wait_for(lambda: "it can't be executed" in site.log(), 5, "why")


HANG = shell("""
sleep 60 & echo $! > {out}/child
echo $$ > {out}/self
touch "$TMPDIR/left behind"
mkdir "$TMPDIR/folder"; touch "$TMPDIR/folder/file"
echo v1
""")


def pids(site):
    return [int(proc.wait_for(lambda n=n: (site.out / n).exists() and
                              (site.out / n).read_text(), 10, n))
            for n in ("child", "self")]


def test_hang_is_ended_with_its_group(weir, folder):
    site = Site(weir, folder, HANG + "wait\n", max_time="1s")
    begin = time.monotonic()
    assert site.send().code == 4
    assert 0.9 < time.monotonic() - begin < 3
    proc.wait_for(lambda: "the script: it did not end within 1000 ms"
                  in site.log(), 5, "the reason")
    proc.wait_for(lambda: not any(map(alive, pids(site))), 5, "their end")
    assert not site.temps()


def test_children_do_not_outlive_an_answer(weir, folder):
    """A child that keeps standard output open holds up nothing."""
    site = Site(weir, folder, HANG + "echo OK\n")
    begin = time.monotonic()
    assert site.send().code == 2
    assert time.monotonic() - begin < 3
    proc.wait_for(lambda: not any(map(alive, pids(site))), 5, "their end")
    assert not site.temps()


def test_nobody_waits_any_more(weir, folder):
    """The module's timeout comes first: the script is ended, too."""
    site = Site(weir, folder, HANG + "wait\n", max_time="1m", timeout="1s")
    assert site.send().code == 4
    proc.wait_for(lambda: not any(map(alive, pids(site))), 5, "their end")
    proc.wait_for(lambda: not site.temps(), 5, "an empty folder")
    site.write(PMG)
    assert site.send().code == 2


def test_client_is_gone(weir, folder):
    site = Site(weir, folder, HANG + "wait\n", max_time="1m")
    c = MilterClient(f"unix:{site.weir.dir}/m.sock", timeout=1)
    assert c.session() is None
    with pytest.raises(TimeoutError):
        c.message(RAW)
    c.close()
    proc.wait_for(lambda: not any(map(alive, pids(site))), 8, "their end")
    proc.wait_for(lambda: not site.temps(), 5, "an empty folder")


def test_helper_is_killed(weir, folder):
    """The sender is told to come back at once, and the script dies with it."""
    import threading
    site = Site(weir, folder, HANG + "wait\n", max_time="1m")
    replies = []
    one = threading.Thread(target=lambda: replies.append(site.send()))
    one.start()
    _, script = pids(site)
    begin = time.monotonic()
    os.kill(site.helper(), signal.SIGKILL)
    one.join(10)
    assert replies[0].code == 4 and time.monotonic() - begin < 3
    proc.wait_for(lambda: not alive(script), 5, "its end")
    site.write(PMG)
    proc.wait_for(lambda: site.send().code == 2, 10, "service")
    # what the dead one left behind
    assert not site.temps()


LOOK = """#!/usr/bin/python3
import json, os, resource, stat, sys
def refused(call, *args):
    try:
        call(*args)
    except OSError as e:
        return e.strerror
    return "ALLOWED"
def write(path):
    open(path, "w").close()
    os.unlink(path)
st = os.stat(sys.argv[2])
os.system("true")
print(json.dumps({
    "argv": sys.argv[1:], "environ": dict(os.environ), "cwd": os.getcwd(),
    "stdin": sys.stdin.read(), "mode": stat.S_IMODE(st.st_mode),
    "folder": stat.S_IMODE(os.stat(os.path.dirname(sys.argv[2])).st_mode),
    "mail": open(sys.argv[2], "rb").read().decode(),
    "fds": sorted(os.listdir("/proc/self/fd")),
    "session": os.getsid(0) == os.getpid(), "uid": os.getuid(),
    "status": [l for l in open("/proc/self/status")
               if l.startswith(("NoNewPrivs", "CapEff"))],
    "memory": resource.getrlimit(resource.RLIMIT_AS)[1],
    "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
    "open": refused(write, "OPEN/x"), "tmp": refused(write, "SHARED/weir-x"),
    "temp": refused(write, os.environ["TMPDIR"] + "/x"),
    "socket": refused(__import__("socket").socket),
}), file=open("OUT/seen", "w"))
print("v1\\nOK")
"""


@pytest.mark.parametrize("ends", ["unix", "mail"])
def test_what_a_run_gets(weir, folder, request, ends):
    import json
    # where Weir's own files are, too; file modes would allow it
    place = Path(tempfile.mkdtemp(prefix="weir-test-", dir=(
        "/var/lib" if os.geteuid() == 0 else Path.home())))
    request.addfinalizer(lambda: shutil.rmtree(place))
    place.chmod(0o777)
    text = LOOK.replace("OUT", str(folder / "out")).replace(
        "OPEN", str(place)).replace("SHARED", tempfile.gettempdir())
    site = Site(weir, folder, text, line_ends=ends, memory_limit="300M")
    raw = RAW + b"x" * 65530 + b"\r\n\r\r\n\rz\r\n" + b"y\r\n" * 50000
    assert site.send(raw).code == 2, site.log()
    seen = json.loads((site.out / "seen").read_text())
    want = raw if ends == "mail" else raw.replace(b"\r\n", b"\n")
    assert seen["mail"] == want.decode()
    assert seen["argv"][0] == "v1" and len(seen["argv"]) == 2
    assert seen["mode"] == 0o600 and seen["folder"] == 0o700
    environ = seen["environ"]
    environ.pop("LC_CTYPE", None)
    assert set(environ) == {"PATH", "LANG", "HOME", "TMPDIR"}
    assert environ["TMPDIR"] == os.path.dirname(seen["argv"][1])
    assert seen["stdin"] == "" and seen["session"]
    assert len(seen["fds"]) <= 5
    assert seen["status"][-1].split()[1] == "1"
    assert int(seen["status"][0].split()[1], 16) == 0
    assert seen["cpu"] == -1
    if os.geteuid() == 0:
        assert seen["uid"] != 0
    if b"__asan_init" not in (proc.build_dir() / "weir-helper").read_bytes():
        assert seen["memory"] == 300 << 20
    assert seen["open"] == "Permission denied"
    assert seen["tmp"] == seen["temp"] == seen["socket"] == "ALLOWED"


def test_runs_side_by_side(weir, folder):
    import threading
    site = Site(weir, folder, shell("sleep 0.5; echo v1; echo OK"),
                concurrent=4)
    begin = time.monotonic()
    threads = [threading.Thread(target=site.send) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert 0.95 < time.monotonic() - begin < 3.5
    assert not site.temps()


@pytest.mark.parametrize("how, why", [
    ("missing", "No such file"), ("mode", "can't be executed"),
    ("writable", "is writable by others"), ("folder", "lies in a folder")])
def test_bad_script_refuses_the_start(weir, folder, how, why):
    site = Site(weir, folder, PMG, start=False)
    if how == "missing":
        site.script.unlink()
    elif how == "mode":
        site.script.chmod(0o644)
    elif how == "writable":
        site.script.chmod(0o775)
    else:
        site.bin.chmod(0o777)
    one = daemon.Weir(folder, site.conf)
    with pytest.raises(RuntimeError) as e:
        one.start(30)
    one.process.stop()
    assert why in str(e.value) and str(site.script) in str(e.value)


def test_behind_postfix(weir, folder, postfix, sink):
    site = Site(weir, folder, PMG)
    server = postfix(milters=[f"unix:{site.weir.dir}/m.sock"])
    raw = RAW.replace(b".dot\rcr\r\n", b"")
    for subject, code in ((b"one", 250), (b"bad", 554), (b"so so", 250)):
        answer, _ = smtp_send(server.address, raw.replace(b"one", subject))
        assert answer[0] == code, answer
    site.write(shell("echo v1; kill -9 $$"))
    answer, _ = smtp_send(server.address, raw)
    assert answer[0] == 451, answer
    assert len(sink.messages) == 2
