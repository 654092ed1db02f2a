# SPDX-License-Identifier: GPL-2.0-or-later
"""Third-party test data: unpacked once, used read-only, skipped if absent."""

import atexit
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from . import proc

_unpacked = {}
_folder = None

# Not messages but the expected parses of messages, notes and licences.
NOT_MAIL = (".json", ".xml", ".out", ".md", ".tsv", ".png", ".jpg", ".pdf",
            ".gif", ".golden", ".gitattributes")


def data_dir():
    """WEIR_TEST_DATA, or ../shared/data beside the source tree."""
    path = os.environ.get("WEIR_TEST_DATA")
    return Path(path) if path else proc.ROOT.parent / "shared" / "data"


def unpack(archive):
    """The folder of an archive such as "mime/enmime-testdata", or None."""
    global _folder
    source = data_dir() / f"{archive}.tar.xz"
    if archive in _unpacked:
        return _unpacked[archive]
    if not source.is_file():
        return None
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="weir-data-")
        atexit.register(shutil.rmtree, _folder, True)
    target = Path(_folder) / archive
    target.mkdir(parents=True)
    with tarfile.open(source) as tar:
        for member in tar:
            path = Path(member.name)
            if member.isreg() and not path.is_absolute() \
                    and ".." not in path.parts:
                tar.extract(member, target, set_attrs=False)
    _unpacked[archive] = target
    return target


def archives(folder):
    """Names for unpack of all archives in a folder of the data."""
    return sorted(f"{folder}/{p.name[:-len('.tar.xz')]}"
                  for p in (data_dir() / folder).glob("*.tar.xz"))


def mails(folder="mime"):
    """All message files below a folder of the data, as paths."""
    found = []
    for archive in archives(folder):
        found += [p for p in sorted(unpack(archive).rglob("*"))
                  if p.is_file() and not p.name.endswith(NOT_MAIL)]
    return found
