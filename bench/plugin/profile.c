/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCG plugin that counts, within the hypervisor's range and between two
 * marks, how often every instruction address ran; bench/profile.py turns that
 * into instructions per function. Without marks: from power-on to the first
 * instruction of a guest.
 *
 *   -plugin libprofile.so,hv_start=..,hv_end=..,first=0x64,last=0x65,out=profile.txt
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/plugin/arguments.h"
#include "bench/plugin/qemu_plugin_7_2.h"

static uint64_t hv_start, hv_end, first_mark, last_mark;
static uint64_t *executed, *before;
static uint64_t step = 4;       /* bytes that an instruction has at least */
static FILE *out;

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_INTERFACE;

static size_t slots(void)
{
    return (size_t)(hv_end - hv_start) / step;
}

static void write_difference(void)
{
    rewind(out);
    for (size_t i = 0; i < slots(); i++)
        if (executed[i] != before[i])
            fprintf(out, "%lx %lu\n", hv_start + i * step, executed[i] - before[i]);
    fflush(out);
}

static void on_mark(unsigned vcpu, void *userdata)
{
    uint64_t number = (uintptr_t)userdata;

    (void)vcpu;
    if (number == first_mark)
        memcpy(before, executed, slots() * sizeof(*executed));
    else if (number == last_mark)
        write_difference();
}

/* A guest's first instruction is the first code elsewhere that is translated after the hypervisor has settled at its own addresses. */
static void watch_for_entry(uint64_t address)
{
    static bool settled, entered;

    settled |= address >= hv_start && address < hv_end;
    if (first_mark || entered || !settled || (address >= hv_start && address < hv_end))
        return;
    entered = true;
    write_difference();
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t insns = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_tb_vaddr(tb);

    (void)id;
    watch_for_entry(address);
    for (size_t i = 0; i < insns; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        unsigned mark = mark_of(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn), step == 1);

        address = qemu_plugin_insn_vaddr(insn);
        if (mark)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)mark);
        if (address >= hv_start && address < hv_end)
            qemu_plugin_register_vcpu_insn_exec_inline(
                insn, QEMU_PLUGIN_INLINE_ADD_U64, &executed[(address - hv_start) / step], 1);
    }
}

static void take_argument(const char *argument, const char **path)
{
    const char *value;

    if (take_common(argument, &hv_start, &hv_end, path))
        return;
    if ((value = value_of(argument, "first")))
        first_mark = strtoull(value, NULL, 0);
    else if ((value = value_of(argument, "last")))
        last_mark = strtoull(value, NULL, 0);
    else if (value_of(argument, "x86"))
        step = 1;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
                                           int argc, char **argv)
{
    const char *path = NULL;

    (void)info;
    for (int i = 0; i < argc; i++)
        take_argument(argv[i], &path);
    out = path ? fopen(path, "w") : NULL;
    executed = calloc(slots(), sizeof(*executed));
    before = calloc(slots(), sizeof(*before));
    if (!out || hv_start >= hv_end || !executed || !before) {
        fprintf(stderr, "profile: needs hv_start, hv_end, first, last and a writable out\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
