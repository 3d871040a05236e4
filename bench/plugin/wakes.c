/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCG plugin that counts what the hypervisor executes on one CPU between two marks that a guest there makes: `hint #0x61` and
 * `hint #0x62`. Each pair is a line; `hint #0x63` by that CPU is a line of its own.
 *
 *   -plugin libwakes.so,hv_start=0x200000,hv_end=0x400000,cpu=1,again=0x201234,out=wakes.txt
 *
 * Where the hypervisor executes `again` the count starts again: an idle hypervisor may have things to do, a piece at a time, and only
 * the piece in which the interrupt came is lateness.
 *
 *   WAKE 1234        instructions
 *   NEXT
 *
 * CPUs may run side by side: nothing but the chosen one's thread touches the counter.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plugin/arguments.h"
#include "bench/plugin/qemu_plugin_7_2.h"

#define HINT_BEGIN 0x61u
#define HINT_END 0x62u
#define HINT_NEXT 0x63u

static uint64_t hv_start, hv_end, again, executed, began;
static bool open_pair;
static unsigned chosen;
static FILE *out;

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_INTERFACE;

static void on_block(unsigned vcpu, void *userdata)
{
    if (vcpu == chosen)
        executed += (uintptr_t)userdata;
}

static void on_again(unsigned vcpu, void *userdata)
{
    (void)userdata;
    if (vcpu == chosen)
        began = executed;
}

static void on_mark(unsigned vcpu, void *userdata)
{
    unsigned mark = (unsigned)(uintptr_t)userdata;

    if (vcpu != chosen)
        return;
    if (mark == HINT_BEGIN) {
        began = executed;
        open_pair = true;
    } else if (mark == HINT_NEXT) {
        fprintf(out, "NEXT\n");
        open_pair = false;
    } else if (mark == HINT_END && open_pair) {
        fprintf(out, "WAKE %lu\n", executed - began);
        open_pair = false;
    }
    fflush(out);
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    size_t insns = qemu_plugin_tb_n_insns(tb);

    (void)id;
    if (address >= hv_start && address < hv_end)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)insns);
    for (size_t i = 0; i < insns; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        unsigned mark;
        uint32_t word;

        if (again && qemu_plugin_insn_vaddr(insn) == again)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_again, QEMU_PLUGIN_CB_NO_REGS, NULL);
        memcpy(&word, qemu_plugin_insn_data(insn), sizeof(word));
        mark = (word >> 5) & 0x7f;
        if ((word & HINT_MASK) == HINT_VALUE && mark >= HINT_BEGIN && mark <= HINT_NEXT)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)mark);
    }
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    const char *path = NULL, *value;

    (void)info;
    for (int i = 0; i < argc; i++) {
        if (take_common(argv[i], &hv_start, &hv_end, &path))
            continue;
        if ((value = value_of(argv[i], "again")))
            again = strtoull(value, NULL, 0);
        else if ((value = value_of(argv[i], "cpu")))
            chosen = (unsigned)strtoul(value, NULL, 0);
    }
    out = path ? fopen(path, "w") : NULL;
    if (!out || hv_end <= hv_start) {
        fprintf(stderr, "libwakes: needs hv_start, hv_end, cpu and a writable out\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
