/* SPDX-License-Identifier: Apache-2.0 */
/* A guest ends: by its own wish, by a crash, by its watchdog. What that means for dom0 is the end of the host. */
#include "core/domain.h"
#include "core/options.h"
#include "lib/error.h"
#include "lib/print.h"

static const char *const reasons[] = {
    [SHUTDOWN_POWEROFF] = "powers off", [SHUTDOWN_REBOOT] = "reboots", [SHUTDOWN_SUSPEND] = "suspends",
    [SHUTDOWN_CRASH] = "has crashed", [SHUTDOWN_WATCHDOG] = "missed its watchdog", [SHUTDOWN_SOFT_RESET] = "resets itself",
};

static const char *reason_text(uint8_t reason)
{
    return reason < ARRAY_SIZE(reasons) ? reasons[reason] : "shuts down";
}

/* The host cannot do without dom0. */
static void NORETURN host_shutdown(uint8_t reason)
{
    log_info("dom0 %s (reason %u)", reason_text(reason), reason);
    if (reason == SHUTDOWN_POWEROFF)
        machine_power_off();
    if (reason == SHUTDOWN_REBOOT || reason == SHUTDOWN_WATCHDOG || !boot_options.noreboot)
        machine_reset();
    log_info("noreboot: the host stops here");
    machine_halt_others();
    machine_halt();
}

void domain_shutdown(struct domain *d, uint8_t reason)
{
    if (d == control_domain)
        host_shutdown(reason);
    if (atomic_exchange(&d->shutting_down, true))
        return;
    if (d->shutdown_code == SHUTDOWN_NONE)
        d->shutdown_code = reason;
    domain_pause(d);
    log_debug("d%u %s (reason %u)", d->id.v, reason_text(reason), reason);
    /* Meets the acquire of whoever reports the code. */
    atomic_store_release(&d->shut_down, true);
    if (d->ended && d->ended(d))
        return;
    event_raise_host_virq(CORE_VIRQ_DOM_EXC);
}

int domain_resume(struct domain_locked l)
{
    struct domain *d = l.d;

    ASSERT(spin_is_held(&d->lock));
    if (!atomic_load(&d->shut_down) || d->reset.active || atomic_load(&d->life) != DOMAIN_ALIVE)
        return -E_INVAL;
    d->shutdown_code = SHUTDOWN_NONE;
    atomic_store(&d->shut_down, false);
    atomic_store_release(&d->shutting_down, false);
    domain_unpause(d);
    return 0;
}

void domain_crash(struct domain *d, const char *why)
{
    static struct rate_limit limit;
    struct vcpu *v = cpu_current_vcpu();

    ASSERT(why);
    if (rate_limit_ok(&limit)) {
        log_warning("d%u crashed: %s", d->id.v, why);
        if (v && v->domain == d)
            arch_vcpu_print(v);
    }
    domain_shutdown(d, SHUTDOWN_CRASH);
}
