# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/helper-protocol.md against the code that reads and writes packets."""

import re
import shutil
import struct
import subprocess

import pytest

from weirtest import proc

PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include <work/helper_wire.h>
int
main(int argc, char **argv)
{
	static char in[HELPER_WIRE_MAX + 1];
	struct helper_wire w = { .kind = 2, .flags = 1, .id = 0x123456789abcdef,
		.value = 777, .payload = { "hello", 5 } };
	char head[HELPER_WIRE_HEAD];
	size_t n;

	if (argc == 1) {
		helper_wire_put(head, &w);
		fwrite(head, 1, sizeof(head), stdout);
		return 0;
	}
	n = fread(in, 1, sizeof(in), stdin);
	return helper_wire_get(in, n, strcmp(argv[1], "helper") == 0, &w) != 0;
}
"""


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("no compiler")
    where = tmp_path_factory.mktemp("wire")
    (where / "x.c").write_text(PROGRAM)
    subprocess.run(["cc", "-D_GNU_SOURCE", f"-I{proc.ROOT}/include",
                    f"-I{proc.ROOT}/framework", where / "x.c",
                    proc.ROOT / "framework/work/helper_wire.c",
                    "-o", where / "x"], check=True)
    return where / "x"


@pytest.fixture(scope="module")
def head():
    text = (proc.ROOT / "doc/helper-protocol.md").read_text()
    form = struct.Struct(re.search(r'struct\.Struct\("(.*?)"\)', text)[1])
    at = 0
    for row, letter in zip(re.findall(
            r"^\| +(\d+) \| +(\d) \| (\w+) ", text, re.M), form.format[1:]):
        assert int(row[0]) == at, row
        assert int(row[1]) == struct.calcsize("=" + letter), row
        at += int(row[1])
    assert form.size == at == 32
    return form, int(re.search(r"0x[0-9a-f]{8}", text)[0], 16)


def test_what_is_written(wire, head):
    form, magic = head
    out = subprocess.run([wire], capture_output=True, check=True).stdout
    assert form.unpack(out) == (magic, 2, 0x123456789abcdef, 1, 777, 5, 0)


@pytest.mark.parametrize("sender, kind, ident, flags, value, payload, good", [
    ("helper", 1, 9, 0, 1, b"", True), ("helper", 1, 9, 0, 64, b"", True),
    ("helper", 1, 9, 0, 65, b"", False), ("helper", 1, 9, 0, 0, b"", False),
    ("helper", 1, 9, 0, 1, b"x", False), ("worker", 1, 9, 0, 1, b"", False),
    ("worker", 2, 9, 1, 3600000, b"x", True),
    ("worker", 2, 9, 0, 3600001, b"x", False),
    ("worker", 2, 0, 0, 1, b"x", False), ("worker", 2, 9, 2, 1, b"", False),
    ("worker", 2, 9, 0, 1, b"x" * 65536, True),
    ("worker", 2, 9, 0, 1, b"x" * 65537, False),
    ("helper", 2, 9, 0, 1, b"x", False), ("worker", 3, 9, 0, 0, b"", True),
    ("worker", 3, 9, 0, 1, b"", False), ("worker", 3, 9, 0, 0, b"x", False),
    ("helper", 4, 9, 0, 0, b"x", True), ("helper", 4, 9, 0, -64, b"", True),
    ("helper", 4, 9, 0, -65, b"", False), ("helper", 4, 9, 0, 1, b"", False),
    ("helper", 4, 9, 0, -1, b"x", False), ("worker", 4, 9, 0, 0, b"", False),
    ("worker", 5, 9, 0, 0, b"", False),
])
def test_what_is_taken(wire, head, sender, kind, ident, flags, value, payload,
                       good):
    form, magic = head
    packet = form.pack(magic, kind, ident, flags, value, len(payload), 0)
    done = subprocess.run([wire, sender], input=packet + payload)
    assert (done.returncode == 0) == good
