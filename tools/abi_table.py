#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the hypervisor's tables of hypercalls with the ABI's public headers, and writes docs/abi.md from both.

    abi_table.py --check           fail when a call of the headers is in no table, or a table names one that is in no header
    abi_table.py --write FILE      check, then write the list; the file is left alone when nothing changed

Tables: FAMILY and ABSENT rows (hypercalls), SUBCALL rows (sub-calls, by macro: done, refused, missing), NOT_PROVIDED names.
What of a sub-call is done, where that is not all, stands behind its row: /* only: ... */.
"""
import argparse
import pathlib
import re
import sys

# Family, the header that lists its sub-calls, what their names look like, and what looks so and is none.
FAMILIES = [
    ("platform_op", "platform.h", r"XENPF_\w+", r"XENPF_INTERFACE_VERSION|XENPF_settime$|XENPF_ACPI_SLEEP"),
    ("memory_op", "memory.h", r"XENMEM_[a-z]\w*", r"XENMEM_resource_|XENMEM_add_to_physmap_range$|XENMEM_mkt"),
    ("xen_version", "version.h", r"XENVER_\w+", None),
    ("console_io", "xen.h", r"CONSOLEIO_\w+", None),
    ("grant_table_op", "grant_table.h", r"GNTTABOP_\w+", r"GNTTABOP_error_msgs"),
    ("vm_assist", "xen.h", r"VMASST_CMD_\w+", None),
    ("vcpu_op", "vcpu.h", r"VCPUOP_\w+", None),
    ("sched_op", "sched.h", r"SCHEDOP_\w+", None),
    ("event_channel_op", "event_channel.h", r"EVTCHNOP_\w+", r"EVTCHNOP_reset_cont"),
    ("physdev_op", "physdev.h", r"PHYSDEVOP_\w+",
     r"PHYSDEVOP_DBGP|PHYSDEVOP_pirq_eoi_gmfn$|PHYSDEVOP_(IRQ_STATUS_QUERY|SET_IO|APIC_|ASSIGN_V|FREE_V|IRQ_NEEDS|IRQ_SHARED)"),
    ("hvm_op", "hvm/hvm_op.h", r"HVMOP_\w+", r"HVMOP_ALTP2M_INTERFACE"),
    ("sysctl", "sysctl.h", r"XEN_SYSCTL_[a-z]\w*", r"XEN_SYSCTL_(cpu_featureset_|cpu_policy_|pm_op_)"),
    ("domctl", "domctl.h", r"XEN_DOMCTL_[a-z]\w*", r"XEN_DOMCTL_vmtrace_(?!op)|XEN_DOMCTL_soft_reset_cont"),
    ("xsm_op", "xsm/flask_op.h", r"FLASK_[A-Z]\w*", None),
    ("mmuext_op", "xen.h", r"MMUEXT_\w+", None),
    ("nmi_op", "nmi.h", r"XENNMI_\w+", None),
    ("callback_op", "callback.h", r"CALLBACKOP_\w+", None),
    ("xenoprof_op", "xenoprof.h", r"XENOPROF_[a-z]\w*", r"XENOPROF_last_op"),
    ("kexec_op", "kexec.h", r"KEXEC_CMD_\w+", None),
    ("tmem_op", "tmem.h", r"TMEM_[A-Z]\w*", r"TMEM_(SPEC_|POOL_|CLIENT_)"),
    ("argo_op", "argo.h", r"XEN_ARGO_OP_\w+", None),
    ("xenpmu_op", "pmu.h", r"XENPMU_[a-z]\w*", None),
    ("dm_op", "hvm/dm_op.h", r"XEN_DMOP_[a-z]\w*", r"XEN_DMOP_no_gfns"),
    ("hypfs_op", "hypfs.h", r"XEN_HYPFS_OP_\w+", None),
]
DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(\S+)", re.M)
HYPERCALL = re.compile(r"__HYPERVISOR_[a-z]\w*$")
ROW = re.compile(r"\b(SUBCALL|SUBCALL_ARM64|SUBCALL_X86_64|SUBCALL_REFUSED|SUBCALL_MISSING|SUBCALL_HIDDEN|NOT_PROVIDED|FAMILY|ABSENT)"
                 r"\(([^()]*)\),?(?:[ \t]*/\* only: ([^*]*) \*/)?")
ERRORS = {"E_NOSYS": "ENOSYS", "E_INVAL": "EINVAL"}


class Call:
    """One call or sub-call as the tables have it."""

    def __init__(self, kind, who, only=""):
        one = {"SUBCALL_ARM64": "arm64", "SUBCALL_X86_64": "x86_64"}.get(kind)
        done = {"SUBCALL_REFUSED": "refused", "SUBCALL": "yes", "FAMILY": "yes"}.get(kind, "yes" if one else "no")
        self.done = done
        self.on = {arch: done if one in (None, arch) else "no" for arch in ("arm64", "x86_64")}
        self.who = {"CALLER_ANY": "any domain", "CALLER_CONTROL": "dom0"}.get(who, "")
        self.placed = kind != "NOT_PROVIDED"
        self.only = only


def defines(path):
    """Name -> first definition; later ones are for older interface versions."""
    found = {}
    for name, value in DEFINE.findall(path.read_text(encoding="utf-8")):
        found.setdefault(name, value)
    return found


def header_calls(headers):
    """Hypercalls of xen.h with their numbers, and family -> sub-call names in the header's order."""
    names = defines(headers / "xen.h")
    numbers = {n: int(v) for n, v in names.items() if HYPERCALL.match(n) and v.isdigit()}
    families = {}
    for family, header, pattern, not_these in FAMILIES:
        found = [n for n in defines(headers / header) if re.fullmatch(pattern, n)]
        families[family] = [n for n in found if not (not_these and re.match(not_these, n))]
    return numbers, families


def table_calls(sources):
    """Name -> Call of every row, and hypercall -> the error of its sub-calls that are not implemented."""
    calls, errors = {}, {}
    for path in sources:
        for kind, text, only in ROW.findall(path.read_text(encoding="utf-8")):
            args = [a.strip() for a in text.split(",")]
            if kind in ("SUBCALL_HIDDEN", "SUBCALL_X86_64"):
                args = args[1:]
            if not re.match(r"(__HYPERVISOR_|[A-Z]+_?[A-Z]*_)\w+$", args[0]):
                continue
            who = args[3] if kind == "FAMILY" else args[1] if len(args) > 1 else ""
            if args[0] in calls:
                sys.exit(f"{path}: {args[0]} has a row already")
            calls[args[0]] = Call(kind, who, only)
            if kind == "FAMILY":
                errors[args[0]] = ERRORS.get(args[6], args[6])
    return calls, errors


def differences(numbers, families, calls):
    wanted = set(numbers).union(*families.values())
    for name in sorted(wanted - set(calls)):
        yield f"abi/xen: {name} is in the public headers and in no table"
    for name in sorted(set(calls) - wanted):
        yield f"abi/xen: {name} is in a table and not in the public headers"


def cells(call):
    """arm64, x86_64, host: what runs on either processor runs on the simulated one."""
    return f"{call.on['arm64']} | {call.on['x86_64']} | {call.done} | {call.only}"


def document(numbers, families, calls, errors):
    for family, *_ in FAMILIES:
        if not any(calls[n].done == "yes" for n in families[family]):
            calls["__HYPERVISOR_" + family] = Call("ABSENT", "")
    done = sum(c.done == "yes" for c in calls.values())
    out = ["# The Xen ABI in Vinci", "",
           "Generated by `tools/abi_table.py` from the hypervisor's tables (`abi/xen/`) and the public headers of Xen 4.17 (Debian's",
           "`libxen-dev`); the build fails when the headers have a call that no table names. The interface versions are 0x15 for",
           "domctl and 0x15 for sysctl.", "",
           "*yes*: implemented. *refused*: answered with an error of its own whatever the arguments. *no*: answers the family's error.",
           "*host* is the simulated processor on which the same code is tested. *of it*: what of a call there is, where that is not all.", "",
           "32-bit kernels make all calls that any domain may make: those of Arm in the same layout, those of x86 in the layout of 4-byte",
           "longs (`abi/xen/narrow.h`). What only dom0 may call is for 64-bit code on x86.", "",
           f"{done} of {len(calls)} calls and sub-calls are implemented.", "",
           "## Hypercalls", "", "| number | call | who may call | arm64 | x86_64 | host | of it |", "|---|---|---|---|---|---|---|"]
    for name, number in sorted(numbers.items(), key=lambda item: item[1]):
        out.append(f"| {number} | {name[len('__HYPERVISOR_'):]} | {calls[name].who} | {cells(calls[name])} |")
    for family, *_ in FAMILIES:
        call = "__HYPERVISOR_" + family
        out += ["", f"## {family}", ""]
        if not any(calls[n].placed for n in families[family]):
            out += ["Not implemented as a whole: answers ENOSYS. Sub-calls: " + ", ".join(families[family]) + "."]
            continue
        out += [f"What is not implemented answers {errors[call]}.", "",
                "| sub-call | who may call | arm64 | x86_64 | host | of it |", "|---|---|---|---|---|---|"]
        out += [f"| {n} | {calls[n].who} | {cells(calls[n])} |" for n in families[family]]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headers", type=pathlib.Path, default=pathlib.Path("/usr/include/xen"))
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path("abi/xen"))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    numbers, families = header_calls(options.headers)
    calls, errors = table_calls(sorted(options.source.rglob("*.c")))
    wrong = list(differences(numbers, families, calls))
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    if options.write:
        text = document(numbers, families, calls, errors)
        if not options.write.exists() or options.write.read_text(encoding="utf-8") != text:
            options.write.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
