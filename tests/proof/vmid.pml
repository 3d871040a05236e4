/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMID generations (arch/arm64/stage2_tlb.c): stage2_load, assign, begin_generation.
 *
 * Each CPU loads spaces and runs them. The store to loaded[cpu] may stay in the CPU's store buffer (`late`) until a barrier, which is
 * what real processors do and what the barrier in stage2_load is for. TLBs are per CPU and tagged by VMID; running a space fills an
 * entry; the broadcast invalidation of a new generation empties all.
 *
 *   shown   no CPU ever runs a space with a VMID under which its TLB holds another space's entries
 *
 * MUTANT_NO_BARRIER leaves the barrier out, MUTANT_FORGET_LOADED lets a new generation take the VMIDs of loaded spaces: each must
 * be found.
 */
#define CPUS 2
#define SPACES 4
#define VMIDS 3                 /* and VMID 0, of no guest */
#define LOADS 3                 /* by each CPU */
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
        used[1] = false; used[2] = false; used[3] = false;
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

proctype cpu(byte self)
{
    byte loads, mine, v, i, s, vttbr;

    do
    :: loads < LOADS ->
        loads++;
        select(mine : 0 .. SPACES - 1);
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
        d_step {
            assert(TLB(self, vttbr) == NONE || TLB(self, vttbr) == mine);
            TLB(self, vttbr) = mine
        };
        if :: skip :: d_step {
            assert(TLB(self, vttbr) == NONE || TLB(self, vttbr) == mine);
            TLB(self, vttbr) = mine
        } fi
    :: is_late[self] -> drain(self)     /* a store becomes visible by itself, too */
    :: else -> break
    od
}

init { atomic { run cpu(0); run cpu(1) } }
