/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/pl011.h"
#include "arch/include/console.h"
#include "lib/assert.h"

/* Registers, in bytes (DDI 0183, 3.2) */
#define DR 0x00
#define FR 0x18
#define LCR_H 0x2c
#define CR 0x30
#define IFLS 0x34
#define IMSC 0x38
#define ICR 0x44

#define FR_BUSY BIT(3)
#define FR_RX_EMPTY BIT(4)
#define FR_TX_FULL BIT(5)
#define LCR_FIFOS_8_BITS 0x70
#define CR_ENABLE_RX_TX 0x301
#define INTERRUPT_RX_AND_TIMEOUT 0x50

/* A line that never drains must not stop the host: so many looks, then the byte is lost. */
#define PATIENCE 1000000

static volatile uint8_t *base;

static uint32_t get(unsigned offset)
{
    return *(volatile uint32_t *)(base + offset);
}

static void put(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(base + offset) = value;
}

void pl011_init(volatile void *registers)
{
    ASSERT(IS_ALIGNED((uintptr_t)registers, 4));
    base = registers;
    put(IMSC, 0);
    put(ICR, 0x7ff);
    put(LCR_H, LCR_FIFOS_8_BITS);
    put(CR, CR_ENABLE_RX_TX);
}

void pl011_enable_interrupt(void)
{
    ASSERT(base);
    put(IFLS, 0);
    put(IMSC, INTERRUPT_RX_AND_TIMEOUT);
}

static void wait_while(uint32_t flag)
{
    for (unsigned i = 0; (get(FR) & flag) && i < PATIENCE; i++)
        ;
}

void pl011_drain(void)
{
    if (base)
        wait_while(FR_BUSY);
}

static void send(char c)
{
    wait_while(FR_TX_FULL);
    put(DR, (uint8_t)c);
}

void arch_console_write(const char *text, size_t length)
{
    for (size_t i = 0; base && i < length; i++) {
        if (text[i] == '\n')
            send('\r');
        send(text[i]);
    }
}

int arch_console_read(void)
{
    if (!base || (get(FR) & FR_RX_EMPTY))
        return -1;
    put(ICR, INTERRUPT_RX_AND_TIMEOUT);
    return (int)(get(DR) & 0xff);
}
