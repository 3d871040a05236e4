#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes OUT/images: everything that the board boots beside the hypervisor. Rebuilds what changed.

  xen              Debian's hypervisor, the reference       dom0.kernel, dom0.cpio   the control domain
  store.img        guests' kernels and ramdisks, a disk     guests.cpio              the same as an initramfs part
  web.img          the web server's root disk              dom0-libvirt.cpio         the control domain with libvirt
  vchan-peer       talks over libxenvchan                   peer.ramdisk              a cloud guest with it
  pci.ramdisk      a cloud guest that drives virtio disks and network cards of PCI
  vinci-arinc653   dom0's command for the frames of CPU pools

and with --more, for the tests:
  kernels.img      more kernels and their ramdisks for guests
  dom0-new.kernel, dom0-new.cpio    a newer kernel as the control domain's
  grub.efi                          GRUB for UEFI
  zcu102.dtb                        Debian's device tree for Xilinx' ZCU102
  machine.img                       the root disk of a machine on which the hypervisor's package is installed
"""

import argparse
import shutil
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from imaging import recipes                                         # noqa: E402
from imaging.debian import DebianError, Repository, digest          # noqa: E402
from imaging.progress import step                                   # noqa: E402
from imaging.tree import Tree, TreeError                            # noqa: E402

HERE = Path(__file__).resolve().parent


def sources():
    """The files of this repository that decide what an image holds."""
    return [HERE / "images.py"] + [path for folder in ("imaging", "overlay", "programs") for path in sorted((HERE / folder).rglob("*"))
            if path.is_file() and path.suffix != ".pyc"]


class Images:
    """The images of one output folder; a stamp per image says what it was made from."""

    def __init__(self, out):
        self.out = out / "images"
        self.work = out / "images.work"
        self.out.mkdir(parents=True, exist_ok=True)

    def make(self, name, inputs, title, function):
        stamp = self.out / f".{name}.stamp"
        want = digest(*inputs)
        target = self.out / name
        if target.exists() and stamp.exists() and stamp.read_text() == want:
            return
        with step(title):
            fresh = self.out / f"{name}.new"
            function(fresh)
            fresh.rename(target)
            stamp.write_text(want)


def tiny_kernel(*code):
    """An arm64 Image of a few instructions."""
    header = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0x80000, 4096, 0xA, 0, 0, 0, b"ARM\x64", 0)
    return (header + struct.pack(f"<{len(code)}I", *code)).ljust(4096, b"\0")


# wfi; b .-4: waits for ever.
NAP = tiny_kernel(0xD503207F, 0x17FFFFFF)
# mov x0, #SCHEDOP_shutdown; mov x16, #sched_op; adr x1, reason; hvc #0xea1; b .; reason: SHUTDOWN_crash
CRASH = tiny_kernel(0xD2800040, 0xD28003B0, 0x10000061, 0xD401D422, 0x14000000, 3)


def store_tree(images, found):
    tree = Tree({})
    for flavour, kernel in found.items():
        tree.file(f"{flavour}.kernel", kernel.image, mode=0o644)
        tree.file(f"{flavour}.ramdisk", images.out / f"{flavour}.ramdisk", mode=0o644)
    tree.file("vchan-peer", images.out / "vchan-peer", mode=0o755)
    tree.file("vinci-arinc653", images.out / "vinci-arinc653", mode=0o755)
    tree.file("peer.ramdisk", images.out / "peer.ramdisk", mode=0o644)
    tree.data("nap.kernel", NAP)
    tree.data("crash.kernel", CRASH)
    return tree


def write_guests(images, found, out):
    """The store's content at /srv of dom0's own initramfs, for a board without a disk (no web.img)."""
    tree = Tree({})
    for path, (_, content) in store_tree(images, found).entries.items():
        if isinstance(content, Path):
            tree.file(f"srv/{path}", content)
        elif path.endswith(".kernel"):
            tree.data(f"srv/{path}", content)
    tree.write_cpio(out)


def build(out):
    repository = Repository(out / "debian", "arm64")
    files = repository.fetch(recipes.PACKAGES)
    packages = repository.unpack(files)
    inputs = sources() + [path.name for path in files.values()]
    found = recipes.kernels(packages)
    images = Images(out)
    xen = next((packages["xen-hypervisor-4.17-arm64"] / "boot").glob("xen-4.17-arm64"))
    images.make("xen", inputs, "Debian's hypervisor", lambda path: shutil.copy(xen, path))
    images.make("dom0.kernel", inputs, "dom0's kernel", lambda path: shutil.copy(found["full"].image, path))
    images.make("dom0.cpio", inputs, "dom0's initramfs",
                lambda path: recipes.dom0_tree(packages, found["full"]).write_cpio(path))
    images.make("dom0-libvirt.cpio", inputs, "dom0's initramfs with libvirt",
                lambda path: recipes.dom0_tree(packages, found["full"], libvirt=True).write_cpio(path))
    for flavour, kernel in found.items():
        images.make(f"{flavour}.ramdisk", inputs, f"the ramdisk for the {flavour} kernel",
                    lambda path, kernel=kernel: recipes.guest_tree(packages, kernel).write_cpio(path))
    images.make("vchan-peer", inputs, "the program for channels between domains",
                lambda path: recipes.compile_for_dom0(packages, "vchan-peer", recipes.VCHAN_LIBRARIES, path))
    images.make("vinci-arinc653", inputs, "the program for frames of CPU pools",
                lambda path: recipes.compile_for_dom0(packages, "vinci-arinc653", recipes.CONTROL_LIBRARIES, path))
    images.make("peer.ramdisk", inputs, "the ramdisk of guests that talk with each other",
                lambda path: recipes.peer_tree(packages, found["cloud"], images.out / "vchan-peer").write_cpio(path))
    images.make("pci.ramdisk", inputs, "the ramdisk of guests with PCI devices",
                lambda path: recipes.pci_tree(packages, found["cloud"]).write_cpio(path))
    drawing = inputs + [HERE / "font.py", *sorted((HERE.parent / "guests/camera").glob("*"))]
    images.make("infotainment", drawing, "the infotainment's program", recipes.compile_infotainment)
    images.make("infotainment.ramdisk", drawing, "the infotainment's ramdisk",
                lambda path: recipes.infotainment_tree(packages, images.out / "infotainment").write_cpio(path))
    images.make("cloud.kernel", inputs, "the cloud kernel", lambda path: shutil.copy(found["cloud"].image, path))
    images.make("web.img", inputs, "the web server's disk",
                lambda path: recipes.make_ext4(recipes.web_tree(packages), path, "web", 96, images.work))
    images.make("store.img", inputs, "the store disk", lambda path: recipes.make_ext4(
        store_tree(images, found), path, "vinci-store", 128, images.work))
    images.make("guests.cpio", inputs, "the store as an initramfs part",
                lambda path: write_guests(images, found, path))


def build_more(out):
    repository = Repository(out / "debian", "arm64")
    packages = repository.unpack(repository.fetch(recipes.PACKAGES))
    inputs, guests = sources(), {}
    for arch, wanted in recipes.MORE_KERNELS.items():
        more = Repository(out / "debian", arch, "more")
        files = more.fetch(wanted)
        inputs += [path.name for path in files.values()]
        trees = more.unpack(files)
        for name, kernel in recipes.more_kernels(trees).items():
            guests[name] = (kernel, {**packages, **trees} if arch == "arm64" else trees)
    images = Images(out)
    images.make("kernels.img", inputs, "the disk with more kernels", lambda path: recipes.make_ext4(
        more_tree(guests, images.work.with_suffix(".more")), path, "vinci-kernels", 160, images.work))
    grub = Repository(out / "debian", "arm64", "grub")
    files = grub.fetch(recipes.GRUB_PACKAGES)
    images.make("grub.efi", inputs + [path.name for path in files.values()], "GRUB for UEFI",
                lambda path: recipes.make_grub(grub.unpack(files), path))
    build_machine(images, inputs, repository, packages)
    trees = recipes.kernels(packages)["full"].package / "usr/lib"
    images.make("zcu102.dtb", inputs, "the device tree of a board",
                lambda path: shutil.copy(next(trees.glob("*/xilinx/zynqmp-zcu102-rev1.0.dtb")), path))
    kernel, packages = guests["new"]
    images.make("dom0-new.kernel", inputs, "dom0's newer kernel", lambda path: shutil.copy(kernel.image, path))
    images.make("dom0-new.cpio", inputs, "dom0's initramfs for it",
                lambda path: recipes.dom0_tree(packages, kernel).write_cpio(path))


# What the installer would have asked and written to /etc/default/grub: the machine's console is its serial line.
MACHINE_GRUB = """GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_TERMINAL=console
GRUB_CMDLINE_LINUX="vinci.root=/dev/vda2 console=hvc0 vinci.mode=test vinci.store=none"
"""


def build_machine(images, inputs, repository, packages):
    more = Repository(repository.root, "arm64", "machine")
    files = more.fetch(recipes.MACHINE_PACKAGES)
    trees = {**packages, **more.unpack(files)}
    full = recipes.kernels(packages)["full"]
    scratch = images.work.with_suffix(".machine")

    def make(path):
        ramdisk = scratch.with_suffix(".ramdisk")
        recipes.pci_tree(packages, full).write_cpio(ramdisk)
        recipes.make_ext4(recipes.machine_tree(trees, full, ramdisk, MACHINE_GRUB), path, "machine", 192, scratch)
        ramdisk.unlink()

    images.make("machine.img", inputs + [path.name for path in files.values()], "the disk of a machine to install on", make)


def more_tree(guests, scratch):
    """The kernels and, packed into `scratch`, their ramdisks."""
    tree = Tree({})
    scratch.mkdir(parents=True, exist_ok=True)
    for name, (kernel, packages) in guests.items():
        ramdisk = scratch / f"{name}.ramdisk"
        recipes.guest_tree(packages, kernel).write_cpio(ramdisk)
        tree.file(f"{name}.kernel", kernel.image, mode=0o644)
        tree.file(f"{name}.ramdisk", ramdisk, mode=0o644)
    return tree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--more", action="store_true", help="the tests' kernels, too")
    arguments = parser.parse_args()
    try:
        build(arguments.out.resolve())
        if arguments.more:
            build_more(arguments.out.resolve())
    except (DebianError, TreeError) as error:
        sys.exit(f"images: {error}")


if __name__ == "__main__":
    main()
