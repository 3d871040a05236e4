/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests that misbehave, each in a domain of its own without privilege: what
 * they try is refused or ends with them, the host goes on, and after a destroy
 * every page is back.
 */

#include "guests/hostile/hostile.h"

enum end { FINISHES, RUNS_ON, SHUTS_DOWN };

struct scene {
    const char *name;
    child_fn fn;
    enum end end;
    unsigned code; /* SHUTDOWN_* when it shuts down */
};

static const struct scene scenes[] = {
    { "asks for what it may not", ask_for_everything, FINISHES, 0 },
    { "touches ports and grants of others", touch_others, FINISHES, 0 },
    { "unmaps its kernel from stage 1", unmap_self_stage1, RUNS_ON, 0 },
    { "gives its kernel's frame away", unmap_self_stage2, RUNS_ON, 0 },
    { "spins with interrupts off", spin_forever, RUNS_ON, 0 },
    { "sleeps for ever", sleep_forever, RUNS_ON, 0 },
    { "jumps into nothing", jump_nowhere, RUNS_ON, 0 },
    { "crashes itself", crash_self, SHUTS_DOWN, SHUTDOWN_crash },
    { "powers itself off", power_off_self, SHUTS_DOWN, SHUTDOWN_poweroff },
    { "resets itself", reset_self, SHUTS_DOWN, SHUTDOWN_reboot },
    { "pokes at the GIC", poke_gic, FINISHES, 0 },
    { "storms of SGIs and timers", storm, FINISHES, 0 },
    { "storms of wrong hypercalls", hypercall_storm, FINISHES, 0 },
    { "maps shared pages over its own", reregister, FINISHES, 0 },
};

static void say(const struct scene *scene, const char *what, bool ok, unsigned long detail)
{
    char name[128];
    size_t at = strlen(scene->name);

    memcpy(name, scene->name, at);
    name[at++] = ':';
    name[at++] = ' ';
    memcpy(name + at, what, strlen(what) + 1);
    check(ok, name, "detail 0x%lx", detail);
}

static void check_end(const struct scene *scene, const struct child *child)
{
    bool started = wait_for(&child->page->ready, 1, 5000 * TICKS_PER_MS);
    bool ended = child_wait(child, (scene->end == RUNS_ON ? 20 : 10000) * TICKS_PER_MS);
    long flags = domain_flags(child->id);

    say(scene, "the host goes on", flags >= 0, (unsigned long)flags);
    say(scene, "it started", started, child->page->ready);
    if (scene->end == FINISHES) {
        say(scene, "it finished", ended && child->page->done, (unsigned long)flags);
    } else if (scene->end == RUNS_ON) {
        say(scene, "it got nowhere", !child->page->done, (unsigned long)flags);
    } else {
        unsigned code = (unsigned)flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

        say(scene, "it shut down", flags & XEN_DOMINF_shutdown, (unsigned long)flags);
        say(scene, "its reason", code == scene->code, code);
    }
}

/* The child puts a result and what it wanted in pairs; argument[i] says what call it was. */
static void check_results(const struct scene *scene, const struct child *child)
{
    for (unsigned i = 0; i < CHILD_CHECKS && child->page->argument[i]; i++) {
        long got = child->page->result[2 * i], want = child->page->result[2 * i + 1];

        if (got != want)
            print("NOTE check of line %lu: got %ld, want %ld\n", child->page->argument[i], got,
                  want);
        say(scene, "refused as it should", got == want, child->page->argument[i]);
    }
}

static void play(const struct scene *scene)
{
    static struct child child;
    uint64_t before = settled_free_pages();
    long rc = child_build(&child, 1, scene->fn);

    say(scene, "built", rc == 0, (unsigned long)rc);
    if (rc)
        return;
    say(scene, "started", child_unpause(&child) == 0, 0);
    check_end(scene, &child);
    check_results(scene, &child);
    say(scene, "destroyed", domain_destroy(child.id) == 0, 0);
    say(scene, "page unmapped", foreign_unmap(child.page) == 0, 0);
    say(scene, "gone", domain_wait_gone(child.id, 2000 * TICKS_PER_MS), 0);
    say(scene, "every page is back", wait_free_pages(before, 2000 * TICKS_PER_MS),
        before - host_free_pages());
}

/* The first of everything may make the host allocate what it keeps: that is not counted. */
static void warm_up(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(scenes); i++) {
        struct child child;

        if (scenes[i].end != FINISHES || child_build(&child, 1, scenes[i].fn))
            continue;
        child_unpause(&child);
        child_wait(&child, 10000 * TICKS_PER_MS);
        foreign_unmap(child.page);
        domain_destroy(child.id);
        domain_wait_gone(child.id, 2000 * TICKS_PER_MS);
    }
}

void guest_main(const void *fdt)
{
    gic_init(fdt);
    events_init();
    toolstack_init(fdt);
    warm_up();
    for (unsigned i = 0; i < ARRAY_SIZE(scenes); i++)
        play(&scenes[i]);
    test_done();
}
