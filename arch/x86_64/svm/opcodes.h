/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of intercepted instructions. */
#ifndef X86_SVM_OPCODES_H
#define X86_SVM_OPCODES_H

#include "arch/x86_64/svm/vmcb.h"

/* The length of the instruction at bytes[0], of which n (at most 15) are known, if it is one that ends in this exit; otherwise 0. */
unsigned svm_length_in(const uint8_t *bytes, unsigned n, bool is_64bit, uint32_t exit_code);

#endif
