/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-calls that only x86 has, for the families' tables; each is described where it is defined. */
#ifndef ABI_XEN_X86_64_CALLS_H
#define ABI_XEN_X86_64_CALLS_H

#include "abi/xen/hypercall.h"

#define X86_HANDLER(name) int64_t name(struct vcpu *v, const uint64_t args[6], void *op)
/* hvm_context.c, domctl.c: `op` is a struct domctl_call */
X86_HANDLER(x86_get_hvm_context);
X86_HANDLER(x86_set_hvm_context);
X86_HANDLER(x86_get_hvm_context_partial);
X86_HANDLER(x86_set_tsc_info);
X86_HANDLER(x86_get_tsc_info);
X86_HANDLER(x86_shadow_op);
X86_HANDLER(x86_ioport_permission);
X86_HANDLER(x86_send_trigger);
/* physdev.c */
X86_HANDLER(x86_pci_device_add);
X86_HANDLER(x86_pci_device_remove);
X86_HANDLER(x86_pci_mmcfg_reserved);
/* policy.c: of sysctl, and of domctl */
X86_HANDLER(x86_host_policy);
X86_HANDLER(x86_featureset);
X86_HANDLER(x86_get_policy);
X86_HANDLER(x86_set_policy);
/* memory_map.c */
X86_HANDLER(x86_memory_map);
X86_HANDLER(x86_set_memory_map);
X86_HANDLER(x86_set_pod_target);
X86_HANDLER(x86_get_pod_target);
/* vcpu_op.c: `op` is the struct vcpu named */
X86_HANDLER(x86_vcpu_initialise);
X86_HANDLER(x86_vcpu_up);
X86_HANDLER(x86_vcpu_down);
X86_HANDLER(x86_vcpu_is_up);
X86_HANDLER(x86_vcpu_runstate);
X86_HANDLER(x86_vcpu_set_periodic);
X86_HANDLER(x86_vcpu_stop_periodic);
X86_HANDLER(x86_vcpu_set_singleshot);
X86_HANDLER(x86_vcpu_stop_singleshot);
/* hvm_op.c */
X86_HANDLER(x86_set_upcall_vector);
/* host.c */
X86_HANDLER(x86_levelling_caps);
X86_HANDLER(x86_pci_topology);
X86_HANDLER(x86_firmware_info);
X86_HANDLER(x86_cpu_info);

#endif
