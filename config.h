/* SPDX-License-Identifier: Apache-2.0 */
/* Compile-time choices. Each is 0 or 1 or a number and may be given on the compiler's command line. */
#ifndef CONFIG_H
#define CONFIG_H

#define VINCI_VERSION "0.1.0"

/* Checked build: ASSERT looks, lock order is followed. */
#ifndef CONFIG_ASSERT
#define CONFIG_ASSERT 1
#endif

/* The simulated processor of arch/host. */
#ifndef CONFIG_HOST
#define CONFIG_HOST 0
#endif

/* Most physical CPUs, vCPUs of one domain, and domains at a time (domain numbers 0..N-1). */
#ifndef MAX_CPUS
#define MAX_CPUS 32
#endif
#ifndef MAX_VCPUS
#define MAX_VCPUS 64
#endif
#ifndef MAX_DOMAINS
#define MAX_DOMAINS 1024
#endif
/* Most static domains. */
#define MAX_PARTITIONS 128

#endif
