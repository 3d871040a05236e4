/* SPDX-License-Identifier: Apache-2.0 */
#include "partitions.h"

void say(const struct partition *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("vinci-partitions: %s (%u): ", p->name, p->id);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    va_end(args);
}

__attribute__((format(printf, 2, 0)))
static char *read_path(char path[PATH_SIZE], const char *format, va_list args)
{
    if (vsnprintf(path, PATH_SIZE, format, args) >= PATH_SIZE)
        return NULL;
    return xs_read(xs, XBT_NULL, path, NULL);
}

char *value_of(const char *format, ...)
{
    char path[PATH_SIZE], *value;
    va_list args;

    va_start(args, format);
    value = read_path(path, format, args);
    va_end(args);
    return value;
}

int number_of(const char *format, ...)
{
    char path[PATH_SIZE], *value;
    va_list args;
    int number;

    va_start(args, format);
    value = read_path(path, format, args);
    va_end(args);
    number = value ? atoi(value) : -1;
    free(value);
    return number;
}

void change(const char *value, const char *format, ...)
{
    char path[PATH_SIZE], *former;
    va_list args;

    va_start(args, format);
    former = read_path(path, format, args);
    va_end(args);
    if (former)
        (void)xs_write(xs, XBT_NULL, path, value, (unsigned)strlen(value));
    free(former);
}
