/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments that QEMU hands to a plugin: key=value. */
#ifndef BENCH_PLUGIN_ARGUMENTS_H
#define BENCH_PLUGIN_ARGUMENTS_H

#include <string.h>

/* The value if the argument is this key's, or NULL. */
static inline const char *value_of(const char *argument, const char *key)
{
    size_t length = strlen(key);

    return !strncmp(argument, key, length) && argument[length] == '=' ? argument + length + 1 : NULL;
}

#endif
