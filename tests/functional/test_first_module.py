# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/first-module.md, word for word: its commands are typed into a shell, in
order, and what they print is compared with what stands below them."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from weirtest import proc

PAGE = proc.ROOT / "doc" / "first-module.md"
LIMIT = 240


def steps(text):
    """(command, lines expected below it) of all console blocks."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def pattern(lines):
    """"..." stands for anything, blanks for blanks."""
    text = ""
    for line in lines:
        if line.strip() == "...":
            text += r"(?:.*\n)*?"
        else:
            words = [r".*?".join(re.escape(w) for w in word.split("..."))
                     for word in line.split()]
            text += r"[ \t]*" + r"[ \t]+".join(words) + r"[ \t]*\n"
            text = text.replace(r".*?[ \t]+", r".*?[ \t]*")
    return re.compile(text + r"\Z" if lines[-1:] == ["..."] else text)


class Shell:
    """A shell at work in a folder; what it prints is read as it comes."""

    def __init__(self, where, env):
        self.child = subprocess.Popen(
            ["bash", "--norc"], cwd=where, env=env, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        flags = fcntl.fcntl(self.child.stdout, fcntl.F_GETFL)
        fcntl.fcntl(self.child.stdout, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        self.text = ""

    def read(self):
        piece = self.child.stdout.read()
        if piece:
            self.text += piece.decode().replace("\r", "\n")
        return self.text

    def type(self, command, expected):
        """Type it, and wait for what it must print, or for its end."""
        self.read()
        self.text = ""
        background = command.endswith("&")
        mark = "" if background else "\necho \"@@ $?\""
        self.child.stdin.write(f"{command}{mark}\n".encode())
        self.child.stdin.flush()
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            text = self.read()
            ended = re.search(r"^@@ (\d+)$", text, re.M)
            if background and expected.search(text):
                return text
            if ended:
                assert ended.group(1) == "0", f"$ {command}\n{text}"
                text = text[:ended.start()]
                # a daemon behind it may still have to say something
                if expected.search(text):
                    return text
            time.sleep(0.02)
        raise AssertionError(f"$ {command}\n{self.text}\nis not\n"
                             f"{expected.pattern}")

    def close(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()


def test_at_most_five_commands():
    """Up to the rejected HELO."""
    before = PAGE.read_text().split("That is all")[0]
    assert 1 < len(steps(before)) <= 5
    assert "reject     1" in before


def test_word_for_word(installed, folder):
    for tool in ("meson", "ninja", "cc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    env = {**installed, "LC_ALL": "C.UTF-8"}
    one = Shell(folder, env)
    try:
        if os.geteuid() == 0 and shutil.which("unshare"):
            # the page names a port: a network of its own
            one.close()
            one = Shell(folder, env)
            one.child.stdin.write(b"exec unshare -n bash --norc\n"
                                  b"ip link set lo up\n")
        begin = time.monotonic()
        for command, lines in steps(PAGE.read_text()):
            one.type(command, pattern(lines))
            print(f"{time.monotonic() - begin:6.1f} s  {command}")
        # with reading, well within the ten minutes that it may take
        assert time.monotonic() - begin < 300
    finally:
        one.close()
