/* SPDX-License-Identifier: Apache-2.0 */
/* What the public headers name and no table has a place for; tools/abi_table.py checks that the list is whole. */
#include "abi/xen/hypercall.h"

/* Second-level sub-calls of memory_op and hvm_op whose first level is not implemented. */
NOT_PROVIDED(HVMOP_altp2m_change_gfn);
NOT_PROVIDED(HVMOP_altp2m_create_p2m);
NOT_PROVIDED(HVMOP_altp2m_destroy_p2m);
NOT_PROVIDED(HVMOP_altp2m_get_domain_state);
NOT_PROVIDED(HVMOP_altp2m_get_mem_access);
NOT_PROVIDED(HVMOP_altp2m_get_p2m_idx);
NOT_PROVIDED(HVMOP_altp2m_get_suppress_ve);
NOT_PROVIDED(HVMOP_altp2m_set_domain_state);
NOT_PROVIDED(HVMOP_altp2m_set_mem_access);
NOT_PROVIDED(HVMOP_altp2m_set_mem_access_multi);
NOT_PROVIDED(HVMOP_altp2m_set_suppress_ve);
NOT_PROVIDED(HVMOP_altp2m_set_suppress_ve_multi);
NOT_PROVIDED(HVMOP_altp2m_set_visibility);
NOT_PROVIDED(HVMOP_altp2m_switch_p2m);
NOT_PROVIDED(HVMOP_altp2m_vcpu_disable_notify);
NOT_PROVIDED(HVMOP_altp2m_vcpu_enable_notify);
NOT_PROVIDED(XENMEM_access_op_get_access);
NOT_PROVIDED(XENMEM_access_op_set_access);
NOT_PROVIDED(XENMEM_access_op_set_access_multi);
NOT_PROVIDED(XENMEM_paging_op_evict);
NOT_PROVIDED(XENMEM_paging_op_nominate);
NOT_PROVIDED(XENMEM_paging_op_prep);
NOT_PROVIDED(XENMEM_sharing_op_add_physmap);
NOT_PROVIDED(XENMEM_sharing_op_audit);
NOT_PROVIDED(XENMEM_sharing_op_debug_gfn);
NOT_PROVIDED(XENMEM_sharing_op_debug_gref);
NOT_PROVIDED(XENMEM_sharing_op_debug_mfn);
NOT_PROVIDED(XENMEM_sharing_op_fork);
NOT_PROVIDED(XENMEM_sharing_op_fork_reset);
NOT_PROVIDED(XENMEM_sharing_op_nominate_gfn);
NOT_PROVIDED(XENMEM_sharing_op_nominate_gref);
NOT_PROVIDED(XENMEM_sharing_op_range_share);
NOT_PROVIDED(XENMEM_sharing_op_share);

/* Security labels: there are none; xsm_op answers that it does not exist, which the tools expect. */
NOT_PROVIDED(FLASK_ACCESS);
NOT_PROVIDED(FLASK_ADD_OCONTEXT);
NOT_PROVIDED(FLASK_AVC_CACHESTATS);
NOT_PROVIDED(FLASK_AVC_HASHSTATS);
NOT_PROVIDED(FLASK_COMMITBOOLS);
NOT_PROVIDED(FLASK_CONTEXT_TO_SID);
NOT_PROVIDED(FLASK_CREATE);
NOT_PROVIDED(FLASK_DEL_OCONTEXT);
NOT_PROVIDED(FLASK_DEVICETREE_LABEL);
NOT_PROVIDED(FLASK_DISABLE);
NOT_PROVIDED(FLASK_GETAVC_THRESHOLD);
NOT_PROVIDED(FLASK_GETBOOL);
NOT_PROVIDED(FLASK_GETENFORCE);
NOT_PROVIDED(FLASK_GET_PEER_SID);
NOT_PROVIDED(FLASK_LOAD);
NOT_PROVIDED(FLASK_MEMBER);
NOT_PROVIDED(FLASK_MLS);
NOT_PROVIDED(FLASK_POLICYVERS);
NOT_PROVIDED(FLASK_RELABEL);
NOT_PROVIDED(FLASK_RELABEL_DOMAIN);
NOT_PROVIDED(FLASK_SETAVC_THRESHOLD);
NOT_PROVIDED(FLASK_SETBOOL);
NOT_PROVIDED(FLASK_SETENFORCE);
NOT_PROVIDED(FLASK_SID_TO_CONTEXT);
NOT_PROVIDED(FLASK_USER);

/* Page tables that the guest shares with its hypervisor: translated guests have their own. */
NOT_PROVIDED(MMUEXT_CLEAR_PAGE);
NOT_PROVIDED(MMUEXT_COPY_PAGE);
NOT_PROVIDED(MMUEXT_FLUSH_CACHE);
NOT_PROVIDED(MMUEXT_FLUSH_CACHE_GLOBAL);
NOT_PROVIDED(MMUEXT_INVLPG_ALL);
NOT_PROVIDED(MMUEXT_INVLPG_LOCAL);
NOT_PROVIDED(MMUEXT_INVLPG_MULTI);
NOT_PROVIDED(MMUEXT_MARK_SUPER);
NOT_PROVIDED(MMUEXT_NEW_BASEPTR);
NOT_PROVIDED(MMUEXT_NEW_USER_BASEPTR);
NOT_PROVIDED(MMUEXT_PIN_L1_TABLE);
NOT_PROVIDED(MMUEXT_PIN_L2_TABLE);
NOT_PROVIDED(MMUEXT_PIN_L3_TABLE);
NOT_PROVIDED(MMUEXT_PIN_L4_TABLE);
NOT_PROVIDED(MMUEXT_SET_LDT);
NOT_PROVIDED(MMUEXT_TLB_FLUSH_ALL);
NOT_PROVIDED(MMUEXT_TLB_FLUSH_LOCAL);
NOT_PROVIDED(MMUEXT_TLB_FLUSH_MULTI);
NOT_PROVIDED(MMUEXT_UNMARK_SUPER);
NOT_PROVIDED(MMUEXT_UNPIN_TABLE);

/* Call-backs and NMIs of guests without an interrupt controller. */
NOT_PROVIDED(CALLBACKOP_register);
NOT_PROVIDED(CALLBACKOP_unregister);
NOT_PROVIDED(XENNMI_register_callback);
NOT_PROVIDED(XENNMI_unregister_callback);

/* Profiling and performance counters. */
NOT_PROVIDED(XENOPROF_counter);
NOT_PROVIDED(XENOPROF_disable_virq);
NOT_PROVIDED(XENOPROF_enable_virq);
NOT_PROVIDED(XENOPROF_get_buffer);
NOT_PROVIDED(XENOPROF_get_ibs_caps);
NOT_PROVIDED(XENOPROF_ibs_counter);
NOT_PROVIDED(XENOPROF_init);
NOT_PROVIDED(XENOPROF_release_counters);
NOT_PROVIDED(XENOPROF_reserve_counters);
NOT_PROVIDED(XENOPROF_reset_active_list);
NOT_PROVIDED(XENOPROF_reset_passive_list);
NOT_PROVIDED(XENOPROF_set_active);
NOT_PROVIDED(XENOPROF_set_backtrace);
NOT_PROVIDED(XENOPROF_set_passive);
NOT_PROVIDED(XENOPROF_setup_events);
NOT_PROVIDED(XENOPROF_shutdown);
NOT_PROVIDED(XENOPROF_start);
NOT_PROVIDED(XENOPROF_stop);
NOT_PROVIDED(XENPMU_feature_get);
NOT_PROVIDED(XENPMU_feature_set);
NOT_PROVIDED(XENPMU_finish);
NOT_PROVIDED(XENPMU_flush);
NOT_PROVIDED(XENPMU_init);
NOT_PROVIDED(XENPMU_lvtpc_set);
NOT_PROVIDED(XENPMU_mode_get);
NOT_PROVIDED(XENPMU_mode_set);

/* Loading another kernel of the host. */
NOT_PROVIDED(KEXEC_CMD_kexec);
NOT_PROVIDED(KEXEC_CMD_kexec_get_range);
NOT_PROVIDED(KEXEC_CMD_kexec_load);
NOT_PROVIDED(KEXEC_CMD_kexec_load_v1);
NOT_PROVIDED(KEXEC_CMD_kexec_status);
NOT_PROVIDED(KEXEC_CMD_kexec_unload);
NOT_PROVIDED(KEXEC_CMD_kexec_unload_v1);

/* Memory shared behind the guests' backs; gone from the ABI. */
NOT_PROVIDED(TMEM_AUTH);
NOT_PROVIDED(TMEM_DESTROY_POOL);
NOT_PROVIDED(TMEM_FLUSH_OBJECT);
NOT_PROVIDED(TMEM_FLUSH_PAGE);
NOT_PROVIDED(TMEM_GET_PAGE);
NOT_PROVIDED(TMEM_NEW_PAGE);
NOT_PROVIDED(TMEM_NEW_POOL);
NOT_PROVIDED(TMEM_PUT_PAGE);
NOT_PROVIDED(TMEM_READ);
NOT_PROVIDED(TMEM_RESTORE_NEW);
NOT_PROVIDED(TMEM_WRITE);
NOT_PROVIDED(TMEM_XCHG);

/* Messages between domains other than by grants. */
NOT_PROVIDED(XEN_ARGO_OP_notify);
NOT_PROVIDED(XEN_ARGO_OP_register_ring);
NOT_PROVIDED(XEN_ARGO_OP_sendv);
NOT_PROVIDED(XEN_ARGO_OP_unregister_ring);

/* Device models in another domain. */
NOT_PROVIDED(XEN_DMOP_create_ioreq_server);
NOT_PROVIDED(XEN_DMOP_destroy_ioreq_server);
NOT_PROVIDED(XEN_DMOP_get_ioreq_server_info);
NOT_PROVIDED(XEN_DMOP_inject_event);
NOT_PROVIDED(XEN_DMOP_inject_msi);
NOT_PROVIDED(XEN_DMOP_map_io_range_to_ioreq_server);
NOT_PROVIDED(XEN_DMOP_map_mem_type_to_ioreq_server);
NOT_PROVIDED(XEN_DMOP_modified_memory);
NOT_PROVIDED(XEN_DMOP_nr_vcpus);
NOT_PROVIDED(XEN_DMOP_pin_memory_cacheattr);
NOT_PROVIDED(XEN_DMOP_relocate_memory);
NOT_PROVIDED(XEN_DMOP_remote_shutdown);
NOT_PROVIDED(XEN_DMOP_set_ioreq_server_state);
NOT_PROVIDED(XEN_DMOP_set_irq_level);
NOT_PROVIDED(XEN_DMOP_set_isa_irq_level);
NOT_PROVIDED(XEN_DMOP_set_mem_type);
NOT_PROVIDED(XEN_DMOP_set_pci_intx_level);
NOT_PROVIDED(XEN_DMOP_set_pci_link_route);
NOT_PROVIDED(XEN_DMOP_track_dirty_vram);
NOT_PROVIDED(XEN_DMOP_unmap_io_range_from_ioreq_server);
