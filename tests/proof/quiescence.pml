/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ups without a lock and the death of what they find (core/quiesce.c, domain_find, domain_unpublish).
 *
 * Each CPU looks the object up, uses it, and passes the quiescent point when it was asked to or by itself. One of them takes the object
 * out of the table and defers its end. The stores to the table and to seen[] may stay in a store buffer until a barrier.
 *
 *   shown   nobody uses the object after its end
 *           the deferred call is run: when every CPU has done all it was asked to, nothing is left on the stack
 *
 * Mutants: EPOCH_FIRST takes the epoch before the object has left the table for everybody; NO_BARRIER lets the CPU's note stay in
 * its store buffer while it goes on to look up; NO_SECOND_LOOK does not look again after pushing back; READ_TWICE compares one reading of
 * another CPU's note and takes a second one, which may be later than what a third CPU has noted.
 */
#ifdef MUTANT_READ_TWICE
#define THREE                   /* one that has not passed, one that passes between the two readings, one that looks */
#endif
/* Three CPUs, of which only one looks twice. */
#ifdef THREE
#define CPUS 3
#define ROUNDS(self) (self == 1 -> 2 : 1)
#endif
#ifndef CPUS
#define CPUS 2
#endif
#ifndef ROUNDS
#define ROUNDS(self) 2          /* looks of each CPU */
#endif
#define KILLER 0

bool table = true;              /* the object can be found */
bool ended;                     /* and does not exist any more */
byte epoch = 1;
byte seen[CPUS];
bool asked[CPUS];
bool stacked;                   /* the call is on the stack */
byte call_epoch;

/* The least epoch that every CPU has noted: seen[] read one after the other, each once. */
inline look_at_all(least, i)
{
    least = epoch;
    i = 0;
    do
#ifdef MUTANT_READ_TWICE
    :: i < CPUS -> if :: seen[i] < least -> least = seen[i] :: else fi; i++
#else
    :: i < CPUS -> atomic { if :: seen[i] < least -> least = seen[i] :: else fi }; i++
#endif
    :: else -> break
    od
}

inline quiescent_point(self, safe, i, took, waiting)
{
    safe = epoch;
    seen[self] = safe;                          /* atomic exchange: a barrier */
    do
    :: look_at_all(safe, i);
        waiting = false;
        atomic { took = stacked; stacked = false };
        if
        :: took && call_epoch <= safe -> ended = true
        :: took && call_epoch > safe -> stacked = true; waiting = true
        :: else
        fi;
        if :: !waiting -> break :: else fi;
#ifdef MUTANT_NO_SECOND_LOOK
        break;
#endif
        look_at_all(again, i);
        if :: again > safe :: else -> break fi
    od
}

proctype cpu(byte self)
{
    byte rounds, safe, i, again;
    bool found, took, waiting;

    do
    :: rounds < ROUNDS(self) ->
        rounds++;
#ifdef MUTANT_NO_BARRIER
        /* The look-up overtakes the note of the point before it. */
        found = table;
        quiescent_point(self, safe, i, took, waiting);
#else
        found = table;
#endif
        if :: found -> assert(!ended) :: else fi;
        if :: self == KILLER && rounds == 1 ->
#ifdef MUTANT_EPOCH_FIRST
            atomic { epoch++; call_epoch = epoch };
            table = false;
#else
            table = false;
            atomic { epoch++; call_epoch = epoch };
#endif
            stacked = true;
            i = 0;
            do :: i < CPUS -> asked[i] = true; i++ :: else -> break od
        :: else
        fi;
        found = false;
        if
        :: asked[self] -> asked[self] = false; quiescent_point(self, safe, i, took, waiting)
        :: skip -> quiescent_point(self, safe, i, took, waiting)
        :: !asked[self]
        fi
    :: else -> break
    od;
    /* Idle: only what is asked for. */
end:
    do
    :: asked[self] -> asked[self] = false; quiescent_point(self, safe, i, took, waiting)
    :: timeout -> break
    od
}

init
{
    atomic {
        do :: _nr_pr <= CPUS -> run cpu(_nr_pr - 1) :: else -> break od
    };
    (_nr_pr == 1);
    assert(ended && !stacked)
}
