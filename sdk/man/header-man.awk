# SPDX-License-Identifier: GPL-2.0-or-later
#
# header-man.awk - write the manual page of a public header
#
#	awk -v header=ext/dns.h -v pages="host dns ..." -f header-man.awk FILE
#
# The header is the manual: the comment at its head becomes DESCRIPTION, each
# declaration a section, with the comment above it; members of structures and
# enumerations stand with the comment above or behind them.  It knows the form
# that these headers have, not C; what it can't place ends it with an error.

# text - printed by troff as it is
function text(s) {
	gsub(/\\/, "\\e", s)
	gsub(/"/, "\\(dq", s)
	if (s ~ /^[.']/)
		s = "\\\\&" s
	return s
}

# code - the same with hyphens that can be copied
function code(s) {
	s = text(s)
	gsub(/-/, "\\-", s)
	return s
}

function fail(why) {
	printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
	failed = 1
	exit 1
}

# expand - tabs of eight
function expand(s,    out, c, i) {
	out = ""
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\t")
			do out = out " "; while (length(out) % 8)
		else
			out = out c
	}
	return out
}

# base_name - ext/dns.h is dns
function base_name(s) {
	sub(/^.*\//, "", s)
	sub(/\.h$/, "", s)
	return s
}

function trim(s) {
	sub(/^[ \t]+/, "", s)
	sub(/[ \t]+$/, "", s)
	return s
}

# para - a new paragraph, unless there is one
function para() {
	if (!fresh)
		print ".PP"
	fresh = 1
}

# say - print a comment: words[1..n], indents[1..n] against base
function say(n, words, indents, base,    i, literal, open, w) {
	literal = 0
	open = 0
	while (n > 0 && words[n] == "")
		n--
	for (i = 1; i <= n; i++) {
		w = words[i]
		if (w == "") {
			if (literal)
				print ".fi"
			literal = 0
			para()
			open = 0
			continue
		}
		fresh = 0
		if (indents[i] >= base + 2 != literal) {
			literal = !literal
			print literal ? ".nf" : ".fi"
		}
		if (literal) {
			printf "%*s%s\n", indents[i] - base, "", text(w)
		} else if (!open && w ~ /^[A-Z][A-Z]+[.]? /  &&
		    w !~ /^(WEIR|MTA|DNS|TLS|RR|SMTP|MIME)/) {
			match(w, /^[A-Z]+[.]?/)
			print ".B " substr(w, 1, RLENGTH)
			print text(trim(substr(w, RLENGTH + 1)))
		} else if (w ~ /^[A-Z][A-Z]+$/) {
			print ".B " w
			print ".br"
		} else {
			print text(w)
		}
		open = 1
	}
	if (literal)
		print ".fi"
}

# comment_begin, comment_add, comment_end - collect one, over lines
function comment_begin() {
	n_comment = 0
	in_comment = 1
}

function comment_add(line, column,    s) {
	s = expand(line)
	match(s, /^ */)
	if (RLENGTH < length(s)) {
		words[++n_comment] = trim(s)
		indents[n_comment] = n_comment == 1 && column ? column : RLENGTH
	} else if (n_comment > 0) {
		words[++n_comment] = ""
		indents[n_comment] = 0
	}
}

# comment_line - a line of a comment that began before; 1 at its end
function comment_line(line,    end) {
	end = sub(/[ \t]*\*\/[ \t]*$/, "", line)
	sub(/^ \*/, "  ", line)
	comment_add(line, 0)
	return end
}

# head - the comment that says what the header is
function head(    what, i, first) {
	what = words[1]
	if (what !~ /^weir\/[a-z\/]+\.h - /)
		fail("no head: " what)
	sub(/^[^ ]* - /, "", what)
	sub(/\.$/, "", what)
	name = base_name(header)
	first = 2
	# a sentence over two lines
	while (first <= n_comment && words[first] != "") {
		i = words[first]
		if (what ~ /\. / || words[first - 1] ~ /\.$/)
			break
		what = what " " i
		first++
	}
	sub(/\.$/, "", what)
	print ".\\\" SPDX-License-Identifier: BSD-2-Clause"
	print ".\\\" made from weir/" header
	print ".TH WEIR_" toupper(name) " 3 \"\" \"Weir\" \"Weir modules\""
	print ".SH NAME"
	print "weir_" name " \\- " text(what)
	print ".SH SYNOPSIS"
	print ".nf"
	print "\\fB#include <weir/" header ">\\fP"
	print ".fi"
	print ".SH DESCRIPTION"
	while (first <= n_comment && words[first] == "")
		first++
	if (first > n_comment) {
		print "See"
		print ".BR weir\\-module (7)"
		print "for the model."
	}
	for (i = first; i <= n_comment; i++) {
		words[i - first + 1] = words[i]
		indents[i - first + 1] = indents[i]
	}
	say(n_comment - first + 1, words, indents, 3)
	n_comment = 0
	headed = 1
	print ".SH DECLARATIONS"
}

# section - a declaration, with the comment above it
function section(title) {
	print ".SS \"" code(title) "\""
	fresh = 1
	say(n_comment, words, indents, 3)
	n_comment = 0
}

# group - members that share a comment: decls[1..n_decls], and their text
function group_flush(    i) {
	if (n_decls > 0) {
		para()
		fresh = 0
		print ".nf"
		for (i = 1; i <= n_decls; i++)
			print "\\fB" code(decls[i]) "\\fP"
		print ".fi"
		if (n_group + n_behind > 0) {
			print ".RS 4"
			fresh = 1
			say(n_group, gwords, gindents, 11)
			say(n_behind, bwords, bindents, 1000)
			print ".RE"
		}
	}
	n_decls = n_group = n_behind = 0
}

# behind - a comment behind a declaration; 1 if it goes on in the next line
function behind(s,    open) {
	sub(/^.*\/\*/, "", s)
	open = !sub(/\*\/.*$/, "", s)
	if (trim(s) != "") {
		bwords[++n_behind] = trim(s)
		bindents[n_behind] = 0
	}
	return open
}

# member - one line inside of braces
function member(line,    s, c) {
	if (in_behind) {
		s = line
		in_behind = !sub(/\*\/.*$/, "", s)
		bwords[++n_behind] = trim(s)
		bindents[n_behind] = 0
		return
	}
	if (in_comment) {
		if (comment_line(line))
			member_comment()
		return
	}
	s = trim(line)
	if (s == "") {
		group_flush()
		return
	}
	if (s ~ /^\/\* ---- end of ABI/)
		return
	if (s ~ /^\/\*/) {
		group_flush()
		comment_begin()
		c = line
		sub(/\/\*/, "  ", c)
		if (comment_line(c))
			member_comment()
		return
	}
	c = s
	sub(/[ \t]*\/\*.*$/, "", c)
	if (c ~ /^}/ && depth > 0)
		depth--
	if (!going && depth == 0 && c !~ /^}/ && n_behind > 0)
		group_flush()
	if (!going && depth == 0 && n_decls > 0 && s ~ /\/\*/)
		group_flush()
	decls[++n_decls] = (going || (depth && c !~ /^}/) ? "    " : "") c
	if (c ~ /{$/)
		depth++
	going = c !~ /[;,{]$/ && !(in_enum)
	if (c ~ /,$/ && !in_enum)
		going = 1
	if (s ~ /\/\*/)
		in_behind = behind(s)
}

# member_comment - it is for the members that follow
function member_comment(    i) {
	in_comment = 0
	for (i = 1; i <= n_comment; i++) {
		gwords[i] = words[i]
		gindents[i] = indents[i]
	}
	n_group = n_comment
	n_comment = 0
}

# defines - what was collected of them
function defines_flush(    i) {
	if (n_defines > 0) {
		section(define_name)
		n_decls = 0
		for (i = 1; i <= n_defines; i++) {
			if (define_text[i] != "" || i == 1)
				para()
			else
				print ".br"
			fresh = 0
			print "\\fB" code(define_line[i]) "\\fP"
			if (define_text[i] != "") {
				print ".RS 4"
				print text(define_text[i])
				print ".RE"
			}
		}
	}
	n_defines = 0
}

function define(line,    s, c) {
	c = s = line
	sub(/[ \t]*\/\*.*$/, "", c)
	gsub(/[ \t]+/, " ", c)
	define_line[++n_defines] = c
	define_text[n_defines] = ""
	if (n_defines == 1) {
		define_name = c
		sub(/^#define /, "", define_name)
		sub(/[ (].*$/, "", define_name)
	}
	if (s ~ /\/\*/) {
		sub(/^.*\/\*/, "", s)
		in_define = !sub(/\*\/.*$/, "", s)
		define_text[n_defines] = trim(s)
	}
}

BEGIN { headed = 0 }

# what is for C++, or for the compiler, is not for readers
/^#if/ {
	if (nest > 0 || $0 ~ /__cplusplus|__GNUC__/) {
		nest++
		next
	}
	next
}
/^#endif/ { if (nest > 0) nest--; next }
/^#else/ && nest == 1 { nest = 0; next }
nest > 0 { next }
/^#include/ { next }

in_define {
	s = $0
	in_define = !sub(/\*\/.*$/, "", s)
	define_text[n_defines] = define_text[n_defines] " " trim(s)
	next
}
in_body {
	if (/^}/) {
		if (in_body == 2)
			group_flush()
		if (in_body == 2 && (going || depth || in_behind))
			fail("a declaration without an end")
		if (in_body == 2 && $0 !~ /^};$/ && $0 !~ /^} [a-z_]+;$/)
			fail("what is this: " $0)
		in_body = 0
	} else if (in_body == 2) {
		member($0)
	}
	next
}
in_comment {
	if (comment_line($0)) {
		in_comment = 0
		if (!headed)
			head()
	}
	next
}
in_macro {
	print code(expand($0))
	in_macro = /\\$/
	if (!in_macro)
		print ".fi"
	next
}
in_proto {
	proto = proto " " trim($0)
	if (in_proto == 1 && /\)$/) {
		section(what "()")
		para()
		print "\\fB" code(proto) ";\\fP"
		in_proto = 0
		in_body = 1
	} else if (in_proto == 2 && /;$/) {
		typedef_end()
	}
	next
}

function typedef_end(    title) {
	in_proto = 0
	title = proto
	sub(/[ \t]*\/\*.*$/, "", title)
	sub(/^typedef /, "", title)
	if (title ~ /\(/) {
		sub(/\(.*$/, "", title)
		sub(/^.*[ *]/, "", title)
		title = title "()"
	} else {
		sub(/^.*[ *]/, "", title)
		sub(/;.*$/, "", title)
	}
	section(title)
	para()
	what = proto
	sub(/[ \t]*\/\*.*$/, "", what)
	print "\\fB" code(what) "\\fP"
	if (proto ~ /\/\*/) {
		what = proto
		sub(/^.*\/\* */, "", what)
		sub(/ *\*\/.*$/, "", what)
		print ".br"
		print text(what)
	}
}

/^\/\* SPDX/ { next }
/^\/\*/ {
	defines_flush()
	n_behind = 0
	line = $0
	sub(/\/\*/, "  ", line)
	comment_begin()
	if (comment_line(line)) {
		in_comment = 0
		if (!headed)
			head()
	}
	next
}
/^#define [A-Z_]+$/ { next }
/^#define .*\\$/ {
	defines_flush()
	macro = $2
	sub(/\(.*$/, "", macro)
	section(macro)
	para()
	print ".nf"
	print code(expand($0))
	in_macro = 1
	next
}
/^#define/ { define($0); next }
/^$/ { defines_flush(); next }
/^struct [a-z_]+;/ { n_comment = 0; next }
/^(typedef )?(struct|enum) [a-z_]+ {$/ {
	defines_flush()
	sub(/^typedef /, "")
	sub(/ {$/, "")
	section($0)
	in_enum = /^enum/
	in_body = 2
	next
}
/^typedef / {
	defines_flush()
	proto = $0
	in_proto = 2
	if (/;/)
		typedef_end()
	next
}
/^static inline / {
	defines_flush()
	proto = $0
	sub(/^static inline /, "", proto)
	getline
	what = $0
	sub(/\(.*$/, "", what)
	proto = proto (proto ~ /\*$/ ? "" : " ") $0
	in_proto = 1
	if (/\)$/) {
		section(what "()")
		para()
		print "\\fB" code(proto) ";\\fP"
		in_proto = 0
		in_body = 1
	}
	next
}
{ fail("what is this: " $0) }

END {
	if (failed)
		exit 1
	if (!headed)
		fail("there is no head")
	defines_flush()
	print ".SH SEE ALSO"
	print ".BR weir\\-module (7),"
	n = split(pages, list, " ")
	self = base_name(header)
	last = 0
	for (i = 1; i <= n; i++)
		if (list[i] != self)
			last = i
	for (i = 1; i <= n; i++)
		if (list[i] != self)
			print ".BR weir_" list[i] " (3)" (i < last ? "," : "")
}
