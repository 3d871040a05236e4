/* SPDX-License-Identifier: Apache-2.0 */
/* A polled serial line (PL011, ARM DDI 0183: DR, FR) behind a ring, so that a slow reader never holds a frame up. */

#include "guests/camera/camera.h"
#include "guests/lib/hypercall.h"

#define UART_DR 0x00
#define UART_FR 0x18
#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define RING 4096u

static uint64_t uart;
static char ring[RING];
static unsigned ring_in, ring_out;

static uint32_t uart_read(unsigned offset)
{
    return *(volatile uint32_t *)(uart + offset);
}

void console_open(const void *fdt)
{
    unsigned len, node = fdt_find(fdt, "compatible", "arm,sbsa-uart");
    const uint32_t *reg;

    if (!node)
        node = fdt_find(fdt, "compatible", "arm,pl011");
    reg = node ? fdt_prop(fdt, node, "reg", &len) : NULL;
    if (reg && len >= 16)
        uart = fdt_u64(reg, 0);
}

void say(const char *format, ...)
{
    char line[200];
    __builtin_va_list args;
    size_t len;

    __builtin_va_start(args, format);
    len = format_va(line, sizeof(line), format, args);
    __builtin_va_end(args);
    if (!uart) {
        print("camera: %s\n", line);
        return;
    }
    if (RING - (ring_in - ring_out) < len + 10)
        return;
    for (const char *p = "camera: "; *p; p++)
        ring[ring_in++ % RING] = *p;
    for (size_t i = 0; i < len; i++)
        ring[ring_in++ % RING] = line[i];
    ring[ring_in++ % RING] = '\r';
    ring[ring_in++ % RING] = '\n';
}

void console_drain(unsigned most)
{
    while (most-- && ring_out != ring_in && !(uart_read(UART_FR) & FR_TXFF))
        *(volatile uint32_t *)(uart + UART_DR) = (uint8_t)ring[ring_out++ % RING];
}

char console_key(void)
{
    char key = 0;

    if (!uart) {
        long n = hypercall5(__HYPERVISOR_console_io, CONSOLEIO_read, 1, (uint64_t)&key, 0, 0);

        return n == 1 ? key : 0;
    }
    return uart_read(UART_FR) & FR_RXFE ? 0 : (char)uart_read(UART_DR);
}
