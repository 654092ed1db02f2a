/* SPDX-License-Identifier: GPL-2.0-or-later */
#define LATE_NAMES_AS_THEY_ARE
#include "mail/late.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_GMIME_FILE "libgmime-3.0.so.0"
#if LIBXML_VERSION >= 21400
#define LATE_XML_FILE "libxml2.so.16"
#else
#define LATE_XML_FILE "libxml2.so.2"
#endif

struct late late;

/* A function and where its address goes. */
struct late_name {
	const char *name;
	size_t offset;
};

#define LATE_NAME(name) { #name, offsetof(struct late, name) },
static const struct late_name late_gmime_names[] = { LATE_GMIME(LATE_NAME) };
static const struct late_name late_xml_names[] = { LATE_XML(LATE_NAME) };

/* late_open - a library, for good */
static void
late_open(const char *file, const struct late_name *names, size_t n)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL), *p;

	for (size_t i = 0; i < n && library != NULL; i++) {
		p = dlsym(library, names[i].name);
		if (p == NULL)
			library = NULL;
		else
			memcpy((char *)&late + names[i].offset, &p, sizeof(p));
	}
	if (library != NULL)
		return;
	fprintf(stderr, "mail can't be read: %s\n", dlerror());
	exit(EXIT_FAILURE);
}

/* late_gmime - all of the first list */
void
late_gmime(void)
{
	if (late.g_mime_init == NULL)
		late_open(LATE_GMIME_FILE, late_gmime_names,
		    sizeof(late_gmime_names) / sizeof(late_gmime_names[0]));
}

/* late_xml - all of the second list */
void
late_xml(void)
{
	if (late.xmlInitParser == NULL)
		late_open(LATE_XML_FILE, late_xml_names,
		    sizeof(late_xml_names) / sizeof(late_xml_names[0]));
}
