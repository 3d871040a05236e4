/* SPDX-License-Identifier: Apache-2.0 */
/* For processors whose IOMMUs have no driver: there is none, and what iommu.h says is never called then is not. */
#include "drivers/iommu.h"
#include "lib/assert.h"
#include "lib/error.h"

static void NORETURN none(void)
{
    panic("there is no IOMMU (called from %p)", __builtin_return_address(0));
}

bool iommu_is_present(void)
{
    return false;
}

int iommu_space_create(uint16_t domain UNUSED, struct stage2 *s UNUSED, struct iommu_space **out UNUSED)
{
    none();
}

void iommu_space_destroy(struct iommu_space *p)
{
    PANIC_IF(p, "a space without an IOMMU");
}

int iommu_attach(struct iommu_space *p UNUSED, const struct iommu_streams *streams UNUSED)
{
    none();
}

void iommu_detach(struct iommu_space *p UNUSED, const struct iommu_streams *streams UNUSED)
{
    none();
}

bool iommu_has_streams(const struct iommu_space *p)
{
    PANIC_IF(p, "a space without an IOMMU");
    return false;
}

int iommu_map_own(struct iommu_space *p UNUSED, mfn_t first UNUSED, uint64_t count UNUSED)
{
    none();
}

int iommu_map_doorbell(struct iommu_space *p UNUSED, mfn_t page UNUSED)
{
    none();
}

int iommu_use(struct iommu_space *p UNUSED, struct iommu_use u UNUSED)
{
    none();
}

void iommu_unuse(struct iommu_space *p UNUSED, const struct iommu_use *u UNUSED, unsigned n UNUSED)
{
    none();
}

uint64_t iommu_twin(s2_entry e UNUSED, unsigned level UNUSED)
{
    none();
}

void iommu_forget(struct iommu_space *p UNUSED, gfn_t gfn UNUSED, uint64_t count UNUSED)
{
    none();
}
