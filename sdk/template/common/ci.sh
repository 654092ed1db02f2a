#!/bin/sh
# Build and test; any CI service can run it where weir-dev is installed.
set -eu
cd "$(dirname "$0")"
@if meson@
meson setup --werror build
meson test -C build --print-errorlogs
@end@
@if cmake@
cmake -S . -B build -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
cmake --build build
ctest --test-dir build --output-on-failure
@end@
@if automake@
autoreconf -fi
./configure CFLAGS='-O2 -g -Wall -Wextra -Werror'
make check
@end@
