# SPDX-License-Identifier: GPL-2.0-or-later
"""weirctl against the real daemon, the manual pages, the systemd unit."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from weirtest import daemon, proc
from weirtest.postfix import write_main

ROOT = Path(__file__).resolve().parents[2]
MILTER = daemon.listener("in", "milter", "unix:{dir}/milter.sock")
ACTION = daemon.section("module", "action", reject=5)


@pytest.fixture
def ctl():
    """ctl(*words): a finished weirctl, whatever its status."""
    binary = proc.program("weirctl")
    if binary is None:
        pytest.skip("weirctl is not built")

    def run(*words, **options):
        return subprocess.run([binary, *map(str, words)], text=True,
                              capture_output=True, timeout=60, **options)
    return run


@pytest.fixture
def one(weir):
    """A daemon with a milter listener and all modules of the tree."""
    return weir(MILTER + daemon.section("module", "greylist") + ACTION,
                workers=2)


def test_loads_no_reader_of_mail_to_start():
    """They are half of the time that a start takes; daemon and helpers have
    them from the start, before they fork or enter a sandbox."""
    found = {}
    for name in ("weirctl", "weir", "weir-helper"):
        binary = proc.program(name)
        if binary is None or shutil.which("readelf") is None:
            pytest.skip(f"{name} is not built, or there is no readelf")
        said = subprocess.run(["readelf", "-d", binary], check=True, text=True,
                              capture_output=True, timeout=60).stdout
        found[name] = [lib for lib in ("libgmime", "libxml2")
                       if f"[{lib}" in said]
    assert found == {"weirctl": [], "weir": ["libgmime", "libxml2"],
                     "weir-helper": ["libgmime", "libxml2"]}


def test_says_that_a_reader_of_mail_is_broken(folder, ctl):
    """Commands that need it end with the reason; others don't care."""
    (folder / "libgmime-3.0.so.0").write_bytes(b"no library")
    (folder / "mail").write_text("Subject: x\n\nx\n")
    (folder / "rules.lua").write_text(
        'rule "x" { function(mail) if #mail:parts() > 9 then mail:accept() end end }\n')
    env = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    done = ctl("rules", "test", folder / "rules.lua", folder / "mail")
    assert done.returncode == 0, done.stderr
    done = ctl("rules", "test", folder / "rules.lua", folder / "mail", env=env)
    assert done.returncode == 1
    assert "mail can't be read: " in done.stderr
    assert f"{folder}/libgmime-3.0.so.0" in done.stderr
    assert ctl("-V", env=env).returncode == 0


def test_status(one, ctl):
    done = ctl("-s", one.dir / "control.sock", "status")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^  in +milter +in +unix:.*milter.sock$", done.stdout,
                     re.M)
    status = one.ctl_json("status")
    assert [w["state"] for w in status["workers"]] == ["serving"] * 2
    assert status["master"] == one.pid
    assert {w["pid"] for w in status["workers"]} <= set(
        proc.children(one.pid))
    assert status["generation"] == 1
    assert 0 < status["uptime_ms"] < 60000
    assert status["store"]["alarm"] == ""
    assert status["listeners"][0]["address"].endswith("milter.sock")


def test_modules(one, ctl):
    modules = {m["name"]: m for m in one.ctl_json("modules")}
    assert set(modules) == {"greylist", "action"}
    assert modules["action"]["options"]["reject"] == 5
    assert modules["greylist"]["path"].endswith("mod_greylist.so")
    for m in modules.values():
        assert m["id"] == f"org.weir.{m['name']}" and m["license"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", m["version"])
        assert re.fullmatch(r"\d+\.\d+", m["abi"]) and m["helpers"] == [] \
            and m["drafts"] == []
        assert m["crashes"] == 0 and m["calls"] >= 0 and m["time_ms"] >= 0
    text = one.ctl("modules", "action")
    assert re.search(r"^action 0\.1\.0 \(GPL-2\.0-or-later, ABI \d+\.\d+\)$",
                     text, re.M)
    assert f"    {modules['action']['path']}\n" in text
    assert re.search(r" calls.*, \d+ failures, 0 crashes$", text, re.M)
    assert "reject = 5" in text and "greylist" not in text
    assert "early = yes" in text and "true" not in text
    wrong = ctl("-s", one.dir / "control.sock", "modules", "graylist")
    assert wrong.returncode == 1
    assert 'did you mean "greylist"?' in wrong.stderr


def test_module_commands(one, ctl):
    assert any(c.get("module") == "greylist"
               for c in one.ctl_json("help"))
    assert one.ctl("greylist", "stats")
    for words in (["show", "192.0.2.1"], ["delete"], ["stats", "all"]):
        misused = ctl("-s", one.dir / "control.sock", "greylist", *words)
        assert misused.returncode == 2 and misused.stdout == ""
        assert misused.stderr.startswith(f"usage: weirctl greylist {words[0]}")
    wrong = ctl("-s", one.dir / "control.sock", "greylist", "lits")
    assert wrong.returncode == 2
    assert 'did you mean "list"?' in wrong.stderr


def test_reload(one, ctl):
    sock = one.dir / "control.sock"
    before = {w["pid"] for w in one.ctl_json("status")["workers"]}
    assert ctl("-s", sock, "reload").stdout == "reloaded\n"
    status = one.ctl_json("status")
    assert status["generation"] == 2
    assert not before & {w["pid"] for w in status["workers"]
                         if w["state"] == "serving"}
    one.write_conf(MILTER + "lisstener { }\n")
    bad = ctl("-s", sock, "reload")
    assert bad.returncode == 1
    assert re.search(r"weir\.conf:\d+: error: .*lisstener", bad.stderr)
    assert "stays in force" in bad.stderr
    assert one.ctl_json("status")["generation"] == 2


def test_stop(weir, ctl):
    one = weir(MILTER)
    done = ctl("-s", one.dir / "control.sock", "stop")
    assert done.returncode == 0
    # the tests' daemon has a service manager, which is no operator's wish
    assert done.stdout == ("stopping, until the service manager starts it "
                           "again; for good: systemctl stop weir\n")
    proc.wait_for(lambda: not one.process.running(), what="the end")
    assert "stopping: a worker was asked to" in one.log()
    gone = ctl("-s", one.dir / "control.sock", "status")
    assert gone.returncode == 3
    assert "is weir running?" in gone.stderr


def test_unit_starts_again():
    """A worker can ask for a stop, which is no failure: exit status 0."""
    text = (ROOT / "contrib" / "systemd" / "weir.service.in").read_text()
    assert re.findall("^Restart=(.*)$", text, re.M) == ["always"]
    assert "RestartPreventExitStatus" not in text
    assert "SuccessExitStatus" not in text


def test_explain_early(weir, milter_client):
    """A client that is refused before a message begins is explained, too."""
    one = weir(MILTER + daemon.section("module", "greylist"))
    client = milter_client(f"unix:{one.dir}/milter.sock")
    client.session()
    client.mail()
    reply = client.rcpt()
    client.close()
    given = re.search(r"\[(\w{12})\]", str(reply)).group(1)
    text = one.ctl("explain", given)
    assert "Greylisted" in text and "refused for now (4xx)" in text


def test_explain(one, ctl, milter_client):
    client = milter_client(f"unix:{one.dir}/milter.sock")
    client.session()
    client.message(b"Subject: hello\r\n\r\nbody\r\n")
    client.close()

    def ids():
        return re.findall(r"event=message\.\w+ .*?message=(\w{12})",
                          one.log())
    proc.wait_for(ids, what="a verdict in the log")
    records = one.ctl_json("explain", ids()[0])
    assert sum(w["messages"] for w in one.ctl_json("status")["workers"]) == 1
    assert records[0]["id"] == ids()[0]
    text = one.ctl("explain", f"[{ids()[0].upper()}]")
    assert text.startswith(f"Message {ids()[0]}: ")
    assert "<sender@example.org>" in text and "<user@example.net>" in text
    none = ctl("-s", one.dir / "control.sock", "explain", "nothing")
    assert none.returncode == 1 and "no record" in none.stderr
    # the same page without the daemon
    one.stop()
    offline = ctl("-c", one.conf_path, "explain", ids()[0])
    assert offline.returncode == 0 and offline.stdout == text


def test_unknown(one, ctl):
    wrong = ctl("-s", one.dir / "control.sock", "stauts")
    assert wrong.returncode == 2
    assert 'did you mean "status"?' in wrong.stderr
    assert ctl().returncode == 2
    assert ctl("-x").returncode == 2


def test_without_daemon(folder, ctl):
    """The misspelling is named first; what may be a module's is not one."""
    none = folder / "none.sock"
    wrong = ctl("-s", none, "statsu")
    assert wrong.returncode == 2
    assert 'did you mean "status"?' in wrong.stderr.splitlines()[0]
    assert "no daemon listens" in wrong.stderr
    for command in ("status", "zoology"):
        away = ctl("-s", none, command)
        assert away.returncode == 3
        assert away.stderr.count("\n") == 1


def test_db_in_front_of_the_command(folder, ctl):
    """As weirctl -h lists it; behind the command it works, too."""
    if not (daemon.module_path() / "mod_bayes.so").exists():
        pytest.skip("mod_bayes is not built")
    conf = folder / "weir.conf"
    conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                    'module "bayes" { }\n')
    mail = folder / "mail"
    mail.write_text("Subject: minutes\n\nnotes of the meeting\n")
    done = ctl("--db", folder / "db", "-c", conf, "bayes", "learn", "ham",
               mail)
    assert done.returncode == 0 and "1 learned" in done.stdout, done.stderr
    for words in ((f"--db={folder}/db", "--json", "-c", conf, "bayes",
                   "stats"),
                  ("-c", conf, "bayes", "stats", "--json", "--db",
                   folder / "db")):
        done = ctl(*words)
        assert json.loads(done.stdout)["messages"] == 1, done.stderr


def test_help(folder, one, ctl):
    """Of a command or of a module, with a daemon and without one."""
    conf = folder / "help.conf"
    conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                    'control = "unix:/nonexistent/control.sock"\n'
                    'module "greylist" { }\n')
    for where in (one.conf_path, conf):
        for words in (["help", "greylist"], ["greylist"],
                      ["greylist", "--help"]):
            done = ctl("-c", where, *words)
            assert done.returncode == 0, done.stderr
            assert "\n  greylist list" in "\n" + done.stdout
            assert "  status" not in done.stdout
        assert ctl("-c", where, "help", "status").stdout.startswith("  status  ")
    done = ctl("-c", one.conf_path, "help", "nothing-known")
    assert done.returncode == 2 and "weirctl help lists" in done.stderr


def test_permission(one, ctl):
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    denied = ctl("-s", one.dir / "control.sock", "status", user=2, group=2,
                 extra_groups=[])
    assert denied.returncode == 3
    assert re.search(r"be root or a member of group \"\w+\"", denied.stderr)


def test_control_is_logged(one):
    one.ctl("status")
    proc.wait_for(lambda: "event=ctl.command" in one.log(), what="the log")
    assert f"peer_uid={os.geteuid()}" in one.log()


def test_check_and_config(folder, ctl):
    good = folder / "good.conf"
    user, group = daemon.unprivileged()
    good.write_text(f'state_dir = "{folder}/state"\n'
                    f'user = "{user}"\ngroup = "{group}"\n'
                    f'module_path = "{daemon.module_path()}"\n'
                    + MILTER.replace("{dir}", str(folder)) + ACTION)
    done = ctl("check", good)
    assert done.returncode == 0 and done.stdout.endswith(": clean\n")
    shown = ctl("-c", good, "config", "show", "--origin").stdout
    assert re.search(r'state_dir = ".*"  # .*good\.conf:1$', shown, re.M)
    assert re.search(r'call_timeout = "10s"  # default$', shown, re.M)
    assert 'module "action" {' in shown
    # what is shown can be loaded, and is shown the same again
    again = folder / "again.conf"
    again.write_text(ctl("-c", good, "config", "show").stdout)
    assert ctl("-c", again, "config", "show").stdout == again.read_text()
    as_json = json.loads(ctl("--json", "-c", good, "config", "show").stdout)
    assert as_json["module"]["action"]["reject"] == 5
    bad = folder / "bad.conf"
    bad.write_text("wrokers = 2\n")
    done = ctl("check", bad)
    assert done.returncode == 2
    assert "bad.conf:1: error:" in done.stderr
    done = ctl("--json", "check", bad)
    assert json.loads(done.stdout)["status"] == 2
    assert ctl("check", folder / "none.conf").returncode == 2
    assert ctl("-c", bad, "config", "show").returncode == 1


def test_doctor(weir, ctl, fake_dns):
    one = weir(MILTER + daemon.section("dns", servers=[
        f"127.0.0.1:{fake_dns.port}"]))
    # without main.cf, as below, each postconf waits for a second
    write_main(one.dir, "compatibility_level = 3.6\n")
    done = ctl("-s", one.dir / "control.sock", "-c", one.conf_path, "doctor",
               "--json", env={**os.environ, "MAIL_CONFIG": str(one.dir)})
    checks = json.loads(done.stdout)
    by = {c["check"]: c for c in checks["checks"]}
    for name in ("configuration", "daemon", "store", "sync", "disk space",
                 "open files", "kernel"):
        assert by[name]["level"] == "ok", by[name]
    assert f"127.0.0.1:{fake_dns.port}" in by["resolver"]["text"]
    assert (checks["failed"] > 0) == (done.returncode == 1)
    assert all(c.get("remedy") for c in checks["checks"]
               if c["level"] != "ok")
    # a public resolver, no daemon
    one.stop()
    conf = one.conf_path.read_text()
    one.conf_path.write_text(
        conf.replace(f"127.0.0.1:{fake_dns.port}", "8.8.8.8")
        + 'call_timeout = "1s"\n')
    done = ctl("-c", one.conf_path, "doctor")
    assert done.returncode == 1
    assert re.search(r"^warn  public resolver +8\.8\.8\.8 \(Google\)",
                     done.stdout, re.M)
    assert re.search(r"^fail  daemon +no daemon listens", done.stdout, re.M)


def test_doctor_judges_the_file_of_the_daemon(weir, ctl, folder):
    """With -s alone: what runs at that socket, not the default."""
    one = weir(MILTER)
    socket = one.dir / "control.sock"
    assert one.ctl_json("status")["config"] == str(one.conf_path)
    assert str(one.conf_path) in one.ctl("status")

    def judged(*words):
        done = ctl(*words, "doctor", "--json")
        return [c for c in json.loads(done.stdout)["checks"]
                if c["check"] == "configuration"]
    found, = judged("-s", socket)
    assert found["level"] == "ok" and str(one.conf_path) in found["text"]
    other = folder / "other.conf"
    other.write_text("wrokers = 1\n")
    found, = judged("-s", socket, "-c", other)
    assert found["level"] == "fail" and str(other) in found["text"]
    # a daemon that was taken over could name a file of its own
    one.conf_path.chmod(0o666)
    first, found = judged("-s", socket)
    assert first["level"] == "warn" and "by others" in first["text"]
    assert f"{one.conf_path} is writable" in first["text"]
    one.stop()
    first, found = judged("-s", socket)
    assert first["level"] == "warn" and "/weir.conf is judged" in first["text"]
    assert "-c" in first["remedy"]


@pytest.mark.parametrize("main,master,level,check,words", [
    ("smtpd_milters = unix:{dir}/m.sock\nmilter_default_action = tempfail\n",
     "n", "ok", "milter failure", "tempfail"),
    ("smtpd_milters = unix:{dir}/m.sock\nmilter_default_action = accept\n",
     "n", "fail", "milter failure", "unchecked"),
    ("smtpd_milters = {{ unix:{dir}/m.sock, default_action=accept }}\n",
     "n", "fail", "milter failure", "unchecked"),
    ("smtpd_milters = {{ unix:{dir}/m.sock, default_action = tempfail }}, "
     "{{ inet:127.0.0.1:1, default_action=accept }}\n"
     "milter_default_action = accept\n",
     "n", "ok", "milter failure", "tempfail"),
    ("smtpd_milters = inet:127.0.0.1:1, $mine\nmine = unix:{dir}/m.sock\n"
     "milter_default_action = reject\n",
     "n", "warn", "milter failure", "refused for good"),
    ("smtpd_milters = unix:{dir}/m.sock\n", "y", "fail", "chroot",
     "can't see"),
    ("smtpd_milters = unix:{dir}/m.sock\nmilter_content_timeout = 30s\n",
     "n", "fail", "milter timeout", "gives up after 30 s"),
    ("smtpd_milters = unix:{dir}/m.sock2\n", "n", "fail", "MTA",
     "asks none"),
    ("", "n", "fail", "MTA", "asks none"),
    ("smtpd_recipient_restrictions = reject_unauth_destination, "
     "check_policy_service {{ inet:127.0.0.1:10022, timeout=9s }}\n",
     "n", "ok", "MTA", "asks 1 of 2"),
])
def test_doctor_mta(folder, ctl, main, master, level, check, words):
    if shutil.which("postconf", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no Postfix")
    write_main(folder, "compatibility_level = 3.6\n"
               + main.format(dir=folder))
    (folder / "master.cf").write_text(f"smtp inet n - {master} - - smtpd\n")
    conf = folder / "weir.conf"
    conf.write_text(
        daemon.listener("m", "milter", f"unix:{folder}/m.sock")
        + daemon.listener("p", "policy", "inet:127.0.0.1:10022")
        + daemon.section("dns", zone="/dev/null"))
    done = ctl("-c", conf, "doctor", "--json",
               env={**os.environ, "MAIL_CONFIG": str(folder)})
    found = [c for c in json.loads(done.stdout)["checks"]
             if c["check"] == check]
    assert [c["level"] for c in found] == [level], found
    assert words in found[0]["text"]


def test_mta_config_is_postfix_syntax(folder, ctl):
    """The installed postconf reads what we print and knows every name."""
    if shutil.which("postconf", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("no Postfix")
    conf = folder / "weir.conf"
    conf.write_text(
        MILTER.replace("{dir}", "/var/spool/postfix/weir")
        + daemon.listener("policy", "policy", "inet:127.0.0.1:10022"))
    printed = ctl("-c", conf, "mta-config", "postfix")
    assert printed.returncode == 0, printed.stderr
    etc = folder / "postfix"
    etc.mkdir()
    write_main(etc, "compatibility_level = 3.6\n" + printed.stdout)
    (etc / "master.cf").write_text(
        "smtp inet n - n - - smtpd\n")
    read = subprocess.run(["/usr/sbin/postconf", "-c", etc, "-n"], text=True,
                          capture_output=True, timeout=30)
    assert read.returncode == 0 and read.stderr == ""
    assert "smtpd_milters = { unix:weir/milter.sock," in read.stdout
    settings = json.loads(
        ctl("-c", conf, "mta-config", "postfix", "--json").stdout)
    for s in settings["settings"]:
        assert f"{s['name']} = {s['value']}\n" in read.stdout
    assert "PROBLEM" in ctl("-c", conf, "mta-config", "postfix").stdout or \
        settings["problems"] == 0
    assert ctl("-c", conf, "mta-config", "exim").returncode == 2
    newer = ctl("-c", conf, "mta-config", "postfix", "--version", "3.11")
    assert "milter_default_action = shutdown\n" in newer.stdout


@pytest.mark.parametrize("version", [[], ["--version", "3.7"]])
def test_mta_config_refuses_what_is_not_there(folder, ctl, version):
    conf = folder / "weir.conf"
    conf.write_text(MILTER.replace("{dir}", str(folder)))
    done = ctl("-c", conf, "mta-config", "postfix", "--config-dir",
               folder / "none", *version)
    assert done.returncode == 1 and done.stdout == ""
    assert "none" in done.stderr or "postconf" in done.stderr


def test_mta_config_of_another_host(folder, ctl):
    """What holds for our own Postfix, a chroot say, is no matter of another
    one's."""
    conf = folder / "weir.conf"
    conf.write_text(MILTER.replace("{dir}", "/var/spool/postfix/weir")
                    + daemon.listener("far", "milter",
                                      "unix:/run/weir/far.sock"))
    done = ctl("-c", conf, "mta-config", "postfix", "--version", "3.4.1")
    assert done.returncode == 0, done.stderr
    assert "PROBLEM" not in done.stdout
    assert "unix:weir/milter.sock" in done.stdout
    assert "unix:/run/weir/far.sock" in done.stdout


@pytest.mark.parametrize("page", ["weir.8", "weirctl.8"])
def test_manual_page(page):
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    path = ROOT / "framework" / "man" / page
    done = subprocess.run(["groff", "-mandoc", "-Tutf8", "-ww", path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    assert "EXIT STATUS" in re.sub(r".\x08|\x1b\[[0-9;]*m", "", done.stdout)
    if shutil.which("man") is not None:
        done = subprocess.run(["man", "--warnings", "-l", path],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stderr == ""


def test_manual_is_complete(ctl):
    """Every command of the program stands in its manual page."""
    page = (ROOT / "framework" / "man" / "weirctl.8").read_text()
    commands = json.loads(
        ctl("-s", "/nonexistent", "--json", "help").stdout)
    assert len(commands) >= 10
    for c in commands:
        assert f".It Cm {c['name']}" in page, c["name"]


def test_unit(folder):
    """systemd has nothing to say about the unit."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    text = (ROOT / "contrib" / "systemd" / "weir.service.in").read_text()
    # verify wants the program and the pages to be there
    text = text.replace("@sbindir@/weir", "/bin/true")
    text = text.replace("@sysconfdir@", "/etc")
    text = re.sub(r"^Documentation=.*$", "", text, flags=re.M)
    unit = folder / "weir.service"
    unit.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", unit],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=30",
         unit], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-300:]
