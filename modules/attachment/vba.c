/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vba.h"

#include <string.h>

#define VBA_CHUNK 4096u

/* vba_copy - a token that repeats what came before in this chunk
   (MS-OVBA 2.4.1.3.19); false: it points before the chunk */
static bool
vba_copy(unsigned token, char *out, size_t chunk, size_t *n, size_t cap)
{
	size_t done = *n - chunk, bits = 4, offset, length;

	while (bits < 12 && ((size_t)1 << bits) < done)
		bits++;
	offset = (token >> (16 - bits)) + 1;
	length = (token & (0xffffu >> bits)) + 3;
	if (offset > done)
		return false;
	for (; length > 0 && *n < cap; length--, ++*n)
		out[*n] = out[*n - offset];
	return true;
}

/* vba_chunk - the tokens of one chunk; false: damaged */
static bool
vba_chunk(weir_str in, char *out, size_t *n, size_t cap)
{
	size_t chunk = *n, at = 0;

	while (at < in.len && *n < cap) {
		unsigned flags = (unsigned char)in.ptr[at++];

		for (unsigned bit = 0; bit < 8 && at < in.len && *n < cap;
		     bit++) {
			unsigned token;

			if ((flags >> bit & 1) == 0) {
				out[(*n)++] = in.ptr[at++];
				continue;
			}
			if (at + 2 > in.len)
				return false;
			token = (unsigned char)in.ptr[at] |
			    (unsigned)(unsigned char)in.ptr[at + 1] << 8;
			at += 2;
			if (!vba_copy(token, out, chunk, n, cap))
				return false;
		}
	}
	return true;
}

/* vba_decompress - a mark, then chunks with a head of two octets */
size_t
vba_decompress(weir_str in, char *out, size_t cap)
{
	size_t at = 1, n = 0;

	if (in.len < 3 || in.ptr[0] != 1)
		return 0;
	while (at + 2 <= in.len && n < cap) {
		unsigned head = (unsigned char)in.ptr[at] |
		    (unsigned)(unsigned char)in.ptr[at + 1] << 8;
		size_t size = (head & 0x0fff) + 1;

		at += 2;
		if ((head & 0x7000) != 0x3000)
			break;
		if (size > in.len - at)
			size = in.len - at;
		if ((head & 0x8000) == 0) {
			size_t keep = size < cap - n ? size : cap - n;

			memcpy(out + n, in.ptr + at, keep);
			n += keep;
		} else if (!vba_chunk((weir_str){ in.ptr + at, size }, out,
		    &n, cap)) {
			break;
		}
		at += size;
	}
	return n;
}

/* vba_module - the first words of every module, as they look when packed */
const char *
vba_module(weir_str stream)
{
	static const char words[] = "\0Attribut";
	const char *p = memmem(stream.ptr, stream.len, words,
	    sizeof(words) - 1);

	if (p == NULL || p - stream.ptr < 3 || p[-3] != 1)
		return NULL;
	return p - 3;
}

/* vba_word - does the name stand behind "Sub " or "Function ", or at the
   beginning of a line?  Names are not case sensitive. */
static bool
vba_word(weir_str text, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= text.len; i++) {
		char before = i > 0 ? text.ptr[i - 1] : ' ';

		if ((text.ptr[i] | 0x20) != (word[0] | 0x20) ||
		    (before != ' ' && before != '\t' && before != '\n'))
			continue;
		if (strncasecmp(text.ptr + i, word, n) == 0)
			return true;
	}
	return false;
}

/* vba_is_auto - names that office programs call by themselves: of Word, Excel,
   PowerPoint, Access, Project; events of controls on a page */
bool
vba_is_auto(weir_str text)
{
	static const char *const words[] = { "AutoExec", "AutoOpen",
		"Auto_Open", "AutoClose", "Auto_Close", "AutoNew", "AutoExit",
		"DocumentOpen", "DocumentClose", "DocumentChange",
		"Document_Open", "Document_Close", "Document_New",
		"Document_BeforeClose", "NewDocument", "Workbook_Open",
		"Workbook_Activate", "Workbook_Close",
		"Workbook_BeforeClose", "Workbook_Deactivate",
		"Worksheet_Activate", "Worksheet_Calculate",
		"Worksheet_Change", "Presentation_Open",
		"OnSlideShowPageChange", "OnSlideShowTerminate",
		"SlideShowBegin", "App_PresentationOpen", "Project_Open" };
	/* tails of controls' names: Image1_Click, InkPicture1_Painted */
	static const char *const tails[] = { "_Layout(", "_Painted(",
		"_GotFocus(", "_BeforeNavigate2(", "_DocumentComplete(",
		"_DownloadComplete(", "_FileDownload(", "_NavigateComplete2(",
		"_Resize(", "_MouseHover(", "_MouseMove(", "_Initialize(",
		"_OnConnecting(", "_OnConnected(", "_OnDisconnected(" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (vba_word(text, words[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		if (memmem(text.ptr, text.len, tails[i], strlen(tails[i])) !=
		    NULL)
			return true;
	}
	return false;
}
