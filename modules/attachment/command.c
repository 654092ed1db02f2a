/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command - weirctl attachment scan, categories, stats. */
#include "attachment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "name.h"

#define COMMAND_FILE_MAX (128u << 20) /* octets of a file */

/* One file of a scan command. */
struct command_file {
	struct attachment_mail a;
	struct attachment_item item; /* until there are more */
	uint32_t asked;
	weir_str name;
	char *path;
	bool json;
};

/* command_print - a formatted piece of the answer */
static void __attribute__((format(printf, 3, 4)))
command_print(const struct attachment *m, weir_call *call, const char *fmt,
    ...)
{
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m->control->print(call, weir_str_of(text));
}

/* command_error - why it failed */
static int __attribute__((format(printf, 3, 4)))
command_error(const struct attachment *m, weir_call *call, const char *fmt,
    ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	m->control->error(call, weir_str_of(text));
	return WEIR_E_INVAL;
}

/* command_json_set - categories as a list */
static json_t *
command_json_set(uint64_t set)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < CATEGORIES; i++) {
		if ((set >> i & 1) != 0)
			json_array_append_new(list,
			    json_string(category_name(i)));
	}
	return list;
}

/* command_json_path - of a file, which may be no UTF-8 */
static json_t *
command_json_path(const char *path)
{
	json_t *out = json_string(path);
	char *plain = out == NULL ? strdup(path) : NULL;

	for (char *p = plain; p != NULL && *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	if (plain != NULL)
		out = json_string(plain);
	free(plain);
	return out;
}

/* command_dump - a line of JSON */
static void
command_dump(const struct attachment *m, weir_call *call, json_t *all)
{
	char *text = all != NULL ? json_dumps(all, JSON_COMPACT) : NULL;

	if (text != NULL)
		m->control->print(call, weir_str_of(text));
	m->control->print(call, WEIR_STR("\n"));
	free(text);
	json_decref(all);
}

/* command_item_json - one object */
static json_t *
command_item_json(const struct attachment_mail *a,
    const struct attachment_item *item, const char *label)
{
	const struct rules *rules = &a->m->rules;
	bool met = item->rule != RULE_NONE;

	return json_pack("{s:s, s:s, s:I, s:o, s:s?, s:s?}", "path", label,
	    "type", item->magic.ptr, "size", (json_int_t)item->size,
	    "categories", command_json_set(item->categories), "rule",
	    met ? rules->v[item->rule].name : NULL, "action",
	    met ? rule_action_name(rules->v[item->rule].action) : NULL);
}

/* command_result - in the words of the fact */
static const char *
command_result(const struct attachment_mail *a)
{
	if (a->strongest != UINT32_MAX &&
	    a->m->rules.v[a->items[a->strongest].rule].action <= RULE_REPLACE)
		return "blocked";
	if ((a->categories & CATEGORIES_LIMIT) != 0 || a->more)
		return "limit";
	if ((a->categories & CATEGORIES_UNREAD) != 0)
		return "unreadable";
	return (a->categories & CATEGORIES_ENCRYPTED) != 0 ? "encrypted" :
							   "clean";
}

/* command_show - what one file is judged as */
static void
command_show(const struct command_file *f, weir_call *call)
{
	const struct attachment_mail *a = &f->a;
	const struct attachment *m = a->m;
	json_t *list = json_array();
	char label[700], words[400];

	if (!f->json)
		command_print(m, call, "%s: %s\n", f->path, command_result(a));
	for (uint32_t i = 0; i < a->n_items; i++) {
		const struct attachment_item *item = &a->items[i];

		attachment_label(a, item, label, sizeof(label));
		if (f->json) {
			json_array_append_new(list,
			    command_item_json(a, item, label));
			continue;
		}
		category_text(item->categories, words, sizeof(words));
		command_print(m, call, "  %s\n    %s, %llu octets%s%s\n",
		    label, item->magic.len > 0 ? item->magic.ptr : "unknown",
		    (unsigned long long)item->size,
		    words[0] != '\0' ? ": " : "", words);
		if (item->rule != RULE_NONE)
			command_print(m, call, "    rule \"%s\": %s\n",
			    m->rules.v[item->rule].name, rule_action_name(
			    m->rules.v[item->rule].action));
	}
	if (f->json)
		command_dump(m, call, json_pack("{s:o, s:s, s:o, s:b, s:o}",
		    "file", command_json_path(f->path), "result", command_result(a),
		    "categories", command_json_set(a->categories), "more",
		    a->more, "objects", list));
	else
		json_decref(list);
	if (!f->json && a->more)
		command_print(m, call, "  (more files inside than fit here; "
		    "those that matter most are shown)\n");
}

/* command_alloc - for what lives as long as the answer is written */
static void *
command_alloc(weir_call *call, uint32_t scope, size_t size)
{
	struct command_block {
		struct command_block *next;
		char data[];
	};
	static struct command_block *blocks;
	struct command_block *b;

	(void)call;
	(void)scope;
	if (size == 0) {
		/* the end of one file's answer */
		while ((b = blocks) != NULL) {
			blocks = b->next;
			free(b);
		}
		return NULL;
	}
	b = calloc(1, sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	b->next = blocks;
	blocks = b;
	return b->data;
}

/* command_scanned - the helper's answer */
static void
command_scanned(weir_call *call, int status, weir_str response, void *arg)
{
	struct command_file *f = arg;
	const struct attachment *m = f->a.m;

	f->a.items = &f->item;
	f->a.asked = &f->asked;
	if (status == WEIR_OK && !attachment_response(&f->a, response,
	    command_alloc, call))
		status = WEIR_E_INTERNAL;
	if (status == WEIR_OK) {
		attachment_match(&f->a);
		command_show(f, call);
	} else if (status != WEIR_E_CANCELLED) {
		command_error(m, call, "%s: not scanned (%s)\n", f->path,
		    status == WEIR_E_TIMEOUT ? "no time left" :
		    status == WEIR_E_INTERNAL ? "no scan survives it" :
		    "the scan died");
	}
	command_alloc(NULL, 0, 0);
	free(f->path);
	free(f);
}

/* command_why - errno of command_read in the words of whoever asked */
static const char *
command_why(int error)
{
	switch (error) {
	case ELOOP:
		return "a symbolic link: name the file itself";
	case EINVAL:
		return "no file";
	case EFBIG:
		return "larger than 128 MiB";
	case EACCES:
		return "Permission denied (without --offline the daemon reads "
		    "it, with its own rights)";
	default:
		return strerror(error);
	}
}

/* command_read - a whole file */
static char *
command_read(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	char *data = NULL;
	size_t n = 0;
	ssize_t got;
	int status;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size > COMMAND_FILE_MAX) {
		status = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		close(fd);
		errno = status;
		return NULL;
	}
	data = malloc((size_t)st.st_size + 1);
	while (data != NULL && n < (size_t)st.st_size &&
	    (got = read(fd, data + n, (size_t)st.st_size - n)) > 0)
		n += (size_t)got;
	close(fd);
	*len = n;
	return data;
}

/* command_file - begin with one */
static int
command_file(struct attachment *m, weir_call *call, const char *path,
    bool json)
{
	struct command_file *f = calloc(1, sizeof(*f));
	unsigned char request[64];
	struct wire_out out = { request, 0, sizeof(request), false };
	size_t len = 0;
	char *data = command_read(path, &len);
	struct wire_part part = { 0, 0, 0, 0, 0, len };
	weir_str content = { data, len };
	int status = WEIR_E_NOMEM;

	if (data == NULL || f == NULL) {
		command_error(m, call, "%s: %s\n", path, command_why(errno));
		free(data);
		free(f);
		return WEIR_E_INVAL;
	}
	f->path = strdup(path);
	f->json = json;
	f->name = name_base(weir_str_of(f->path));
	f->a = (struct attachment_mail) { .m = m, .n_items = 1, .n_parts = 1,
		.n_asked = 1, .direction = RULE_DIRECTION_ANY };
	f->item = (struct attachment_item) { .top = true, .names = &f->name,
		.n_names = 1, .declared = { "", 0 }, .magic = { "", 0 },
		.path = { "", 0 }, .categories = name_categories(f->name) };
	wire_request_head(&out, f->a.direction, 1);
	wire_request_part(&out, &part);
	status = m->remote->start_data(call, 0, (weir_str){
	    (const char *)request, out.n }, &content, 1, command_scanned, f);
	free(data);
	if (status != WEIR_OK) {
		command_error(m, call, "%s: the helper can't be asked\n",
		    path);
		free(f->path);
		free(f);
	}
	return status;
}

/* command_scan - scan FILE... */
static int
command_scan(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	int status = WEIR_E_INVAL;
	bool any = false;

	for (uint32_t i = 1; i < argc; i++) {
		int one = command_file(state, call, argv[i], json);

		any = any || one == WEIR_OK;
		if (one != WEIR_OK)
			status = one;
	}
	/* a failure of the call would take the others' answers along; what was
	   said of one is an error in any case */
	return any ? WEIR_OK : status;
}

/* command_categories - the words for rules */
static int
command_categories(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	const struct attachment *m = state;
	json_t *all = json_object();

	(void)argv;
	if (argc != 1) {
		json_decref(all);
		return WEIR_E_INVAL;
	}
	for (unsigned i = 0; i < CATEGORIES; i++) {
		json_object_set_new(all, category_name(i),
		    json_string(category_help(i)));
		if (!json)
			command_print(m, call, "%-20s %s\n", category_name(i),
			    category_help(i));
	}
	if (json)
		command_dump(m, call, all);
	else
		json_decref(all);
	return WEIR_OK;
}

/* command_stats - what this worker has seen */
static int
command_stats(void *state, weir_call *call, uint32_t argc,
    const char *const *argv, bool json)
{
	const struct attachment *m = state;
	json_t *counts = json_object();

	(void)argv;
	if (argc != 1) {
		json_decref(counts);
		return WEIR_E_INVAL;
	}
	if (!json)
		command_print(m, call, "%-20s %llu\n%-20s %llu\n", "mails",
		    (unsigned long long)m->mails, "files",
		    (unsigned long long)m->files);
	for (unsigned i = 0; i < CATEGORIES; i++) {
		if (m->counts[i] == 0)
			continue;
		json_object_set_new(counts, category_name(i),
		    json_integer((json_int_t)m->counts[i]));
		if (!json)
			command_print(m, call, "%-20s %llu\n",
			    category_name(i),
			    (unsigned long long)m->counts[i]);
	}
	if (json)
		command_dump(m, call, json_pack("{s:I, s:I, s:o}", "mails",
		    (json_int_t)m->mails, "files", (json_int_t)m->files,
		    "categories", counts));
	else
		json_decref(counts);
	return WEIR_OK;
}

/* attachment_command_register - tell weirctl what we know */
int
attachment_command_register(struct attachment *m)
{
	static const struct {
		const char *name, *usage, *help;
		weir_control_fn *fn;
	} rows[] = {
		{ "scan", "scan FILE...",
		    "What files are judged as, with everything inside.",
		    command_scan },
		{ "categories", "categories", "The words for rules.",
		    command_categories },
		{ "stats", "stats", "What one worker has seen, by category.",
		    command_stats }
	};
	int status = WEIR_OK;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) &&
	     status >= 0; i++)
		status = m->control->command(m->self, rows[i].name,
		    rows[i].usage, rows[i].help, rows[i].fn);
	return status < 0 ? status : WEIR_OK;
}
