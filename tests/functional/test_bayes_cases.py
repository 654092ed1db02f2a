# SPDX-License-Identifier: GPL-2.0-or-later
"""Bayes in weir-drive, where the clock can be turned: nothing is said before
enough was learned, what is old is forgotten, failures are no classes."""

import subprocess

import pytest

from weirtest import daemon, proc

RULE = """rule "others" { function(mail)
    local score = mail:header("X-Score")
    if score then mail:add_score(tonumber(score), "as it says") end
end }
"""
HEAD = """\
case bayes
  option database = "{dir}/db"
  option autolearn = yes
  option min_spam = 2
  option min_ham = 1
  option expire = 180d
  config rules {{ path = "{dir}/rules.lua" }}
  now 2026-01-01T00:00:00Z
"""


def mail(text, score=None):
    order = f"X-Score: {score}\n" if score is not None else ""
    return (f"  mail <<END\nFrom: a@example.com\nSubject: {text}\n{order}\n"
            f"{text}\nEND\n")


LEARN = (mail("pills one", 13) + "  expect fact bayes.class untrained\n" +
         mail("minutes of the meeting", -3) +
         "  expect fact bayes.class untrained\n" + mail("pills two", 13) +
         "  expect fact bayes.class untrained\n  expect findings 1\n")


@pytest.fixture
def drive(folder):
    """drive(text): runs the case, which has to pass."""
    if proc.program("weir-drive") is None:
        pytest.skip(f"weir-drive is not built in {proc.build_dir()}")
    module = daemon.module_path() / "mod_bayes.so"
    if not module.exists():
        pytest.skip("mod_bayes is not built")

    def run(text):
        (folder / "rules.lua").write_text(RULE)
        path = folder / "bayes.case"
        path.write_text(HEAD.format(dir=folder) + text)
        done = subprocess.run(
            [proc.program("weir-drive"), "--module", module, "--log", "info",
             path], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return run


def test_silent_until_enough_was_learned(drive):
    drive(LEARN + mail("pills three") +
          "  expect fact bayes.class spam\n  expect symbol BAYES_SPAM*\n")


def test_old_tokens_are_forgotten(drive):
    """The timer does it, after the days that are configured."""
    drive(LEARN + mail("pills three") + "  expect fact bayes.class spam\n"
          "  advance 170d\n  send\n  send\n"
          "  expect no log \"old tokens forgotten\"\n"
          "  expect fact bayes.class spam\n"
          "  advance 11d\n  send\n  send\n"
          "  expect log \"old tokens forgotten\"\n"
          "  expect no fact bayes.class spam\n")


def test_jobs_refused(drive):
    """A mail that was not classified has no class, and is not learned."""
    drive("  fail jobs\n" + mail("pills one", 13) +
          "  expect unscanned bayes\n  expect no fact bayes.class\n"
          "  repair\n" + LEARN + mail("pills three") +
          "  expect fact bayes.class spam\n")
