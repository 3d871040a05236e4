# SPDX-License-Identifier: Apache-2.0
"""The rows of the table: name, unit, goal, and the probe group or step that measures each."""

# (row, unit, goal, where, note)
ROWS = [
    ("null_hypercall", "instructions", 100, "calls", "xen_version"),
    ("unknown_hypercall", "instructions", 90, "calls", "number 60"),
    ("get_features", "instructions", 250, "calls", "copy in and out"),
    ("grant_query_size", "instructions", 280, "calls", ""),
    ("event_send_pending", "instructions", 230, "calls", "the upcall is pending, the port's own bit is not"),
    ("event_send_bit_set", "instructions", None, "calls", "the port's own bit is set already"),
    ("event_send_delivered", "instructions", 400, "interrupts",
     "send, interrupt taken, acknowledge, EOI; the guest's side included"),
    ("self_sgi", "instructions", 450, "interrupts", "taken and ended"),
    ("register_trap", "instructions", 100, "calls", "ID_AA64PFR0_EL1"),
    ("register_trap_actlr", "instructions", 100, "calls", "ACTLR_EL1"),
    ("gicd_read", "instructions", 220, "calls", "GICD_TYPER"),
    ("gicd_write", "instructions", 300, "calls", "GICD_ISENABLER1"),
    ("psci_version", "instructions", 110, "calls", "over HVC"),
    ("timer_interrupt", "instructions", 400, "interrupts", "virtual timer: fire, inject, acknowledge, EOI"),
    ("yield", "instructions", 400, "yield", "nobody else to run"),
    ("yield_switch", "instructions", 750, "yield", "to another vCPU on the same CPU"),
    ("ipi_cross_cpu", "instructions", 900, "crossipi", "both sides; two CPUs, single-thread TCG, not under -icount"),
    ("boot_to_dom0", "instructions", 1_000_000, "system", "power-on to dom0's first instruction; dom0 1 GiB, "
     "Debian's kernel and initrd; scrubbing as by default"),
    ("boot_to_dom0_64m", "instructions", 1_000_000, "boot", "the same with a small kernel and dom0 of 64 MiB"),
    ("boot_to_static_guest", "instructions", 250_000, "boot", "power-on to the first instruction of a static domain of 64 MiB, no dom0"),
    ("boot_to_static_guest_of_5", "instructions", 250_000, "boot", "the same with four more domains behind it"),
    ("boot_to_static_guest_of_100", "instructions", 250_000, "boot", "the same with 99 more"),
    ("boot_to_static_guest_1g", "instructions", 250_000, "boot", "the same with 1 GiB"),
    ("boot_to_static_guest_fixed", "instructions", 250_000, "boot", "64 MiB of static memory, 512 MiB above the board's first"),
    ("boot_to_static_linux", "instructions", 4_369_544, "boot", "the same with Debian's kernel of 33 MB, which is copied; 256 MiB"),
    ("static_guest_restart_copy", "instructions", None, "boot", "a restart: what a kernel of 33 MB adds, whose memory is cleaned and filled "
     "from the pristine copy again"),
    ("boot_scaling", "instructions per GiB", 100_000, "boot", "boards of 2 and 4 GiB, dom0 64 MiB"),
    ("xl_create", "instructions", 18_000_000, "system", "create -p of a 256 MiB guest (33 MB kernel, 4 MB ramdisk), "
     "inside the hypervisor"),
    ("xl_create_dom0", "instructions", None, "system", "of which dom0's kernel and xl"),
    ("xl_destroy", "instructions", 10_000_000, "system", "the same guest"),
    ("populate_256mib", "instructions", None, "domains", "128 extents of 2 MiB, scrubbing included"),
    ("destroy_256mib", "instructions", None, "domains", "the bare call"),
    ("image_bytes", "bytes", 300_000, "image", "the file"),
    ("resident_bytes", "bytes", None, "image", "with bss, from the Image header"),
    ("host_memory_mib", "MiB", 8, "memory", "2 GiB board: used beside guests"),
    ("guest_overhead_kib", "KiB", 1024, "domains", "a 256 MiB guest beside its RAM, p2m quota as libxl sets it"),
    ("guest_pages_lost", "pages", 0, "domains", "not returned by destroy"),
    ("pv_block_4k", "instructions", 3_000, "system", "random read, O_DIRECT, loop device in memory"),
    ("pv_block_1m_nonpersistent", "instructions", 400_000, "system", "sequential read"),
    ("grant_map", "instructions", 600, "grants", "per page, batches of 16"),
    ("grant_unmap", "instructions", 600, "grants", "per page, batches of 16"),
    ("grant_copy", "instructions", 500, "grants", "4 KiB per operation, batches of 16"),
    ("ping_round_trip", "instructions", 5_000, "system", ""),
    ("tcp_tx_mib", "instructions per MiB", 400_000, "system", "guest to dom0"),
    ("tcp_rx_mib", "instructions per MiB", 350_000, "system", "dom0 to guest"),
    ("createdomain", "instructions", 10_000, "domains", "bare call"),
    ("max_vcpus", "instructions", 4_000, "domains", "bare call, one vCPU"),
    ("destroydomain", "instructions", 6_000, "domains", "bare call, no memory"),
    ("irq_masked_longest", "instructions", 20_000, "masked", "from a trap to the return to a guest or the idle wait (the reference: or "
     "to where it unmasks); dom0's boot, guests of 256 MiB and 1 GiB, block and network traffic, 300 domains, 3,000 ports"),
    ("guests_max", "domains", 1_000, "many", "one vCPU, no memory, beside dom0; the probe stops at 1,100"),
    ("empty_domain_kib", "KiB", 48, "domains", "one vCPU, no memory"),
    ("wake_lateness_mean_ns", "ns", 10_000, "lateness", "1 ms timer beside a busy loop, default scheduler"),
    ("wake_lateness_worst_ns", "ns", 50_000, "lateness", "the same"),
    ("lines_of_code", "lines", 15_000, "code", "sources built for arm64; the reference's figure is not counted here"),
    ("lines_of_code_headers", "lines", 18_000, "code", "with headers"),
]

# x86-64: its own rows, other goals and words, and what is arm64's alone.
X86_ROWS = [
    ("cpuid", "instructions", 200, "calls", "leaf 1"),
    ("rdtsc", "instructions", 1, "calls", ""),
    ("apic_read", "instructions", None, "calls", "the local APIC's version, by its page"),
    ("apic_write", "instructions", None, "calls", "the local APIC's task priority, by its page"),
    ("msr_read", "instructions", None, "calls", "IA32_APIC_BASE"),
    ("boot_to_banner", "instructions", 600_000, "boot", "image entry to the first line said"),
    ("xl_create_machine", "instructions", 500_000_000, "system", "the whole machine"),
]
X86_GOALS = {
    "null_hypercall": 200, "unknown_hypercall": 180, "yield": 900, "boot_to_dom0": 3_000_000, "boot_to_dom0_64m": 3_000_000,
    "get_features": None, "grant_query_size": None, "event_send_pending": None, "event_send_delivered": None, "timer_interrupt": None,
    "yield_switch": None, "lines_of_code": 12_000, "lines_of_code_headers": None, "boot_scaling": None, "xl_create": None,
}
X86_NOTES = {
    "boot_to_dom0": "image entry to dom0's first instruction, of its unpacker where there is one; dom0 1 GiB, Debian's kernel and initrd",
    "boot_to_dom0_64m": "the same with a small kernel and dom0 of 64 MiB",
    "event_send_delivered": "send, interrupt taken by the vector, EOI; the guest's side included",
    "timer_interrupt": "the local APIC's timer: fire, inject, acknowledge, EOI",
    "self_sgi": "an IPI to itself, by the page: taken and ended",
    "lines_of_code": "sources that are x86-64's alone",
    "lines_of_code_headers": "with headers",
}
ARM64_ROWS = {"register_trap", "register_trap_actlr", "gicd_read", "gicd_write", "psci_version", "ipi_cross_cpu", "irq_masked_longest",
              "resident_bytes"}


def rows_of(arch):
    if arch == "arm64":
        return ROWS
    shared = [(row, unit, X86_GOALS.get(row, goal), where, X86_NOTES.get(row, note)) for row, unit, goal, where, note in ROWS
              if row not in ARM64_ROWS and "static" not in row and where != "lateness"]
    calls = [row[3] for row in shared].index("calls")
    return shared[:calls + 2] + X86_ROWS[:5] + shared[calls + 2:] + X86_ROWS[5:]


# Where the instructions of a row above its goal go, from bench/profile.py and differences between rows.
ARM64_SPENT = {
    "grant_query_size": "over a null hypercall 200: translating the argument twice (the processor's look-up) and copying 130, the look-up 70",
    "event_send_pending": "entry, exit and dispatch 97, copy-in 67, look-up, locks and bits 107",
    "event_send_delivered": "list registers 110, entry, exit and dispatch 97, copy-in 67, send 107, injection 60",
    "register_trap": "entry and exit with all registers 69, finding out what trapped 35",
    "register_trap_actlr": "entry and exit with all registers 69, finding out what trapped 35, looking the register up 36",
    "gicd_read": "entry and exit with all registers 69, syndrome and address 112, the distributor's registers 70",
    "psci_version": "entry and exit 60, finding the function 52",
    "boot_to_dom0": "a third the device tree, read and written; a quarter stage 2; a sixth zeroing, a seventh noting free frames",
    "boot_to_dom0_64m": "zeroing, the device tree and stage 2 of the board's devices a fifth each and more",
    "xl_create": "a sixth zeroing; most of the rest 9,076 pages with a call to map and one to unmap each",
    "yield_switch": "scheduler and timers 45 %, registers 25 %",
    "ipi_cross_cpu": "one SGI costs 453 on both sides together; the rest are two ends of a slice for each, because QEMU runs one CPU after the other",
    "image_bytes": "code 344 K: boot/ 58 K, the ABI and core/ 52 K each, vdev/ 44 K, the processor 40 K, mem/ and sched/ 25 K each, partition/, "
    "lib/ and drivers/ 42 K; constants 84 K, of which the names for backtraces are 23 K",
    "pv_block_4k": "two switches, two events, no function above 6 %",
    "grant_copy": "a third is the 4 KiB; pinning the entry 190, finding and holding the own page 150, windows 90, the operation's words 110",
    "ping_round_trip": "two copies, three events, two switches, no function above 5 %",
    "lines_of_code": "the goal was set for what runs Debian's dom0 and guests; static domains, the SMMU, the ITS and two more schedulers are in it",
    "lines_of_code_headers": "the same",
    "destroydomain": "six blocks of frames given back 2,000, 14 objects of the heap 400, the rest in parts below 200",
    "tcp_rx_mib": "a fifth copying, two fifths pinning entries, claiming pages and letting go of them, a tenth windows and the lists' words each",
}
X86_SPENT = {
    "cpuid": "entry, exit and dispatch 117, pushing out the return addresses that the guest has left 33, the instruction's length 24, the answer 77, "
    "going past it 13",
    "self_sgi": "two exits, to send and to end it, of 800 each: reading the instruction through the guest's tables 390, as this processor does not say "
    "what it is, entry and exit 180, doing it 230; raising, choosing and giving the interrupt 300",
    "image_bytes": "code 287 K; constants 438 K, with the unpacker of dom0's kernel and its four decompressors, and the names for backtraces",
    "pv_block_4k": "two switches, two events; a fifth is looking pages up that a turn of another domain has made unknown, a sixth reading arguments through "
    "the guest's tables, a tenth entry and exit",
    "ping_round_trip": "two copies, three events, two switches, each as in pv_block_4k",
    "tcp_tx_mib": "as ping_round_trip: copies, events and switches",
    "tcp_rx_mib": "as ping_round_trip: copies, events and switches",
    "max_vcpus": "zeroing the vCPU, its VMCB and its FPU area 2,400, taking their frames 900, the rest in parts below 200",
    "destroydomain": "frames given back to their lists 4,500, the heap's objects 600, the rest in parts below 250",
    "grant_map": "pinning the entry 217, the mapping 121, its track 70; looking up what the unmapping before has made unknown 50 a page",
    "grant_copy": "the 4 KiB 512; pinning the entry and letting go of it 290, claiming pages 130, windows 90",
}
SPENT = {"arm64": ARM64_SPENT, "x86_64": X86_SPENT}
