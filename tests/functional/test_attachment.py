# SPDX-License-Identifier: GPL-2.0-or-later
"""Attachments: what is seen in which format, what rules do with it, bombs."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from weirtest import attach as at, corpus, daemon, proc


@pytest.fixture(autouse=True)
def built(monkeypatch):
    if not (daemon.module_path() / "mod_attachment.so").exists():
        pytest.skip("mod_attachment is not built")
    monkeypatch.setenv("WEIR_HELPER", str(proc.build_dir() / "weir-helper"))


class Scan:
    """weirctl attachment scan --offline."""

    def __init__(self, folder, rows=""):
        self.folder = folder
        self.binary = proc.program("weirctl")
        self.conf = folder / "scan.conf"
        self.conf.write_text(f'module_path = "{daemon.module_path()}"\n'
                             f'module "attachment" {{ {rows} }}\n')

    def run(self, *args, status=0):
        done = subprocess.run(
            [self.binary, "-c", self.conf, "attachment", *args, "--offline"],
            capture_output=True, text=True, timeout=120,
            stdin=subprocess.DEVNULL)
        assert not any(w in done.stderr for w in daemon.SANITIZER_WORDS), \
            done.stderr
        assert done.returncode == status, done.stderr + done.stdout
        return done.stdout

    def files(self, *paths, status=0):
        """By path: what the command says."""
        out = self.run("scan", *map(str, paths), "--json", status=status)
        found = [json.loads(line) for line in out.splitlines()]
        return {one["file"]: one for one in found}

    def octets(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return self.files(path)[str(path)]


@pytest.fixture
def scan(folder):
    return Scan(folder)


def inside(said):
    """Categories by path, of files inside."""
    return {o["path"]: set(o["categories"]) for o in said["objects"]}


# --- the tables of doc/attachment.md: each cell is a test ---

P = at.PROGRAM


def cut(data):
    """The end is missing."""
    return data[:len(data) * 2 // 3]


def broken(data, at_=None):
    """An octet of the content is another."""
    i = len(data) // 2 if at_ is None else at_
    return data[:i] + bytes([data[i] ^ 0x55]) + data[i + 1:]


def zip_crypt():
    return at.tool("zip", "-q", "-P", "secret", "x.zip", "run.exe",
                   want="x.zip")


def sevenzip(*options, kind="7z"):
    return at.tool("7z", "a", f"-t{kind}", *options, f"x.{kind}", "run.exe",
                   want=f"x.{kind}")


def iso():
    return at.tool("genisoimage", "-quiet", "-J", "-R", "-o", "x.iso",
                   "run.exe", want="x.iso")


def arj(*options):
    return at.tool("arj", "a", "-y", *options, "x.arj", "run.exe",
                   want="x.arj")


def zstd():
    return at.tool("zstd", "-q", "run.exe", "-o", "x.zst", want="x.zst")


ARCHIVES = {
    ("zip", "inside"): at.zipped,
    ("zip", "encrypted"): zip_crypt,
    ("zip", "damaged"): lambda: cut(at.zipped(
        method=at.zipfile.ZIP_STORED)),
    ("zip-aes", "encrypted"): lambda: sevenzip("-mem=AES256", "-psecret",
                                               kind="zip"),
    ("7z", "inside"): sevenzip,
    ("7z", "encrypted"): lambda: sevenzip("-psecret"),
    ("7z", "damaged"): lambda: cut(sevenzip()),
    ("7z-header", "encrypted"): lambda: sevenzip("-psecret", "-mhe=on"),
    ("rar4", "inside"): at.rar4,
    ("rar4", "encrypted"): lambda: at.rar4(file_flags=4),
    ("rar4", "damaged"): lambda: cut(at.rar4()),
    ("rar4", "volume"): lambda: at.rar4(main_flags=1),
    ("rar4-header", "encrypted"): lambda: at.rar4(main_flags=0x80),
    ("rar5", "inside"): at.rar5,
    ("rar5", "encrypted"): lambda: at.rar5(encrypted=True),
    ("rar5", "damaged"): lambda: cut(at.rar5()),
    ("rar5", "volume"): lambda: at.rar5(volume=True),
    ("tar", "inside"): at.tarred,
    ("tar", "damaged"): lambda: at.tarred()[:600],
    ("gz", "inside"): lambda: at.gz(P),
    ("gz", "damaged"): lambda: cut(at.gz(bytes(range(256)) * 9)),
    ("bz2", "inside"): lambda: at.bz(P),
    ("bz2", "damaged"): lambda: broken(at.bz(P)),
    ("xz", "inside"): lambda: at.xz(P),
    ("xz", "damaged"): lambda: broken(at.xz(P)),
    ("zstd", "inside"): zstd,
    ("zstd", "damaged"): lambda: cut(zstd()),
    ("tar.gz", "inside"): lambda: at.gz(at.tarred()),
    ("cab", "inside"): at.cab,
    ("cab", "damaged"): lambda: cut(at.cab()),
    ("cab", "volume"): lambda: at.cab(flags=2),
    ("iso", "inside"): iso,
    ("lha", "inside"): at.lha,
    ("lha", "damaged"): lambda: cut(at.lha()),
    ("ar", "inside"): at.ar,
    ("cpio", "inside"): at.cpio,
    ("arj", "inside"): arj,
    ("arj", "encrypted"): lambda: arj("-gsecret"),
    ("eml", "inside"): lambda: at.mail(at.TEXT, at.attached("run.exe")),
    ("msg", "inside"): at.outlook,
    ("tnef", "inside"): at.tnef,
    ("tnef", "damaged"): lambda: cut(at.tnef()),
    ("zip behind a picture", "inside"):
        lambda: b"\x89PNG\r\n\x1a\n" + bytes(300) + at.zipped(),
}

AUTO = at.vba(at.AUTO)
MACRO = at.vba(at.MODULE)
DDE = b"DDEAUTO c:\\\\x \"y\""
SHEET = (0x85, at.struct.pack("<IBB", 0, 0, 1) + b"\1\0A")
FIELD = ('<w:document xmlns:w="w"><w:p><w:r><w:fldChar w:fldCharType="begin"'
         '/></w:r><w:r><w:instrText> DD</w:instrText></w:r><w:r><w:instrText>'
         'EAUTO c:\\x</w:instrText></w:r></w:p></w:document>').encode()


def vba_bin(module):
    return at.cfb({"VBA/dir": b"", "VBA/M": module})


def ole(main, content=b"", **more):
    return at.cfb({main: content,
                   **{k.replace("__", "/"): v for k, v in more.items()}})


def ppt_storage(data):
    packed = at.struct.pack("<I", len(data)) + at.zlib.compress(data)
    return at.struct.pack("<HHI", 0x10, 0x1011, len(packed)) + packed


def package():
    """An encrypted OOXML document."""
    return at.cfb({"EncryptedPackage": bytes(5000), "EncryptionInfo": b"x"})


def x(part, files):
    """A document of Word, Excel or PowerPoint."""
    return at.ooxml({f"{part}/main.xml": b"<a/>", **files})


def external(part, kind):
    return x(part, {f"{part}/_rels/main.xml.rels":
                    at.rels(kind, "https://example.org/x.dotm")})


def excel(*records, **more):
    return ole("Workbook", at.biff(*records), **more)


DOCUMENTS = {
    ("doc", "macro"): lambda: ole("WordDocument", at.word(), VBA__M=MACRO),
    ("doc", "macro-auto"): lambda: ole("WordDocument", at.word(),
                                       VBA__M=AUTO),
    ("doc", "macro-dde"): lambda: ole("WordDocument", at.word(
        text=b"x\x13 " + DDE + b"\x15" + bytes(20))),
    ("doc", "embedded-object"): lambda: at.cfb({
        "WordDocument": at.word(), "ObjectPool/_1/\1Ole10Native":
        at.native()}),
    ("doc", "encrypted"): lambda: ole("WordDocument", at.word(0x0100)),
    ("xls", "macro"): lambda: excel(_VBA_PROJECT_CUR__VBA__M=MACRO),
    ("xls", "macro-auto"): lambda: excel(_VBA_PROJECT_CUR__VBA__M=AUTO),
    ("xls", "macro-xlm"): lambda: excel(SHEET),
    ("xls", "macro-dde"): lambda: excel(
        (0x1ae, at.struct.pack("<HH", 0, 10) + b"\0cmd\3/c x")),
    ("xls", "embedded-object"): lambda: excel(
        MBD0001__x=b"y"),
    ("xls", "encrypted"): lambda: excel((0x2f, bytes(6))),
    ("ppt", "macro"): lambda: ole("PowerPoint Document",
                                  ppt_storage(vba_bin(MACRO))),
    ("ppt", "macro-auto"): lambda: ole("PowerPoint Document",
                                       ppt_storage(vba_bin(AUTO))),
    ("ppt", "embedded-object"): lambda: ole(
        "PowerPoint Document", ppt_storage(at.cfb(
            {"\1Ole10Native": at.native()}))),
    ("ppt", "encrypted"): lambda: at.cfb(
        {"PowerPoint Document": b"", "Current User":
         bytes(12) + at.struct.pack("<I", 0xf3d1c4df)}),
    ("docx", "macro"): lambda: x("word", {"word/vbaProject.bin":
                                          vba_bin(MACRO)}),
    ("docx", "macro-auto"): lambda: x("word", {"word/other.bin":
                                               vba_bin(AUTO)}),
    ("docx", "macro-dde"): lambda: x("word", {"word/document.xml": FIELD}),
    ("docx", "external-template"): lambda: external("word",
                                                    "attachedTemplate"),
    ("docx", "embedded-object"): lambda: x("word", {
        "word/embeddings/oleObject1.bin":
        at.cfb({"\1Ole10Native": at.native()})}),
    ("docx", "encrypted"): package,
    ("xlsx", "macro"): lambda: x("xl", {"xl/vbaProject.bin":
                                        vba_bin(MACRO)}),
    ("xlsx", "macro-auto"): lambda: x("xl", {
        "xl/workbook.xml": b'<w><definedName name="_xlnm.Auto_Open"/></w>'}),
    ("xlsx", "macro-xlm"): lambda: x("xl", {"xl/macrosheets/sheet1.xml":
                                            b"<a/>"}),
    ("xlsx", "macro-dde"): lambda: x("xl", {
        "xl/externalLinks/externalLink1.xml":
        b'<e><ddeLink ddeService="cmd" ddeTopic="/c x"/></e>'}),
    ("xlsx", "external-template"): lambda: external("xl", "oleObject"),
    ("xlsx", "embedded-object"): lambda: x("xl", {
        "xl/embeddings/oleObject1.bin":
        at.cfb({"\1Ole10Native": at.native()})}),
    ("xlsx", "encrypted"): package,
    ("pptx", "macro"): lambda: x("ppt", {"ppt/vbaProject.bin":
                                         vba_bin(MACRO)}),
    ("pptx", "macro-auto"): lambda: x("ppt", {"ppt/vbaProject.bin":
                                              vba_bin(AUTO)}),
    ("pptx", "external-template"): lambda: external("ppt", "frame"),
    ("pptx", "embedded-object"): lambda: x("ppt", {
        "ppt/embeddings/oleObject1.bin":
        at.cfb({"\1Ole10Native": at.native()})}),
    ("pptx", "encrypted"): package,
    ("odf", "macro"): lambda: at.odf({"Basic/Standard/M.xml": b"<a/>"}),
    ("odf", "macro-auto"): lambda: at.odf({
        "content.xml": b'<d xmlns:s="s"><s:event-listener/></d>'}),
    ("odf", "macro-dde"): lambda: at.odf({
        "content.xml": b'<d xmlns:o="o"><o:dde-source/></d>'}),
    ("odf", "encrypted"): lambda: at.odf({
        "META-INF/manifest.xml":
        b'<m xmlns:m="m"><m:encryption-data/></m>'}),
    ("rtf", "macro-dde"): lambda: b"{\\rtf1{\\field{\\*\\fldinst " + DDE
        + b"}}}",
    ("rtf", "external-template"):
        lambda: b"{\\rtf1{\\*\\template http://example.org/x}}",
    ("rtf", "embedded-object"): at.rtf_object,
    ("word-xml", "macro"): lambda: b'<?xml version="1.0"?><?mso-application '
        b'progid="Word.Document"?><w:wordDocument xmlns:w="w" '
        b'w:macrosPresent="yes"/>',
    ("word-xml", "macro-dde"): lambda: b'<?xml version="1.0"?><?mso-'
        b'application x?>' + FIELD,
    ("word-xml", "embedded-object"): lambda: b'<?xml version="1.0"?><?mso-'
        b'application x?><w:wordDocument xmlns:w="w" '
        b'w:embeddedObjPresent="yes"/>',
    ("onenote", "embedded-object"): at.onenote,
}
WANT = {"encrypted": "encrypted-office"}
FILES = {"zip": "zip", "odf": "odt", "word-xml": "xml", "onenote": "one"}


def table(heading):
    """Cells of a table of doc/attachment.md: (row, column, text)."""
    text = (proc.ROOT / "doc" / "attachment.md").read_text()
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[c.strip() for c in line.strip("|").split("|")]
            for line in part.splitlines() if line.startswith("|")]
    return [(row[0], column, cell) for row in rows[2:]
            for column, cell in zip(rows[0][1:], row[1:]) if cell != "-"]


def cells(heading):
    return [pytest.param(*c, id="-".join(c[:2]).replace(" ", "_"))
            for c in table(heading)]


@pytest.fixture(scope="module")
def scanned():
    """All cells in one go: what was said of each, or why there is none."""
    if not (daemon.module_path() / "mod_attachment.so").exists():
        pytest.skip("mod_attachment is not built")
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    os.environ["WEIR_HELPER"] = str(proc.build_dir() / "weir-helper")
    made, skipped = {}, {}
    for key, build in {**ARCHIVES, **DOCUMENTS}.items():
        path = folder / "-".join(key).replace(" ", "_") / (
            "sample" + ("." + FILES.get(key[0], key[0])
                        if key in DOCUMENTS else ""))
        path.parent.mkdir()
        try:
            path.write_bytes(build())
            made[key] = str(path)
        except pytest.skip.Exception as e:
            skipped[key] = str(e)
    said = Scan(folder).files(*made.values())
    shutil.rmtree(folder)

    def get(*key):
        if key in skipped:
            pytest.skip(skipped[key])
        return said[made[key]]
    return get


@pytest.mark.parametrize("row, column, cell", cells("Archives"))
def test_archive(scanned, row, column, cell):
    said = scanned(row, column)
    if cell in ("yes", "names"):
        assert any(p.endswith(("run.exe", "/data")) and "executable" in c
                   for p, c in inside(said).items()), said
        assert said["result"] == "blocked"
    else:
        assert cell.strip("`") in said["categories"], said
        assert said["result"] != "clean"


@pytest.mark.parametrize("row, column, cell", cells("Documents"))
def test_document(scanned, row, column, cell):
    said = scanned(row, column)
    own = said["objects"][0]["categories"]
    assert cell == "yes" and WANT.get(column, column) in own, said
    if column == "macro":
        assert "macro-auto" not in own, said


def test_tables_are_complete():
    """No builder without a cell, no cell without a builder."""
    assert {c[:2] for c in table("Archives")} == set(ARCHIVES)
    assert {c[:2] for c in table("Documents")} == set(DOCUMENTS)


@pytest.mark.parametrize("objects, trailer, want", [
    ([b"<</S/JavaScript/JS(x)>>"], b"", "pdf-script"),
    ([b"<</S/J#61vaScript>>"], b"", "pdf-script"),
    ([b"<</Type/ObjStm/Filter/FlateDecode>>stream\n"
      + at.zlib.compress(b"<</JS(x)>>") + b"\nendstream"], b"", "pdf-script"),
    ([b"<</S/Launch/F(x)>>"], b"", "pdf-launch"),
    ([b"<</Type/EmbeddedFile/Filter/FlateDecode>>stream\n"
      + at.zlib.compress(P) + b"\nendstream"], b"", "pdf-embedded"),
    ([b"<<>>"], b"/Encrypt 2 0 R", "encrypted-pdf"),
    ([b"<</Type/Catalog/JSX 1>>"], b"", None)])
def test_pdf(scan, objects, trailer, want):
    said = scan.octets("x.pdf", at.pdf(objects, trailer))
    assert said["categories"] == ([want] if want != "pdf-embedded" else
                                  ["executable", want]) if want else \
        said["result"] == "clean", said


def test_clean_documents_are_clean(scan):
    for name, data in [
            ("a.docx", at.ooxml({"word/document.xml": b"<a/>",
                                 "word/_rels/document.xml.rels": at.rels(
                                     "hyperlink", "https://example.org/")})),
            ("a.doc", ole("WordDocument", at.word())),
            ("a.xls", excel((0x85, at.struct.pack("<IBB", 0, 0, 0)))),
            ("a.rtf", b"{\\rtf1 hello}"), ("a.pdf", at.pdf([b"<<>>"])),
            ("a.zip", at.zipped({"a.txt": b"text"})),
            ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(99)),
            ("local.docx", at.ooxml({"word/_rels/settings.xml.rels": at.rels(
                "attachedTemplate", "file:///C:/Users/a/Normal.dotm")}))]:
        said = scan.octets(name, data)
        assert said["result"] == "clean", said
        assert not any(o["rule"] for o in said["objects"]), said
