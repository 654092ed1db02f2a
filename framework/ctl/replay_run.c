/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_run - a tape through the engine. */
#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "ctl/weirctl_replay.h"
#include "mail/message.h"
#include "replay/play.h"

/* run_or_null - a text that was known, or NULL */
static const char *
run_or_null(weir_str s)
{
	return s.len > 0 ? s.ptr : NULL;
}

/* run_mail - the message as weir-drive has it */
static void
run_mail(const struct tape *t, struct drive_mail *mail)
{
	memset(mail, 0, sizeof(*mail));
	mail->pool = pool_create(1024, 0);
	for (size_t i = 0; i < t->fields.n; i++) {
		struct drive_field *f = vec_push(&mail->fields);

		f->name = t->fields.v[i].name;
		f->value = f->raw = t->fields.v[i].value;
	}
	buf_add(&mail->body, t->body.ptr, t->body.len);
	mail->size = t->body.len;
}

/* run_front - the listener as it is now, or as it was */
static void
run_front(const struct tape *t, const struct conf *conf,
    struct session_front *front)
{
	static const char *const directions[] = { "auto", "in", "out" };

	front->protocol = t->protocol.ptr;
	front->listener = t->listener.ptr;
	front->direction = t->direction.ptr;
	for (size_t i = 0; i < conf->n_listeners; i++) {
		if (text_equals(t->listener, conf->listeners[i].name))
			front->direction =
			    directions[conf->listeners[i].direction];
	}
}

/* run_options - who, from whom, to whom */
static void
run_options(const struct tape *t, const struct conf *conf,
    struct drive_options *o)
{
	memset(o, 0, sizeof(*o));
	o->disconnect = -1;
	run_front(t, conf, &o->front);
	o->client = t->client;
	o->client_name = run_or_null(t->client_name);
	o->helo = t->helo.ptr;
	o->from = t->sender.ptr;
	o->auth = run_or_null(t->auth);
	o->hostname = t->server.len > 0 ? t->server.ptr : conf->hostname;
	for (size_t i = 0; i < t->rcpts.n; i++)
		*vec_push(&o->rcpts) = t->rcpts.v[i].address.ptr;
	for (size_t i = 0; i < t->macros.n; i++) {
		struct drive_macro *m = vec_push(&o->macros);

		m->name = t->macros.v[i].name;
		m->value = t->macros.v[i].value;
		m->stage = t->macros.v[i].stage;
	}
}

/* run_now - what the engine made of it, as a tape */
static void
run_now(struct replay *r, const struct drive_run *run)
{
	struct buf octets = BUF_INIT;
	struct err err = { "" };

	tape_write(run->session, run->session->message, "replay", 0, &octets);
	tape_read(octets.ptr, octets.len, &r->now, &err);
	buf_fini(&octets);
	r->stopped = run->stopped;
	r->stage = (int)run->stage;
	for (size_t i = 0; i < r->was->rcpts.n; i++)
		*vec_push(&r->rcpts) = run->rcpts.v[i];
}

/* replay_play - from its first stage to the last that was recorded */
void
replay_play(struct replay *r, struct tape *was, const struct conf *conf)
{
	VEC(const char *) params = VEC_INIT;
	struct drive_exact x = { .port = was->port,
		.client_rname = run_or_null(was->client_rname),
		.tls = run_or_null(was->tls),
		.sender_params = run_or_null(was->sender_params),
		.declared_size = was->declared_size,
		.body_octets = was->body_octets,
		.bodyless = !was->has_body, .sizeless = !was->has_body_octets,
		.no_content = strcmp(was->kind.ptr, "policy") == 0,
		.last = was->stage };
	struct drive_options o;
	struct drive_mail mail;
	struct drive_run run;

	memset(r, 0, sizeof(*r));
	r->was = was;
	run_options(was, conf, &o);
	run_mail(was, &mail);
	for (size_t i = 0; i < was->rcpts.n; i++)
		*vec_push(&params) = was->rcpts.v[i].params.ptr;
	*vec_push(&params) = "";
	x.rcpt_params = params.v;
	o.exact = &x;
	play_begin(was);
	drive_run_begin(&run, &o, &mail);
	play_end(run.session);
	run_now(r, &run);
	drive_run_end(&run);
	drive_mail_fini(&mail);
	vec_fini(&params);
	vec_fini(&o.rcpts);
	vec_fini(&o.macros);
}

/* replay_fini - but for the tape that was played */
void
replay_fini(struct replay *r)
{
	tape_destroy(&r->now);
	vec_fini(&r->rcpts);
}
