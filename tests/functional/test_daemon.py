# SPDX-License-Identifier: GPL-2.0-or-later
"""Start and stop: readiness, signals, sockets, rights, bad beginnings."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.milter import Closed, MilterClient

MILTER = daemon.listener("m", "milter", "unix:{dir}/m.sock")
POLICY = daemon.listener("p", "policy", "unix:{dir}/p.sock")
PUPPET = daemon.section("module", "puppet")
MAIL = b"Subject: test\r\n\r\nbody\r\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="must be root")


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    return dict(line.split(":\t", 1) for line in
                Path(f"/proc/{pid}/status").read_text().splitlines()
                if ":\t" in line)


def workers(one):
    """Process ids of the workers."""
    return [p for p in proc.children(one.pid) if p != one.pid]


def descriptors(pid):
    """Targets of all descriptors of a process."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return found


def puppet_mail(*orders):
    return b"".join(b"X-Puppet: %s\r\n" % o.encode() for o in orders) + MAIL


def refuse(folder, conf, *options, head=None, name="bad", prepare=None):
    """Start what can't start; (status, standard error)."""
    if proc.program("weir") is None:
        pytest.skip(f"weir is not built in {proc.build_dir()}")
    where = folder / name
    where.mkdir()
    one = daemon.Weir(where, conf, head=head)
    if prepare is not None:
        prepare(one)
    done = subprocess.run(
        [one.binary, *(options or ("-f",)), "-c", one.conf_path],
        capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


# readiness and the service manager

def test_ready_means_serving(weir):
    one = weir(MILTER + POLICY)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        assert client.message(MAIL).kind in ("continue", "accept")
    one.stop()
    assert "STOPPING=1" in one.messages
    assert not (one.dir / "m.sock").exists()
    assert not (one.dir / "control.sock").exists()


def test_watchdog(weir):
    one = weir(MILTER, env={"WATCHDOG_USEC": "200000"})
    for _ in range(3):
        one.wait_notify("WATCHDOG=1", 2)


def test_watchdog_of_another_process(weir):
    one = weir(MILTER, env={"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"})
    one.stop()
    assert "STOPPING=1" in one.messages
    assert "WATCHDOG=1" not in one.messages


def test_reloading_is_told(weir):
    one = weir(MILTER)
    os.kill(one.pid, signal.SIGHUP)
    one.wait_notify("RELOADING=1")
    one.wait_notify("READY=1")
    assert any(m.startswith("MONOTONIC_USEC=") for m in one.messages)


# the background

def background(folder, conf):
    where = folder / "bg"
    where.mkdir()
    one = daemon.Weir(where, conf)
    done = subprocess.run([one.binary, "-c", one.conf_path],
                          capture_output=True, text=True, timeout=30)
    return one, done


def process_with(argument):
    """Masters that were started with that argument."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            words = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(argument).encode() in words:
            found.append(int(entry))
    return [p for p in found if parent_of(p) not in found]


def parent_of(pid):
    return int(status_of(pid)["PPid"])


def test_background(folder):
    """The command returns when mail is served; the daemon has left the
    terminal, and its end is clean."""
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    # run() waits for the end of its pipes: a daemon that kept them would
    # make it time out
    one, done = background(
        folder, MILTER + daemon.section("log", target="file:{dir}/bg.log"))
    assert done.returncode == 0, done.stderr
    pid, = process_with(one.conf_path)
    try:
        with MilterClient(f"unix:{one.dir}/m.sock") as client:
            assert client.session() is None
        assert os.getsid(pid) == pid and os.getsid(pid) != os.getsid(0)
        for each in proc.children(pid):
            assert os.readlink(f"/proc/{each}/cwd") == "/"
            for fd in range(3):
                assert os.readlink(f"/proc/{each}/fd/{fd}") == "/dev/null"
        os.kill(pid, signal.SIGHUP)
        proc.wait_for(lambda: "config.loaded" in
                      (one.dir / "bg.log").read_text(), 10, "the reload")
    finally:
        os.kill(pid, signal.SIGTERM)
        proc.wait_for(lambda: not Path(f"/proc/{pid}").exists(), 10,
                      "the end")
    assert not (one.dir / "m.sock").exists()


def test_background_says_why_not(folder):
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    one, done = background(
        folder, MILTER + daemon.section("log", target="file:{dir}/bg.log")
        + daemon.section("dns", zone="{dir}/no.zone"))
    assert done.returncode == 1
    assert "no.zone" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not process_with(one.conf_path)


# stopping

def test_stop_finishes_sessions(weir):
    one = weir(MILTER)
    busy = MilterClient(f"unix:{one.dir}/m.sock")
    assert busy.session() is None
    busy.mail()
    busy.rcpt()
    os.kill(one.pid, signal.SIGTERM)
    one.wait_notify("STOPPING=1")
    proc.wait_for(lambda: not proc.answers(f"unix:{one.dir}/m.sock"), 5,
                  "a closed door")
    assert one.process.running()
    busy.data()
    busy.header("Subject", "late")
    busy.eoh()
    assert busy.eom(b"body\r\n").kind in ("continue", "accept")
    busy.quit()
    assert busy.closed()
    assert one.process.child.wait(5) == 0
    busy.close()


def test_stop_has_an_end(weir):
    one = weir("drain_timeout = \"300ms\"\n" + MILTER)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        os.kill(one.pid, signal.SIGTERM)
        begin = time.monotonic()
        assert client.closed()
        assert one.process.child.wait(5) == 0
        assert 0.25 < time.monotonic() - begin < 3


def test_second_stop_is_at_once(weir):
    one = weir(MILTER)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        os.kill(one.pid, signal.SIGTERM)
        one.wait_notify("STOPPING=1")
        assert one.process.running()
        os.kill(one.pid, signal.SIGTERM)
        assert client.closed()
        assert one.process.child.wait(5) == 0


def test_stop_during_a_check(weir):
    """A reload that is being checked does not bring the daemon back."""
    one = weir(MILTER)
    os.kill(one.pid, signal.SIGHUP)
    os.kill(one.pid, signal.SIGTERM)
    assert one.process.child.wait(10) == 0
    assert "generation 2 serves" not in one.log()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_signals_to_the_group(weir, sig):
    """A terminal's Ctrl-C reaches all processes: still a graceful end."""
    one = weir(MILTER, workers=2)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        for pid in workers(one) + [one.pid]:
            os.kill(pid, sig)
        one.wait_notify("STOPPING=1")
        assert client.message(MAIL).kind in ("continue", "accept")
        client.quit()
        assert one.process.child.wait(5) == 0
    assert "worker.crash" not in one.log()


# sockets

def test_stale_socket_is_replaced(weir):
    one = weir(MILTER)
    path = one.dir / "m.sock"
    for pid in [one.pid] + workers(one):
        os.kill(pid, signal.SIGKILL)
    one.process.child.wait()
    assert path.exists()
    weir(MILTER.replace("{dir}", str(one.dir)))
    with MilterClient(f"unix:{path}") as client:
        assert client.session() is None


def test_used_socket_is_left_alone(weir, folder):
    one = weir(MILTER)
    before = os.stat(one.dir / "m.sock").st_ino
    code, text = refuse(folder, MILTER.replace("{dir}", str(one.dir)))
    assert code == 1
    assert "m.sock is in use by another process" in text
    assert os.stat(one.dir / "m.sock").st_ino == before
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None


def test_file_in_the_place_of_a_socket(folder):
    def prepare(one):
        (one.dir / "m.sock").write_text("precious")
    code, text = refuse(folder, MILTER, prepare=prepare)
    assert code == 1 and "m.sock exists and is not a socket" in text
    assert (folder / "bad" / "m.sock").read_text() == "precious"


def test_taken_port(folder):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        code, text = refuse(folder, daemon.listener(
            "m", "milter", f"inet:127.0.0.1:{port}"))
    assert code == 1
    line, = text.strip().splitlines()
    assert f"127.0.0.1 port {port}" in line and "in use" in line
    assert 'listener "m"' in line and "weir.conf:" in line


@as_root
def test_socket_owner_and_mode(weir):
    one = weir(daemon.listener("m", "milter", "unix:{dir}/m.sock",
                               mode="0620", owner="daemon", group="mail"))
    import grp
    import pwd
    st = os.stat(one.dir / "m.sock")
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o620
    assert st.st_uid == pwd.getpwnam("daemon").pw_uid
    assert st.st_gid == grp.getgrnam("mail").gr_gid
    # an operator of the group may control it, nobody else
    st = os.stat(one.dir / "control.sock")
    assert stat.S_IMODE(st.st_mode) == 0o660


def test_systemd_sockets(folder):
    """Sockets that are passed are used and survive the end."""
    if proc.program("weir") is None:
        pytest.skip("weir is not built")
    where = folder / "sd"
    where.mkdir()
    one = daemon.Weir(where, daemon.listener("m", "milter", "systemd:milter")
                      + daemon.listener("p", "policy", "systemd:policy"))
    path = where / "sd.sock"
    with socket.socket(socket.AF_UNIX) as milter, \
            socket.create_server(("127.0.0.1", 0)) as policy:
        milter.bind(str(path))
        milter.listen(10)
        fds = [milter.fileno(), policy.fileno()]

        def place():
            # what systemd does: descriptors 3 and 4
            high = [os.dup(fd) for fd in fds]
            high = [fd if fd > 10 else fcntl_dup(fd) for fd in high]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        script = 'LISTEN_PID=$$ exec "$0" -f -c "$1"'
        with open(where / "log", "wb") as log:
            child = subprocess.Popen(
                ["/bin/sh", "-c", script, one.binary, one.conf_path],
                stdout=log, stderr=log, close_fds=False, preexec_fn=place,
                env={**os.environ, "LISTEN_FDS": "2",
                     "LISTEN_FDNAMES": "milter:policy"})
        try:
            proc.wait_for(lambda: "daemon.ready" in
                          (where / "log").read_text(), 10, "the daemon")
            with MilterClient(f"unix:{path}") as client:
                assert client.session() is None
            port = policy.getsockname()[1]
            from weirtest.policy import PolicyClient
            with PolicyClient(f"inet:127.0.0.1:{port}") as client:
                assert client.ask() == "DUNNO"
            # a reload keeps them
            os.kill(child.pid, signal.SIGHUP)
            proc.wait_for(lambda: "generation 2" in
                          (where / "log").read_text(), 10, "the reload")
            with MilterClient(f"unix:{path}") as client:
                assert client.session() is None
        finally:
            child.terminate()
            assert child.wait(10) == 0
        assert path.exists()


def fcntl_dup(fd):
    import fcntl
    return fcntl.fcntl(fd, fcntl.F_DUPFD, 20)


def test_systemd_socket_is_missing(folder):
    code, text = refuse(folder, daemon.listener("m", "milter",
                                                "systemd:milter"))
    assert code == 1 and '"milter"' in text
    assert len(text.strip().splitlines()) == 1


# rights

@as_root
def test_workers_have_no_rights(weir):
    one = weir(MILTER + PUPPET, workers=2)
    import pwd
    uid = str(pwd.getpwnam(daemon.unprivileged()[0]).pw_uid)
    assert len(workers(one)) == 2
    for pid in workers(one):
        status = status_of(pid)
        assert status["Uid"].split() == [uid] * 4
        assert "0" not in status["Gid"].split()
        assert "0" not in status["Groups"].split()
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"
        for caps in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(status[caps], 16) == 0


def facts_of(one, orders):
    """Send orders to the puppet; the facts of the record."""
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        reply = client.message(puppet_mail(*orders))
        assert reply.kind in ("continue", "accept"), reply
    return reply


def test_sandbox(weir, folder):
    """What workers may not do fails, and they live on."""
    import errno
    from test_explain import records
    one = weir(MILTER + PUPPET)
    outside = Path("/etc/weir-test-outside")
    inside = one.state / "inside"
    before = workers(one)
    facts_of(one, ["fork", "exec", f"write {outside}"]
             + (["setuid"] if os.geteuid() == 0 else []))
    record = records(one, 1)[0]
    assert record["facts"]["puppet.fork"] == str(errno.EPERM)
    assert record["facts"]["puppet.exec"] == str(errno.EPERM)
    assert record["facts"]["puppet.write"] == str(errno.EACCES)
    if os.geteuid() == 0:
        assert record["facts"]["puppet.setuid"] == str(errno.EPERM)
    assert not outside.exists()
    facts_of(one, [f"write {inside}"])
    assert records(one, 2)[1]["facts"]["puppet.write"] == "0"
    assert inside.exists() and workers(one) == before


def test_worker_descriptors(weir):
    """A worker has its own and nobody else's."""
    one = weir(MILTER + POLICY, workers=3)
    counts = set()
    for pid in workers(one):
        targets = descriptors(pid)
        assert not any("signalfd" in t for t in targets), targets
        # listeners, control, the channel, the wake-up pair of the resolver
        sockets = [t for t in targets if t.startswith("socket:")]
        assert len(sockets) <= 5, targets
        counts.add(len(targets))
    assert max(counts) <= 22 and max(counts) - min(counts) <= 1
    # no channel is held by two workers
    inodes = [t for pid in workers(one) for t in set(descriptors(pid))
              if t.startswith("socket:")]
    shared = {t for t in inodes if inodes.count(t) > 1}
    assert len(shared) == 3, shared


def test_master_takes_no_connection(weir):
    """With the worker stopped nobody answers: the master reads no mail."""
    one = weir(MILTER)
    worker, = workers(one)
    os.kill(worker, signal.SIGSTOP)
    try:
        with MilterClient(f"unix:{one.dir}/m.sock", timeout=0.3) as client:
            with pytest.raises(socket.timeout):
                client.session()
            assert len([t for t in descriptors(one.pid)
                        if t.startswith("socket:")]) == 3
    finally:
        os.kill(worker, signal.SIGCONT)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None


# bad beginnings: one clear line and a status

BAD = {
    "module": (daemon.section("module", "nosuch"), "nosuch"),
    "spelling": (daemon.section("module", "greylst"), "greylist"),
    "option": (daemon.section("module", "greylist", deley="3m"), "delay"),
    "value": (daemon.section("module", "greylist", delay="3 ducks"),
              "3 ducks"),
    "bounds": ('drain_timeout = "400d"\n', "drain_timeout"),
    "key": ("wrokers = 2\n", "workers"),
    "include": ('include("{dir}/no.conf")\n', "no.conf"),
    "syntax": ("listener {{{\n", "weir.conf:"),
    "owner": (daemon.section("listener", "x", protocol="policy",
                             address="unix:{dir}/x", owner="nosuchuser"),
              'no user "nosuchuser"'),
    "servers": (daemon.section("dns", servers=[f"192.0.2.{n}"
                                               for n in range(9)]),
                "at most 8"),
    "tries": (daemon.section("dns", tries=9), "tries"),
    "address": (daemon.listener("x", "milter", "inet:nowhere"), "nowhere"),
    "protocol": (daemon.listener("x", "smtpd", "unix:{dir}/x"), "smtpd"),
    "same": (daemon.listener("x", "policy", "unix:{dir}/m.sock"),
             'listener "m" has the same'),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration(folder, case):
    text, word = BAD[case]
    code, said = refuse(folder, MILTER + text)
    assert code == 1, said
    assert word in said
    lines = said.strip().splitlines()
    assert 1 <= len(lines) <= 2, said
    code, said = refuse(folder, MILTER + text, "-t", name="check")
    assert code == 2, said
    assert word in said


@pytest.mark.parametrize("text", [
    "listener {{{\n", 'include("{dir}/no.conf")\n', 'user = "x\n', "a\n",
    "wrokers = 2\n", None])
def test_check_ends_with_its_verdict(folder, text):
    """Whatever kind of mistake it is, and for a file that is not there."""
    conf = folder / "weir.conf"
    if text is not None:
        conf.write_text(text.replace("{dir}", str(folder)))
    for program in (["weir", "-t", "-c"], ["weirctl", "check"]):
        done = subprocess.run([proc.program(program[0]), *program[1:], conf],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 2, done
        assert done.stderr.startswith(f"{conf}"), done
        assert done.stdout == f"{conf}: refused\n", done


def test_no_listener_is_warned_of(folder):
    code, said = refuse(folder, 'module "greylist" {}\n', "-t")
    assert code == 1
    assert "weir.conf: warning: no listener" in said
    assert 'listener "mta" {' in said


MANY = """\
#include <weir/weir.h>
static int create(const struct weir_host *h, weir_self *s,
    const weir_conf *c, void **state)
{ (void)h; (void)s; (void)c; (void)state; return WEIR_OK; }
"""
ONE = """\
static const struct weir_module d%(n)d = { WEIR_MODULE_HEAD,
    .id = "test.many.m%(n)d", .name = "m%(n)d", .version = "1",
    .license = "ISC", .summary = "one of many", .create = create };
WEIR_MODULE_EXPORT(mod_m%(n)d, d%(n)d)
"""


def test_too_many_modules(folder):
    """Found by the check already; and as many as there may be are served."""
    (folder / "all.c").write_text(
        MANY + "".join(ONE % {"n": n} for n in range(129)))
    subprocess.run(["gcc", "-shared", "-fPIC", f"-I{proc.ROOT}/include", "-o",
                    folder / "mod_m0.so", folder / "all.c"], check=True)
    for n in range(1, 129):
        shutil.copy(folder / "mod_m0.so", folder / f"mod_m{n}.so")

    def conf(n):
        return MILTER + "".join(f'module "m{i}" {{}}\n' for i in range(n))
    code, said = refuse(folder, conf(129), "-t", name="more", head=head(
        folder / "more", module_path=str(folder)))
    assert code == 2
    assert re.search(r'weir\.conf:\d+: error: module "m128" is one too many: '
                     "at most 128", said), said
    code, said = refuse(folder, conf(128), "-t", name="most", head=head(
        folder / "most", module_path=str(folder)))
    assert code == 0, said


def test_no_configuration(folder):
    binary = proc.program("weir")
    if binary is None:
        pytest.skip("weir is not built")
    done = subprocess.run([binary, "-f", "-c", folder / "no.conf"],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    line, = done.stderr.strip().splitlines()
    assert "no.conf" in line and "No such file" in line
    done = subprocess.run([binary, "-f", "-c", folder],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_bad_zone(folder):
    """What the configuration names must be there."""
    code, said = refuse(folder, MILTER + daemon.section(
        "dns", zone="{dir}/no.zone"))
    assert code == 1
    assert "dns: zone: " in said and "no.zone: No such file" in said


@as_root
def test_unreadable_configuration(folder):
    """For root, too: a loop of links."""
    os.symlink("weir.conf", folder / "weir.conf")
    done = subprocess.run(
        [proc.program("weir") or pytest.skip("weir is not built"), "-f",
         "-c", folder / "weir.conf"], capture_output=True, text=True,
        timeout=10)
    assert done.returncode == 1 and "weir.conf" in done.stderr


def head(one_dir, **changes):
    user, group = daemon.unprivileged()
    rows = {"workers": 1, "state_dir": f"{one_dir}/state",
            "control": f"{one_dir}/control.sock",
            "module_path": str(daemon.module_path()), "user": user,
            "group": group, **changes}
    return "".join(f"{k} = {daemon.value(v)}\n" for k, v in rows.items())


@as_root
@pytest.mark.parametrize("key, word", [
    ("user", "there is no user"), ("group", "there is no group")])
def test_missing_user(folder, key, word):
    code, text = refuse(folder, MILTER, head=head(
        folder / "bad", **{key: "weir-nobody-there"}))
    assert code == 1
    line, = text.strip().splitlines()
    assert word in line and "weir-nobody-there" in line


@as_root
def test_state_of_another_user(folder):
    """Not ours and not empty: nothing is taken over."""
    (folder / "state").mkdir()
    (folder / "state" / "precious").write_text("")
    os.chown(folder / "state", 1, 1)
    code, text = refuse(folder, MILTER, head=head(
        folder / "bad", state_dir=str(folder / "state")))
    assert code == 1
    line, = text.strip().splitlines()
    assert "chown" in line and "state" in line
    assert os.stat(folder / "state").st_uid == 1


def test_state_can_not_be_made(folder):
    (folder / "file").write_text("")
    code, text = refuse(folder, MILTER, head=head(
        folder / "bad", state_dir=str(folder / "file" / "state")))
    assert code == 1
    line, = text.strip().splitlines()
    assert "file" in line
    assert (folder / "file").read_text() == ""


def test_check_only(folder):
    """weir -t: 0 clean, 1 warnings, 2 refused; nothing is made."""
    code, text = refuse(folder, MILTER, "-t", name="clean")
    assert code == 0 and text == ""
    code, text = refuse(
        folder, 'call_timeout = "50s"\nmessage_timeout = "10s"\n' + MILTER,
        "-t", name="warned")
    assert code == 1 and "warning" in text
    code, text = refuse(folder, MILTER + "wrokers = 1\n", "-t",
                        name="refused")
    assert code == 2 and "wrokers" in text
    for name in ("clean", "warned", "refused"):
        left = {p.name for p in (folder / name).iterdir()}
        assert left == {"weir.conf", "empty.zone"}


def test_usage(folder):
    binary = proc.program("weir")
    if binary is None:
        pytest.skip("weir is not built")
    for bad in (["-x"], ["-f", "word"], ["-c"]):
        assert subprocess.run([binary, *bad], capture_output=True,
                              timeout=10).returncode == 2
    done = subprocess.run([binary, "-V"], capture_output=True, text=True,
                          timeout=10)
    assert done.returncode == 0 and done.stdout.startswith("weir ")


def test_closed_means_retry(weir):
    """A peer that is cut off sees the end, not a half answer."""
    one = weir(MILTER)
    with MilterClient(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        worker, = workers(one)
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(Closed):
            client.message(MAIL)
            client.message(MAIL)
