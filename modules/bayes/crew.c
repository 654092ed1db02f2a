/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "crew.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#define CREW_KEEP ((size_t)65536) /* octets of a buffer that stay for the next */

/* A message and what was found in it. */
struct crew_mail {
	char *name, *raw;
	size_t name_room, raw_room, len;
	bool done; /* under lock */
	void *result;
};

struct crew {
	struct bayes *b;
	struct crew_work work;
	struct tokens *t; /* the caller's */
	bool stopped;	  /* a take() said so */
	unsigned wanted, n_threads;
	pthread_t *threads;

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t more, done;
	struct crew_mail *ring;
	size_t slots;
	uint64_t put, begun, taken; /* messages, since the start */
	unsigned idle;		    /* threads that wait for one */
	bool ending;
};

/* crew_processors - that this process may use */
unsigned
crew_processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ?
	    CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > CREW_DEFAULT ? CREW_DEFAULT : (unsigned)n;
}

/* crew_mail_at - the slot of the i-th message */
static struct crew_mail *
crew_mail_at(const struct crew *c, uint64_t i)
{
	return &c->ring[i % c->slots];
}

/* crew_work_next - the message that nobody has begun yet; lock is held */
static void
crew_work_next(struct crew *c, struct tokens *t)
{
	struct crew_mail *m = crew_mail_at(c, c->begun++);

	pthread_mutex_unlock(&c->lock);
	c->work.work(t, (weir_str){ m->raw, m->len }, m->result, c->work.arg);
	pthread_mutex_lock(&c->lock);
	m->done = true;
}

/* crew_thread - one after the other, to the end */
static void *
crew_thread(void *arg)
{
	struct crew *c = arg;
	struct tokens *t = bayes_tokens(c->b);

	if (t == NULL)
		return NULL; /* the others do it */
	pthread_mutex_lock(&c->lock);
	while (!c->ending) {
		if (c->begun < c->put) {
			crew_work_next(c, t);
			pthread_cond_signal(&c->done);
			continue;
		}
		c->idle++;
		pthread_cond_wait(&c->more, &c->lock);
		c->idle--;
	}
	pthread_mutex_unlock(&c->lock);
	bayes_tokens_done(c->b, t);
	return NULL;
}

/* crew_start - the threads; fewer do as well.  Signals are for the caller's */
static void
crew_start(struct crew *c)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (c->n_threads + 1 < c->wanted &&
	    pthread_create(&c->threads[c->n_threads], NULL, crew_thread, c) ==
		0)
		c->n_threads++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	c->wanted = 0;
}

/* crew_take - wait for the oldest message, at work, and hand its result on */
static void
crew_take(struct crew *c)
{
	struct crew_mail *m = crew_mail_at(c, c->taken);

	pthread_mutex_lock(&c->lock);
	while (!m->done) {
		if (c->begun < c->put)
			crew_work_next(c, c->t);
		else
			pthread_cond_wait(&c->done, &c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	c->stopped = !c->work.take(m->name, m->result, c->work.arg);
	if (m->raw_room > CREW_KEEP) {
		free(m->raw);
		m->raw = NULL;
		m->raw_room = 0;
	}
	c->taken++;
}

/* crew_copy - into a buffer that grows */
static bool
crew_copy(char **buffer, size_t *room, const char *p, size_t len)
{
	char *larger;

	if (len > *room) {
		larger = realloc(*buffer, len);
		if (larger == NULL)
			return false;
		*buffer = larger;
		*room = len;
	}
	if (len > 0)
		memcpy(*buffer, p, len);
	return true;
}

/* crew_fill - a copy, of what is read of it */
static bool
crew_fill(struct crew_mail *m, const char *name, weir_str raw)
{
	m->done = false;
	m->len = raw.len < TOKEN_RAW ? raw.len : TOKEN_RAW;
	return crew_copy(&m->name, &m->name_room, name, strlen(name) + 1) &&
	    crew_copy(&m->raw, &m->raw_room, raw.ptr, m->len);
}

/* crew_put - hand over one message */
bool
crew_put(const char *name, weir_str raw, void *arg)
{
	struct crew *c = arg;
	struct crew_mail *m = crew_mail_at(c, c->put);

	if (c->put - c->taken == c->slots)
		crew_take(c);
	if (c->stopped)
		return false;
	if (!crew_fill(m, name, raw)) {
		/* what can't be copied is read in place, when its turn came */
		while (c->taken < c->put && !c->stopped)
			crew_take(c);
		if (c->stopped)
			return false;
		c->work.work(c->t, raw, m->result, c->work.arg);
		c->stopped = !c->work.take(name, m->result, c->work.arg);
		return !c->stopped;
	}
	pthread_mutex_lock(&c->lock);
	c->put++;
	if (c->idle > 0)
		pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
	/* a few messages are read sooner than a thread starts */
	if (c->wanted > 1 && c->put == CREW_AHEAD)
		crew_start(c);
	return true;
}

/* crew_free - all of it */
static void
crew_free(struct crew *c)
{
	for (size_t i = 0; c->ring != NULL && i < c->slots; i++) {
		free(c->ring[i].name);
		free(c->ring[i].raw);
		free(c->ring[i].result);
	}
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->more);
	pthread_cond_destroy(&c->done);
	free(c->ring);
	free(c->threads);
	free(c);
}

/* crew_create - no thread yet */
struct crew *
crew_create(struct bayes *b, struct tokens *t, unsigned threads,
    const struct crew_work *work)
{
	struct crew *c = calloc(1, sizeof(*c));
	bool ok = c != NULL;

	if (!ok)
		return NULL;
	c->b = b;
	c->work = *work;
	c->wanted = threads < 1 ? 1 : threads > CREW_MAX ? CREW_MAX : threads;
	c->slots = c->wanted * CREW_AHEAD;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	pthread_cond_init(&c->done, NULL);
	c->t = t;
	c->threads = calloc(c->wanted, sizeof(*c->threads));
	c->ring = calloc(c->slots, sizeof(*c->ring));
	ok = c->threads != NULL && c->ring != NULL;
	for (size_t i = 0; ok && i < c->slots; i++)
		ok = (c->ring[i].result = malloc(work->size)) != NULL;
	if (!ok) {
		crew_free(c);
		return NULL;
	}
	return c;
}

/* crew_finish - what is left; after a stop it is left aside */
void
crew_finish(struct crew **cp)
{
	struct crew *c = *cp;

	if (c == NULL)
		return;
	while (c->taken < c->put && !c->stopped)
		crew_take(c);
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->n_threads; i++)
		pthread_join(c->threads[i], NULL);
	crew_free(c);
	*cp = NULL;
}
