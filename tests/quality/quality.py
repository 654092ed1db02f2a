#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How well and how fast bayes classifies, beside bogofilter.

    tests/quality/quality.py [--corpora DIR] [--speed] [--ablation] [--json]

The protocol: within a corpus each class is split at its median date; the older
half is learned, the newer one classified.  Across corpora one is learned and
another classified, with the fields that tell who collected it dropped from
both.  The threshold of weir is the one that it finds in what it learned (class
"spam").  Bogofilter is judged at three: its own (0.99); one that is found in
what it learned, too, where one of a thousand hams of five folds would be lost;
and the one that gives it as many false positives as weir on the test mail
itself, which nobody knows beforehand, so in its favour.
"""

import argparse
import csv
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITHIN = ["spamassassin-public", "csdmc2010"]
# mail of 2019 to 2026 whose classes were collected apart: only without the
# collectors' fields
RECENT = ["ham-list-usrp-users", "ham-list-linux-serial"], ["phishing-pot"]
ACROSS = [("spamassassin-public", "csdmc2010"),
          ("csdmc2010", "spamassassin-public")]
GROUPS = ["subject", "address", "header", "mime", "url", "html", "hidden",
          "word", "gram", "subject_gram", "list", "route", "list_route"]
# what collectors wrote, and what tells their machines
COLLECTOR = ("received", "return-path", "delivered-to", "x-", "list-",
             "authentication-results", "arc-", "dkim-", "to", "cc", "date",
             "old-return-path", "message-id", "precedence", "errors-to",
             "sender", "resent-", "status", "xchecker", "xstatus", "xlevel")


def build():
    return Path(os.environ.get("WEIR_BUILD", ROOT / "_b"))


class Weir:
    def __init__(self, work, options=""):
        modules = work / "modules"
        modules.mkdir(exist_ok=True)
        for so in build().glob("modules/*/.libs/mod_*.so"):
            if not (modules / so.name).exists():
                (modules / so.name).symlink_to(so.resolve())
        self.conf = work / "weir.conf"
        self.conf.write_text(f'module_path = "{modules}"\n'
                             f'module "bayes" {{ {options} }}\n')
        self.db = Path(tempfile.mkdtemp(dir=work))

    def run(self, *args):
        done = subprocess.run(
            [build() / "weirctl", "-c", self.conf, "bayes", *args, "--db",
             self.db], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"weirctl bayes {args}: {done.stderr}")
        return done.stdout

    def learn(self, kind, folder):
        self.run("learn", kind, folder)

    def classify(self, folder):
        """file name -> (probability, class)"""
        lines = map(json.loads,
                    self.run("classify", folder, "--json").splitlines())
        return {Path(x["file"]).name: (x["probability"], x["class"])
                for x in lines}


class Bogofilter:
    def __init__(self, work):
        self.db = Path(tempfile.mkdtemp(dir=work))

    def learn(self, kind, folder):
        subprocess.run(["bogofilter", "-C", "-d", self.db,
                        "-s" if kind == "spam" else "-n", "-B",
                        *sorted(Path(folder).iterdir())], check=True)

    def classify(self, folder):
        names = sorted(p for p in Path(folder).iterdir())
        done = subprocess.run(["bogofilter", "-C", "-d", self.db, "-TT",
                               "-B", *names], capture_output=True, text=True,
                              check=False)
        scores = [float(line.split()[-1])
                  for line in done.stdout.splitlines()]
        assert len(scores) == len(names), done.stderr
        return {p.name: (s, "spam" if s >= 0.99 else "ham")
                for p, s in zip(names, scores)}


def drop_fields(raw):
    """Without the fields that tell where it was collected."""
    raw = raw.replace(b"\r\n", b"\n")
    head, _, body = raw.partition(b"\n\n")
    kept, keep = [], False
    for line in head.split(b"\n"):
        if line[:1] not in b" \t":
            name = line.split(b":")[0].lower().decode("latin-1")
            keep = not (name.startswith("from ") or any(
                name == f or (f.endswith("-") and name.startswith(f)) or
                (f.startswith("x") and name.startswith(f))
                for f in COLLECTOR))
        if keep:
            kept.append(line)
    return b"\n".join(kept) + b"\n\n" + body


def load(corpora, name, work):
    """(date, spam?, path) of a corpus."""
    folder = work / name
    if not folder.exists():
        with tarfile.open(corpora / f"{name}.tar.xz") as tar:
            tar.extractall(work)
    with open(folder / "MANIFEST.tsv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    return sorted((r["date"], not r["label"].startswith("ham"),
                   work / r["file"]) for r in rows)


def place(mails, folder, change=None):
    """Put mails into folder/spam and folder/ham."""
    for _, spam, path in mails:
        to = folder / ("spam" if spam else "ham") / path.name
        to.parent.mkdir(parents=True, exist_ok=True)
        raw = path.read_bytes()
        to.write_bytes(change(raw) if change else raw)


def halves(mails):
    old, new = [], []
    for kind in (False, True):
        of = [m for m in mails if m[1] == kind]
        old += of[:len(of) // 2]
        new += of[len(of) // 2:]
    return old, new


def auc(ham, spam):
    """Chance that a spam gets more than a ham; ties count half."""
    order = sorted([(s, 0) for s in ham] + [(s, 1) for s in spam])
    total = rank = i = 0
    while i < len(order):
        j = i
        while j < len(order) and order[j][0] == order[i][0]:
            j += 1
        mean = (i + 1 + j) / 2
        total += mean * sum(k for _, k in order[i:j])
        i = j
    del rank
    n = len(spam)
    return (total - n * (n + 1) / 2) / (n * len(ham))


def judge(filter_, test):
    ham = filter_.classify(test / "ham")
    spam = filter_.classify(test / "spam")
    return ham, spam


def figures(ham, spam):
    fp = sum(c == "spam" for _, c in ham.values())
    fn = sum(c != "spam" for _, c in spam.values())
    return {"ham": len(ham), "spam": len(spam), "fp": fp, "fn": fn,
            "accuracy": 1 - (fp + fn) / (len(ham) + len(spam)),
            "auc": auc([p for p, _ in ham.values()],
                       [p for p, _ in spam.values()])}


def fn_at(ham, spam, fp):
    """False negatives where fp hams are above the threshold."""
    limit = sorted((p for p, _ in ham.values()), reverse=True)[fp]
    return sum(p <= limit for p, _ in spam.values())


def threshold_of_folds(train, work, n=5):
    """Above which one of a thousand hams of what is learned would be lost."""
    scores = []
    for fold in range(n):
        part = Path(tempfile.mkdtemp(dir=work))
        for kind in ("ham", "spam"):
            for i, path in enumerate(sorted((train / kind).iterdir())):
                to = part / ("test" if i % n == fold else "train") / kind
                to.mkdir(parents=True, exist_ok=True)
                (to / path.name).symlink_to(path)
        filter_ = Bogofilter(work)
        filter_.learn("spam", part / "train" / "spam")
        filter_.learn("ham", part / "train" / "ham")
        scores += [p for p, _ in
                   filter_.classify(part / "test" / "ham").values()]
    return sorted(scores, reverse=True)[len(scores) // 1000]


def measure(name, train, test, work, options=""):
    result = {"name": name}
    for kind, filter_ in (("weir", Weir(work, options)),
                          ("bogofilter", Bogofilter(work))):
        if kind == "bogofilter" and shutil.which("bogofilter") is None:
            continue
        filter_.learn("spam", train / "spam")
        filter_.learn("ham", train / "ham")
        ham, spam = judge(filter_, test)
        result[kind] = figures(ham, spam)
        result[kind]["fn_same_fp"] = fn_at(ham, spam, result["weir"]["fp"])
        if kind == "bogofilter":
            limit = threshold_of_folds(train, work)
            result[kind]["fp_folds"] = sum(p > limit for p, _ in ham.values())
            result[kind]["fn_folds"] = sum(p <= limit
                                           for p, _ in spam.values())
        if options:
            break
    return result


def show(r):
    print(r["name"])
    for kind in ("weir", "bogofilter"):
        f = r.get(kind)
        if f is None:
            continue
        print(f"  {kind:<11} accuracy {f['accuracy']:.4f}  false positives "
              f"{f['fp']}/{f['ham']} ({100 * f['fp'] / f['ham']:.2f} %)  "
              f"false negatives {f['fn']}/{f['spam']} "
              f"({100 * f['fn'] / f['spam']:.2f} %)  at weir's false "
              f"positives {f['fn_same_fp']}  AUC {f['auc']:.5f}", flush=True)
        if "fp_folds" in f:
            print(f"  {kind:<11} at the threshold of its folds: false "
                  f"positives {f['fp_folds']}, false negatives "
                  f"{f['fn_folds']}", flush=True)


def took(what):
    """Seconds by the clock, and of processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    what()
    clock = time.monotonic() - start
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, (now.ru_utime - used.ru_utime +
                   now.ru_stime - used.ru_stime)


def speed(train, test, work):
    """Messages a second of one process over a folder, the median of five; the
    second figure is without the start of the process, the third for each
    second that processors worked, on all threads."""
    n_train = sum(1 for _ in (train / "ham").iterdir())
    n_test = sum(1 for _ in (test / "ham").iterdir())
    one = work / "one"
    one.mkdir(exist_ok=True)
    shutil.copy(next((test / "ham").iterdir()), one)
    for kind, make in (("weir", Weir), ("bogofilter", Bogofilter)):
        if kind == "bogofilter" and shutil.which("bogofilter") is None:
            continue
        filter_ = make(work)
        filter_.learn("spam", train / "spam")  # from the disk, for both
        filter_.classify(test / "ham")
        learned, classified, started = [], [], []
        for _ in range(5):
            filter_ = make(work)
            filter_.learn("spam", train / "spam")
            for times, what in (
                    (learned, lambda: filter_.learn("ham", train / "ham")),
                    (started, lambda: filter_.classify(one)),
                    (classified, lambda: filter_.classify(test / "ham"))):
                times.append(took(what))
        (learn, learn_cpu), (begin, _), (classify, classify_cpu) = (
            [sorted(column)[2] for column in zip(*x)]
            for x in (learned, started, classified))
        print(f"  {kind:<11} learns {n_train / learn:.0f}/s "
              f"({n_train / (learn - begin):.0f}; "
              f"{n_train / learn_cpu:.0f} a second of processors), "
              f"classifies {n_test / classify:.0f}/s "
              f"({n_test / (classify - begin):.0f}; "
              f"{n_test / classify_cpu:.0f}), starts in "
              f"{1000 * begin:.0f} ms", flush=True)


def large(work):
    """Milliseconds for a mail of 20 KB with 500,000 tokens in the database."""
    words = random.Random(1)
    weir = Weir(work)
    for kind, folder, n in (("spam", "large-spam", 200),
                            ("ham", "large-ham", 200),
                            ("", "large-few", 10), ("", "large-many", 60)):
        (work / folder).mkdir()
        for i in range(n):
            text = " ".join(f"w{words.randrange(600000):05x}"
                            for _ in range(2900))
            (work / folder / str(i)).write_text(
                f"From: a@example.com\nSubject: {kind} {i}\n"
                f"Message-ID: <{folder}{i}@example.com>\n\n" +
                "\n".join(text[k:k + 70]
                          for k in range(0, len(text), 70)) + "\n")
        if kind:
            weir.learn(kind, work / folder)
    tokens = json.loads(weir.run("stats", "--json"))["tokens"]
    took = []
    for _ in range(5):
        start = time.monotonic()
        weir.classify(work / "large-few")
        middle = time.monotonic()
        weir.classify(work / "large-many")
        took.append((time.monotonic() - middle - (middle - start)) / 50)
    print(f"  weir        {1000 * sorted(took)[2]:.2f} ms for a mail of 20 KB "
          f"with {tokens} tokens in the database", flush=True)


def ablation(train, test, work):
    """What each group of tokens brings."""
    for group in [None, *GROUPS]:
        r = measure(f"without {group}" if group else "all groups", train,
                    test, work, f'skip = {{"{group}"}}' if group else
                    "skip = {}")
        f = r["weir"]
        print(f"  {r['name']:<16} false positives {f['fp']:>3}  false "
              f"negatives {f['fn']:>3}  AUC {f['auc']:.5f}", flush=True)


def main():
    data = os.environ.get("WEIR_TEST_DATA", "")
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--corpora", type=Path, default=Path(data) / "spam-ham")
    p.add_argument("--speed", action="store_true")
    p.add_argument("--ablation", action="store_true")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    if not (a.corpora / f"{WITHIN[0]}.tar.xz").exists():
        sys.exit(f"no corpora in {a.corpora}: --corpora DIR, or set "
                 "WEIR_TEST_DATA")
    results = []
    with tempfile.TemporaryDirectory() as tmp:
        work = Path(tmp)
        for name in WITHIN:
            old, new = halves(load(a.corpora, name, work))
            place(old, work / f"{name}-old")
            place(new, work / f"{name}-new")
            place(old, work / f"{name}-old-plain", drop_fields)
            place(new, work / f"{name}-new-plain", drop_fields)
            for tail, what in (("", "older half, newer half"),
                               ("-plain", "the same, collectors' fields "
                                "dropped")):
                results.append(measure(f"{name}: {what}",
                                       work / f"{name}-old{tail}",
                                       work / f"{name}-new{tail}", work))
                if not a.json:
                    show(results[-1])
        recent = [(date, spam, path) for spam in (False, True)
                  for name in RECENT[spam]
                  for date, _, path in load(a.corpora, name, work)]
        old, new = halves(sorted(recent))
        place(old, work / "recent-old", drop_fields)
        place(new, work / "recent-new", drop_fields)
        results.append(measure("recent lists and phishing: older half, newer "
                               "half, collectors' fields dropped",
                               work / "recent-old", work / "recent-new",
                               work))
        if not a.json:
            show(results[-1])
        for one, two in ACROSS:
            for name in (one, two):
                if not (work / f"{name}-plain").exists():
                    place(load(a.corpora, name, work),
                          work / f"{name}-plain", drop_fields)
            results.append(measure(f"{one} learned, {two} classified",
                                   work / f"{one}-plain",
                                   work / f"{two}-plain", work))
            if not a.json:
                show(results[-1])
        first = WITHIN[0]
        if a.ablation:
            ablation(work / f"{first}-old", work / f"{first}-new", work)
        if a.speed:
            speed(work / f"{first}-old", work / f"{first}-new", work)
            large(work)
    if a.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
