/* SPDX-License-Identifier: Apache-2.0 */
#ifndef X86_STAGE2_FORMAT_H
#define X86_STAGE2_FORMAT_H

/* Entries are those of Intel's EPT from now on, not those of AMD's nested tables. Boot, before the first table. */
void stage2_format_use_ept(void);

#endif
