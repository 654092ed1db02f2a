/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"
#include "base/text.h"
#include "base/vec.h"

#define DIFF_CONTEXT 3
/* Up to so many changed lines the diff is the shortest; a body that differs
   more than that is shown as replaced. */
#define DIFF_CHANGES 400

struct diff_lines {
	VEC(weir_str) l;
};

/* One side's lines: which stay and which do not. */
struct diff {
	const weir_str *a, *b;
	size_t na, nb;
	bool *gone, *come; /* per line of a, of b */
};

/* drive_diff_escape - safe to print */
void
drive_diff_escape(weir_str s, struct buf *out)
{
	while (s.len > 0) {
		const char *tab = memchr(s.ptr, '\t', s.len);
		weir_str piece = { s.ptr,
			tab != NULL ? (size_t)(tab - s.ptr) : s.len };
		size_t room = piece.len * 4 + 5;

		out->len += text_escape(buf_reserve(out, room), room, piece);
		if (tab == NULL)
			break;
		buf_add_char(out, '\t');
		s.ptr = tab + 1;
		s.len -= piece.len + 1;
	}
}

/* diff_same - are two lines equal */
static bool
diff_same(weir_str a, weir_str b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* diff_walk - follow the recorded steps back and mark what changed; v[d] holds
   the furthest x of each diagonal after d steps (E. Myers 1986) */
static void
diff_walk(struct diff *d, size_t skip, const int *trace, int steps, int x,
    int y)
{
	const int width = 2 * DIFF_CHANGES + 3, mid = DIFF_CHANGES + 1;

	for (int n = steps; n > 0; n--) {
		const int *v = trace + (size_t)(n - 1) * (size_t)width;
		int k = x - y;
		bool down = k == -n ||
		    (k != n && v[mid + k - 1] < v[mid + k + 1]);
		int before = down ? k + 1 : k - 1;

		x = v[mid + before];
		y = x - before;
		if (down)
			d->come[skip + (size_t)y] = true;
		else
			d->gone[skip + (size_t)x] = true;
	}
}

/* diff_shortest - mark the changes between the middles; false: too many */
static bool
diff_shortest(struct diff *d, size_t skip, size_t na, size_t nb)
{
	const int width = 2 * DIFF_CHANGES + 3, mid = DIFF_CHANGES + 1;
	const weir_str *a = d->a + skip, *b = d->b + skip;
	size_t row = (size_t)width * sizeof(int);
	int *trace = NULL, *v = xcalloc((size_t)width, sizeof(int));
	bool found = false;

	for (int n = 0; n <= DIFF_CHANGES && !found; n++) {
		if (n > 0) {
			trace = xrealloc(trace, (size_t)n * row);
			memcpy(trace + (size_t)(n - 1) * (size_t)width, v,
			    row);
		}
		for (int k = -n; k <= n; k += 2) {
			bool down = k == -n ||
			    (k != n && v[mid + k - 1] < v[mid + k + 1]);
			int x = down ? v[mid + k + 1] : v[mid + k - 1] + 1;
			int y = x - k;

			if (n == 0)
				x = y = 0;
			while (x >= 0 && y >= 0 && (size_t)x < na &&
			    (size_t)y < nb && diff_same(a[x], b[y])) {
				x++;
				y++;
			}
			v[mid + k] = x;
			if ((size_t)x == na && (size_t)y == nb) {
				diff_walk(d, skip, trace, n, x, y);
				found = true;
				break;
			}
		}
	}
	free(trace);
	free(v);
	return found;
}

/* diff_mark - which lines change */
static void
diff_mark(struct diff *d)
{
	size_t skip = 0, na = d->na, nb = d->nb;

	while (skip < na && skip < nb && diff_same(d->a[skip], d->b[skip]))
		skip++;
	while (na > skip && nb > skip &&
	    diff_same(d->a[na - 1], d->b[nb - 1])) {
		na--;
		nb--;
	}
	if (diff_shortest(d, skip, na - skip, nb - skip))
		return;
	for (size_t i = skip; i < na; i++)
		d->gone[i] = true;
	for (size_t i = skip; i < nb; i++)
		d->come[i] = true;
}

/* diff_line - one line of a hunk */
static void
diff_line(char mark, weir_str line, struct buf *out)
{
	buf_add_char(out, mark);
	drive_diff_escape(line, out);
	buf_add_char(out, '\n');
}

/* diff_hunk_end - how far the hunk goes that has its first change at *i, *k:
   up to more unchanged lines than two contexts */
static void
diff_hunk_end(const struct diff *d, size_t *i, size_t *k)
{
	size_t same = 0, x = *i, y = *k;

	while (x < d->na || y < d->nb) {
		if (x < d->na && d->gone[x]) {
			x++;
		} else if (y < d->nb && d->come[y]) {
			y++;
		} else {
			if (++same > 2 * DIFF_CONTEXT)
				break;
			x++;
			y++;
			continue;
		}
		same = 0;
		*i = x;
		*k = y;
	}
}

/* diff_hunk - from line i of a and k of b up to the given ends */
static void
diff_hunk(const struct diff *d, size_t i, size_t k, size_t iend, size_t kend,
    struct buf *out)
{
	buf_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", iend > i ? i + 1 : i,
	    iend - i, kend > k ? k + 1 : k, kend - k);
	while (i < iend || k < kend) {
		if (i < iend && d->gone[i])
			diff_line('-', d->a[i++], out);
		else if (k < kend && d->come[k])
			diff_line('+', d->b[k++], out);
		else {
			diff_line(' ', d->a[i++], out);
			k++;
		}
	}
}

/* drive_diff_lines - the hunks between two texts */
void
drive_diff_lines(const weir_str *a, size_t na, const weir_str *b, size_t nb,
    struct buf *out)
{
	struct diff d = { .a = a, .b = b, .na = na, .nb = nb };
	size_t i = 0, k = 0;

	d.gone = xcalloc(na + 1, sizeof(bool));
	d.come = xcalloc(nb + 1, sizeof(bool));
	diff_mark(&d);
	while (i < na || k < nb) {
		size_t before, after, iend, kend;

		if ((i >= na || !d.gone[i]) && (k >= nb || !d.come[k])) {
			i++;
			k++;
			continue;
		}
		/* the end of the hunk before is further away than that */
		before = i < k ? i : k;
		before = before < DIFF_CONTEXT ? before : DIFF_CONTEXT;
		iend = i;
		kend = k;
		diff_hunk_end(&d, &iend, &kend);
		after = na - iend < DIFF_CONTEXT ? na - iend : DIFF_CONTEXT;
		diff_hunk(&d, i - before, k - before, iend + after,
		    kend + after, out);
		i = iend + after;
		k = kend + after;
	}
	free(d.gone);
	free(d.come);
}

/* diff_split - the lines of a text */
static void
diff_split(struct diff_lines *lines, weir_str text, size_t max)
{
	while (text.len > 0 && lines->l.n < max) {
		const char *lf = memchr(text.ptr, '\n', text.len);
		size_t len = lf != NULL ? (size_t)(lf - text.ptr) : text.len;
		size_t taken = lf != NULL ? len + 1 : len;
		weir_str *line = vec_push(&lines->l);

		line->ptr = text.ptr;
		line->len = len > 0 && text.ptr[len - 1] == '\r' ? len - 1 :
								   len;
		text.ptr += taken;
		text.len -= taken;
	}
}

/* A header on its way: name and the text of the whole field. */
struct diff_field {
	weir_str name, text;
};

struct diff_header {
	VEC(struct diff_field) f;
	struct pool *pool;
};

/* diff_field_make - as an MTA writes it */
static struct diff_field
diff_field_make(struct pool *pool, const struct edit *e)
{
	bool blank = e->value.len > 0 &&
	    (e->value.ptr[0] == ' ' || e->value.ptr[0] == '\t');
	struct buf text = BUF_INIT;
	struct diff_field f = { .name = e->name };

	buf_add(&text, e->name.ptr, e->name.len);
	buf_add_str(&text, blank ? ":" : ": ");
	buf_add(&text, e->value.ptr, e->value.len);
	f.text = pool_str(pool, buf_str(&text));
	buf_fini(&text);
	return f;
}

/* diff_find - place of the n-th field of that name, counted from 1 */
static size_t
diff_find(const struct diff_header *h, weir_str name, uint32_t n)
{
	for (size_t i = 0; i < h->f.n; i++) {
		if (text_case_equal(h->f.v[i].name, name) && --n == 0)
			return i;
	}
	return h->f.n;
}

/* diff_apply - one request */
static void
diff_apply(struct diff_header *h, const struct edit *e)
{
	size_t at;

	switch (e->kind) {
	case EDIT_HEADER_DELETE:
		at = diff_find(h, e->name, e->n);
		if (at == h->f.n)
			return;
		h->f.n--;
		memmove(h->f.v + at, h->f.v + at + 1,
		    (h->f.n - at) * sizeof(*h->f.v));
		return;
	case EDIT_HEADER_CHANGE:
		at = diff_find(h, e->name, e->n);
		if (at < h->f.n)
			h->f.v[at] = diff_field_make(h->pool, e);
		return;
	case EDIT_HEADER_INSERT:
	case EDIT_HEADER_ADD:
		at = e->kind == EDIT_HEADER_ADD || e->n > h->f.n ? h->f.n :
								   e->n;
		vec_push(&h->f);
		memmove(h->f.v + at + 1, h->f.v + at,
		    (h->f.n - 1 - at) * sizeof(*h->f.v));
		h->f.v[at] = diff_field_make(h->pool, e);
		return;
	default:
		return;
	}
}

/* drive_diff_message - header and body */
void
drive_diff_message(const struct drive_mail *m, struct edit *const *plan,
    uint32_t nplan, const char *name, struct buf *out)
{
	struct diff_lines a = { VEC_INIT }, b = { VEC_INIT };
	struct diff_header h = { VEC_INIT, pool_create(4096, 0) };
	const struct edit *body = NULL;
	struct buf hunks = BUF_INIT;

	for (size_t i = 0; i < m->fields.n; i++) {
		struct diff_field *f = vec_push(&h.f);

		f->name = m->fields.v[i].name;
		f->text = m->fields.v[i].raw;
		diff_split(&a, f->text, SIZE_MAX);
	}
	for (uint32_t i = 0; i < nplan; i++) {
		diff_apply(&h, plan[i]);
		if (plan[i]->kind == EDIT_BODY)
			body = plan[i];
	}
	for (size_t i = 0; i < h.f.n; i++)
		diff_split(&b, h.f.v[i].text, SIZE_MAX);
	*vec_push(&a.l) = *vec_push(&b.l) = text_slice("");
	/* of a body that stays only the context is needed */
	diff_split(&a, buf_str(&m->body),
	    body != NULL ? SIZE_MAX : a.l.n + DIFF_CONTEXT);
	diff_split(&b, body != NULL ? body->value : buf_str(&m->body),
	    body != NULL ? SIZE_MAX : b.l.n + DIFF_CONTEXT);
	drive_diff_lines(a.l.v, a.l.n, b.l.v, b.l.n, &hunks);
	if (hunks.len > 0) {
		buf_add_str(out, "--- ");
		drive_diff_escape(text_slice(name), out);
		buf_add_str(out, "\n+++ ");
		drive_diff_escape(text_slice(name), out);
		buf_add_str(out, " as delivered\n");
		buf_add(out, hunks.ptr, hunks.len);
	}
	buf_fini(&hunks);
	vec_fini(&a.l);
	vec_fini(&b.l);
	vec_fini(&h.f);
	pool_destroy(&h.pool);
}
