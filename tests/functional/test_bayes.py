# SPDX-License-Identifier: GPL-2.0-or-later
"""Bayes: the commands without and beside a daemon, and mail that is
classified and learned."""

import json
import os
import subprocess
import time

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


def test_mistakes_are_told_once(ctl):
    """A file that is not there, a command that is not there."""
    told = ctl("learn", "ham", ctl.folder / "nothing", status=1)
    assert told.count("No such file") == 1
    assert 'no command "bayes lern"' in ctl("lern", "x", status=2)


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
    assert ctl("restore", ctl.folder / "dump.txt",
               db="other") == "restored: 20 spam, 20 ham\n"
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
    # known to the site is not known to the next user
    again = ["learn", "spam", ctl.folder / "box", "--user", "v@example.com"]
    assert ctl(*again).startswith("7 learned")
    assert ctl(*again).startswith("0 learned")
    for wrong in ("u", "u@", "u@" + 320 * "x"):
        assert "usage" in ctl("learn", "spam", ctl.folder / "box", "--user",
                              wrong, status=2)


def test_threads(ctl):
    """One thread or several: the same database, the same answers in the same
    order, the same said of what can't be read."""
    many = ctl.folder / "many"
    many.mkdir()
    for i in range(150):
        kind = ("ham", "spam")[i % 2]
        text = "" if i % 7 else "".join(f"w{i * j:x} " for j in range(4000))
        (many / f"{i:03}").write_text(mail(kind, i) + text)
    (many / "050").unlink()
    (many / "050").symlink_to(many / "nowhere")
    (many / "060").write_text("no mail at all\n")
    (many / "070.mbox").write_text("".join(
        "From a@example.com Tue Sep  3 00:15:32 2002\n" + mail("ham", i) +
        "\n" for i in range(500, 540)))
    said = []
    for n in (1, 4):
        db = f"db{n}"
        learned = ctl("learn", "ham", ctl.folder / "ham", many, "--threads",
                      n, db=db, status=1)
        # ham/ has eight of them, too
        assert learned.startswith("200 learned"), learned
        ctl("learn", "spam", ctl.folder / "spam", "--threads", n, db=db)
        said.append((learned, ctl("dump", db=db),
                     ctl("classify", many, "--json", "--threads", n, db=db,
                         status=1),
                     ctl("forget", many, "--threads", n, db=db, status=1),
                     ctl("dump", db=db)))
        assert f"{many / '050'}: No such file" in said[-1][2]
        assert "1 files are no mail" in said[-1][2]
    assert said[0] == said[1]
    files = [json.loads(line)["file"] for line in said[0][2].splitlines()
             if line.startswith("{")]
    names = [f"{i:03}" for i in range(150) if i not in (50, 60)]
    names[69:69] = [f"070.mbox#{i}" for i in range(1, 41)]
    assert files == [f"{many}/{name}" for name in names]
    for wrong in ("0", "65", "x", "-1", "2x"):
        assert "usage" in ctl("classify", many, "--threads", wrong, status=2)


def test_mistakes(ctl):
    assert "usage" in ctl("learn", "eggs", ctl.folder / "ham", status=2)
    assert "No such file" in ctl("learn", "ham", ctl.folder / "none",
                                 status=1)
    (ctl.folder / "db").mkdir()
    (ctl.folder / "db" / "bayes.lmdb").write_bytes(b"no database" * 5000)
    assert "no database of Weir" in ctl("stats", status=1)


def small_mails(path, n):
    """An mbox of n spams of a few words each."""
    with open(path, "w", encoding="ascii") as f:
        for i in range(n):
            f.write(f"From a@example.com Tue Sep  3 00:15:32 2002\n"
                    f"Subject: x{i}\n\nbuy y{i} z{i % 97}\n\n")


def test_killed_and_resumed(ctl):
    """After kill -9 the same command goes on: nothing counts twice."""
    n = 20000
    box = ctl.folder / "box"
    small_mails(box, n)
    argv = [proc.program("weirctl"), "-c", ctl.folder / "weir.conf", "bayes",
            "learn", "spam", box, "--db", ctl.folder / "db"]
    file = ctl.folder / "db" / "bayes.lmdb"
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as learner:
        # the first transaction of several has been written
        end = time.monotonic() + 60
        while learner.poll() is None and time.monotonic() < end and (
                not file.exists() or file.stat().st_blocks < 512):
            time.sleep(0.001)
        learner.kill()
    if learner.returncode == 0:
        pytest.skip("it was done before it could be killed")
    known = json.loads(ctl("stats", "--json"))["messages"]
    assert known < n
    said = json.loads(ctl("learn", "spam", box, "--json"))
    assert (said["known"], said["learned"]) == (known, n - known)
    ctl("learn", "spam", box, db="other")
    assert ctl("dump") == ctl("dump", db="other")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_leaves_it_to_the_owner(ctl):
    """What root makes, the daemon's user can write."""
    state = ctl.folder / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    ctl("learn", "spam", ctl.folder / "spam", db="state/bayes")
    for path in (state / "bayes", *(state / "bayes").iterdir()):
        assert path.stat().st_uid == 65534, path
    # a folder of root's own stays so
    ctl("learn", "spam", ctl.folder / "spam")
    assert (ctl.folder / "db" / "bayes.lmdb").stat().st_uid == 0


GTUBE = ("XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL"
         "*C.34X")


@pytest.mark.parametrize("body, found", [
    (f"a\n{GTUBE}\nb\n", True),
    (f"a\n{GTUBE[:-1]}\nb\n", False)])
def test_gtube(ctl, body, found):
    drive = proc.program("weir-drive")
    if drive is None:
        pytest.skip("weir-drive is not built")
    conf = ctl.folder / "drive.conf"
    conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                    f'state_dir = "{ctl.folder}/none"\nmodule "bayes" {{ }}\n')
    eml = ctl.folder / "test.eml"
    eml.write_text(f"From: a@example.com\nSubject: test\n\n{body}")
    done = subprocess.run([drive, "-c", conf, "--json", "--eml", eml],
                          capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    symbols = {f["symbol"]: f["score"]
               for f in json.loads(done.stdout)["findings"]}
    assert symbols.get("GTUBE") == (1000 if found else None), done.stdout
