/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments that QEMU hands to a plugin: key=value. */
#ifndef BENCH_PLUGIN_ARGUMENTS_H
#define BENCH_PLUGIN_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The value if the argument is this key's, or NULL. */
static inline const char *value_of(const char *argument, const char *key)
{
    size_t length = strlen(key);

    return !strncmp(argument, key, length) && argument[length] == '=' ? argument + length + 1 : NULL;
}

/* The arguments that all plugins have: the hypervisor's addresses, and the file to write to. False: it is another one. */
static inline bool take_common(const char *argument, uint64_t *hv_start, uint64_t *hv_end, const char **path)
{
    const char *value;

    if ((value = value_of(argument, "hv_start")))
        *hv_start = strtoull(value, NULL, 0);
    else if ((value = value_of(argument, "hv_end")))
        *hv_end = strtoull(value, NULL, 0);
    else if ((value = value_of(argument, "out")))
        *path = value;
    else
        return false;
    return true;
}

#endif
