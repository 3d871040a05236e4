/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMID generations (mem/vmid.c, arch/arm64/stage2_tlb.c): vmid_load, assign, begin_generation, and a page that goes (arch_stage2_invalidate).
 *
 * Each CPU loads spaces and runs them. The store to loaded[cpu] may stay in the CPU's store buffer (`late`) until a barrier, which is
 * what real processors do and what the barrier in stage2_load is for. TLBs are per CPU and tagged by VMID; running a space fills an
 * entry; the broadcast invalidation of a new generation empties all.
 *
 *   shown   no CPU ever runs a space with a VMID under which its TLB holds another space's entries
 *           nobody uses a page of space 0 once who took it away has let go of its frame
 *
 * MUTANT_NO_BARRIER leaves the barrier out, MUTANT_FORGET_LOADED lets a new generation take the VMIDs of loaded spaces, MUTANT_NO_WAIT
 * takes a space for forgotten as soon as its generation is over: each must be found.
 */
#ifdef MUTANT_NO_WAIT
#define PAGE
#endif
#define CPUS 2
#ifdef PAGE                     /* CPU 0 runs space 0 alone, CPU 1 so many others that a generation begins */
#define SPACES 3
#define VMIDS 2
#define LOADS 2
#define FIRST(self) self
#define LAST(self) (self * 2)
#else
#define SPACES 4
#define VMIDS 3                 /* and VMID 0, of no guest */
#define LOADS 3                 /* by each CPU */
#define FIRST(self) 0
#define LAST(self) (SPACES - 1)
#endif
#define NONE 15

byte generation = 1;
byte of_generation[SPACES];     /* 0: never had one */
byte of_vmid[SPACES];
bool used[VMIDS + 1];
byte loaded[CPUS] = NONE;       /* as the others see it */
byte late[CPUS] = NONE;         /* stored, not yet visible */
bool is_late[CPUS];
byte tlb[CPUS * (VMIDS + 1)] = NONE;
bool lock;
bool mapped = true;             /* space 0's page */
bool gone;                      /* and its frame is somebody else's */

#define TLB(cpu, vmid) tlb[(cpu) * (VMIDS + 1) + (vmid)]
#define acquire atomic { !lock -> lock = true }
#define release lock = false

inline drain(cpu)
{
    d_step { if :: is_late[cpu] -> loaded[cpu] = late[cpu]; is_late[cpu] = false :: else fi }
}

/* First VMID that is free, or 0. */
inline find_free(v)
{
    d_step {
        v = 1;
        do
        :: v <= VMIDS && used[v] -> v++
        :: else -> break
        od;
        if :: v > VMIDS -> v = 0 :: else fi
    }
}

inline begin_generation()
{
    d_step {
        i = 1;
        do :: i <= VMIDS -> used[i] = false; i++ :: else -> break od
    }
    generation++;
    i = 0;
    do
    :: i < CPUS ->
        s = loaded[i];
#ifndef MUTANT_FORGET_LOADED
        d_step {
            if
            :: s != NONE && of_generation[s] == generation - 1 && of_generation[s] != 0 ->
                used[of_vmid[s]] = true;
                of_generation[s] = generation
            :: else
            fi
        }
#endif
        i++
    :: else -> break
    od;
    skip;
    d_step {
        i = 0;
        do
        :: i < CPUS * (VMIDS + 1) -> tlb[i] = NONE; i++
        :: else -> break
        od;
        i = 0
    }
}

/* The walker finds the page of every space but 0 at any time. */
inline run_guest()
{
    d_step {
        assert(TLB(self, vttbr) == NONE || TLB(self, vttbr) == mine);
        if
        :: TLB(self, vttbr) == NONE && (mine != 0 || mapped) -> TLB(self, vttbr) = mine
        :: else
        fi;
        assert(!(gone && mine == 0 && TLB(self, vttbr) == 0))
    }
}

/* Takes space 0's page away: its entry, a barrier, the TLBs if it has a VMID; then the frame is free. */
proctype changer()
{
    bool current;
    byte i;

    mapped = false;
    current = (of_generation[0] == generation);
#ifndef MUTANT_NO_WAIT
    if
    :: !current -> acquire; current = (of_generation[0] == generation); release
    :: else
    fi;
#endif
    if
    :: current ->
        d_step {
            i = 0;
            do
            :: i < CPUS -> TLB(i, of_vmid[0]) = NONE; i++
            :: else -> break
            od
        }
    :: else
    fi;
    gone = true
}

proctype cpu(byte self)
{
    byte loads, mine, v, i, s, vttbr;

    do
    :: loads < LOADS ->
        loads++;
        select(mine : FIRST(self) .. LAST(self));
        skip;
        d_step { late[self] = mine; is_late[self] = true };
#ifndef MUTANT_NO_BARRIER
        drain(self);
#endif
        if
        :: of_generation[mine] == generation && of_generation[mine] != 0
        :: else ->
            acquire;
            drain(self);            /* taking a lock is a barrier */
            if
            :: of_generation[mine] == generation && of_generation[mine] != 0
            :: else ->
                find_free(v);
                if
                :: v == 0 -> begin_generation(); find_free(v)
                :: else
                fi;
                assert(v != 0);
                if
                :: of_generation[mine] == generation
                :: else -> d_step { used[v] = true; of_vmid[mine] = v; of_generation[mine] = generation }
                fi
            fi;
            release
        fi;
        vttbr = of_vmid[mine];
        /* In the guest: the walker may cache at any time. */
        run_guest();
        if :: skip :: run_guest() fi
    :: is_late[self] -> drain(self)     /* a store becomes visible by itself, too */
    :: else -> break
    od
}

init
{
    atomic {
        run cpu(0);
        run cpu(1);
#ifdef PAGE
        run changer()
#endif
    }
}
