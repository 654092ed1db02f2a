/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * late - GMime and libxml2, opened when the first mail is read.
 *
 * With what they need themselves they are twenty libraries, ICU and GIO among
 * them: half of the time that a program takes to start.  weirctl is not linked
 * with them, as most of its commands read no mail.  The programs that are made
 * to read mail are, so that a lack of them is seen when they are installed; they
 * open them before a sandbox keeps them from it.
 *
 * Files that include this call the libraries as ever: the names stand for
 * pointers.  A function that is not in the lists would bring its library back
 * into the start of weirctl; a test watches that.
 */
#ifndef WEIR_MAIL_LATE_H
#define WEIR_MAIL_LATE_H

#include <gmime/gmime.h>
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>

#define LATE_GMIME(X)                          \
	X(g_mime_data_wrapper_get_stream)      \
	X(g_mime_header_get_offset)            \
	X(g_mime_header_list_get_count)        \
	X(g_mime_header_list_get_header_at)    \
	X(g_mime_init)                         \
	X(g_mime_message_get_mime_part)        \
	X(g_mime_message_part_get_message)     \
	X(g_mime_message_part_get_type)        \
	X(g_mime_multipart_get_count)          \
	X(g_mime_multipart_get_part)           \
	X(g_mime_multipart_get_type)           \
	X(g_mime_object_get_header_list)       \
	X(g_mime_object_get_type)              \
	X(g_mime_parser_construct_part)        \
	X(g_mime_parser_new_with_stream)       \
	X(g_mime_parser_set_persist_stream)    \
	X(g_mime_part_get_content)             \
	X(g_mime_part_get_type)                \
	X(g_mime_shutdown)                     \
	X(g_mime_stream_mem_get_type)          \
	X(g_mime_stream_mem_new_with_byte_array) \
	X(g_mime_stream_mem_set_owner)         \
	X(g_object_unref)                      \
	X(g_type_check_instance_cast)          \
	X(g_type_check_instance_is_a)

#define LATE_XML(X)                \
	X(htmlCreatePushParserCtxt) \
	X(htmlCtxtUseOptions)      \
	X(htmlFreeParserCtxt)      \
	X(htmlParseChunk)          \
	X(xmlCleanupParser)        \
	X(xmlInitParser)

#define LATE_POINTER(name) __typeof__(name) *name;
extern struct late {
	LATE_GMIME(LATE_POINTER)
	LATE_XML(LATE_POINTER)
} late;

/* Open what is not yet open; without them the process ends with a word about
   it, as it would where it is linked with them.  Loop thread only. */
void late_gmime(void);
void late_xml(void);

#ifndef LATE_NAMES_AS_THEY_ARE
#define g_mime_data_wrapper_get_stream late.g_mime_data_wrapper_get_stream
#define g_mime_header_get_offset late.g_mime_header_get_offset
#define g_mime_header_list_get_count late.g_mime_header_list_get_count
#define g_mime_header_list_get_header_at late.g_mime_header_list_get_header_at
#define g_mime_init late.g_mime_init
#define g_mime_message_get_mime_part late.g_mime_message_get_mime_part
#define g_mime_message_part_get_message late.g_mime_message_part_get_message
#define g_mime_message_part_get_type late.g_mime_message_part_get_type
#define g_mime_multipart_get_count late.g_mime_multipart_get_count
#define g_mime_multipart_get_part late.g_mime_multipart_get_part
#define g_mime_multipart_get_type late.g_mime_multipart_get_type
#define g_mime_object_get_header_list late.g_mime_object_get_header_list
#define g_mime_object_get_type late.g_mime_object_get_type
#define g_mime_parser_construct_part late.g_mime_parser_construct_part
#define g_mime_parser_new_with_stream late.g_mime_parser_new_with_stream
#define g_mime_parser_set_persist_stream late.g_mime_parser_set_persist_stream
#define g_mime_part_get_content late.g_mime_part_get_content
#define g_mime_part_get_type late.g_mime_part_get_type
#define g_mime_shutdown late.g_mime_shutdown
#define g_mime_stream_mem_get_type late.g_mime_stream_mem_get_type
#define g_mime_stream_mem_new_with_byte_array \
	late.g_mime_stream_mem_new_with_byte_array
#define g_mime_stream_mem_set_owner late.g_mime_stream_mem_set_owner
#define g_object_unref late.g_object_unref
#define g_type_check_instance_cast late.g_type_check_instance_cast
#define g_type_check_instance_is_a late.g_type_check_instance_is_a
#define htmlCreatePushParserCtxt late.htmlCreatePushParserCtxt
#define htmlCtxtUseOptions late.htmlCtxtUseOptions
#define htmlFreeParserCtxt late.htmlFreeParserCtxt
#define htmlParseChunk late.htmlParseChunk
#define xmlCleanupParser late.xmlCleanupParser
#define xmlInitParser late.xmlInitParser
#endif

#endif
