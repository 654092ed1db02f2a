/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_attachment_ole - compound files and packed program text. */
#include <stdlib.h>

#include "cfb.h"
#include "vba.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	weir_str in = { (const char *)data, size };
	static char text[65536];
	const char *module = vba_module(in);
	struct cfb c;

	if (module != NULL)
		in.ptr = module;
	in.len -= (size_t)(in.ptr - (const char *)data);
	(void)vba_is_auto((weir_str){ text, vba_decompress(in, text,
	    sizeof(text)) });
	if (!cfb_open(&c, (weir_str){ (const char *)data, size }))
		return 0;
	for (uint32_t i = 0; i < c.n_entries && i < 200; i++) {
		size_t len;

		free(cfb_read(&c, i, 1 << 20, &len));
		(void)cfb_below(&c, i, "VBA");
	}
	cfb_close(&c);
	return 0;
}
