# SPDX-License-Identifier: Apache-2.0
"""What goes into each image: dom0, the guests' ramdisk, the web server's disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .kernel import Kernel
from .target import ARM64
from .tree import Tree, TreeError

OVERLAY = Path(__file__).resolve().parent.parent / "overlay"
PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
ROOT = PROGRAMS.parent.parent

# The kernels that are tested beside the target's own; what they need to start comes from there.
MORE_KERNELS = {
    "arm64": ["linux-image-6.12-arm64", "linux-image-rt-arm64"],
    "armhf": ["linux-image-armmp-lpae", "busybox-static"],
}
# A guest's on x86-64, of the architecture i386.
NARROW_KERNEL = ["linux-image-686-pae", "busybox-static"]

# GRUB for UEFI, whose modules the machine's own grub-mkimage puts together.
# Besides, for a machine on which packages are installed and GRUB's menu is made.
MACHINE_PACKAGES = ["grub-common", "grub2-common", "gettext-base", "libdevmapper1.02.1", "libudev1", "dpkg", "tar", "libc-bin"]
MACHINE_PROGRAMS = [
    "usr/bin/dpkg", "usr/bin/dpkg-deb", "usr/bin/dpkg-query", "usr/bin/dpkg-split", "bin/tar", "sbin/ldconfig", "usr/bin/gettext",
    "usr/bin/gettext.sh", "usr/sbin/grub-probe", "usr/sbin/grub-mkconfig", "usr/sbin/update-grub", "usr/bin/grub-mkrelpath",
    "usr/bin/grub-script-check", "usr/bin/grub-file", "usr/share/grub/grub-mkconfig_lib",
]
MACHINE_FOLDERS = {"grub-common": ["etc/grub.d"], "dpkg": ["usr/share/dpkg"]}
GRUB_MODULES = ["part_gpt", "fat", "ext2", "normal", "configfile", "search", "echo", "test", "linux", "gzio", "sleep"]

DOM0_MODULES = [
    "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs", "loop", "xen-blkback",
    "xen-netback", "bridge", "virtio_pci", "virtio_blk", "virtio_net", "ext4", "crc32c_generic", "nvme", "ahci", "sd_mod",
    "e1000e", "e1000",
]
GUEST_MODULES = ["xen-blkfront", "xen-netfront", "ext4", "crc32c_generic"]
PCI_MODULES = ["virtio_pci", "virtio_blk", "virtio_net"]
PEER_MODULES = ["xen-evtchn", "xen-gntdev", "xen-gntalloc"]
WATCHDOG_MODULES = ["xen_wdt"]
VCHAN_LIBRARIES = ["xenvchan", "xengnttab", "xenevtchn", "xenstore", "xentoolcore", "xentoollog", "pthread"]
CONTROL_LIBRARIES = ["xenctrl", "xencall", "xenforeignmemory", "xendevicemodel", "xenevtchn", "xengnttab", "xenstore", "xentoolcore",
                     "xentoollog", "pthread"]

XEN_BIN = "usr/lib/xen-4.17/bin"
DOM0_PROGRAMS = ["xl", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0", "libxl-save-helper", "xentop",
                 "test-resource", "test-xenstore", "test-paging-mempool", "xenpm", "xenperf"]
# For a person who looks closer; in the larger dom0 only.
MORE_PROGRAMS = ["xenctx", "xenwatchdogd", "xentrace", "xenlockprof", "xen-livepatch", "xencov", "xen-diag", "vchan-socket-proxy"]
LIBVIRT_PROGRAMS = ["usr/sbin/libvirtd", "usr/sbin/virtlogd", "usr/bin/virsh"]
LIBVIRT_DRIVER = "libvirt/connection-driver/libvirt_driver_libxl.so"

XENSTORE_TOOLS = ["chmod", "exists", "list", "ls", "read", "rm", "watch", "write"]


def applets(program):
    """The names that busybox answers to: a run of sorted strings in the program that begins with '['."""
    data = program.read_bytes()
    begin = data.find(b"[\0[[\0")
    if begin < 0:
        raise TreeError(f"{program} names no applets")
    return data[begin:data.index(b"\0\0", begin)].decode().split("\0")


def add_busybox(tree):
    tree.take("bin/busybox")
    for name in applets(tree.find("bin/busybox")):
        if f"usr/bin/{name}" not in tree.entries:
            tree.link(f"usr/bin/{name}", "busybox")
            tree.link(f"usr/sbin/{name}", "../bin/busybox")


def folders(tree):
    for path in ("dev", "proc", "sys", "run", "tmp", "root", "srv", "new", "etc", "var/lib", "var/log"):
        tree.folder(path)
    tree.link("var/run", "/run")
    tree.link("var/lock", "/run/lock")


def add_libvirt(tree, target):
    """libvirt's daemon with the driver for Xen, and virsh; and the rest of Xen's own programs."""
    for name in MORE_PROGRAMS:
        tree.take(f"{XEN_BIN}/{name}")
        tree.link(f"usr/sbin/{name}", f"../lib/xen-4.17/bin/{name}")
    tree.take(*LIBVIRT_PROGRAMS, f"{target.libraries}/{LIBVIRT_DRIVER}")
    tree.overlay(tree.packages["libvirt0"] / "usr/share/libvirt/cpu_map", at="usr/share/libvirt/cpu_map")


def dom0_tree(packages, kernel, libvirt=False, target=ARM64, programs=()):
    """The control domain, with these programs of ours."""
    tree = Tree(packages)
    folders(tree)
    tree.take("bin/bash", "usr/bin/flock")
    for name in ("d/dumb", "l/linux", "v/vt100", "x/xterm"):
        tree.take(f"lib/terminfo/{name}")
    for name in (*DOM0_PROGRAMS, *target.programs):
        tree.take(f"{XEN_BIN}/{name}")
        tree.link(f"usr/sbin/{name}", f"../lib/xen-4.17/bin/{name}")
    for name in XENSTORE_TOOLS:
        tree.take(f"usr/bin/xenstore-{name}")
    scripts = packages["xen-utils-common"] / "etc/xen/scripts"
    for script in sorted(scripts.iterdir()):
        tree.file(f"etc/xen/scripts/{script.name}", script)
    add_busybox(tree)
    tree.link("init", "usr/bin/init")
    tree.overlay(OVERLAY / "dom0")
    for program in programs:
        tree.file(f"usr/sbin/{program.name}", program, mode=0o755)
    if libvirt:
        add_libvirt(tree, target)
    tree.take(f"lib/{target.triplet}/libgcc_s.so.1")    # loaded by name when a thread ends
    tree.libraries()
    kernel.add_modules(tree, DOM0_MODULES)
    return tree


def compile_for_dom0(packages, name, libraries, out, target=ARM64):
    """tools/programs/NAME.c, and what is in the folder NAME beside it, with everything of Xen's libraries in it that it needs."""
    xen = packages["libxen-dev"] / "usr"
    libraries = [f"-l{library}" for library in libraries]
    sources = [PROGRAMS / f"{name}.c", *sorted((PROGRAMS / name).glob("*.c"))]
    subprocess.run([f"{target.triplet}-gcc", "-O2", "-s", "-static", "-Wall", "-Wextra", "-Werror", "-isystem", str(xen / "include"),
                    "-o", str(out), *map(str, sources), f"-L{xen / 'lib' / target.triplet}", *libraries], check=True, timeout=120)


def peer_tree(packages, kernel, program):
    """A guest that talks with other domains by itself."""
    tree = guest_tree(packages, kernel)
    tree.file("usr/bin/vchan-peer", program, mode=0o755)
    kernel.add_modules(tree, PEER_MODULES + WATCHDOG_MODULES + GUEST_MODULES)
    tree.text("etc/modules", "\n".join(PEER_MODULES) + "\n")
    return tree


def pci_tree(packages, kernel):
    """A guest with PCI devices of its own."""
    tree = guest_tree(packages, kernel)
    kernel.add_modules(tree, PCI_MODULES + GUEST_MODULES)
    tree.text("etc/modules", "\n".join(PCI_MODULES) + "\n")
    return tree


def compile_infotainment(out):
    """tools/programs/infotainment.c for arm64, with the letters and the drawing that it shares with guests/camera."""
    fonts = out.with_suffix(".fonts")
    fonts.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, str(PROGRAMS.parent / "font.py"), str(fonts / "fonts.h"), "font_small=DejaVuSans:15",
                    "font_large=DejaVuSans-Bold:22", "font_huge=DejaVuSans-Bold:40"], check=True, timeout=60)
    subprocess.run(["aarch64-linux-gnu-gcc", "-O2", "-s", "-static", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}", f"-I{fonts}", "-o", str(out),
                    str(PROGRAMS / "infotainment.c"), str(ROOT / "guests/camera/canvas.c")], check=True, timeout=120)
    shutil.rmtree(fonts)


def infotainment_tree(packages, program):
    """The second partition of `make demo-ivi`: pictures and a login, no modules."""
    tree = Tree(packages)
    folders(tree)
    add_busybox(tree)
    tree.link("init", "usr/bin/init")
    tree.overlay(OVERLAY / "infotainment")
    tree.file("usr/bin/infotainment", program, mode=0o755)
    tree.libraries()
    return tree


def guest_tree(packages, kernel):
    tree = Tree(packages)
    folders(tree)
    add_busybox(tree)
    for name in ("poweroff", "reboot", "halt"):         # the kernel calls them; init is a script
        tree.text(f"usr/sbin/{name}", f"#!/bin/sh\nexec busybox {name} -f\n", mode=0o755)
        del tree.entries[f"usr/bin/{name}"]
    tree.overlay(OVERLAY / "guest")
    tree.libraries()
    kernel.add_modules(tree, GUEST_MODULES)
    return tree


def web_tree(packages):
    tree = Tree(packages)
    folders(tree)
    for name in ("base-files", "nginx", "nginx-common"):
        tree.package(name)
    add_busybox(tree)
    tree.overlay(OVERLAY / "web")
    tree.libraries()
    return tree


def make_ext4(tree, out, label, mib, scratch):
    """An ext4 image of the tree, by mke2fs alone; owned by root whoever builds it."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tree.write_folder(scratch)
    out.unlink(missing_ok=True)
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-m", "0",
                    "-L", label, "-E", "root_owner=0:0,nodiscard", "-d", str(scratch), str(out), f"{mib}M"],
                   check=True, env=environment, timeout=300,
                   stdout=subprocess.DEVNULL)
    if os.getuid():
        commands = "".join(f'sif "/{path}" uid 0\nsif "/{path}" gid 0\n' for path in tree.entries)
        subprocess.run(["debugfs", "-w", "-f", "-", str(out)], input=commands, text=True, check=True,
                       env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    shutil.rmtree(scratch)


def make_grub(packages, out, target):
    """GRUB as an EFI application that reads /boot/grub/grub.cfg from the first partition of its disk."""
    modules = packages[target.grub_package] / "usr/lib/grub" / target.grub
    subprocess.run(["grub-mkimage", "-O", target.grub, "-d", str(modules), "-p", "(,gpt1)/boot/grub", "-o", str(out), *GRUB_MODULES,
                    target.grub_module], check=True, timeout=60)


def machine_tree(packages, kernel, ramdisk, grub_words, target):
    """The root disk of a machine as Debian's installer leaves it, as far as dpkg, GRUB's scripts and the toolstack look at it."""
    tree = dom0_tree(packages, kernel, target=target)
    for path in MACHINE_PROGRAMS:
        tree.entries.pop(f"usr/sbin/{os.path.basename(path)}", None)     # busybox's
        tree.take(path)
    for package, folders_of in MACHINE_FOLDERS.items():
        for folder in folders_of:
            tree.overlay(packages[package] / folder, at=folder)
    for place in ("usr/lib/grub", "boot/grub"):
        tree.overlay(packages[target.grub_package] / "usr/lib/grub" / target.grub, at=f"{place}/{target.grub}")
    tree.overlay(OVERLAY / "machine")
    tree.text("etc/default/grub", grub_words)
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc/dpkg/dpkg.cfg.d"):
        tree.folder(folder)
    tree.text("var/lib/dpkg/status", "")
    tree.text("var/lib/dpkg/available", "")
    tree.file(f"boot/vmlinuz-{kernel.version}", kernel.image, mode=0o644)
    tree.file(f"boot/config-{kernel.version}", kernel.package / f"boot/config-{kernel.version}", mode=0o644)
    tree.file(f"boot/initrd.img-{kernel.version}", ramdisk, mode=0o644)
    tree.libraries()
    return tree


def more_kernels(packages):
    """6.12, the real-time one and the 32-bit ones, as far as they are in `packages`."""
    kinds = {"linux-image-6.12.": "new", "-rt-arm64": "rt", "-armmp-lpae": "armhf", "-686-pae": "narrow"}
    return {kind: Kernel(tree) for name, tree in packages.items() for part, kind in kinds.items() if part in name}


def kernels(packages):
    """The full kernel and the cloud one, by the names that the metapackages resolved to."""
    found = {}
    for name, tree in packages.items():
        if name.startswith("linux-image-"):
            found["cloud" if "cloud" in name else "full"] = Kernel(tree)
    if set(found) != {"full", "cloud"}:
        raise TreeError(f"expected a full and a cloud kernel, found {sorted(found)}")
    return found
