/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about the board that are answered once, at boot, by changing the code: until then, and on most boards for good, asking
 * costs one NOP. */
#ifndef ARM64_STATIC_KEY_H
#define ARM64_STATIC_KEY_H

#include "lib/compiler.h"

/* Where a question is asked, and where its code for "yes" is: distances from the field itself (vinci.lds gathers them). */
struct static_key_site {
    int32_t nop, yes;
};

/* Is the host's interrupt controller a GICv2? No until gicv2_init. */
static ALWAYS_INLINE bool gic_is_v2(void)
{
    __asm__ goto("1: nop\n\t"
                 ".pushsection .static_keys, \"a\"\n\t"
                 ".balign 4\n\t"
                 ".long 1b - ., %l[yes] - .\n\t"
                 ".popsection" :::: yes);
    return false;
yes:
    return true;
}

/* From now on gic_is_v2() is true: at each place a branch is written over the NOP, through another mapping, as code is never
 * writable where it runs. Boot, CPU 0, no other CPU is up. */
void static_key_set_gicv2(void);

#endif
