/* SPDX-License-Identifier: Apache-2.0 */
/* Put before every file of the rooms above the contract: their variables lie together, so that host_boot can give them the
 * values they had at the start of the process (boot.c). */
#pragma clang section bss = "vinci_bss" data = "vinci_data"
