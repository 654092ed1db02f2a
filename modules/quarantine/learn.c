/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learn - tell a classifier that what was released is no spam. */
#include "quarantine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define LEARN_MAX (4u << 20) /* octets of a mail to learn from */

/* A mail to learn from. */
struct learn {
	struct learn *next;
	char id[ID_LEN + 1];
	char user[USER_MAX];
	char *text;
	size_t len;
};

/* One that is being learned. */
struct learning {
	struct quarantine *q;
	char id[ID_LEN + 1];
	learn_told *told;
	void *arg;
};

/* learn_find - whoever provides it, [loop] */
void
learn_find(struct quarantine *q)
{
	if (q->want_learn && q->learn == NULL)
		q->learn = q->service->find(q->self, WEIR_SERVICE_LEARN,
		    &q->learn_state);
}

/* learn_one_free - a mail */
static void
learn_one_free(struct learn *l)
{
	if (l != NULL)
		free(l->text);
	free(l);
}

/* learn_free - all of the list */
void
learn_free(struct learn **list)
{
	while (*list != NULL) {
		struct learn *l = *list;

		*list = l->next;
		learn_one_free(l);
	}
}

/* learn_read - what the classifier is to learn from */
void
learn_read(struct quarantine *q, const struct item *i, struct learn **list)
{
	struct learn *l;
	struct fault f;
	ssize_t n = -1;
	int fd;

	if (!q->want_learn || q->learn == NULL ||
	    i->class_ != WEIR_QUARANTINE_SPAM || i->size > LEARN_MAX)
		return;
	l = calloc(1, sizeof(*l));
	fd = file_open(q->store, i->file, &f);
	if (l != NULL && fd >= 0 &&
	    (l->text = malloc((size_t)i->size + 1)) != NULL)
		n = pread(fd, l->text, (size_t)i->size, 0);
	if (fd >= 0)
		close(fd);
	if (n <= 0) {
		learn_one_free(l);
		return;
	}
	l->len = (size_t)n;
	memcpy(l->id, i->id, sizeof(l->id));
	memcpy(l->user, i->user, sizeof(l->user));
	l->next = *list;
	*list = l;
}

/* learn_done - the classifier has answered */
static void
learn_done(weir_call *call, int status, double before, double after,
    void *arg)
{
	struct learning *g = arg;

	if (status < 0 && status != WEIR_E_EXISTS)
		quarantine_log(g->q, call, WEIR_LOG_WARN, "a released mail "
		    "could not be learned as ham: status %d", status);
	else
		quarantine_log(g->q, call, WEIR_LOG_DEBUG, "learned as ham: "
		    "%.3f before, %.3f now", before, after);
	if (g->told != NULL)
		g->told(g->arg, g->id, status, before, after);
	free(g);
}

/* learn_start - one mail; false: it was not begun */
static bool
learn_start(struct quarantine *q, weir_call *call, const struct learn *l,
    learn_told *told, void *arg)
{
	struct learning *g = calloc(1, sizeof(*g));
	weir_str text = { l->text, l->len };

	if (g == NULL)
		return false;
	g->q = q;
	memcpy(g->id, l->id, sizeof(g->id));
	g->told = told;
	g->arg = arg;
	if (q->learn != NULL && q->learn->learn(q->learn_state, call, false,
		weir_str_of(l->user), text, learn_done, g) >= 0)
		return true;
	free(g);
	return false;
}

/* learn_ham - all in the list */
unsigned
learn_ham(struct quarantine *q, weir_call *call, struct learn **list,
    learn_told *told, void *arg)
{
	unsigned n = 0;

	for (const struct learn *l = *list; l != NULL; l = l->next) {
		if (learn_start(q, call, l, told, arg))
			n++;
		else
			quarantine_log(q, call, WEIR_LOG_WARN, "a released "
			    "mail could not be learned as ham");
	}
	learn_free(list);
	return n;
}
