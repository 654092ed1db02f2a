/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/helpers_note.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

/* The last one is for those that find none. */
static struct helpers_note *notes;

/* helpers_notes_create - map the table */
void
helpers_notes_create(void)
{
	expect(notes == NULL);
	notes = mmap(NULL, (HELPERS_NOTES + 1) * sizeof(*notes),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (notes == MAP_FAILED)
		fatal("no memory for the helpers' notes");
}

/* helpers_notes_destroy - unmap it */
void
helpers_notes_destroy(void)
{
	if (notes != NULL)
		munmap(notes, (HELPERS_NOTES + 1) * sizeof(*notes));
	notes = NULL;
}

/* helpers_note_take - a clean one */
struct helpers_note *
helpers_note_take(void)
{
	for (unsigned i = 0; i < HELPERS_NOTES; i++) {
		if (notes[i].used != 0)
			continue;
		memset(&notes[i], 0, sizeof(notes[i]));
		notes[i].used = 1;
		return &notes[i];
	}
	return &notes[HELPERS_NOTES];
}

/* helpers_note_give - its process is gone for good */
void
helpers_note_give(struct helpers_note **note)
{
	if (*note != NULL)
		(*note)->used = 0;
	*note = NULL;
}

/* helpers_note_why - of what it died */
void
helpers_note_why(struct helpers_note *note, const char *why)
{
	note->turn++;
	atomic_thread_fence(memory_order_release);
	snprintf(note->why, sizeof(note->why), "%s", why);
	note->turn++;
}

/* helpers_note_read - what was written before and after is the same */
void
helpers_note_read(const struct helpers_note *note, char why[HELPERS_NOTE_WHY])
{
	uint32_t turn = note->turn;

	memcpy(why, note->why, HELPERS_NOTE_WHY);
	why[HELPERS_NOTE_WHY - 1] = '\0';
	atomic_thread_fence(memory_order_acquire);
	if (turn % 2 != 0 || turn != note->turn)
		why[0] = '\0';
}
