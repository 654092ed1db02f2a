# SPDX-License-Identifier: GPL-2.0-or-later
"""Every message of the corpus gets a verdict while a module reads every
part, every name, all text and all links of it."""

import time

import pytest

from weirtest import corpus, daemon, proc
from weirtest.milter import MilterClient

CONF = (daemon.listener("milter", "milter", "unix:{dir}/m.sock")
        + daemon.section("module", "benchmime"))
SECONDS = 5.0 # the most that a message may take


def archives():
    return corpus.archives("mime")


@pytest.mark.parametrize("archive", archives() or [None])
def test_every_message_has_a_verdict(weir, archive):
    if archive is None:
        pytest.skip(f"no test data: {corpus.data_dir() / 'mime'}")
    one = weir(CONF)
    alive = sorted(proc.children(one.pid))
    folder = corpus.unpack(archive)
    paths = [p for p in sorted(folder.rglob("*"))
             if p.is_file() and not p.name.endswith(corpus.NOT_MAIL)]
    assert paths
    trouble = []
    with MilterClient(f"unix:{one.dir}/m.sock", timeout=30) as client:
        assert client.session() is None
        for path in paths:
            begin = time.monotonic()
            reply = client.message(path.read_bytes())
            took = time.monotonic() - begin
            client.abort()
            if reply.kind != "continue" or took > SECONDS:
                trouble.append((path.name, reply, round(took, 2)))
        client.quit()
    assert not trouble
    assert sorted(proc.children(one.pid)) == alive, "a worker died"
    # a part that could not be read is stated as a finding
    assert "BENCHMIME_UNREAD" not in one.log()


def test_the_whole_corpus_by_load(weir, eml):
    """The same, many sessions at once, packets in pieces."""
    paths = eml("mime")
    one = weir(CONF)
    alive = sorted(proc.children(one.pid))
    got = daemon.load("--milter", f"unix:{one.dir}/m.sock", "--connections",
                      8, "--messages", len(paths) // 8 + 1, "--macros",
                      "--no-reply", "--timeout", 30, "--eml", *paths)
    assert got["verdicts"]["accept"] == got["messages"] >= len(paths)
    assert sorted(proc.children(one.pid)) == alive, "a worker died"
