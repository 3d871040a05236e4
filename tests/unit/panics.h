/* SPDX-License-Identifier: Apache-2.0 */
/* Expecting the end of the host: the deed is done in a child process, whose last words are looked at. */
#ifndef TESTS_UNIT_PANICS_H
#define TESTS_UNIT_PANICS_H

#include "tests/unit/unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void expect_end(void (*deed)(void), const char *words)
{
    static char said[65536];
    size_t length = 0;
    int pipes[2], status;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (!child) {
        dup2(pipes[1], 1);
        dup2(pipes[1], 2);
        signal(SIGABRT, SIG_DFL);
        deed();
        _exit(0);
    }
    close(pipes[1]);
    while ((n = read(pipes[0], said + length, sizeof(said) - 1 - length)) > 0)
        length += (size_t)n;
    said[length] = '\0';
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!strstr(said, words))
        print_error("expected \"%s\", got: %s\n", words, said);
    assert_non_null(strstr(said, words));
    assert_true(status != 0);
}

#endif
