#!/bin/sh
# Create configure and the Makefile templates.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force --warnings=all,no-obsolete
