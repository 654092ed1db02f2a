# SPDX-License-Identifier: GPL-2.0-or-later
"""What the public headers say, read from their text: structs with members and
the comments before them, function types, constants.

The headers keep to few forms (one member a line or statement, no bit-fields,
no conditional members), which is what makes such a small reader possible; what
it can't read is an error, not left out."""

import re
from pathlib import Path

KEYWORDS = {"const", "volatile", "struct", "enum", "union", "void", "int",
            "char", "double", "bool", "unsigned", "signed"}


class Failure(Exception):
    """Something that the user can put right."""


def parts(text, separator=","):
    """Split where no bracket is open."""
    out, depth = [""], 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == separator and depth == 0:
            out.append("")
        else:
            out[-1] += c
    return [p.strip() for p in out if p.strip()]


def plain_type(text):
    """A type's text without the names of its parameters: these are no part of
    the contract."""
    text = re.sub(r"\s+", " ", text).strip()
    function = re.fullmatch(r"(.*?)\(\*?\s*(\w*)\)\s*\((.*)\)", text)
    if function:
        what, _, args = function.groups()
        return "%s(*)(%s)" % (what.strip() + " ", ", ".join(
            plain_type(a) for a in parts(args)))
    words = re.findall(r"\w+|\*", text)
    names = [w for w in words if w != "*" and w not in KEYWORDS]
    tagged = any(w in ("struct", "enum", "union") for w in words)
    keyword = any(w in KEYWORDS - {"const", "volatile", "struct", "enum",
                                   "union"} for w in words)
    if names and words[-1] == names[-1] and \
            len(names) > (0 if keyword else 1):
        words = words[:-1]
    elif tagged and len(names) > 1:
        words = words[:-1]
    return " ".join(words).replace("* *", "**")


class Member:
    """One member of a struct: name, type as text, comment before or beside."""

    def __init__(self, name, kind, comment, line):
        self.name, self.kind, self.comment = name, kind, comment
        self.line = line

    @property
    def is_function(self):
        return "(*)(" in self.kind


class Struct:
    """grows: it has an "end of ABI" line, above which members may come."""

    def __init__(self, name, header, line):
        self.name, self.header, self.line = name, header, line
        self.members, self.grows, self.comment = [], False, ""


class Headers:
    """All of a folder of headers."""

    def __init__(self, folder):
        self.folder = Path(folder)
        if not (self.folder / "weir" / "weir.h").exists():
            raise Failure(f"{folder}: there is no weir/weir.h")
        self.files = sorted(p.relative_to(self.folder).as_posix()
                            for p in self.folder.glob("weir/**/*.h"))
        self.structs, self.types, self.constants = {}, {}, []
        self.macros, self.inlines, self.type_comments = [], [], {}
        for name in self.files:
            self.read(name)

    # a text with comments as tokens: /*N*/ stands for comments[N]

    def read(self, name):
        text = (self.folder / name).read_text()
        self.comments = []

        def keep(match):
            self.comments.append(match.group(0))
            lines = match.group(0).count("\n")
            return f"/*{len(self.comments) - 1}*/" + "\n" * lines

        text = re.sub(r"/\*.*?\*/", keep, text, flags=re.S)
        for m in re.finditer(r"^#define (WEIR_\w+)(\([^)]*\))?"
                             r"((?:[^\n\\]|\\\n)*)$", text, re.M):
            value = re.sub(r"/\*\d+\*/|\\\n", " ", m.group(3)).strip()
            if m.group(2) or value.startswith((".", "__")) or \
                    value in ("", 'extern "C"'):
                if not m.group(1).endswith("_H"):
                    self.macros.append(m.group(1))
            else:
                self.constants.append(m.group(1))
        text = re.sub(r"^#(?:[^\n\\]|\\\n)*$", lambda m: "\n" * m.group(0)
                      .count("\n"), text, flags=re.M)
        for m in re.finditer(r"\benum (\w+) \{(.*?)\};", text, re.S):
            body = re.sub(r"/\*\d+\*/", " ", m.group(2))
            for entry in parts(body):
                self.constants.append(entry.split("=")[0].strip())
        for m in re.finditer(r"^((?:/\*\d+\*/\s*)*)typedef ([^;{}]*\)|[^;{}]*)"
                             r";", text, re.M):
            self.read_typedef(m.group(2), self.comment_of(m.group(1)))
        for m in re.finditer(r"((?:/\*\d+\*/\s*)*)(?:typedef )?struct (\w+) "
                             r"\{\n(.*?)\n\}[\w ]*;", text, re.S):
            self.read_struct(name, m, text)
        for m in re.finditer(r"^static inline ([^{;]*?)(\w+)\(", text, re.M):
            self.inlines.append(m.group(2))

    def comment_of(self, tokens):
        return " ".join(self.comments[int(n)]
                        for n in re.findall(r"/\*(\d+)\*/", tokens))

    def read_typedef(self, text, comment):
        text = re.sub(r"/\*\d+\*/", " ", text)
        function = re.fullmatch(r"(.*?)(\w+)\((.*)\)", text, re.S)
        if function:
            what, name, args = function.groups()
            self.types[name] = "%s (%s)" % (
                re.sub(r"\s+", " ", what).strip(),
                ", ".join(plain_type(a) for a in parts(args)))
            self.type_comments[name] = comment
        else:
            words = re.findall(r"\w+|\*", text)
            self.types[words[-1]] = " ".join(words[:-1])

    def read_struct(self, header, m, text):
        s = Struct(m.group(2), header, text[:m.start(2)].count("\n") + 1)
        s.comment = self.comment_of(m.group(1))
        comment, first = "", text[:m.start(3)].count("\n") + 1
        body = m.group(3)
        s.grows = any("end of ABI" in self.comments[int(n)]
                      for n in re.findall(r"/\*(\d+)\*/", body))
        at = 0
        for piece in re.finditer(r"/\*(\d+)\*/|((?:[^;{}/]|\{[^{}]*\})+);"
                                 r"([ \t]*/\*(\d+)\*/)?", body):
            if piece.group(1) is not None:
                comment = self.comments[int(piece.group(1))]
                continue
            line = first + body[:piece.start(2)].count("\n")
            beside = self.comments[int(piece.group(4))] if piece.group(4) \
                else ""
            self.read_members(s, piece.group(2), beside or comment, line)
            at = piece.end()
        if ";" in body[at:]:
            raise Failure(f"{header}: struct {s.name}: can't be read")
        self.structs[s.name] = s

    def read_members(self, s, text, comment, line):
        text = re.sub(r"\s+", " ", text).strip()
        union = re.fullmatch(r"union \{(.*)\} (\w+)", text)
        function = re.fullmatch(r"(.*?)\(\*(\w+)\)\s*\((.*)\)", text)
        if union:
            inner = Struct("", "", 0)
            for one in parts(re.sub(r"/\*\d+\*/", " ", union.group(1)), ";"):
                self.read_members(inner, one, "", line)
            kind = "union { %s }" % "; ".join(
                f"{i.kind} {i.name}" for i in inner.members)
            s.members.append(Member(union.group(2), kind, comment, line))
        elif function:
            what, name, args = function.groups()
            kind = "%s (*)(%s)" % (what.strip(), ", ".join(
                plain_type(a) for a in parts(args)))
            s.members.append(Member(name, kind, comment, line))
        else:
            base = None
            for one in parts(text):
                words = re.findall(r"\w+|\*", one)
                if not words:
                    raise Failure(f"{s.header}: struct {s.name}: {text!r}")
                if base is None:
                    base = words[:-1]
                    while base and base[-1] == "*":
                        base.pop()
                    kind = " ".join(words[:-1])
                else:
                    kind = " ".join(base + words[:-1])
                s.members.append(Member(words[-1], kind, comment, line))
