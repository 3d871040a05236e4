/* SPDX-License-Identifier: Apache-2.0 */
/* The few functions of the C library that the hypervisor uses, with their standard meaning. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include "lib/compiler.h"

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

/* Copy with a guaranteed NUL; returns the length of `from`. */
size_t string_copy(char *to, const char *from, size_t size);
/* Parse a number (0x…, 0…, decimal) with an optional K, M, G, T suffix; *end is the first byte not used. */
uint64_t string_to_size(const char *s, const char **end);
/* Parse a plain number, no suffix. */
uint64_t string_to_number(const char *s, const char **end);

#endif
