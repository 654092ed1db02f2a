/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mute - a shared object that is no module: it exports no entry function. */
int mute_nothing(void);

__attribute__((visibility("default"))) int
mute_nothing(void)
{
	return 0;
}
