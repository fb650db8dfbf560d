/* What Rust's library and its packages expect of a C library for WASI, and Debian's of 2022 lacks.
   Nothing that the tests do needs more of it than an answer. */
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

int *__errno_location(void) { return &errno; }

int chmod(const char *path, mode_t mode) {
    (void)path, (void)mode;
    errno = ENOTSUP;
    return -1;
}

char *realpath(const char *path, char *into) {
    (void)path, (void)into;
    errno = ENOTSUP;
    return NULL;
}
