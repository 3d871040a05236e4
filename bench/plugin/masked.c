/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCG plugin that measures how long the hypervisor keeps interrupts masked: the instructions from a trap (or from where it masks
 * them) to the return to a guest, the idle wait, or where it unmasks them. Stretches longer than `report` are written with what they
 * consisted of, the longest is the last line. Counting begins with the first guest instruction.
 *
 *   -plugin libmasked.so,hv_start=0x200000,hv_end=0x400000,report=15000,out=masked.txt
 *
 *   STRETCH 23456 200f40:5000 201234:4100 ...     instructions; blocks of code and the instructions in each, most first
 *   LONGEST 23456
 *
 * What an `msr daif` restores is taken to be what the `mrs daif` before the matching mask found. Interrupts that the hypervisor takes
 * from itself are not counted. One stretch at a time: for boards with one CPU.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plugin/arguments.h"
#include "bench/plugin/qemu_plugin_7_2.h"

#define INSN_BYTES 4
#define ERET 0xd69f03e0u
#define WFI 0xd503207fu
#define DAIF_SET 0xd50340dfu        /* MSR DAIFSet, #imm4 in bits 8 to 11 */
#define DAIF_CLEAR 0xd50340ffu
#define DAIF_IMM 0xfffff0ffu
#define DAIF_IRQ (2u << 8)
#define DAIF_READ 0xd53b4220u       /* MRS Xt, DAIF */
#define DAIF_WRITE 0xd51b4220u
#define DAIF_REG 0xffffffe0u
#define SETTLED 2000
#define BLOCKS 524288
#define REPORT_BLOCKS 24
#define MOST_REPORTS 2000
#define SAVES 16

/* Code that ran in this stretch, by the address of its first instruction. */
struct block {
    uint64_t address, instructions, stretch;
};

static struct block *blocks;
static uint32_t used[BLOCKS];
static size_t used_count;
static uint64_t hv_start, hv_end, report = 15000, run, longest, stretch = 1, reports, before_entry;
static bool masked = true, entered, saves[SAVES], last_read;
static unsigned depth;
static FILE *out;

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_INTERFACE;

static bool is_hypervisor(uint64_t address)
{
    return address >= hv_start && address < hv_end;
}

static int more_first(const void *a, const void *b)
{
    uint64_t x = blocks[*(const uint32_t *)a].instructions, y = blocks[*(const uint32_t *)b].instructions;

    return x < y ? 1 : x > y ? -1 : 0;
}

static void write_stretch(void)
{
    qsort(used, used_count, sizeof(used[0]), more_first);
    fprintf(out, "STRETCH %lu", run);
    for (size_t i = 0; i < used_count; i++)
        if (i < REPORT_BLOCKS || run > longest)
            fprintf(out, " %lx:%lu", blocks[used[i]].address, blocks[used[i]].instructions);
    fputc('\n', out);
}

static void begin(void)
{
    run = 0;
    used_count = 0;
    stretch++;
}

static void end(void)
{
    if (!entered || !masked)
        return;
    if (run >= report && (run > longest || reports++ < MOST_REPORTS))
        write_stretch();
    if (run > longest) {
        longest = run;
        fprintf(out, "LONGEST %lu\n", longest);
        fflush(out);
    }
}

static void on_block(unsigned vcpu, void *userdata)
{
    uint64_t address = (uintptr_t)userdata >> 16, n = (uintptr_t)userdata & 0xffff;
    uint32_t slot = (uint32_t)((address - hv_start) / INSN_BYTES % BLOCKS);
    struct block *b = &blocks[slot];

    (void)vcpu;
    run += n;
    if (b->stretch != stretch) {
        *b = (struct block){ address, 0, stretch };
        used[used_count++] = slot;
    }
    b->instructions += n;
}

static void on_leave(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    end();
    begin();
    masked = true;
    depth = 0;
}

static void on_mask(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    if (depth < SAVES)
        saves[depth++] = last_read;
    if (!masked)
        begin();
    masked = true;
    last_read = true;
}

static void unmask(void)
{
    end();
    begin();
    masked = false;
}

static void on_unmask(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    unmask();
    depth = 0;
}

static void on_read(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    last_read = masked;
}

static void on_restore(unsigned vcpu, void *userdata)
{
    (void)vcpu;
    (void)userdata;
    if (depth && !saves[--depth])
        unmask();
}

static const struct {
    uint32_t mask, value;
    qemu_plugin_vcpu_udata_cb_t run;
} watched[] = {
    { 0xffffffff, ERET, on_leave },
    { 0xffffffff, WFI, on_leave },
    { DAIF_IMM | DAIF_IRQ, DAIF_SET | DAIF_IRQ, on_mask },
    { DAIF_IMM | DAIF_IRQ, DAIF_CLEAR | DAIF_IRQ, on_unmask },
    { DAIF_REG, DAIF_READ, on_read },
    { DAIF_REG, DAIF_WRITE, on_restore },
};

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t insns = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_tb_vaddr(tb);

    (void)id;
    if (!is_hypervisor(address)) {
        if (!entered && before_entry >= SETTLED && !(address >> 63)) {
            entered = true;
            begin();
        }
        return;
    }
    if (!entered)
        before_entry += insns;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)(address << 16 | insns));
    for (size_t i = 0; i < insns; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint32_t word;

        memcpy(&word, qemu_plugin_insn_data(insn), INSN_BYTES);
        for (size_t k = 0; k < sizeof(watched) / sizeof(watched[0]); k++)
            if ((word & watched[k].mask) == watched[k].value)
                qemu_plugin_register_vcpu_insn_exec_cb(insn, watched[k].run, QEMU_PLUGIN_CB_NO_REGS, NULL);
    }
}

static void at_end(qemu_plugin_id_t id, void *userdata)
{
    (void)id;
    (void)userdata;
    fprintf(out, "LONGEST %lu\n", longest);
    fflush(out);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
                                           int argc, char **argv)
{
    const char *path = NULL, *value;

    (void)info;
    for (int i = 0; i < argc; i++) {
        if (take_common(argv[i], &hv_start, &hv_end, &path))
            continue;
        if ((value = value_of(argv[i], "report")))
            report = strtoull(value, NULL, 0);
    }
    out = path ? fopen(path, "w") : stderr;
    blocks = calloc(BLOCKS, sizeof(*blocks));
    if (!out || !blocks || hv_start >= hv_end) {
        fprintf(stderr, "masked: needs hv_start, hv_end and a writable out\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_atexit_cb(id, at_end, NULL);
    return 0;
}
