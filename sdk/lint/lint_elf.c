/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lint_elf - what can be seen in the file without running it. */
#include <stdlib.h>
#include <string.h>

#include "host/load.h"

#include "elf.h"
#include "lint.h"

/* Names that a module has no business with, and why. */
static const struct {
	enum lint_level level;
	enum lint_may may; /* a helper has its process for itself */
	const char *why, *names;
} imports[] = {
	{ LINT_ERROR, LINT_MAY_HELPER, "ends the process",
	    " exit _exit _Exit quick_exit abort __assert_fail err errx verr "
	    "verrx " },
	{ LINT_ERROR, LINT_MAY_PROGRAMS, "starts processes (use weir.remote)",
	    " fork vfork clone daemon system popen posix_spawn posix_spawnp "
	    "execl execle execlp execv execve execvp execvpe fexecve " },
	{ LINT_ERROR, LINT_MAY_HELPER, "changes what belongs to the whole process",
	    " setlocale uselocale chdir fchdir umask setuid setgid seteuid "
	    "setegid setreuid setregid setresuid setresgid setgroups initgroups "
	    "setenv putenv unsetenv clearenv chroot setrlimit setrlimit64 "
	    "signal sigaction sigprocmask raise kill alarm setitimer srand "
	    "srandom tzset freopen freopen64 dup2 closefrom close_range " },
	{ LINT_WARNING, LINT_MAY_NONE, "loads code that nobody has checked",
	    " dlopen dlmopen dlsym " },
	{ LINT_WARNING, LINT_MAY_NONE, "writes where nobody reads (use the host's log)",
	    " printf __printf_chk vprintf __vprintf_chk puts putchar perror "
	    "stdout stderr syslog __syslog_chk openlog warn warnx " },
	{ LINT_WARNING, LINT_MAY_HELPER, "stops all mail while it waits (use weir.timer)",
	    " sleep usleep nanosleep clock_nanosleep pause " },
	{ LINT_WARNING, LINT_MAY_NONE, "waits for the network (use weir.dns, or a job)",
	    " getaddrinfo gethostbyname gethostbyname2 gethostbyaddr "
	    "getnameinfo res_query res_search res_nquery res_nsearch "
	    "__res_query __res_search connect " },
	{ LINT_WARNING, LINT_MAY_HELPER, "asks the system for the time (use wall_ms, mono_ms: tests "
		 "turn that clock)",
	    " time gettimeofday clock_gettime ftime " },
	{ LINT_WARNING, LINT_MAY_HELPER, "keeps its result in a place that threads share",
	    " strtok strerror localtime gmtime ctime asctime getpwnam "
	    "getpwuid getgrnam getgrgid rand random inet_ntoa " }
};

/* Libraries that the host has an instance or a version of. */
static const struct {
	const char *begin, *why;
} libraries[] = {
	{ "libcrypto.so.1", "another major version of OpenSSL than the host's "
			    "libraries have" },
	{ "libssl.so.1", "another major version of OpenSSL than the host's "
			 "libraries have" },
	{ "libev.so", "the event loop is the host's own" },
	{ "liblua", "Lua states are the host's own (use weir.lua)" },
	{ "libltdl.so", "modules are loaded by the host" },
	{ "libmilter.so", "the MTA's protocol is spoken by the host" },
	{ "libspf2.so", "it aborts the process (use weir.remote)" },
	{ "libclamav.so", "it is too large and too fragile for a worker (use "
			  "weir.remote)" }
};

/* elf_is_among - a word in a list with blanks around each */
static bool
elf_is_among(const char *name, const char *list)
{
	size_t len = strlen(name);

	for (const char *p = strstr(list, name); p != NULL;
	     p = strstr(p + 1, name)) {
		if (p > list && p[-1] == ' ' && p[len] == ' ')
			return true;
	}
	return false;
}

/* elf_jumps - a jump needs a place that was marked: who marks none can only
   mean one in the host's frames */
static void
elf_jumps(struct lint *l, const struct elf *e)
{
	const char *jump = NULL;
	bool marks = false;

	for (size_t i = 0; i < e->imports.n; i++) {
		const char *name = e->imports.v[i];

		if (elf_is_among(name, " longjmp _longjmp siglongjmp "
				       "__longjmp_chk "))
			jump = name;
		marks |= elf_is_among(name, " setjmp _setjmp sigsetjmp "
					    "__sigsetjmp ");
	}
	if (jump == NULL)
		return;
	if (marks)
		lint_add(l, LINT_NOTICE, "import", "%s must never jump over "
		    "the host's frames, as it does from a callback of the host "
		    "to a place outside of it", jump);
	else
		lint_add(l, LINT_ERROR, "import", "%s jumps over the host's "
		    "frames: the module marks no place (setjmp)", jump);
}

/* elf_has - is that name imported */
static bool
elf_has(const struct elf *e, const char *name)
{
	for (size_t i = 0; i < e->imports.n; i++) {
		if (strcmp(e->imports.v[i], name) == 0)
			return true;
	}
	return false;
}

/* elf_is_rust - Rust's library lies in every module in Rust, and is the only
   one there that calls the unwinder: no C does, and C++ only through a library
   of its own.  With -C panic=abort nothing calls it: such a module is none that
   could stop its panics. */
static bool
elf_is_rust(const struct elf *e)
{
	return elf_has(e, "_Unwind_RaiseException") &&
	    !elf_has(e, "__cxa_throw");
}

/* elf_rust - what that library imports in any case: who else of the module
   does, can't be seen */
static bool
elf_rust(struct lint *l, const char *name)
{
	static const struct {
		const char *name, *why;
	} own[] = {
		{ "abort", "is Rust's way out of a panic in a panic, which ends "
			   "the process; an ordinary one must be stopped before "
			   "it leaves a callback" },
		{ "clock_gettime", "is behind Rust's std::time: the module "
				   "itself should use wall_ms, mono_ms, which "
				   "tests turn" }
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (strcmp(name, own[i].name) == 0) {
			lint_add(l, LINT_NOTICE, "import", "%s %s", name,
			    own[i].why);
			return true;
		}
	}
	return false;
}

/* elf_imports - functions with consequences */
static void
elf_imports(struct lint *l, const struct elf *e)
{
	bool rust = elf_is_rust(e);

	for (size_t k = 0; k < sizeof(imports) / sizeof(*imports); k++) {
		for (size_t i = 0; i < e->imports.n; i++) {
			const char *name = e->imports.v[i];

			if (elf_is_among(name, imports[k].names) &&
			    !(rust && elf_rust(l, name))) {
				lint_add(l, imports[k].level, "import",
				    "%s %s", name, imports[k].why);
				lint_for_helper(l, imports[k].may);
			}
		}
	}
	elf_jumps(l, e);
}

/* elf_exports - the entry function and nothing else */
static void
elf_exports(struct lint *l, const struct elf *e)
{
	char *file = l->name != NULL ? xasprintf("mod_%s", l->name) : NULL;
	char *entry = file != NULL ?
	    load_symbol(file) : NULL;
	struct buf others = BUF_INIT;
	bool found = false;
	unsigned n = 0;

	for (size_t i = 0; i < e->exports.n; i++) {
		const char *name = e->exports.v[i];

		if (entry != NULL && strcmp(name, entry) == 0) {
			found = true;
		} else if (name[0] != '_') {
			if (++n <= 5)
				buf_printf(&others, "%s%s",
				    n > 1 ? ", " : "", name);
		}
	}
	if (entry != NULL && !found)
		lint_add(l, LINT_ERROR, "export", "%s is not exported (see "
		    "WEIR_MODULE_EXPORT)", entry);
	if (n > 0)
		lint_add(l, LINT_WARNING, "export", "%u more symbols are exported: "
		    "%s%s (compile with -fvisibility=hidden)", n,
		    buf_str(&others).ptr, n > 5 ? ", ..." : "");
	buf_fini(&others);
	free(file);
	free(entry);
}

/* elf_link - how it was linked */
static void
elf_link(struct lint *l, const struct elf *e)
{
	unsigned own = elf_is_rust(e) ? 2 : 1;

	if (!e->bind_now)
		lint_add(l, LINT_ERROR, "bind-now", "symbols are not resolved when "
		    "it is loaded (link with -Wl,-z,now)");
	if (!e->relro)
		lint_add(l, LINT_WARNING, "relro", "tables stay writable (link with "
		    "-Wl,-z,relro)");
	if (e->text_relocations)
		lint_add(l, LINT_ERROR, "text", "its code is written to when it is "
		    "loaded (compile with -fPIC)");
	if (e->stack_executable)
		lint_add(l, LINT_ERROR, "stack", "it wants an executable stack "
		    "(link with -Wl,-z,noexecstack)");
	/* one is the compiler's own, another one that of Rust's library */
	if (e->constructors > own)
		lint_add(l, LINT_WARNING, "constructor", "it has %u constructors, "
		    "which run before anybody has checked it",
		    e->constructors - own);
	for (size_t i = 0; i < e->needed.n; i++) {
		for (size_t k = 0;
		     k < sizeof(libraries) / sizeof(*libraries); k++) {
			if (strncmp(e->needed.v[i], libraries[k].begin,
				strlen(libraries[k].begin)) == 0)
				lint_add(l, k < 2 ? LINT_ERROR : LINT_WARNING,
				    "needed", "%s: %s",
				    e->needed.v[i], libraries[k].why);
		}
	}
}

/* lint_elf - all of it */
bool
lint_elf(struct lint *l)
{
	struct err err = { "" };
	struct elf e;
	int status = elf_read(&e, l->path, &err);

	if (status < 0) {
		lint_add(l, LINT_ERROR, "file", "%s", err.text);
	} else {
		elf_exports(l, &e);
		elf_link(l, &e);
		elf_imports(l, &e);
	}
	elf_fini(&e);
	return status == WEIR_OK;
}
