/* SPDX-License-Identifier: Apache-2.0 */
/* The serial console: kept for tests to look at, and shown when VINCI_CONSOLE is set. */
#include "arch/include/console.h"
#include <stdio.h>
#include <stdlib.h>
#include "arch/host/internal.h"
#include "lib/string.h"

static char output[65536];
static size_t used;
static char input[4096];
static unsigned input_first, input_last;
static int echo = -1;

void arch_console_write(const char *text, size_t length)
{
    if (echo < 0)
        echo = getenv("VINCI_CONSOLE") != NULL;
    if (echo)
        fwrite(text, 1, length, stderr);
    if (length > sizeof(output) - 1 - used)
        used = 0;
    length = MIN(length, sizeof(output) - 1);
    memcpy(output + used, text, length);
    used += length;
    output[used] = '\0';
}

int arch_console_read(void)
{
    return input_first == input_last ? -1 : (unsigned char)input[input_first++ % sizeof(input)];
}

void console_put_input(const char *text)
{
    while (*text && input_last - input_first < sizeof(input))
        input[input_last++ % sizeof(input)] = *text++;
}

const char *host_console_text(void)
{
    return output;
}

void host_console_clear(void)
{
    used = 0;
    output[0] = '\0';
}

void host_console_echo(bool on)
{
    echo = on;
}
