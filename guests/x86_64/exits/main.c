/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of exit, from the guest's side: what an instruction that the hypervisor does for it leaves behind, and which ones it has not. */
#include "../lib/guest.h"

enum { DB = 1, UD = 6, GP = 13, PF = 14 };
#define MSR_EFER 0xc0000080u
#define MSR_LSTAR 0xc0000082u
#define MSR_PAT 0x277u
#define MSR_UNKNOWN 0x40000fffu
#define EFER_SVME 0x1000
#define EFER_LMA 0x400
#define ERROR_NOSYS 38
#define VERSION_4_17 0x40011
#define KEPT_PORT 0x40
#define CR4_OSXSAVE (1ul << 18)
/* Mapped where no memory is, and every processor has that many bits of addresses: the fifth GiB of addresses. */
#define HOLE (UINT64_C(1) << 35)
#define HOLE_ADDRESS (UINT64_C(4) << 30)
#define LARGE_PAGE 0x83
#define TABLE 3

extern uint64_t table3[];
/* Pages of 2 MiB: not all processors have larger ones. */
static uint64_t hole_table[512] __attribute__((aligned(4096)));

static int try_read_msr(uint32_t msr)
{
    return TRY("rdmsr", : "c"(msr) : "rax", "rdx", "r15", "memory");
}

static int try_write_msr(uint32_t msr, uint64_t value)
{
    return TRY("wrmsr", : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "r15", "memory");
}

static void hypercalls(void)
{
    uint64_t r8 = 8, kept;

    check_equal("xen_version", (uint64_t)hypercall(CALL_XEN_VERSION, 0, 0, 0), VERSION_4_17);
    check_equal("unknown hypercall", (uint64_t)hypercall(0x7fff, 0, 0, 0), (uint64_t)-ERROR_NOSYS);
    check_equal("sched_yield", (uint64_t)hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0), 0);
    __asm__ volatile("mov %[in], %%r12; mov %[call], %%eax; xor %%edi, %%edi; " HYPERCALL "mov %%r12, %[out]" : [out] "=r"(kept)
                     : [in] "r"(r8), [call] "i"(CALL_XEN_VERSION) : "rax", "rdi", "r12", "memory");
    check_equal("a hypercall keeps the other registers", kept, 8);
}

static void cpuid(void)
{
    uint32_t a = 0x40000000, b, c, d, last;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    check("CPUID says who we are", b == 0x566e6558 && c == 0x65584d4d && d == 0x4d4d566e);
    a = 0;
    __asm__ volatile(".byte 0x66, 0xf2, 0x0f, 0xa2; mov $77, %%ecx; mov %%ecx, %0" : "=r"(last), "+a"(a) : : "rbx", "rcx", "rdx");
    check_equal("an instruction with prefixes is skipped as a whole", last, 77);
    a = 0x80000001;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    check("SVM is hidden", !(c & 4));
}

static void msrs(void)
{
    uint64_t efer = read_msr(MSR_EFER);

    check("EFER: long mode, no SVM", (efer & (EFER_LMA | EFER_SVME)) == EFER_LMA);
    check_equal("EFER.SVME cannot be set", (uint64_t)try_write_msr(MSR_EFER, efer | EFER_SVME), GP);
    write_msr(MSR_LSTAR, 0x123456789000);
    check_equal("LSTAR", read_msr(MSR_LSTAR), 0x123456789000);
    check_equal("PAT", read_msr(MSR_PAT), 0x0007040600070406);
    check_equal("an MSR that is not there is not read", (uint64_t)try_read_msr(MSR_UNKNOWN), GP);
    check_equal("an MSR that is not there is not written", (uint64_t)try_write_msr(MSR_UNKNOWN, 0), GP);
}

static void missing_instructions(void)
{
    check_equal("VMRUN", (uint64_t)TRY("vmrun %%rax", : "a"(0) : "r15", "memory"), UD);
    check_equal("VMLOAD", (uint64_t)TRY("vmload %%rax", : "a"(0) : "r15", "memory"), UD);
    check_equal("STGI", (uint64_t)TRY("stgi", : : "r15", "memory"), UD);
    check_equal("RDPMC", (uint64_t)TRY("rdpmc", : "c"(0) : "rax", "rdx", "r15", "memory"), GP);
    check_equal("WBINVD", (uint64_t)TRY("wbinvd", : : "r15", "memory"), (uint64_t)-1);
    check_equal("INVD", (uint64_t)TRY("invd", : : "r15", "memory"), (uint64_t)-1);
}

static void nowhere(void)
{
    uint8_t byte = 0;
    uint32_t word;

    __asm__ volatile("inb %1, %0" : "=a"(byte) : "Nd"((uint8_t)KEPT_PORT));
    check_equal("a port that is not ours reads ones", byte, 0xff);
    __asm__ volatile("inb %1, %0" : "=a"(byte) : "Nd"((uint8_t)(KEPT_PORT + 2)));
    check_equal("a counter that stands still", byte, 0);
    word = 0x12345678;
    __asm__ volatile("inw %1, %w0" : "+a"(word) : "Nd"((uint8_t)KEPT_PORT));
    check_equal("16 bits leave the others", word, 0x1234ffff);
    check_equal("REP INS to nowhere", (uint64_t)TRY("rep insb", : "d"(KEPT_PORT), "c"(4), "D"(&byte) : "r15", "memory"), GP);
    hole_table[0] = HOLE | LARGE_PAGE;
    table3[4] = (uint64_t)hole_table | TABLE;
    check_equal("no memory there", (uint64_t)TRY("movq (%%rax), %%rax", : "a"(HOLE_ADDRESS) : "r15", "memory"), GP);
    check_equal("our own page fault", (uint64_t)TRY("movq (%%rax), %%rax", : "a"(UINT64_C(1) << 40) : "r15", "memory"), PF);
    check_equal("its address", last_address, UINT64_C(1) << 40);
}

static uint64_t watched;

static void debug_registers(void)
{
    uint64_t back[4], dr6;

    __asm__ volatile("mov %0, %%dr0; mov %1, %%dr1; mov %2, %%dr2; mov %3, %%dr3" : : "r"(&watched), "r"(2ul), "r"(3ul), "r"(4ul));
    (void)hypercall(CALL_SCHED_OP, SCHED_YIELD, 0, 0);
    __asm__ volatile("mov %%dr0, %0; mov %%dr1, %1; mov %%dr2, %2; mov %%dr3, %3" : "=r"(back[0]), "=r"(back[1]), "=r"(back[2]), "=r"(back[3]));
    check("debug registers keep", back[0] == (uint64_t)&watched && back[1] == 2 && back[2] == 3 && back[3] == 4);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0xd0402ul));      /* DR0: writes of 4 bytes, global */
    check_equal("a watched word", (uint64_t)TRY("movl $1, watched", : : "r15", "memory"), DB);
    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    check_equal("DR6 says which", dr6 & 15, 1);
    __asm__ volatile("mov %0, %%dr7" : : "r"(0x400ul));
}

static unsigned steps;
static uint64_t step_rip[4];

static void step(struct frame *f)
{
    if (steps < 4)
        step_rip[steps] = f->rip;
    steps++;
}

/* With the trap flag set each instruction is followed by a debug exception, also one that the hypervisor does. */
static void single_steps(void)
{
    uint64_t here;

    on_interrupt(DB, step);
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq\n\txorl %%eax, %%eax\n2:\tcpuid\n3:\tnop\n\tpushfq; andl $~0x100, (%%rsp); popfq\n"
                     "\tleaq 3b(%%rip), %0" : "=r"(here) : : "rax", "rbx", "rcx", "rdx", "memory");
    on_interrupt(DB, NULL);
    check_equal("a step over an emulated instruction ends behind it", step_rip[1], here);
    check_equal("each instruction is one step", steps, 6);
}

#define RFLAGS_RF (1ul << 16)
static unsigned stops;

static void stop(struct frame *f)
{
    stops++;
    f->rflags |= RFLAGS_RF;
}

/* The resume flag lets one instruction pass its breakpoint, also one that the hypervisor does, and not the one behind it. */
static void breakpoints(void)
{
    on_interrupt(DB, stop);
    __asm__ volatile("leaq 2f(%%rip), %%rax\n\tmov %%rax, %%dr0\n\tleaq 3f(%%rip), %%rax\n\tmov %%rax, %%dr1\n\tmov $0x40a, %%eax\n\t"
                     "mov %%rax, %%dr7\n\txorl %%eax, %%eax\n2:\tcpuid\n3:\tnop\n\tmov $0x400, %%eax\n\tmov %%rax, %%dr7"
                     : : : "rax", "rbx", "rcx", "rdx", "memory");
    on_interrupt(DB, NULL);
    check_equal("breakpoints at an emulated instruction and behind it", stops, 2);
}

#define TPR 0xfee00080u
#define ARITHMETIC_FLAGS 0x8c5      /* OF, SF, ZF, PF, CF */

/* What an instruction on the task priority leaves there, in eax and in the flags; `before` is there before. */
struct left { uint32_t there, eax, flags; };
#define ON_TPR(instruction, before, value) \
    ({ \
        struct left l_ = { .eax = (value) }; \
        uint64_t flags_; \
        apic_write(0x80, before); \
        check_equal(instruction, (uint64_t)TRY(instruction "; pushfq; popq %1", "+a"(l_.eax), "=r"(flags_) : "d"((uint64_t)TPR) : "r15", "memory", "cc"), \
                    (uint64_t)-1); \
        l_.there = apic_read(0x80); \
        l_.flags = flags_ & ARITHMETIC_FLAGS; \
        l_; \
    })

/* What a compiler makes of a volatile word, each done by the hypervisor. */
static void instructions_on_registers(void)
{
    struct left l;

    l = ON_TPR("andl %%eax, (%%rdx)", 0x53, 0x31);
    check("AND to memory", l.there == 0x11 && l.eax == 0x31 && l.flags == 0x4);
    l = ON_TPR("orl $0x40, (%%rdx)", 0x13, 0);
    check("OR with a constant", l.there == 0x53 && l.flags == 0x4);
    l = ON_TPR("xorl (%%rdx), %%eax", 0x55, 0xffffffff);
    check("XOR from memory", l.there == 0x55 && l.eax == 0xffffffaa && l.flags == 0x84);
    l = ON_TPR("xchgl %%eax, (%%rdx)", 0x21, 0x42);
    check("XCHG", l.there == 0x42 && l.eax == 0x21);
    l = ON_TPR("lock; orl %%eax, (%%rdx)", 0x20, 1);
    check("LOCK OR", l.there == 0x21);
    l = ON_TPR("cmpl $0x21, (%%rdx)", 0x21, 0);
    check("CMP with what is there", l.there == 0x21 && l.flags == 0x44);
    l = ON_TPR("cmpl (%%rdx), %%eax", 0x22, 0x21);
    check("CMP with more", l.there == 0x22 && l.flags == 0x85);
    l = ON_TPR("testl $0x20, (%%rdx)", 0x10, 0);
    check("TEST", l.there == 0x10 && l.flags == 0x44);
    check_equal("STOS to a register", (uint64_t)TRY("stosl", : "D"(TPR), "a"(0) : "r15", "memory"), GP);
    apic_write(0x80, 0);
}

/* The hypervisor remembers what instructions are: another one at the same address is another one. */
static uint32_t run_written(const uint8_t insn[2], uint32_t eax)
{
    static volatile uint8_t code[3];
    uint32_t result = eax;

    code[0] = insn[0], code[1] = insn[1], code[2] = 0xc3;
    __asm__ volatile("call *%3" : "+a"(result) : "d"((uint64_t)TPR), "c"(0x30), "r"(code) : "memory");
    return result;
}

static void instructions_written_anew(void)
{
    static const uint8_t from_eax[2] = { 0x89, 0x02 }, from_ecx[2] = { 0x89, 0x0a }, to_eax[2] = { 0x8b, 0x02 };

    for (unsigned i = 0; i < 2; i++) {
        (void)run_written(from_eax, 0x20);
        check_equal("MOV from eax, written where another one was", apic_read(0x80), 0x20);
        (void)run_written(from_ecx, 0x20);
        check_equal("MOV from ecx in its place", apic_read(0x80), 0x30);
        check_equal("MOV to eax in its place", run_written(to_eax, 0), 0x30);
    }
    apic_write(0x80, 0);
}

static void xsetbv(void)
{
    uint64_t cr4;
    uint32_t a = 1, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c >> 26 & 1))
        return;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSXSAVE));
    check_equal("XCR0 takes x87 and SSE", (uint64_t)TRY("xsetbv", : "a"(3), "d"(0), "c"(0) : "r15", "memory"), (uint64_t)-1);
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    check_equal("XCR0 reads back", a, 3);
    check_equal("XCR0 without x87", (uint64_t)TRY("xsetbv", : "a"(2), "d"(0), "c"(0) : "r15", "memory"), GP);
    check_equal("XCR0 with an unknown feature", (uint64_t)TRY("xsetbv", : "a"(3), "d"(0x40000000), "c"(0) : "r15", "memory"), GP);
    check_equal("XCR1", (uint64_t)TRY("xsetbv", : "a"(3), "d"(0), "c"(1) : "r15", "memory"), GP);
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
}

static void vectors_keep(void)
{
    uint64_t in = 0x1122334455667788, out;

    __asm__ volatile("movq %1, %%xmm5; mov %2, %%eax; xor %%edi, %%edi; " HYPERCALL "movq %%xmm5, %0" : "=r"(out)
                     : "r"(in), "i"(CALL_SCHED_OP) : "rax", "rdi", "memory");
    check_equal("vector registers keep over a yield", out, in);
}

void guest_main(const void *start_info)
{
    exceptions_start();
    check("start_info", start_info && *(const uint32_t *)start_info == 0x336ec578);
    hypercalls();
    cpuid();
    msrs();
    missing_instructions();
    nowhere();
    debug_registers();
    single_steps();
    breakpoints();
    instructions_on_registers();
    instructions_written_anew();
    xsetbv();
    vectors_keep();
    done();
}
