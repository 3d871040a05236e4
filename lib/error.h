/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error numbers, returned negated. The values are the ABI's (xen/errno.h), which are Linux's, so that no layer
 * translates. E_RESTART never reaches a guest: it asks the dispatcher to run the hypercall again.
 */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

enum {
    E_PERM = 1, E_NOENT = 2, E_SRCH = 3, E_INTR = 4, E_IO = 5, E_NXIO = 6, E_2BIG = 7, E_NOEXEC = 8, E_AGAIN = 11,
    E_NOMEM = 12, E_ACCES = 13, E_FAULT = 14, E_BUSY = 16, E_EXIST = 17, E_XDEV = 18, E_NODEV = 19, E_INVAL = 22,
    E_NOSPC = 28, E_RANGE = 34, E_DEADLK = 35, E_NOSYS = 38, E_NODATA = 61, E_TIME = 62, E_ADDRINUSE = 98, E_ADDRNOTAVAIL = 99, E_NOTCONN = 107,
    E_OPNOTSUPP = 95, E_OVERFLOW = 75, E_ILSEQ = 84, E_USERS = 87, E_ISCONN = 106, E_NOBUFS = 105, E_RESTART = 85
};

#endif
