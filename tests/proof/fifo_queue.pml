/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIFO event queues (core/event_fifo.c against a guest that consumes as xen/event_channel.h asks for): one queue, two ports.
 *
 * The senders run event_fifo_set_pending on different CPUs; the queue's lock makes `append` one at a time. The guest takes `ready`,
 * reads the head, unlinks the word in one step and handles the port. Every change of a word is one atomic operation, as in the code.
 *
 *   shown   no event is lost: when the senders have ended and the guest has no upcall left, no port is pending
 *           the list stays whole: what the guest takes off is linked, and a port is never in the queue twice
 *
 * Mutants: HEAD_ALWAYS writes the head although the tail took the link; LINK_BLINDLY links to the tail without looking whether the
 * guest has taken it off; READY_FIRST sets the ready bit before the head.
 */
#define PORTS 2                 /* numbers 1 and 2 */
#define SENDS 2                 /* by each sender, one port each */

bool pending[PORTS + 1], linked[PORTS + 1];
byte link[PORTS + 1];
byte head, tail;
bool ready, upcall;
bool lock;
byte senders = PORTS;
byte handled[PORTS + 1];

proctype sender(byte port)
{
    byte sends;
    bool was_linked, was_ready, done;

    do
    :: sends < SENDS ->
        sends++;
        atomic { pending[port] = true; was_linked = linked[port] };
        if
        :: was_linked
        :: else ->
            atomic { !lock -> lock = true };
            atomic { was_linked = linked[port]; linked[port] = true };
            if
            :: was_linked -> lock = false
            :: else ->
                if :: tail == port -> tail = 0 :: else fi;
                done = false;
                if
                :: tail != 0 ->
                    /* Compare and exchange: succeeds only while the tail is linked. */
                    atomic {
                        if
#ifdef MUTANT_LINK_BLINDLY
                        :: true -> link[tail] = port; done = true
#else
                        :: linked[tail] -> link[tail] = port; done = true
                        :: else
#endif
                        fi
                    }
                :: else
                fi;
#ifdef MUTANT_READY_FIRST
                if :: !done -> ready = true :: else fi;
#endif
#ifdef MUTANT_HEAD_ALWAYS
                head = port;
#else
                if :: !done -> head = port :: else fi;
#endif
                tail = port;
                lock = false;
                if
                :: !done ->
#ifdef MUTANT_READY_FIRST
                    upcall = true
#else
                    atomic { was_ready = ready; ready = true };
                    if :: !was_ready -> upcall = true :: else fi
#endif
                :: else
                fi
            fi
        fi
    :: else -> break
    od;
    senders--
}

/* One queue, so `ready` is one bit; `mine` is the guest's own copy of it, `at` its own head (0: read it from the control block). */
proctype guest()
{
    byte at, next;
    bool mine, was_pending;

    do
    :: upcall ->
        upcall = false;
        atomic { mine = ready; ready = false };
        do
        :: mine ->
            if :: at == 0 -> at = head :: else fi;
            atomic { next = link[at]; assert(at != 0 && linked[at]); linked[at] = false; link[at] = 0 };
            if :: next == 0 -> mine = false :: else fi;
            atomic { was_pending = pending[at]; pending[at] = false };
            if :: was_pending -> handled[at]++ :: else fi;
            at = next;
            atomic { if :: ready -> mine = true; ready = false :: else fi }
        :: else -> break
        od
    :: senders == 0 && !upcall -> break
    od;
    assert(!pending[1] && !pending[2] && !linked[1] && !linked[2]);
    assert(handled[1] >= 1 && handled[2] >= 1)
}

init { atomic { run sender(1); run sender(2); run guest() } }
