/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gmime-alone - what GMime itself costs: parse each message, decode all its
 * parts, with -t text parts also as UTF-8 text.  Prints the CPU milliseconds a
 * message.
 *
 * usage: gmime-alone [-t] ROUNDS FILE...
 */
#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned long octets; /* so that nothing is optimized away */
static gboolean with_text;

/* part_decode - the content of a leaf, through a charset filter if text */
static void
part_decode(GMimeObject *parent, GMimeObject *object, gpointer arg)
{
	GMimeDataWrapper *content;
	GMimeStream *mem;

	(void)parent;
	(void)arg;
	if (!GMIME_IS_PART(object))
		return;
	if (with_text && GMIME_IS_TEXT_PART(object)) {
		char *text = g_mime_text_part_get_text(
		    GMIME_TEXT_PART(object));

		if (text != NULL)
			octets += (unsigned char)text[0];
		g_free(text);
	}
	content = g_mime_part_get_content(GMIME_PART(object));
	if (content == NULL)
		return;
	mem = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(content, mem);
	octets += (unsigned long)g_mime_stream_length(mem);
	g_object_unref(mem);
}

/* message_parse - one message from memory */
static void
message_parse(const char *data, gsize len)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

	if (message != NULL) {
		g_mime_message_foreach(message, part_decode, NULL);
		g_object_unref(message);
	}
	g_object_unref(parser);
	g_object_unref(stream);
}

/* main - rounds over the files */
int
main(int argc, char **argv)
{
	int rounds;
	char **data;
	gsize *len;
	struct timespec a;
	struct timespec b;
	double ms;
	int i;
	int r;

	with_text = argc > 1 && strcmp(argv[1], "-t") == 0;
	if (with_text) {
		argc--;
		argv++;
	}
	rounds = argc > 2 ? atoi(argv[1]) : 0;
	if (rounds <= 0) {
		fprintf(stderr, "usage: gmime-alone [-t] ROUNDS FILE...\n");
		return 2;
	}
	g_mime_init();
	data = g_new0(char *, (gsize)argc);
	len = g_new0(gsize, (gsize)argc);
	for (i = 2; i < argc; i++) {
		if (!g_file_get_contents(argv[i], &data[i], &len[i], NULL)) {
			fprintf(stderr, "gmime-alone: can't read %s\n",
			    argv[i]);
			return 1;
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (r = 0; r < rounds; r++) {
		for (i = 2; i < argc; i++)
			message_parse(data[i], len[i]);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ms = (double)(b.tv_sec - a.tv_sec) * 1e3 +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	printf("%.6f\n", ms / ((double)rounds * (argc - 2)));
	return octets == 0;
}
