# SPDX-License-Identifier: GPL-2.0-or-later
"""Bayes: the commands without and beside a daemon, and mail that is
classified and learned."""

import json
import subprocess

import pytest

from weirtest import daemon, proc

HAM = "Dear {0}, the minutes of meeting {0} about compiler patches are done"
SPAM = "Buy cheap pills number {0} now, limited offer, click here winner"


def mail(kind, i):
    text = (SPAM if kind == "spam" else HAM).format(f"word{i}")
    sender = "win@shop.example" if kind == "spam" else "dev@list.example"
    return (f"From: Someone <{sender}>\nTo: me@example.com\n"
            f"Subject: {text[:20]}\nMessage-ID: <{kind}{i}@x.example>\n"
            f"Date: Tue, 3 Sep 2002 00:15:32 +0000\n\n{text}\n")


@pytest.fixture
def ctl(folder):
    """ctl("learn", ...): the built weirctl on a folder of its own."""
    binary = proc.program("weirctl")
    if binary is None:
        pytest.skip(f"weirctl is not built in {proc.build_dir()}")
    conf = folder / "weir.conf"
    conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                    'module "bayes" { min_spam = 5  min_ham = 5 }\n')

    def run(*args, db="db", status=0, stdin=None):
        done = subprocess.run(
            [binary, "-c", conf, "bayes", *map(str, args), "--db",
             folder / db], capture_output=True, timeout=60, input=stdin)
        err = done.stderr.decode()
        assert not any(w in err for w in daemon.SANITIZER_WORDS), err
        assert done.returncode == status, (err, done.stdout)
        return done.stdout.decode() + (err if status else "")

    for kind in ("ham", "spam"):
        (folder / kind).mkdir()
        for i in range(20):
            (folder / kind / f"{i}.eml").write_text(mail(kind, i))
    run.folder = folder
    return run


def learn_all(ctl):
    said = json.loads(ctl("learn", "ham", ctl.folder / "ham", "--json"))
    assert said["learned"] == 20
    said = json.loads(ctl("learn", "spam", ctl.folder / "spam", "--json"))
    assert said["learned"] == 20


def test_classify(ctl):
    (ctl.folder / "new").mkdir()
    for kind in ("ham", "spam"):
        (ctl.folder / "new" / kind).write_text(mail(kind, 99))
    assert "no database" in ctl("classify", ctl.folder / "new", status=1)
    learn_all(ctl)
    lines = [json.loads(line) for line in
             ctl("classify", ctl.folder / "new", "--json").splitlines()]
    assert [(x["file"].rsplit("/", 1)[1], x["class"]) for x in lines] == [
        ("ham", "ham"), ("spam", "spam")]
    assert all(0 <= x["probability"] <= 1 for x in lines)
    said = json.loads(ctl("explain", ctl.folder / "new" / "spam", "--json"))
    assert said["class"] == "spam" and said["tokens"]
    assert "pills" in ctl("explain", ctl.folder / "new" / "spam")


def test_untrained(ctl):
    ctl("learn", "spam", ctl.folder / "spam")
    said = json.loads(ctl("classify", ctl.folder / "spam" / "1.eml",
                          "--json"))
    assert said["class"] == "untrained"


def test_once_moved_forgotten(ctl):
    learn_all(ctl)
    before = ctl("dump")
    said = json.loads(ctl("learn", "spam", ctl.folder / "spam", "--json"))
    assert (said["learned"], said["moved"], said["known"]) == (0, 0, 20)
    assert ctl("dump") == before
    one = ctl.folder / "spam" / "3.eml"
    # another copy, after delivery and with other line ends
    copy = b"Received: from a.example by b.example; x\r\n" + \
        one.read_bytes().replace(b"\n", b"\r\n")
    said = json.loads(ctl("learn", "ham", "-", "--json", stdin=copy))
    assert (said["learned"], said["moved"]) == (0, 1)
    said = json.loads(ctl("learn", "spam", one, "--json"))
    assert said["moved"] == 1
    assert said["before"] < said["after"]
    assert ctl("dump") == before
    ctl("forget", ctl.folder / "spam", ctl.folder / "ham")
    assert json.loads(ctl("stats", "--json"))["tokens"] == 0


def test_dump_restore(ctl):
    learn_all(ctl)
    text = ctl("dump")
    ctl("dump", ctl.folder / "dump.txt")
    assert (ctl.folder / "dump.txt").read_text() == text
    ctl("restore", ctl.folder / "dump.txt", db="other")
    assert ctl("dump", db="other") == text
    assert "not empty" in ctl("restore", ctl.folder / "dump.txt", db="other",
                              status=1)
    cut = text.encode()[:len(text) // 2]
    assert "line" in ctl("restore", "-", db="third", stdin=cut, status=1)
    assert json.loads(ctl("stats", "--json", db="third"))["tokens"] == 0


def test_mbox_and_user(ctl):
    box = "".join(f"From a@example.com Tue Sep  3 00:15:32 2002\n"
                  f"{mail('spam', i)}\n" for i in range(7))
    (ctl.folder / "box").write_text(box)
    said = json.loads(ctl("learn", "spam", ctl.folder / "box", "--user",
                          "U@example.com", "--json"))
    assert said["learned"] == 7
    scopes = {s["scope"]: s["spam"]
              for s in json.loads(ctl("stats", "--json"))["scopes"]}
    assert scopes == {"": 7, "u@example.com": 7}


def test_mistakes(ctl):
    assert "usage" in ctl("learn", "eggs", ctl.folder / "ham", status=2)
    assert "No such file" in ctl("learn", "ham", ctl.folder / "none",
                                 status=1)
    (ctl.folder / "db").mkdir()
    (ctl.folder / "db" / "bayes.lmdb").write_bytes(b"no database" * 5000)
    assert "no database of Weir" in ctl("stats", status=1)
