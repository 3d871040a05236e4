/* SPDX-License-Identifier: Apache-2.0 */
/* What vpci*.c share. */
#ifndef VDEV_X86_64_VPCI_INTERNAL_H
#define VDEV_X86_64_VPCI_INTERNAL_H

#include "lib/list.h"
#include "lib/spinlock.h"
#include "vdev/pci_function.h"
#include "vdev/x86_64/vpci.h"

/* An entry of an MSI-X table as dom0 has written it. */
struct vpci_entry {
    uint32_t address, upper, data;
    uint8_t is_masked, vector;  /* vector: the host's; 0: none */
};

struct vpci_function {
    struct list link;
    uint16_t id;
    uint8_t header, bars;
    uint32_t vendor;            /* and device */
    bool decodes;               /* as the host's command register says */
    struct pci_bar bar[PCI_BARS];
    struct {
        uint8_t at;             /* capability; 0: none */
        bool is_64, is_enabled; /* enabled: by dom0 */
        uint8_t vector;
        uint32_t address, upper, data;
    } msi;
    struct {
        uint8_t at, bar;
        bool is_enabled;
        uint32_t offset;        /* of the table in its BAR */
        unsigned count;
        struct vpci_entry *entry;
    } msix;
    uint16_t sriov, resize;     /* extended capabilities that dom0 must not use; 0: none */
};

struct vpci {
    spinlock_t lock;            /* LOCK_VITS */
    struct list functions;
    uint32_t address;           /* what is in port 0xcf8 */
    struct domain *domain;
};

/* All with the lock held. */

/* -- vpci_find.c -- */
/* What is known of a function, or becomes known now; NULL: it is not there, or is hidden, or there is no memory. */
struct vpci_function *vpci_find(struct vpci *p, uint16_t id);
bool vpci_is_hidden(uint16_t id);
/* Find what is on these buses, and behind their bridges. */
void vpci_scan(struct vpci *p, unsigned first_bus, unsigned last_bus);
void vpci_forget(struct vpci *p, struct vpci_function *f);
/* What is behind a bridge, by its register of bus numbers, is somewhere else now. */
void vpci_forget_behind(struct vpci *p, const struct vpci_function *bridge, uint32_t buses);

/* -- vpci_bar.c -- */
/* A command register with this value takes effect: NULL, or what is wrong with it and has changed nothing. */
const char *vpci_decode(struct vpci *p, struct vpci_function *f, bool on) MUST_CHECK;
/* The register of 4 bytes at reg, which is b's, is written. */
void vpci_bar_write(struct vpci *p, struct vpci_function *f, struct pci_bar *b, unsigned reg, uint32_t value);
/* Pages of the MSI-X table: [first, end) frames; false: there are none now. */
bool vpci_table_pages(const struct vpci_function *f, uint64_t *first, uint64_t *end);

/* -- vpci_msi.c -- */
/* The capabilities at these offsets (0: none) are switched off and known. -E_NOMEM. */
int vpci_msi_init(struct vpci_function *f, unsigned msi, unsigned msix) MUST_CHECK;
void vpci_msi_free(struct vpci_function *f);
/* A register of 4 bytes of theirs as dom0 sees it. False: it is none of theirs, or as the device has it. */
bool vpci_msi_read(const struct vpci_function *f, unsigned reg, uint32_t *value);
/* dom0 writes `value` there. False: it is none of theirs. */
bool vpci_msi_write(struct vpci *p, struct vpci_function *f, unsigned reg, uint32_t value);
/* The table has come within reach: the device's is made to be what it should. */
void vpci_msix_follow(struct vpci *p, struct vpci_function *f);

#endif
