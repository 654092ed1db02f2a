# SPDX-License-Identifier: GPL-2.0-or-later
"""The MIME view over messages that third parties made to be hard.

Needs WEIR_TEST_DATA (default ../shared/data beside the source tree) and
tests/functional/mime-dump of the build tree (WEIR_BUILD, default the source
tree); skips without them.
"""
import collections
import email
import email.policy
import json
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("WEIR_TEST_DATA",
                                   ROOT.parent / "shared" / "data")) / "mime"
DUMP = pathlib.Path(os.environ.get("WEIR_BUILD", ROOT)) / \
    "tests" / "functional" / "mime-dump"

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no test data in {DATA}"),
    pytest.mark.skipif(not DUMP.exists(), reason=f"{DUMP} is not built"),
]

EICAR_ZIP = bytes.fromhex(
    "504b0304140002000800114a8e493ccf516846000000440000000900000065696361"
    "722e636f6d8b30f5570c5075700c8836890988 8a3035d10888d3347776d634af5571"
    "f574760cd20d0e71f473710c72d175f40bf10cf30c0a0dd60d710d0ed175f3f47155"
    "54f1d0f6d00200504b01021403140002000800114a8e493ccf516846000000440000"
    "0009000000000000000000000 0b6810000000065696361722e636f6d504b05060000"
    "000001000100370000006d0000000000".replace(" ", ""))


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """Every file of every archive that can be a message."""
    top = tmp_path_factory.mktemp("mime")
    for name in sorted(DATA.glob("*.tar.xz")):
        with tarfile.open(name) as tar:
            for member in tar:
                if not member.isfile():
                    continue
                # names come from the archive: keep only their words
                path = top / re.sub(r"[^\w.,:=+@-]+", "_", member.name)
                path.write_bytes(tar.extractfile(member).read())
    skip = re.compile(r"\.(json|xml|out|jpg|png|gif|tnef|tif+|list|py)$")
    return [p for p in sorted(top.iterdir()) if not skip.search(p.name)]


def dump(paths, *options):
    """What mime-dump says of them; it must neither fail nor take long."""
    result = []
    paths = [str(p) for p in paths]
    for i in range(0, len(paths), 100):
        run = subprocess.run([DUMP, *options, *paths[i:i + 100]],
                             capture_output=True, timeout=60)
        assert run.returncode == 0, run.stderr.decode(errors="replace")
        result += [json.loads(line) for line in run.stdout.splitlines()]
    assert len(result) == len(paths)
    return result


def payload(path):
    """The trick and its validity level."""
    m = re.search(rb"^X-Payload-Id: (\S+) valid\((\d)\)", path.read_bytes(),
                  re.M)
    return m[1].decode(), int(m[2])


def test_every_message_has_parts(messages):
    assert len(messages) > 400
    for j in dump(messages):
        assert j["parts"], j["file"]
        assert any("leaf" in p["flags"] for p in j["parts"]), j["file"]


def test_crlf_makes_no_difference(messages, tmp_path):
    """The same parts come out of a message with CR LF line ends."""
    plain = [p for p in messages if b"\r" not in p.read_bytes()]
    assert len(plain) > 300
    crlf = []
    for p in plain:
        crlf.append(tmp_path / p.name)
        crlf[-1].write_bytes(p.read_bytes().replace(b"\n", b"\r\n"))
    for a, b in zip(dump(plain), dump(crlf)):
        assert [(p["type"], p["names"], p["encoding"], p["flags"])
                for p in a["parts"]] == \
               [(p["type"], p["names"], p["encoding"], p["flags"])
                for p in b["parts"]], a["file"]
        assert a["anomalies"] == b["anomalies"], a["file"]


def test_hidden_file_names_are_found(messages):
    """Of every trick some name ends in .zip; in nearly all it is file.zip
    (the others mean "file;.zip" or a name without tricks)."""
    found, total, ext = (collections.Counter() for _ in range(3))
    paths = [p for p in messages if "hide-filename" in p.name]
    assert len(paths) == 91
    for path, j in zip(paths, dump(paths)):
        names = [n for p in j["parts"] for n in p["names"]]
        level = payload(path)[1]
        total[level] += 1
        found[level] += "file.zip" in names
        ext[level] += any(n.endswith(".zip") for n in names)
    print("file.zip by level:", dict(found), "of", dict(total))
    assert found[0] >= 46 and found[1] >= 32 and found[2] >= 7
    assert ext[0] == total[0] and ext[1] == total[1] and ext[2] == total[2]


def test_hidden_content_is_found(messages, tmp_path):
    """eicar.zip is in the content of some part, whatever hides it."""
    needle = tmp_path / "eicar.zip"
    needle.write_bytes(EICAR_ZIP)
    found, total = collections.Counter(), collections.Counter()
    missed = []
    paths = [p for p in messages if "hide-content" in p.name]
    assert len(paths) == 176
    for path, j in zip(paths, dump(paths, "-f", needle)):
        trick, level = payload(path)
        total[level] += 1
        if any(p["has"] for p in j["parts"]):
            found[level] += 1
        else:
            missed.append(trick)
    print("eicar.zip by level:", dict(found), "of", dict(total), missed)
    # of level 1, only the one that is gzip inside base64
    assert found[3] == total[3] and found[2] == total[2]
    assert found[1] >= 28 and found[0] >= 135


def test_sane_messages_as_python_reads_them(messages):
    """Without an anomaly, Python's parser must see the same leaves."""
    compared, differ = 0, []
    for path, j in zip(messages, dump(messages)):
        if set(j["anomalies"]) - {15} or "mbox" in path.name or \
                path.name.startswith("mime-is-broken"):
            continue
        raw = path.read_bytes()
        if raw.startswith(b"From ") or b"begin 6" in raw or \
                b"=ybegin" in raw or "malformed" in path.name:
            continue
        theirs = email.message_from_bytes(raw, policy=email.policy.compat32)
        walk = [m.get_content_type() for m in theirs.walk()]
        ours = [p["type"] for p in j["parts"]
                if "alternate" not in p["flags"]]
        if any(t.startswith("message/") for t in walk + ours):
            continue  # python walks into delivery status as well
        if len(ours) != len(walk) or any(
                "/" in o and o != t for o, t in zip(ours, walk)):
            differ.append((path.name, ours, walk))
            continue
        contents = [m.get_payload(decode=True) for m in theirs.walk()
                    if not m.is_multipart()]
        leaves = [p for p in j["parts"] if "leaf" in p["flags"] and
                  "alternate" not in p["flags"]]
        for p, data in zip(leaves, contents):
            if p["encoding"] == 2:
                assert p["size"] == len(data), path.name
        compared += 1
    print("compared with python:", compared, differ)
    assert not differ
    assert compared > 140


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-q"]))
