# SPDX-License-Identifier: GPL-2.0-or-later
"""weir-drive: what it reads, what it prints, and every message of the data."""

import json
import re
import shutil
import subprocess

import pytest

from weirtest import corpus, daemon, proc

NOW = "2026-01-31T12:00:00Z"
EML = b"""\
Return-Path: <bob@example.org>
Received: from mx.example.org (mx.example.org [192.0.2.9])
\tby mail.example.com; Sat, 31 Jan 2026 11:00:00 +0000
From: Bob <bob@example.org>
To: Alice <alice@example.com>, "C, D" <carol@example.com>
Subject: offer
\tof the day

Hello,
this is it.
"""
ZONE = """\
2.0.0.127.bl.example. A 127.0.0.2
1.100.51.198.bl.example. A 127.0.0.4
$TIMEOUT 9.100.51.198.bl.example.
"""
RBL = daemon.section("module", "rbl", on_failure="tempfail")[:-2] + \
    'zone "bl.example" { codes = {"127.0.0.2-11"} score = 4.0 }\n}\n'
# one that wants the body
BODY = ('module "rbl" { zone "uri.example" { codes = {"127.0.0.2"} '
        'kind = {"uri"} test = no } }\n')
GREYLIST = 'module "greylist" { delay = "3m" }\n'
LISTED, CLEAN, SILENT = "198.51.100.1", "198.51.100.2", "198.51.100.9"


class Drive:
    """The built program in a folder of its own."""

    def __init__(self, folder):
        self.dir = folder
        self.binary = proc.program("weir-drive")
        self.eml = self.write("mail.eml", EML)
        self.zone = self.write("zone", ZONE)
        self.conf("")

    def write(self, name, data):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def conf(self, text):
        self.conf_path = self.write(
            "weir.conf", f'module_path = "{daemon.module_path()}"\n' + text)
        return self.conf_path

    def run(self, *args, status=0, stdout=subprocess.PIPE, conf=True):
        """Output and error output; no word from a sanitizer, ever."""
        head = [self.binary] + (["-c", self.conf_path] if conf else [])
        done = subprocess.run([*map(str, head), *map(str, args)],
                              stdout=stdout, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=600)
        err = done.stderr.decode()
        assert not any(w in err for w in daemon.SANITIZER_WORDS), err
        assert done.returncode == status, err
        return (done.stdout or b"").decode(), err

    def json(self, *args, **options):
        out, _ = self.run("--json", *args, **options)
        return [json.loads(line) for line in out.splitlines()]

    def one(self, *args):
        """The only result of the one message."""
        result, = self.json("--eml", self.eml, *args)
        return result


@pytest.fixture
def drive(folder):
    if proc.program("weir-drive") is None:
        pytest.skip(f"weir-drive is not built in {proc.build_dir()}")
    return Drive(folder)


def check_shape(result):
    """The members that programs rely on, with their types."""
    for key, kind in {"file": str, "verdict": str, "reply": str,
                      "score": float, "recipients": list, "findings": list,
                      "facts": dict, "edits": list, "unscanned": list,
                      "ms": float}.items():
        assert isinstance(result[key], kind), key
    assert result["verdict"] in ("none", "accept", "quarantine", "discard",
                                 "tempfail", "reject")
    refused = result["verdict"] in ("tempfail", "reject")
    assert refused or result["reply"] == ""
    assert result["recipients"]
    for rcpt in result["recipients"]:
        assert rcpt["address"] and isinstance(rcpt["verdict"], str)
    for finding in result["findings"]:
        assert isinstance(finding["symbol"], str)
        assert isinstance(finding["module"], str)
        assert isinstance(finding["score"], float)
        assert isinstance(finding["reason"], str)


def verdicts(result):
    return {r["address"]: r["verdict"] for r in result["recipients"]}


# envelope and reading

def test_envelope_is_guessed(drive):
    result = drive.one()
    check_shape(result)
    assert result["file"] == str(drive.eml)
    assert result["sender"] == "bob@example.org"
    assert list(verdicts(result)) == ["alice@example.com",
                                      "carol@example.com"]
    assert result["client"]["address"] == "192.0.2.1"
    assert result["client"]["helo"] == "mx.example.org"
    assert result["direction"] == "in"


def test_envelope_is_given(drive):
    drive.conf('listener "outward" { protocol = "milter" direction = "out" '
               f'address = "unix:{drive.dir}/s" }}\n')
    result = drive.one("--client", "2001:db8::1", "--client-name", "c.example",
                       "--helo", "h.example", "--from", "<>", "--rcpt",
                       "<x@example.net>", "--rcpt", "y@example.net",
                       "--macro", "i=4F2A1", "--macro", "{tls_version}=TLS9",
                       "--listener", "outward")
    assert result["client"] == {"address": "2001:db8::1", "name": "c.example",
                                "helo": "h.example", "tls": "TLS9"}
    assert result["sender"] == "" and result["queue_id"] == "4F2A1"
    assert list(verdicts(result)) == ["x@example.net", "y@example.net"]
    assert result["listener"] == "outward"
    assert result["direction"] == "out"
    assert drive.one("--auth", "joe")["direction"] == "out"
    assert drive.one("--auth", "joe", "--direction",
                     "in")["direction"] == "in"


def test_folders_and_mailboxes(drive):
    line = b"From bob@example.org Thu Aug 22 12:36:23 2002\n"
    drive.write("d/b", EML)
    drive.write("d/a/2", line + b"Subject: x\n\nbody\n\n" + line + EML)
    drive.write("d/a/1", b"")
    results = drive.json("--eml", drive.dir / "d", "--eml", drive.eml)
    for result in results:
        check_shape(result)
    assert [r["file"][len(str(drive.dir)) + 1:] for r in results] == \
        ["d/a/1", "d/a/2#1", "d/a/2#2", "d/b", "mail.eml"]
    assert results[1]["sender"] == "bob@example.org"


def test_what_cannot_be_read(drive):
    out, err = drive.run("--json", "--eml", drive.dir / "none", "--eml",
                         drive.eml, status=1)
    assert len(out.splitlines()) == 1
    assert f"{drive.dir}/none: No such file" in err


def test_results_that_cannot_be_written(drive):
    with open("/dev/full", "w") as full:
        _, err = drive.run("--eml", drive.eml, status=1, stdout=full)
    assert "can't write" in err


# refusals of configuration and command line

@pytest.mark.parametrize("text, expect", [
    ("workres = 2\n", "weir.conf:2: error: "),
    ('module "nonesuch" { }\n', "weir.conf:2: error: "),
    ('module "greylist" { delay = "soon" }\n', "weir.conf:2: error: "),
])
def test_bad_configuration(drive, text, expect):
    drive.conf(text)
    out, err = drive.run("--eml", drive.eml, status=2)
    assert out == "" and expect in err


@pytest.mark.parametrize("args", [
    [], ["--eml"], ["--what"], ["--client", "1.2.3"], ["--now", "soon"],
    ["--advance", "soon"], ["--direction", "up"], ["--macro", "x"],
    ["--split=x"], ["--log", "much"], ["--listener", "nonesuch"],
    ["--zone", "/nonexistent"], ["--zone", "z", "--live-dns"], ["extra"],
])
def test_bad_command_line(drive, args):
    head = ["--eml", drive.eml] if args and args != ["--eml"] else []
    out, err = drive.run(*head, *args, status=2)
    assert out == "" and err != ""


def test_no_configuration(drive):
    drive.run("--eml", drive.eml, conf=False, status=2)
    drive.run("-c", drive.dir / "none", "--eml", drive.eml, conf=False,
              status=2)


def test_help_and_version(drive):
    out, _ = drive.run("--help", conf=False)
    options = re.findall(r'"([a-z-]+)", (?:no|req)',
                         (proc.ROOT / "sdk/drive/drive_options.c").read_text())
    assert len(options) > 20
    for option in options:
        assert f"--{option}" in out
    out, _ = drive.run("--version", conf=False)
    assert out.startswith("weir-drive ")


# verdicts

def test_listed_client_is_rejected(drive):
    drive.conf(RBL + "action { reject = 4 }\n")
    bad = drive.one("--zone", drive.zone, "--client", LISTED)
    check_shape(bad)
    assert bad["verdict"] == "reject" and bad["score"] == 4.0
    assert re.fullmatch(r"5\d\d 5\.\d+\.\d+ .* \[[0-9a-z]{12}\]",
                        bad["reply"])
    assert bad["id"] in bad["reply"]
    assert [f["symbol"] for f in bad["findings"]] == ["RBL_CLIENT"]
    assert set(verdicts(bad).values()) == {"reject"}
    good = drive.one("--zone", drive.zone, "--client", CLEAN)
    assert good["reply"] == "" and good["findings"] == []
    assert set(verdicts(good).values()) <= {"none", "accept"}


def test_marks_are_shown_as_a_diff(drive):
    drive.conf(RBL + 'action { reject = 15 add_header = 2 '
               'subject_prefix = "[SPAM] " }\n')
    args = ["--eml", drive.eml, "--zone", drive.zone, "--client", LISTED]
    out, _ = drive.run(*args)
    assert f"--- {drive.eml}\n+++ {drive.eml} as delivered\n@@ -" in out
    added = [x for x in out.splitlines() if x.startswith("+")]
    assert any(x.startswith("+X-Weir-Score: 4") for x in added)
    assert any(x.startswith("+Subject: [SPAM] offer") for x in added)
    assert "\n-Subject: offer\n" in out and "\n Hello,\n" in out
    result, = drive.json(*args)
    assert {e["kind"] for e in result["edits"]} >= {"header-add",
                                                    "header-change"}
    out, _ = drive.run("--quiet", *args)
    assert len(out.splitlines()) == 1


def test_silent_list_is_unscanned(drive):
    drive.conf(RBL)
    result = drive.one("--zone", drive.zone, "--client", SILENT)
    check_shape(result)
    assert result["verdict"] == "tempfail"
    assert [u["module"] for u in result["unscanned"]] == ["rbl"]
    assert result["reply"].startswith("451 4.7.0 ")
    # one that nobody had to wait for
    assert result["ms"] < 2000


def test_refused_recipients_drop_out(drive):
    drive.conf('module "greylist" { exclude_recipients = '
               '{"carol@example.com"} }\n')
    result = drive.one()
    check_shape(result)
    alice, carol = result["recipients"]
    assert alice["verdict"] == "tempfail"
    assert alice["reply"].startswith("450 ")
    assert carol["verdict"] in ("none", "accept") and "reply" not in carol
    assert result["reply"] == "" and result["stage"] == "eom"
    # nobody is left: it ends there
    result = drive.one("--rcpt", "alice@example.com")
    assert result["stage"] == "rcpt"
    assert result["reply"] == result["recipients"][0]["reply"]


def test_message_too_large(drive):
    drive.conf('memory { message = "64k" }\n' + BODY)
    small = drive.write("small.eml", EML + b"x" * 70 + b"\n")
    large = drive.write("large.eml", EML + (b"x" * 70 + b"\n") * 1000)
    one, two = drive.json("--eml", small, "--eml", large)
    check_shape(two)
    assert one["verdict"] in ("none", "accept")
    assert two["verdict"] == "reject"
    assert two["reply"].startswith("552 5.3.4 ")


def test_header_too_large(drive):
    drive.conf("limits { header_lines = 20 }\n" + BODY)
    large = drive.write("large.eml", b"".join(
        b"X-%d: y\n" % n for n in range(30)) + EML)
    result, = drive.json("--eml", large)
    check_shape(result)
    assert result["verdict"] == "reject"
    assert result["reply"].startswith("552 5.3.4 Message header too large")


# time

def test_greylisted_and_again(drive):
    drive.conf(GREYLIST)
    first, second = drive.json("--eml", drive.eml, "--now", NOW, "--again",
                               "--advance", "4m")
    check_shape(first)
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert first["verdict"] == "tempfail" and first["stage"] == "rcpt"
    assert first["time"] == "2026-01-31T12:00:00.000Z"
    assert second["time"] == "2026-01-31T12:04:00.000Z"
    assert second["reply"] == "" and second["stage"] == "eom"
    # too early, or no time at all: still deferred
    for args in (["--advance", "1m"], []):
        _, second = drive.json("--eml", drive.eml, "--again", *args)
        assert second["verdict"] == "tempfail"


def test_stores_are_kept_between_messages(drive):
    drive.conf(GREYLIST)
    twice = ["--eml", drive.eml, "--eml", drive.eml]
    assert [r["verdict"] == "tempfail" for r in
            drive.json(*twice, "--advance", "4m")] == [True, False]
    assert [r["verdict"] == "tempfail" for r in drive.json(*twice)] == \
        [True, True]
    # and forgotten with the process
    assert drive.json(*twice)[0]["verdict"] == "tempfail"


def test_same_input_same_output(drive):
    drive.conf(RBL + GREYLIST + "action { add_header = 2 }\n")
    args = ["--eml", drive.eml, "--client", LISTED, "--zone", drive.zone,
            "--now", NOW, "--again", "--advance", "1h"]
    text = {drive.run(*args)[0] for _ in range(5)}
    assert len(text) == 1
    lines = {re.sub(r'"ms":[0-9.]+', "", drive.run("--json", *args)[0])
             for _ in range(5)}
    assert len(lines) == 1


def test_chunks_change_nothing(drive):
    drive.conf(BODY + "action { add_header = 1 }\n")
    zone = drive.write("uri", "spam.example.uri.example. A 127.0.0.2\n")
    mail = drive.write("long.eml", EML + b"text text\n" * 20000
                       + b"http://spam.example/\n" + b"more\n" * 20000)
    args = ["--eml", mail, "--zone", zone, "--now", NOW]
    whole, = drive.json(*args)
    assert whole["findings"], whole
    out, err = drive.run("--json", "--split=7", *args)
    assert "--split=7" in err
    split = json.loads(out)
    whole.pop("ms"), split.pop("ms")
    assert split == whole
    _, err = drive.run("--split", *args)
    assert re.search(r"--split=\d+", err)


def test_timing(drive):
    result = drive.one("--timing")
    assert list(result["stages"]) == ["connect", "helo", "mail", "rcpt",
                                      "data", "header", "eoh", "body", "eom"]
    assert sum(result["stages"].values()) <= result["ms"] + 0.1
    out, _ = drive.run("--timing", "--eml", drive.eml)
    assert "timing, ms" in out


# the network and the terminal

def test_network_only_when_asked(drive, fake_dns):
    fake_dns.load("2.0.0.127.bl.example. 300 IN A 127.0.0.2\n"
                  "1.100.51.198.bl.example. 300 IN A 127.0.0.4\n")
    drive.conf(RBL + f'dns {{ servers = {{"{fake_dns.address}"}} }}\n')
    assert drive.one("--client", LISTED)["findings"] == []
    assert not fake_dns.queries
    result = drive.one("--client", LISTED, "--live-dns")
    assert [f["symbol"] for f in result["findings"]] == ["RBL_CLIENT"]
    assert fake_dns.queries


def test_nothing_evil_reaches_the_terminal(drive):
    mail = drive.write("evil\x1b[2J.eml",
                       b"From: a@b\nTo: \xff\x1b[31m@c, d@e\n"
                       b"Subject: \x1b]0;x\x07 \xe2\x80\xae\xff\n\n"
                       b"\x1b[2J\x00\x9b\n")
    drive.conf(RBL + 'action { add_header = 1 subject_prefix = "X " }\n')
    args = ["--eml", mail, "--client", LISTED, "--zone", drive.zone,
            "--macro", "i=\x1b[1m", "--helo", "h\x1b[1m\u202e"]
    for more in ([], ["--quiet"], ["--json"], ["--log", "debug"]):
        out, err = drive.run(*args, *more)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]",
                             out + err)


# all of the data

CONF_ALL = (RBL.replace('tempfail', 'pass') + GREYLIST +
            'action { reject = 15 add_header = 2 '
            'subject_prefix = "[SPAM] " }\n')


def run_folder(drive, folder, *args):
    """Every file gets at least one line, each of the right shape."""
    drive.conf(CONF_ALL)
    files = {str(p) for p in folder.rglob("*") if p.is_file()}
    out, err = drive.run("--json", "--eml", folder, "--zone", drive.zone,
                         "--now", NOW, *args)
    results = [json.loads(line) for line in out.splitlines()]
    for result in results:
        check_shape(result)
    assert {re.sub(r"#\d+$", "", r["file"]) if r["file"] not in files
            else r["file"] for r in results} == files
    return results


@pytest.mark.parametrize("archive", corpus.archives("mime") or [None])
def test_all_of_mime(drive, archive):
    if archive is None:
        pytest.skip(f"no test data: {corpus.data_dir()}")
    folder = corpus.unpack(archive)
    # listed, and so marked: each goes through every kind of edit
    results = run_folder(drive, folder, "--client", LISTED, "--again",
                         "--advance", "4m", "--split=3")
    assert all(r["score"] >= 4.0 for r in results)
    late = [r for r in results if r["attempt"] == 2]
    assert all(r["edits"] for r in late if r["stage"] == "eom")
    drive.run("--eml", folder, "--client", LISTED, "--zone", drive.zone)


def test_all_of_spamassassin(drive, data_archive):
    folder = data_archive("spam-ham/spamassassin-public")
    results = run_folder(drive, folder, "--client", CLEAN)
    assert len(results) > 2900
    # the first ones of a new client are greylisted
    assert results[0]["verdict"] == "tempfail"


# the manual

@pytest.mark.parametrize("page", ["framework/man/weir-drive.1",
                                  "sdk/load/weir-load.1"])
def test_manual_is_well_formed(page):
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", proc.ROOT / page],
                          capture_output=True, check=True)
    assert done.stderr == b""


def test_manual_names_all_options(drive):
    out, _ = drive.run("--help", conf=False)
    page = (proc.ROOT / "framework/man/weir-drive.1").read_text()
    page = page.replace("\\-", "-")
    options = set(re.findall(r"--[a-z-]+", out))
    assert "--help" in options
    for option in options:
        assert option in page, option
