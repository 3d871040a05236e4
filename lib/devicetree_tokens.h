/* SPDX-License-Identifier: Apache-2.0 */
/* The structure block's tokens, for those who read it: lib/devicetree*. (Devicetree Specification 0.4, 5.4) */
#ifndef LIB_DEVICETREE_TOKENS_H
#define LIB_DEVICETREE_TOKENS_H

#include "lib/types.h"

#define PROPERTY_HEADER 12u     /* token, length, name */

enum { TOKEN_BEGIN = 1, TOKEN_END = 2, TOKEN_PROPERTY = 3, TOKEN_NOP = 4, TOKEN_DONE = 9 };

static inline uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Behind a name and its padding; behind `end`: it does not end. */
static ALWAYS_INLINE const uint8_t *behind_name(const uint8_t *at, const uint8_t *end)
{
    uint32_t letters;

    do {
        if (end - at < 4)
            return end + 1;
        letters = be32(at);
        at += 4;
    } while (!((letters - 0x01010101u) & ~letters & 0x80808080u));
    return at;
}

#endif
