/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)256 << 20)

#if __ELF_NATIVE_CLASS == 64
#define NATIVE_CLASS ELFCLASS64
#define SYM_BIND ELF64_ST_BIND
#else
#define NATIVE_CLASS ELFCLASS32
#define SYM_BIND ELF32_ST_BIND
#endif

/* Where the dynamic section points. */
struct elf_dynamic {
	size_t symtab, strtab, strsz, hash, gnu_hash, init_arraysz;
};

/* elf_at - so many octets at a file offset, or NULL */
static const void *
elf_at(const struct elf *e, size_t offset, size_t size)
{
	return offset <= e->len && size <= e->len - offset ?
	    e->data + offset : NULL;
}

/* elf_headers - the program headers, or NULL */
static const ElfW(Phdr) *
elf_headers(const struct elf *e, size_t *n)
{
	const ElfW(Ehdr) *h = elf_at(e, 0, sizeof(*h));

	if (h == NULL || h->e_phentsize != sizeof(ElfW(Phdr)))
		return NULL;
	*n = h->e_phnum;
	return elf_at(e, h->e_phoff, *n * sizeof(ElfW(Phdr)));
}

/* elf_offset - from an address to where it lies in the file; 0: nowhere */
static size_t
elf_offset(const struct elf *e, size_t address)
{
	size_t n = 0;
	const ElfW(Phdr) *p = elf_headers(e, &n);

	for (size_t i = 0; p != NULL && i < n; i++) {
		if (p[i].p_type == PT_LOAD && address >= p[i].p_vaddr &&
		    address - p[i].p_vaddr < p[i].p_filesz)
			return address - p[i].p_vaddr + p[i].p_offset;
	}
	return 0;
}

/* elf_text - a string of the string table, or NULL */
static const char *
elf_text(const struct elf *e, const struct elf_dynamic *d, size_t at)
{
	const char *table = elf_at(e, d->strtab, d->strsz);

	if (table == NULL || d->strtab == 0 || at >= d->strsz ||
	    memchr(table + at, '\0', d->strsz - at) == NULL)
		return NULL;
	return table + at;
}

/* elf_gnu_symbols - how many symbols a GNU hash table covers */
static size_t
elf_gnu_symbols(const struct elf *e, size_t at)
{
	const uint32_t *h = elf_at(e, at, 16), *buckets, *chain;
	size_t most = 0, base;

	if (h == NULL || at == 0 || at % 4 != 0 || h[2] > e->len)
		return 0;
	base = at + 16 + h[2] * sizeof(ElfW(Addr));
	buckets = elf_at(e, base, (size_t)h[0] * 4);
	for (size_t i = 0; buckets != NULL && i < h[0]; i++)
		most = buckets[i] > most ? buckets[i] : most;
	if (buckets == NULL || most < h[1])
		return h[1];
	for (;; most++) {
		chain = elf_at(e, base + (size_t)h[0] * 4 +
		    (most - h[1]) * 4, 4);
		if (chain == NULL || (*chain & 1) != 0)
			return most + 1;
	}
}

/* elf_symbols - exported and imported names */
static int
elf_symbols(struct elf *e, const struct elf_dynamic *d)
{
	const uint32_t *hash = elf_at(e, d->hash, 8);
	size_t n = d->hash != 0 && hash != NULL && d->hash % 4 == 0 ?
	    hash[1] : elf_gnu_symbols(e, d->gnu_hash);
	const ElfW(Sym) *s;

	if (n > e->len / sizeof(*s))
		return WEIR_E_INVAL;
	s = elf_at(e, d->symtab, n * sizeof(*s));
	if (n == 0 || s == NULL || d->symtab == 0 ||
	    d->symtab % sizeof(void *) != 0)
		return WEIR_E_INVAL;
	for (size_t i = 1; i < n; i++) {
		const char *name = elf_text(e, d, s[i].st_name);

		if (name == NULL)
			return WEIR_E_INVAL;
		if (name[0] == '\0')
			continue;
		if (s[i].st_shndx == SHN_UNDEF)
			*vec_push(&e->imports) = name;
		else if (SYM_BIND(s[i].st_info) != STB_LOCAL)
			*vec_push(&e->exports) = name;
	}
	return WEIR_OK;
}

/* elf_dynamic_one - one entry */
static void
elf_dynamic_one(struct elf *e, const ElfW(Dyn) *y, struct elf_dynamic *d)
{
	switch (y->d_tag) {
	case DT_SYMTAB:
		d->symtab = elf_offset(e, y->d_un.d_ptr);
		break;
	case DT_STRTAB:
		d->strtab = elf_offset(e, y->d_un.d_ptr);
		break;
	case DT_STRSZ:
		d->strsz = y->d_un.d_val;
		break;
	case DT_HASH:
		d->hash = elf_offset(e, y->d_un.d_ptr);
		break;
	case DT_GNU_HASH:
		d->gnu_hash = elf_offset(e, y->d_un.d_ptr);
		break;
	case DT_INIT_ARRAYSZ:
		d->init_arraysz = y->d_un.d_val;
		break;
	case DT_BIND_NOW:
		e->bind_now = true;
		break;
	case DT_TEXTREL:
		e->text_relocations = true;
		break;
	case DT_FLAGS:
		e->bind_now |= (y->d_un.d_val & DF_BIND_NOW) != 0;
		e->text_relocations |= (y->d_un.d_val & DF_TEXTREL) != 0;
		break;
	case DT_FLAGS_1:
		e->bind_now |= (y->d_un.d_val & DF_1_NOW) != 0;
		break;
	default:
		break;
	}
}

/* elf_dynamic_section - all of its entries */
static int
elf_dynamic_section(struct elf *e, size_t offset, size_t size)
{
	const ElfW(Dyn) *y = elf_at(e, offset, size);
	size_t n = size / sizeof(*y);
	struct elf_dynamic d;

	memset(&d, 0, sizeof(d));
	if (y == NULL || offset % sizeof(void *) != 0)
		return WEIR_E_INVAL;
	for (size_t i = 0; i < n && y[i].d_tag != DT_NULL; i++)
		elf_dynamic_one(e, &y[i], &d);
	for (size_t i = 0; i < n && y[i].d_tag != DT_NULL; i++) {
		const char *name;

		if (y[i].d_tag != DT_NEEDED)
			continue;
		name = elf_text(e, &d, y[i].d_un.d_val);
		if (name == NULL)
			return WEIR_E_INVAL;
		*vec_push(&e->needed) = name;
	}
	e->constructors = (unsigned)(d.init_arraysz / sizeof(void *));
	return elf_symbols(e, &d);
}

/* elf_parse - headers, then what they point at */
static int
elf_parse(struct elf *e)
{
	const ElfW(Ehdr) *h = elf_at(e, 0, sizeof(*h));
	const ElfW(Phdr) *p;
	int status = WEIR_E_NOTFOUND;
	size_t n = 0;

	if (h == NULL || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 ||
	    h->e_ident[EI_CLASS] != NATIVE_CLASS || h->e_type != ET_DYN)
		return WEIR_E_INVAL;
	p = elf_headers(e, &n);
	if (p == NULL)
		return WEIR_E_INVAL;
	e->stack_executable = true; /* without a header it is */
	for (size_t i = 0; i < n; i++) {
		if (p[i].p_type == PT_GNU_STACK)
			e->stack_executable = (p[i].p_flags & PF_X) != 0;
		else if (p[i].p_type == PT_GNU_RELRO)
			e->relro = true;
		else if (p[i].p_type == PT_DYNAMIC)
			status = elf_dynamic_section(e, p[i].p_offset,
			    p[i].p_filesz);
	}
	return status;
}

/* elf_load - the file into memory */
static int
elf_load(struct elf *e, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (size_t)st.st_size < FILE_MAX) {
		e->data = xmalloc((size_t)st.st_size + 1);
		n = pread(fd, e->data, (size_t)st.st_size, 0);
	} else if (fd >= 0) {
		errno = EINVAL;
	}
	if (n < 0)
		err_set(err, WEIR_E_NOTFOUND, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	e->len = n > 0 ? (size_t)n : 0;
	return n < 0 ? WEIR_E_NOTFOUND : WEIR_OK;
}

/* elf_read - a library's file */
int
elf_read(struct elf *e, const char *path, struct err *err)
{
	memset(e, 0, sizeof(*e));
	if (elf_load(e, path, err) < 0)
		return WEIR_E_NOTFOUND;
	if (elf_parse(e) < 0)
		return err_set(err, WEIR_E_INVAL, "it is no shared library "
		    "for this machine");
	return WEIR_OK;
}

/* elf_fini - free it */
void
elf_fini(struct elf *e)
{
	vec_fini(&e->needed);
	vec_fini(&e->exports);
	vec_fini(&e->imports);
	free(e->data);
	e->data = NULL;
}
