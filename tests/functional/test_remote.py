# SPDX-License-Identifier: GPL-2.0-or-later
"""Helper processes: what the sandbox refuses, and what becomes of mail when
a helper dies, hangs or lies."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import MilterClient


@pytest.fixture(autouse=True)
def built(monkeypatch):
    if not (daemon.module_path() / "mod_remotetest.so").exists():
        pytest.skip("mod_remotetest is not built (make abi-modules)")
    monkeypatch.setenv("WEIR_HELPER",
                       str(proc.build_dir() / "weir-helper"))


def conf(extra="", **options):
    """on_failure shows as a tempfail."""
    options.setdefault("timeout", "5s")
    return (daemon.listener("milter", "milter", "unix:{dir}/m.sock")
            + daemon.section("module", "remotetest", **options) + extra)


class Asker:
    """Mails with X-Remote fields; the answers come from the log."""

    def __init__(self, weir):
        self.weir = weir
        self.address = f"unix:{weir.dir}/m.sock"

    def reply(self, *words, body=b"body\r\n"):
        """The milter's answer to a mail that asks for these."""
        client = MilterClient(self.address, timeout=30)
        try:
            assert client.session() is None
            fields = "".join(f"X-Remote: {w}\r\n" for w in words)
            return client.message(
                f"From: a@example.org\r\n{fields}\r\n".encode() + body)
        finally:
            client.close()

    def answers(self):
        found = re.findall(r'msg="answer ((?:[^"\\]|\\.)*)"',
                           self.weir.log())
        return [re.sub(r'\\(["\\])', r"\1", one) for one in found]

    def ask(self, word, **options):
        """(status, text) of the helper's answer."""
        before = len(self.answers())
        self.reply(word, **options)
        text = proc.wait_for(lambda: self.answers()[before:], 10,
                             "the answer")[0]
        status, size, rest = text.split(" ", 2)
        return int(status), int(size), rest


def helpers(weir, name="tight"):
    """Process ids of the helper."""
    found = []
    for pid in proc.children(weir.pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                argv = f.read().split(b"\0")
        except OSError:
            continue
        if argv[:2] == [b"weir-helper", f"remotetest.{name}".encode()]:
            found.append(pid)
    return found


@pytest.fixture
def asker(weir):
    return Asker(weir(conf(secret="a b\"c", list=["x", "y"])))


def test_good_requests(asker):
    assert asker.ask("echo some words") == (0, 10, "some words")
    assert asker.ask("options") == (0, 14, 'good a b"c 2 y')
    assert asker.ask("fill 65536")[:2] == (0, 65536)
    assert asker.ask("thread") == (0, 1, "0")
    assert asker.ask("status -10")[0] == -10
    assert asker.ask("status 3")[0] == -11
    assert asker.ask("huge")[0] == -9


def test_message_is_seen_and_sealed(asker):
    body = b"".join(b"line %d\r\n" % i for i in range(100000))
    raw = (b"From: a@example.org\r\nX-Remote: message\r\n\r\n" + body)
    total = 0
    for octet in raw:
        total = (total * 31 + octet) & 0xFFFFFFFF
    assert asker.ask("message", body=body)[2] == \
        f"{len(raw)} {total} sealed"
    assert asker.ask("echo", body=body) == (0, 0, "")


DENIED = ["execve", "fork", "socket", "unixsocket", "socketpair", "connect",
          "ptrace", "kill", "setuid", "unshare", "bpf", "vmread", "rlimit",
          "exec-memory", "read /etc/passwd", "read /usr/bin/env",
          "write {open}/new", "write {open}/file", "truncate {open}/file",
          "chmod {open}/file", "unlink {open}/file"]
# with all flags: files to read, a folder to write in, executable memory
LOOSE_DENIED = [word for word in DENIED if word not in (
    "exec-memory", "read /usr/bin/env")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One daemon for all that does no harm."""
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    if not (daemon.module_path() / "mod_remotetest.so").exists():
        pytest.skip("mod_remotetest is not built (make abi-modules)")
    import tempfile
    import shutil
    folder = tempfile.mkdtemp(prefix="weir-")
    os.chmod(folder, 0o755)
    readable = os.path.join(folder, "readable")
    # whatever is refused here is not refused by file modes
    os.mkdir(os.path.join(folder, "open"))
    os.chmod(os.path.join(folder, "open"), 0o777)
    with open(os.path.join(folder, "open", "file"), "w") as f:
        f.write("text")
    os.chmod(f.name, 0o666)
    if os.geteuid() == 0:
        shutil.chown(f.name, daemon.unprivileged()[0])
    with open(readable, "w") as f:
        f.write("text")
    one = daemon.Weir(folder, conf(file=readable), env={
        "WEIR_HELPER": str(proc.build_dir() / "weir-helper")})
    one.start()
    yield Asker(one)
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("word", DENIED)
def test_tight_helper_is_refused(shared, word):
    status, _, text = shared.ask(
        word.replace("{open}", f"{shared.weir.dir}/open"))
    assert (status, text) == (0, "EPERM"), word


@pytest.mark.parametrize("word", LOOSE_DENIED)
def test_loose_helper_is_refused(shared, word):
    place = shared.weir.dir / "open"
    status, _, text = shared.ask(
        "loose:" + word.replace("{open}", str(place)))
    assert status == 0 and text in ("EPERM", "EACCES"), word
    assert [p.name for p in place.iterdir()] == ["file"]
    assert (place / "file").read_text() == "text"
    assert (place / "file").stat().st_mode & 0o777 == 0o666


def test_memory_limit(shared):
    binary = (proc.build_dir() / "weir-helper").read_bytes()
    if b"__asan_init" in binary:
        pytest.skip("a sanitizer needs more address space")
    assert shared.ask("memory")[2] == "ENOMEM"


def test_loose_helper_may(shared):
    readable = shared.weir.dir / "readable"
    assert shared.ask(f"loose:read {readable}")[2] == "ALLOWED"
    assert shared.ask("loose:read /usr/bin/env")[2] == "ALLOWED"
    assert shared.ask("loose:exec-memory")[2] == "ALLOWED"
    path = shared.ask("loose:temp")[2]
    assert path.startswith(f"{shared.weir.state}/helpers/")
    # not the options' file
    assert shared.ask(f"loose:read {shared.weir.conf_path}")[2] == "EACCES"
    assert shared.ask(f"loose:write {readable}")[2] == "EACCES"


def test_helper_is_another_user_without_rights(shared):
    pid, = helpers(shared.weir)
    with open(f"/proc/{pid}/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f
                      if ":\t" in line)
    if os.geteuid() == 0:
        assert "0" not in status["Uid"].split()
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == 0
    assert int(status["CapPrm"], 16) == 0


@pytest.mark.parametrize("word", ["crash", "abort", "exit", "mute"])
def test_death_fails_at_once_and_helper_returns(weir, word):
    asker = Asker(weir(conf(on_failure="tempfail")))
    old = helpers(asker.weir)
    begin = time.monotonic()
    assert asker.reply(word).kind in ("tempfail", "replycode")
    assert time.monotonic() - begin < 3
    assert asker.ask("echo again") == (0, 5, "again")
    assert time.monotonic() - begin < 5
    assert helpers(asker.weir) != old


def test_requests_beside_a_death_fail_too(weir):
    asker = Asker(weir(conf(on_failure="tempfail")))
    begin = time.monotonic()
    # one mail with both: the sleeper does not wait for its end
    assert asker.reply("sleep 4000", "crash").code == 4
    assert time.monotonic() - begin < 2


def test_hang_meets_the_deadline(weir):
    asker = Asker(weir(conf(timeout="1s", on_failure="tempfail")))
    old = helpers(asker.weir)
    begin = time.monotonic()
    assert asker.reply("hang").code == 4
    assert 0.9 < time.monotonic() - begin < 2
    # the other threads still serve
    assert asker.ask("echo meanwhile")[2] == "meanwhile"
    proc.wait_for(lambda: "a request did not return in its time"
                  in asker.weir.log(), 10, "the helper's end")
    assert asker.ask("echo later")[2] == "later"
    assert helpers(asker.weir) != old


@pytest.mark.parametrize("how", ["id", "hello", "short", "long"])
def test_garbage_ends_the_connection_only(weir, how):
    asker = Asker(weir(conf(on_failure="tempfail")))
    old = helpers(asker.weir)
    assert asker.reply(f"garbage {how}").code == 4
    assert asker.ask("echo again")[2] == "again"
    assert helpers(asker.weir) == old
    assert "event=helper.lost" in asker.weir.log()


def test_breaker(weir):
    asker = Asker(weir(conf(
        extra=daemon.section("crash", limit=3, window="1m", bench="3s"),
        on_failure="tempfail")))
    for i in range(3):
        asker.reply(f"crash {i}")
    proc.wait_for(lambda: "event=helper.benched" in asker.weir.log(), 5,
                  "the bench")
    begin = time.monotonic()
    for i in range(5):
        assert asker.reply(f"echo {i}").code == 4
    assert time.monotonic() - begin < 1
    assert not helpers(asker.weir)
    # the other helper is not concerned
    assert asker.ask("loose:echo well")[2] == "well"
    proc.wait_for(lambda: helpers(asker.weir), 10, "the end of the bench")
    assert asker.ask("echo back")[2] == "back"


def test_a_wished_end_is_no_death(weir):
    """Who ends for a successor is not counted, and does not rest."""
    one = weir(conf(extra=daemon.section("crash", limit=2, window="1m",
                                         bench="1h"), on_failure="tempfail"))
    asker = Asker(one)
    for i in range(4):
        old = helpers(one)
        assert asker.reply(f"restart {i}").code == 4
        proc.wait_for(lambda: helpers(one) not in ([], old), 10, "the next")
    assert asker.ask("echo back")[2] == "back"
    assert one.log().count("event=helper.restart") == 4
    assert "event=helper.death" not in one.log()
    assert "event=helper.benched" not in one.log()
    assert "weir_helper_deaths_total 0" in one.ctl("metrics")
    kind, = [h for h in one.ctl_json("status")["helpers"]
             if h["name"] == "tight"]
    assert (kind["serving"], kind["restarts"], kind["deaths"]) == (1, 4, 0)


def test_reload_ends_the_bench(weir):
    """Who reloads has mended something; nothing else has changed."""
    one = weir(conf(extra=daemon.section("crash", limit=2, window="1m",
                                         bench="1h"), on_failure="tempfail"))
    asker = Asker(one)
    for i in range(2):
        asker.reply(f"crash {i}")
    proc.wait_for(lambda: "event=helper.benched" in one.log(), 5, "the bench")
    assert not helpers(one)
    text = one.ctl("status")
    assert "RESTING: helper remotetest." in text
    assert "died too often" in text and "signal 11" in text
    kind, = [h for h in one.ctl_json("status")["helpers"]
             if h["name"] == "tight"]
    assert (kind["resting"], kind["deaths"], kind["unable"]) == (1, 2, 0)
    one.ctl("reload")
    proc.wait_for(lambda: helpers(one), 10, "the helper")
    assert "RESTING" not in one.ctl("status")
    assert all(h["resting"] == 0 and h["processes"] > 0
               for h in one.ctl_json("status")["helpers"])
    assert asker.ask("echo back")[2] == "back"
    # deaths are counted anew
    asker.reply("crash once more")
    proc.wait_for(lambda: helpers(one), 10, "the next helper")
    assert one.log().count("event=helper.benched") == 1


def test_poison_is_tried_twice(weir):
    """The same request is not given to a third helper, by no worker."""
    asker = Asker(weir(conf(
        extra=daemon.section("crash", limit=10, window="1m", bench="3s"),
        on_failure="tempfail"), workers=2))
    for _ in range(6):
        assert asker.reply("crash by this").code == 4

    def deaths():
        return len(re.findall("event=helper.death", asker.weir.log()))

    # the master may see the second one after the last answer
    proc.wait_for(lambda: deaths() == 2, 5, "two deaths")
    assert "E_INTERNAL" in asker.weir.log()
    assert asker.ask("echo another")[2] == "another"
    assert deaths() == 2
    assert asker.reply("crash by that").code == 4
    proc.wait_for(lambda: len(re.findall(
        "event=helper.death", asker.weir.log())) == 3, 5, "the third")


def test_kill_under_load(weir):
    """No mail without an answer, and the service back within 5 s."""
    asker = Asker(weir(conf(
        extra=daemon.section("crash", limit=20, window="1m", bench="3s"),
        on_failure="tempfail"), workers=2))
    stop = threading.Event()
    replies, errors = [], []

    def load():
        try:
            client = MilterClient(asker.address, timeout=30)
            assert client.session() is None
            while not stop.is_set():
                reply = client.message(
                    b"From: a@example.org\r\nX-Remote: sleep 30\r\n\r\nb\r\n")
                replies.append((time.monotonic(), reply.code))
            client.close()
        except Exception as e:  # noqa: B902
            errors.append(repr(e))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for one in threads:
        one.start()
    kills = []
    try:
        for _ in range(5):
            n = len(replies)
            proc.wait_for(lambda: len(replies) > n + 20, 10, "load")
            pid, = proc.wait_for(lambda: helpers(asker.weir), 5, "a helper")
            os.kill(pid, signal.SIGKILL)
            kills.append(time.monotonic())
            proc.wait_for(lambda: any(t > kills[-1] + 0.05 and code == 2
                                      for t, code in list(replies)), 5,
                          "service")
    finally:
        stop.set()
        for one in threads:
            one.join(30)
    assert not errors
    assert {code for _, code in replies} <= {2, 4}
    gaps = [min(t for t, code in replies if t > k + 0.05 and code == 2) - k
            for k in kills]
    print("back after", [round(g, 3) for g in gaps], "of",
          len(replies), "replies", sum(c == 4 for _, c in replies), "4xx")
    assert max(gaps) < 5


def test_worker_death_leaves_the_helper(weir):
    asker = Asker(weir(conf(on_failure="tempfail")))
    old = helpers(asker.weir)
    assert asker.ask("echo one")[2] == "one"
    worker, = [p for p in proc.children(asker.weir.pid)
               if p != asker.weir.pid and p not in old
               and p not in helpers(asker.weir, "loose")]
    os.kill(worker, signal.SIGKILL)
    proc.wait_for(lambda: proc.answers(asker.address), 5, "a worker")
    assert asker.ask("echo two")[2] == "two"
    assert helpers(asker.weir) == old


def test_master_death_ends_all(weir, folder):
    one = weir(conf())
    pids = helpers(one) + helpers(one, "loose")
    assert len(pids) == 3
    os.kill(one.pid, signal.SIGKILL)
    one.process.child.wait()

    def gone():
        return not any(os.path.exists(f"/proc/{p}/exe") and
                       "Z" not in open(f"/proc/{p}/stat").read().split()[2]
                       for p in pids if os.path.exists(f"/proc/{p}/stat"))
    proc.wait_for(gone, 10, "the end of the helpers")


@pytest.mark.parametrize("how, word", [
    ("fail", "init refuses to start"),
    # a sanitizer makes a status of the signal
    ("crash", "died of signal 11|ended with status 99"),
    ("hang", "did not finish init")])
def test_bad_init_refuses_the_start(folder, how, word):
    one = daemon.Weir(folder, conf(init=how))
    with pytest.raises(RuntimeError) as e:
        one.start(30)
    one.process.stop()
    assert re.search(word, str(e.value))
    assert "helper remotetest." in str(e.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give away")
def test_link_to_a_folder_of_roots_is_not_given_away(folder):
    """The folder around belongs to the workers' user."""
    one = daemon.Weir(folder, conf())
    target = folder / "roots"
    target.mkdir(0o755)
    one.start(30)
    one.process.stop()
    shutil.rmtree(one.state / "helpers")
    os.symlink(target, one.state / "helpers")
    with pytest.raises(RuntimeError, match="no empty directory of root's"):
        one.start(30)
    one.process.stop()
    assert target.stat().st_uid == 0


def test_bad_init_refuses_the_reload(weir):
    asker = Asker(weir(conf()))
    old = helpers(asker.weir)
    asker.weir.write_conf(conf(init="fail"))
    with pytest.raises(RuntimeError, match="init refuses to start"):
        asker.weir.ctl("reload")
    assert helpers(asker.weir) == old
    assert asker.ask("echo still")[2] == "still"


def test_init_is_sandboxed(weir):
    assert Asker(weir(conf(init="execve"))).ask("echo in")[2] == "in"


def test_reload_shares_or_replaces(weir):
    asker = Asker(weir(conf(list=["a"])))
    old = helpers(asker.weir)
    asker.weir.ctl("reload")
    assert helpers(asker.weir) == old
    assert asker.ask("options")[2] == "good  1 a"
    asker.weir.write_conf(conf(list=["b"]))
    asker.weir.ctl("reload")
    assert asker.ask("options")[2] == "good  1 b"
    proc.wait_for(lambda: len(helpers(asker.weir)) == 1, 10, "the old end")
    assert helpers(asker.weir) != old
    # without the module no helper is left
    asker.weir.write_conf(daemon.listener("milter", "milter",
                                          "unix:{dir}/m.sock"))
    asker.weir.ctl("reload")
    proc.wait_for(lambda: not helpers(asker.weir), 10, "the end")
    proc.wait_for(lambda: not list(
        (asker.weir.state / "helpers").iterdir()), 5, "an empty folder")


def test_log_lines_are_limited(asker):
    asker.ask("log")
    proc.wait_for(lambda: "a\\x0ab" in asker.weir.log()
                  or "a\\nb" in asker.weir.log(), 5, "a line")
    assert len(re.findall(r"event=module.log", asker.weir.log())) <= 40


def test_stop_is_quick_and_clean(weir):
    asker = Asker(weir(conf()))
    asker.ask("loose:temp")
    begin = time.monotonic()
    asker.weir.stop()
    assert time.monotonic() - begin < 5
    assert not list((asker.weir.state / "helpers").iterdir())


def test_drive_has_helpers_of_its_own(folder):
    """The harness starts them itself, and leaves nothing behind."""
    binary = proc.program("weir-drive")
    path = folder / "weir.conf"
    path.write_text(f'module_path = "{daemon.module_path()}"\n'
                    + daemon.section("module", "remotetest"))
    temp = folder / "temp"
    temp.mkdir()
    temp.chmod(0o1777)
    for word, want in [("echo from drive", "0 10 from drive"),
                       ("message", " sealed"), ("execve", "EPERM"),
                       ("crash", "answer -10 0")]:
        mail = folder / "mail.eml"
        mail.write_text(f"From: a@b\nX-Remote: {word}\n\nbody\n")
        done = subprocess.run(
            [binary, "--json", "-c", path, "--eml", mail, "--from", "a@b",
             "--rcpt", "c@d", "--client", "192.0.2.1"],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "TMPDIR": str(temp)})
        assert want in done.stdout, done.stderr
        assert not any(w in done.stderr for w in ("LeakSan", "runtime error"))
    assert list(temp.iterdir()) == []


def test_program_is_not_for_hands():
    done = subprocess.run([proc.program("weir-helper")], capture_output=True,
                          text=True, timeout=10)
    assert done.returncode == 2 and "started by weir" in done.stderr
