/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes after a partition's end, by its policy:
 *
 *   running --ends--> decide --+-- restart: reset -> memory -> load -> start --> running, same domain
 *                              +-- stop: one line, dom0 is told; the others go on
 *                              +-- restart the board
 *
 * All of it happens in bounded pieces of a timer on the CPU where it ended, PERIOD apart, so that who else runs there goes on. Nothing of it
 * changes another domain.
 */
#include "arch/include/cpu.h"
#include "core/domain.h"
#include "lib/assert.h"
#include "lib/error.h"
#include "lib/print.h"
#include "partition/partition.h"

/* Between two pieces; and until memory that somebody else still refers to is looked at again. */
#define PERIOD USEC(100)
#define WAIT_PERIOD MSEC(10)

/* Parameters of the ABI (xen/hvm/params.h). */
#define PARAM_STORE_PFN 1
#define PARAM_STORE_EVTCHN 2
/* The store's page is not there yet: wait for an event (xen/hvm/params.h, HVM_PARAM_STORE_PFN). */
#define STORE_COMES_LATER UINT64_MAX

/* decide: that was it. */
#define ENDED 1

enum phase { PHASE_DECIDE, PHASE_RESET, PHASE_MEMORY, PHASE_LOAD, PHASE_START };

static const char *how(uint8_t reason)
{
    static const char *const texts[] = {
        [SHUTDOWN_POWEROFF] = "has switched itself off", [SHUTDOWN_REBOOT] = "asks to be restarted", [SHUTDOWN_SUSPEND] = "suspends",
        [SHUTDOWN_CRASH] = "has crashed", [SHUTDOWN_WATCHDOG] = "has not fed its watchdog", [SHUTDOWN_SOFT_RESET] = "resets itself",
    };

    return reason < ARRAY_SIZE(texts) ? texts[reason] : "has ended";
}

static enum partition_action action_for(const struct partition_policy *policy, uint8_t reason)
{
    switch (reason) {
    case SHUTDOWN_POWEROFF:
    case SHUTDOWN_SUSPEND:
        return PARTITION_STOP;
    case SHUTDOWN_REBOOT:
    case SHUTDOWN_SOFT_RESET:
        return PARTITION_RESTART;
    case SHUTDOWN_WATCHDOG:
        return policy->on_watchdog;
    default:
        return policy->on_crash;
    }
}

/* One more restart within the policy's window? */
static bool may_count(struct partition *p)
{
    const struct partition_policy *policy = &p->plan->policy;
    nsec_t now = arch_time_now();

    if (!p->window_restarts || now - p->window_start >= SEC(policy->restart_window)) {
        p->window_start = now;
        p->window_restarts = 0;
    }
    if (p->window_restarts >= policy->restart_limit)
        return false;
    p->window_restarts++;
    p->restarts++;
    return true;
}

static void stop(struct partition *p)
{
    p->state = PARTITION_STOPPED;
    event_raise_host_virq(CORE_VIRQ_DOM_EXC);
}

static int decide(struct partition *p, struct domain *d)
{
    const struct partition_policy *policy = &p->plan->policy;
    enum partition_action action = action_for(policy, d->shutdown_code);
    const char *name = p->plan->name, *text = how(d->shutdown_code);

    if (action == PARTITION_RESTART_BOARD) {
        log_error("partition %s (d%u) %s: the board restarts", name, d->id.v, text);
        machine_reset();
    }
    if (action == PARTITION_RESTART && may_count(p)) {
        log_info("partition %s (d%u) %s: restart %u, %u of at most %u in %u s", name, d->id.v, text, p->restarts, p->window_restarts,
                 policy->restart_limit, policy->restart_window);
        p->state = PARTITION_RESTARTING;
        return 0;
    }
    if (action == PARTITION_RESTART && policy->restart_limit)
        log_warning("partition %s (d%u) %s again after %u restarts in %u s: it stays stopped", name, d->id.v, text,
                    policy->restart_limit, policy->restart_window);
    else
        log_info("partition %s (d%u) %s: it stays stopped", name, d->id.v, text);
    stop(p);
    return ENDED;
}

static int reset(struct partition *p, struct domain *d)
{
    p->place = GFN(0);
    return domain_reset(d);
}

static int reset_memory(struct partition *p, struct domain *d)
{
    struct partition_piece pieces[PARTITION_PIECES];
    struct domain_ram ram[PARTITION_PIECES];
    unsigned n = partition_ram(p->plan, pieces);

    for (unsigned i = 0; i < n; i++) {
        ram[i].gfn = GFN(pieces[i].guest >> PAGE_SHIFT);
        ram[i].pages = pieces[i].size >> PAGE_SHIFT;
        ram[i].host = pieces[i].host == PARTITION_ANYWHERE ? MFN_NONE : MFN(pieces[i].host >> PAGE_SHIFT);
    }
    return domain_reset_memory(d, ram, n, &p->place);
}

static int load(struct partition *p, struct domain *d UNUSED)
{
    return partition_load(p, true);
}

static void arm_watchdog(struct partition *p)
{
    if (p->plan->policy.watchdog && !p->domain->watchdog_used[0])
        domain_watchdog_start(p->domain, p->plan->policy.watchdog);
}

int partition_start(struct partition *p)
{
    ASSERT(p->state == PARTITION_BUILDING);
    p->state = PARTITION_RUNNING;
    arm_watchdog(p);
    return domain_unpause_by_controller(p->domain);
}

static int start(struct partition *p, struct domain *d)
{
    int error;

    arm_watchdog(p);
    p->waits = false;
    p->state = PARTITION_RUNNING;
    error = domain_reset_done(d);
    if (error) {
        p->state = PARTITION_RESTARTING;
        return error;
    }
    log_info("partition %s (d%u) runs again", p->plan->name, d->id.v);
    event_raise_host_virq(CORE_VIRQ_PARTITION);
    return 0;
}

static int (*const phases[])(struct partition *p, struct domain *d) = {
    [PHASE_DECIDE] = decide, [PHASE_RESET] = reset, [PHASE_MEMORY] = reset_memory, [PHASE_LOAD] = load, [PHASE_START] = start,
};

/* Memory that is not there now: said once, looked for again by and by. */
static void wait_for_memory(struct partition *p, int error)
{
    if (!p->waits)
        log_warning("partition %s: its restart waits until %s", p->plan->name,
                    error == -E_BUSY ? "nobody else uses its memory" : "there is memory");
    p->waits = true;
    timer_set(&p->life, arch_time_now() + WAIT_PERIOD);
}

/* Unless it is being destroyed meanwhile. */
static void give_up(struct partition *p, const struct domain *d, int error)
{
    if (atomic_load(&d->life) != DOMAIN_ALIVE)
        return;
    log_error("partition %s: it cannot be restarted (error %d): it stays stopped", p->plan->name, error);
    stop(p);
}

void partition_live(struct timer *t)
{
    struct partition *p = container_of(t, struct partition, life);
    struct domain *d = atomic_load(&p->domain);
    uint8_t phase;
    int error;

    /* Alive now, it is not taken apart before this CPU's next quiescent point, which comes after the timers. */
    if (!d || atomic_load(&d->life) != DOMAIN_ALIVE || !atomic_load(&d->shut_down))
        return;
    ASSERT(p->phase < ARRAY_SIZE(phases));
    phase = p->phase;
    error = phases[phase](p, d);
    /* From the start on its next end may already have been noted. */
    if (phase == PHASE_START && !error)
        return;
    if (!error)
        p->phase = phase + 1;
    if (!error || error == -E_RESTART)
        timer_set(&p->life, arch_time_now() + PERIOD);
    else if (error == -E_BUSY || (error == -E_NOMEM && p->phase != PHASE_LOAD))
        wait_for_memory(p, error);
    else if (error != ENDED)
        give_up(p, d, error);
}

bool partition_ended(struct domain *d)
{
    struct partition *p = d->partition;

    if (p->state != PARTITION_RUNNING)
        return false;
    p->phase = PHASE_DECIDE;
    timer_set(&p->life, arch_time_now());
    return true;
}

int partition_set_params(struct partition *p)
{
    uint32_t port;
    int error;

    if (p->plan->enhanced != ENHANCED_FULL)
        return 0;
    error = event_alloc_unbound(p->domain, DOMID(0), &port);
    if (error)
        return error;
    atomic_store(&p->domain->hvm_params[PARAM_STORE_EVTCHN], port);
    atomic_store(&p->domain->hvm_params[PARAM_STORE_PFN], STORE_COMES_LATER);
    return 0;
}
