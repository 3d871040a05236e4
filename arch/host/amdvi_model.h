/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of arch/host only. */
#ifndef ARCH_HOST_AMDVI_MODEL_H
#define ARCH_HOST_AMDVI_MODEL_H

#include "lib/types.h"

/* Panic when a frame that is handed out anew can still be reached. */
void amdvi_model_check_unused(mfn_t mfn);

#endif
