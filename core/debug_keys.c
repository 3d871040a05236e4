/* SPDX-License-Identifier: Apache-2.0 */
/* Debug keys: from the serial line (after three times Ctrl-A) or from dom0 (xl debug-keys). */
#include "arch/include/mapping.h"
#include "core/console.h"
#include "core/domain.h"
#include "lib/cpu_work.h"
#include "mem/heap.h"

#define KEYS 128

static struct {
    const char *what;
    void (*run)(void);
} keys[KEYS];

void debug_key_register(char key, const char *what, void (*run)(void))
{
    unsigned n = (unsigned char)key;

    ASSERT(n < KEYS && what && run);
    PANIC_IF(keys[n].run && keys[n].run != run, "two debug keys '%c'", key);
    keys[n].what = what;
    keys[n].run = run;
}

bool debug_key_press(char key)
{
    unsigned n = (unsigned char)key;

    if (n >= KEYS || !keys[n].run)
        return false;
    log_info("'%c': %s", key, keys[n].what);
    keys[n].run();
    return true;
}

static void show_help(void)
{
    for (unsigned n = 0; n < KEYS; n++)
        if (keys[n].run)
            log_info("  %c  %s", (char)n, keys[n].what);
}

static void show_cpus(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
        if (cpu_is_online(cpu))
            cpu_work_raise(cpu, CPU_WORK_DUMP);
}

static void show_vcpu(const struct vcpu *v)
{
    static const char *const states[] = { "asleep", "ready", "running" };
    const char *state = v->unit.state < ARRAY_SIZE(states) ? states[v->unit.state] : "?";

    log_info("  v%u: %s on CPU %u%s, flags %#x, paused %u, ran %lld ms", v->id, state, v->unit.cpu,
             sched_unit_is_on_cpu(&v->unit) ? " (loaded)" : "", v->pause_flags, v->pause_count,
             (long long)(sched_unit_time(&v->unit) / MSEC(1)));
}

static void show_domain(const struct domain *d)
{
    static const char *const lives[] = { "alive", "dying", "dead" };

    log_info("d%u: %s%s, paused %u (controller %u), references %u, frames %llu of %llu, shared %llu, claim %llu", d->id.v,
             lives[d->life], d->shut_down ? ", shut down" : "", d->pause_count, d->controller_pause_count, d->references,
             (unsigned long long)d->owner.frames, (unsigned long long)d->owner.limit, (unsigned long long)d->owner.shared,
             (unsigned long long)d->owner.claim);
    log_info("  stage 2: %llu tables; RAM %llu, grants %llu, foreign %llu, shared %llu pages; arena %u of %u",
             (unsigned long long)d->stage2.table_pages, (unsigned long long)(d->stage2.mapped[S2_RAM] + d->stage2.mapped[S2_RAM_RO]),
             (unsigned long long)(d->stage2.mapped[S2_GRANT_RW] + d->stage2.mapped[S2_GRANT_RO]),
             (unsigned long long)(d->stage2.mapped[S2_FOREIGN_RW] + d->stage2.mapped[S2_FOREIGN_RO]),
             (unsigned long long)d->stage2.mapped[S2_SHARED], d->arena.used, d->arena.limit);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpus[i])
            show_vcpu(d->vcpus[i]);
}

static void for_each_domain(void (*show)(const struct domain *d))
{
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
        show(d);
}

static void show_domains(void)
{
    for_each_domain(show_domain);
}

static void show_entries(const struct domain *d)
{
    uint64_t counts[3];

    stage2_count_entries(&d->stage2, counts);
    log_info("d%u: maps %llu of 1 GiB, %llu of 2 MiB, %llu of 4 KiB", d->id.v, (unsigned long long)counts[0],
             (unsigned long long)counts[1], (unsigned long long)counts[2]);
}

static void show_memory(void)
{
    log_info("frames: %llu, free %llu, promised %llu, heap %llu, objects %llu, tables of its own %llu",
             (unsigned long long)frame_total(), (unsigned long long)frame_free_count(),
             (unsigned long long)frame_outstanding_claims(), (unsigned long long)heap_pages_used(),
             (unsigned long long)heap_objects_used(), (unsigned long long)arch_own_tables());
    for_each_domain(show_entries);
}

static void show_ports(const struct domain *d)
{
    static const char *const states[] = { "free", "reserved", "unbound", "interdomain", "pirq", "virq", "ipi" };
    struct event_status s;

    log_info("d%u: %u ports made, %s", d->id.v, d->events.ports, d->events.fifo ? "FIFO" : "two levels");
    for (uint32_t port = 1; port < d->events.ports; port++)
        if (!event_status((struct domain *)d, port, &s) && s.state != CHANNEL_FREE)
            log_info("  %u: %s, v%u, remote d%u port %u, virq %u%s", port, states[s.state], s.vcpu, s.remote.v, s.remote_port,
                     s.virq, event_port_is_pending((struct domain *)d, port) ? ", pending" : "");
}

static void show_events(void)
{
    for (struct domain *d = domain_next(DOMID(0)); d; d = domain_next(DOMID(d->id.v + 1)))
        if (d->life == DOMAIN_ALIVE)
            show_ports(d);
}

static void show_grant_table(const struct domain *d)
{
    log_info("d%u: grant table %u of %u frames; %u mappings of others' grants, maptrack %u of %u frames", d->id.v,
             d->grants.frames_used, d->grants.frames_limit, d->grants.maptrack_used, d->grants.maptrack_frames,
             d->grants.maptrack_limit);
}

static void show_grants(void)
{
    for_each_domain(show_grant_table);
}

static void show_dom0(void)
{
    for (unsigned i = 0; control_domain && i < control_domain->max_vcpus; i++)
        if (control_domain->vcpus[i])
            arch_vcpu_print(control_domain->vcpus[i]);
}

static void reset(void)
{
    machine_reset();
}

void debug_keys_init(void)
{
    debug_key_register('h', "this list", show_help);
    debug_key_register('d', "what each CPU runs, with registers", show_cpus);
    debug_key_register('0', "registers of dom0's vCPUs (stale for those that run)", show_dom0);
    debug_key_register('q', "domains and vCPUs", show_domains);
    debug_key_register('m', "memory", show_memory);
    debug_key_register('e', "event channels", show_events);
    debug_key_register('g', "grant tables", show_grants);
    debug_key_register('r', "run queues", sched_dump);
    debug_key_register('a', "timers", timer_dump);
    debug_key_register('R', "reset the machine", reset);
}
