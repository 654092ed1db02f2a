# SPDX-License-Identifier: GPL-2.0-or-later
"""Bayes in a daemon: learning by itself, a damaged database."""

import json
import os
import subprocess

import pytest

from weirtest import daemon, proc

LISTEN = daemon.listener("m", "milter", "unix:{dir}/m.sock")
RULE = """rule "others" { function(mail)
    local score = mail:header("X-Score")
    if score then mail:add_score(tonumber(score), "as it says") end
end }
"""


def bayes(**options):
    return daemon.section("module", "bayes",
                          **{"database": "{dir}/state/b", "min_spam": 5,
                             "min_ham": 5, **options})


def stats(one):
    """(spam, ham) that the site has learned."""
    done = subprocess.run(
        [proc.program("weirctl"), "-c", one.conf_path, "bayes", "stats",
         "--json", "--db", one.state / "b"], capture_output=True, timeout=30,
        check=False)
    if done.returncode != 0:
        return 0, 0
    for scope in json.loads(done.stdout)["scopes"]:
        if scope["scope"] == "":
            return scope["spam"], scope["ham"]
    return 0, 0


def send(milter_client, one, n, text, score=None):
    order = f"X-Score: {score}\r\n" if score is not None else ""
    with milter_client(f"unix:{one.dir}/m.sock") as client:
        assert client.session() is None
        return client.message(
            f"From: a@example.com\r\nSubject: {text} {n}\r\n{order}"
            f"Message-ID: <{n}@example.com>\r\n\r\n{text} {n}\r\n".encode())


@pytest.fixture
def site(weir, folder):
    """site(options of bayes): a daemon; its folder belongs to the workers."""
    if proc.program("weirctl") is None:
        pytest.skip(f"weirctl is not built in {proc.build_dir()}")

    def start(**options):
        path = folder / "rules.lua"
        path.write_text(RULE)
        return weir(LISTEN + daemon.section("rules", path=path) +
                    bayes(**options))
    return start


def test_autolearn(site, milter_client):
    """Clear mail is learned, by class; what is not clear is not."""
    one = site(autolearn=True, autolearn_spam=12.0, autolearn_ham=-0.5)
    for n, score in enumerate((12.5, 11.5, -0.6, -0.4, 0, 13)):
        assert send(milter_client, one, n, "words", score).kind == "continue"
    proc.wait_for(lambda: stats(one) == (2, 1), 10, "three lessons")
    # a mail that comes again counts once
    send(milter_client, one, 0, "words", 12.5)
    send(milter_client, one, 9, "words", -3)
    proc.wait_for(lambda: stats(one) == (2, 2), 10, "the fourth")


def test_file_of_the_daemon(site, folder):
    """With -s alone a command that weirctl runs itself uses the file that the
    daemon there runs with, unless others could have changed it."""
    one = site()
    (folder / "mail").write_text("Subject: pills\n\npills\n")

    def ask(*words):
        return subprocess.run(
            [proc.program("weirctl"), "-s", one.dir / "control.sock", "bayes",
             *words], capture_output=True, text=True, timeout=30, check=False)

    done = ask("learn", "spam", folder / "mail")
    assert done.returncode == 0, done.stderr
    assert "1 learned" in done.stdout
    assert stats(one) == (1, 0)
    one.conf_path.chmod(0o666)
    (folder / "mail").write_text("Subject: others\n\nothers\n")
    done = ask("learn", "spam", folder / "mail")
    assert done.returncode == 1 and done.stdout == ""
    assert f"{one.conf_path} is writable by others" in done.stderr
    assert "name the file with -c" in done.stderr
    assert stats(one) == (1, 0)


def test_damaged_database(site, milter_client):
    """It is set aside with an alarm, and mail goes on."""
    one = site()
    box = one.dir / "box"
    box.write_text("".join(
        f"From a@example.com Tue Sep  3 00:15:32 2002\nSubject: s{i}\n\n"
        f"pills {i} word{i} other{i * 7}\n\n" for i in range(3000)))
    for kind in ("spam", "ham"):
        box.write_text(box.read_text().replace("pills", f"pills {kind}"))
        subprocess.run([proc.program("weirctl"), "-c", one.conf_path,
                        "bayes", "learn", kind, box, "--db",
                        one.state / "b"], check=True, timeout=60,
                       capture_output=True)
    file = one.state / "b" / "bayes.lmdb"
    if os.geteuid() == 0:
        assert file.stat().st_uid == one.state.stat().st_uid
    size = file.stat().st_size
    with open(file, "r+b") as f:
        for at in range(16384, size - 4096, 4096):
            f.seek(at)
            f.write(b"\xff\x17" * 2048)
    for n in range(12):
        assert send(milter_client, one, n, "pills").kind in ("continue",
                                                             "tempfail")
        if list((one.state / "b").glob("bayes.lmdb.bad-*")):
            break
    bad, = (one.state / "b").glob("bayes.lmdb.bad-*")
    assert bad.stat().st_size == size
    assert "was set aside" in one.log()
    assert send(milter_client, one, 99, "pills").kind == "continue"
