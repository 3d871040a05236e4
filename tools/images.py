#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes OUT/images (x86_64: OUT/x86_64/images): everything that the board boots beside the hypervisor. Rebuilds what changed.

  xen              Debian's hypervisor, the reference       dom0.kernel, dom0.cpio   the control domain
  store.img        guests' kernels and ramdisks, a disk     guests.cpio              the same as an initramfs part
  web.img          the web server's root disk              dom0-libvirt.cpio         the control domain with libvirt
  vchan-peer       talks over libxenvchan                   peer.ramdisk              a cloud guest with it
  pci.ramdisk      a cloud guest that drives virtio disks and network cards of PCI
  vinci-arinc653   dom0's command for the frames of CPU pools
  vinci-partitions dom0's program that connects restarted static domains again (arm64)

and with --more, for the tests:
  grub.efi                          GRUB for UEFI
  machine.img                       the root disk of a machine on which the hypervisor's package is installed
  kernels.img                       more kernels and their ramdisks for guests (arm64, as what follows)
  dom0-new.kernel, dom0-new.cpio    a newer kernel as the control domain's
  zcu102.dtb                        Debian's device tree for Xilinx' ZCU102

and with --narrow (x86_64):
  bochs.cpio       the cloud kernel and a 32-bit one with their ramdisks, for dom0's initramfs in Bochs
"""

import argparse
import gzip
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from imaging import recipes                                         # noqa: E402
from imaging.debian import DebianError, Repository, digest          # noqa: E402
from imaging.progress import step                                   # noqa: E402
from imaging.target import ARM64, TARGETS                           # noqa: E402
from imaging.tree import Tree, TreeError                            # noqa: E402

HERE = Path(__file__).resolve().parent


def sources():
    """The files of this repository that decide what an image holds."""
    return [HERE / "images.py"] + [path for folder in ("imaging", "overlay", "programs") for path in sorted((HERE / folder).rglob("*"))
            if path.is_file() and path.suffix != ".pyc"]


class Images:
    """The images of one output folder; a stamp per image says what it was made from."""

    def __init__(self, out, target=ARM64):
        self.out = out / target.images
        self.work = out / f"{target.images}.work"
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


def store_tree(images, found, target):
    tree = Tree({})
    for flavour, kernel in found.items():
        tree.file(f"{flavour}.kernel", kernel.image, mode=0o644)
        tree.file(f"{flavour}.ramdisk", images.out / f"{flavour}.ramdisk", mode=0o644)
    tree.file("vchan-peer", images.out / "vchan-peer", mode=0o755)
    tree.file("vinci-arinc653", images.out / "vinci-arinc653", mode=0o755)
    tree.file("peer.ramdisk", images.out / "peer.ramdisk", mode=0o644)
    tree.data("nap.kernel", target.nap)
    tree.data("crash.kernel", target.crash)
    return tree


def write_guests(images, found, out, target):
    """The store's content at /srv of dom0's own initramfs, for a board without a disk (no web.img)."""
    tree = Tree({})
    for path, (_, content) in store_tree(images, found, target).entries.items():
        if isinstance(content, Path):
            tree.file(f"srv/{path}", content)
        elif path.endswith(".kernel"):
            tree.data(f"srv/{path}", content)
    tree.write_cpio(out)


def copy_hypervisor(packages, target, path):
    """Debian's hypervisor, unpacked: what loads it takes no compressed one."""
    source = packages[f"xen-hypervisor-4.17-{target.debian}"] / "boot" / target.hypervisor
    with (gzip.open if source.suffix == ".gz" else open)(source, "rb") as stream:
        path.write_bytes(stream.read())


def build(out, target, programs_only=False):
    repository = Repository(out / "debian", target.debian)
    files = repository.fetch(target.packages)
    packages = repository.unpack(files)
    inputs = sources() + [path.name for path in files.values()]
    found = recipes.kernels(packages)
    images = Images(out, target)
    ours = build_dom0_programs(images, inputs, packages, target)
    if programs_only:
        return
    images.make("xen", inputs, "Debian's hypervisor", lambda path: copy_hypervisor(packages, target, path))
    images.make("dom0.kernel", inputs, "dom0's kernel", lambda path: shutil.copy(found["full"].image, path))
    images.make("dom0.cpio", inputs, "dom0's initramfs",
                lambda path: recipes.dom0_tree(packages, found["full"], target=target, programs=ours).write_cpio(path))
    images.make("dom0-libvirt.cpio", inputs, "dom0's initramfs with libvirt",
                lambda path: recipes.dom0_tree(packages, found["full"], libvirt=True, target=target, programs=ours).write_cpio(path))
    for flavour, kernel in found.items():
        images.make(f"{flavour}.ramdisk", inputs, f"the ramdisk for the {flavour} kernel",
                    lambda path, kernel=kernel: recipes.guest_tree(packages, kernel).write_cpio(path))
    build_programs(images, inputs, packages, found["cloud"], target)
    if target == ARM64:
        build_infotainment(images, inputs, packages)
    images.make("cloud.kernel", inputs, "the cloud kernel", lambda path: shutil.copy(found["cloud"].image, path))
    images.make("web.img", inputs, "the web server's disk",
                lambda path: recipes.make_ext4(recipes.web_tree(packages), path, "web", 96, images.work))
    images.make("store.img", inputs, "the store disk", lambda path: recipes.make_ext4(
        store_tree(images, found, target), path, "vinci-store", 128, images.work))
    images.make("guests.cpio", inputs, "the store as an initramfs part",
                lambda path: write_guests(images, found, path, target))


def build_dom0_programs(images, inputs, packages, target):
    """What dom0 itself has of ours; the command for frames is on the store."""
    images.make("vinci-arinc653", inputs, "the program for frames of CPU pools",
                lambda path: recipes.compile_for_dom0(packages, "vinci-arinc653", recipes.CONTROL_LIBRARIES, path, target))
    if target != ARM64:
        return []
    images.make("vinci-partitions", inputs, "the program for restarted static domains", lambda path: recipes.compile_for_dom0(
        packages, "vinci-partitions", recipes.CONTROL_LIBRARIES, path, target))
    return [images.out / "vinci-partitions"]


def build_programs(images, inputs, packages, kernel, target):
    """Programs of ours for the store, and guests with them."""
    images.make("vchan-peer", inputs, "the program for channels between domains",
                lambda path: recipes.compile_for_dom0(packages, "vchan-peer", recipes.VCHAN_LIBRARIES, path, target))
    images.make("peer.ramdisk", inputs, "the ramdisk of guests that talk with each other",
                lambda path: recipes.peer_tree(packages, kernel, images.out / "vchan-peer").write_cpio(path))
    images.make("pci.ramdisk", inputs, "the ramdisk of guests with PCI devices",
                lambda path: recipes.pci_tree(packages, kernel).write_cpio(path))


def build_infotainment(images, inputs, packages):
    drawing = inputs + [HERE / "font.py", *sorted((HERE.parent / "guests/camera").glob("*"))]
    images.make("infotainment", drawing, "the infotainment's program", recipes.compile_infotainment)
    images.make("infotainment.ramdisk", drawing, "the infotainment's ramdisk",
                lambda path: recipes.infotainment_tree(packages, images.out / "infotainment").write_cpio(path))


def build_more_kernels(out):
    repository = Repository(out / "debian", "arm64")
    packages = repository.unpack(repository.fetch(ARM64.packages))
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
    trees = recipes.kernels(packages)["full"].package / "usr/lib"
    images.make("zcu102.dtb", inputs, "the device tree of a board",
                lambda path: shutil.copy(next(trees.glob("*/xilinx/zynqmp-zcu102-rev1.0.dtb")), path))
    kernel, packages = guests["new"]
    images.make("dom0-new.kernel", inputs, "dom0's newer kernel", lambda path: shutil.copy(kernel.image, path))
    images.make("dom0-new.cpio", inputs, "dom0's initramfs for it",
                lambda path: recipes.dom0_tree(packages, kernel, programs=[images.out / "vinci-partitions"]).write_cpio(path))


def build_narrow(out, target):
    """What dom0 has beside itself where it is too slow for more: the usual kernel, and Debian's for processors of 32 bits."""
    repository = Repository(out / "debian", "i386", "narrow")
    files = repository.fetch(recipes.NARROW_KERNEL)
    packages = repository.unpack(files)
    kernel = recipes.more_kernels(packages)["narrow"]
    images, inputs = Images(out, target), sources() + [path.name for path in files.values()]
    images.make("narrow.ramdisk", inputs, "the ramdisk for the 32-bit kernel", lambda path: recipes.guest_tree(packages, kernel).write_cpio(path))

    def make(path):
        tree = Tree({})
        for name, image in {"cloud": images.out / "cloud.kernel", "narrow": kernel.image}.items():
            tree.file(f"srv/{name}.kernel", image, mode=0o644)
            tree.file(f"srv/{name}.ramdisk", images.out / f"{name}.ramdisk", mode=0o644)
        tree.write_cpio(path)

    images.make("bochs.cpio", inputs + [images.out / "cloud.kernel", images.out / "cloud.ramdisk"], "the store for Bochs", make)


def build_machine(out, target):
    """What a machine starts from by itself."""
    repository = Repository(out / "debian", target.debian)
    packages = repository.unpack(repository.fetch(target.packages))
    images, inputs = Images(out, target), sources()
    grub = Repository(out / "debian", target.debian, "grub")
    files = grub.fetch([target.grub_package])
    images.make("grub.efi", inputs + [path.name for path in files.values()], "GRUB for UEFI",
                lambda path: recipes.make_grub(grub.unpack(files), path, target))
    build_root(images, inputs, repository, packages, target)


# What the installer would have asked and written to /etc/default/grub: the machine's console is its serial line.
MACHINE_GRUB = """GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_TERMINAL=console
GRUB_CMDLINE_LINUX="vinci.root=/dev/vda2 console=hvc0 vinci.mode=test vinci.store=none"
"""


def build_root(images, inputs, repository, packages, target):
    more = Repository(repository.root, target.debian, "machine")
    files = more.fetch([target.grub_package] + recipes.MACHINE_PACKAGES)
    trees = {**packages, **more.unpack(files)}
    full = recipes.kernels(packages)["full"]
    scratch = images.work.with_suffix(".machine")

    def make(path):
        ramdisk = scratch.with_suffix(".ramdisk")
        recipes.pci_tree(packages, full).write_cpio(ramdisk)
        recipes.make_ext4(recipes.machine_tree(trees, full, ramdisk, MACHINE_GRUB, target), path, "machine", 192, scratch)
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
    parser.add_argument("--arch", choices=sorted(TARGETS), default="arm64", help="arm64 (default) or x86_64")
    parser.add_argument("--programs", action="store_true", help="dom0's programs and nothing else")
    parser.add_argument("--more", action="store_true", help="the tests' kernels, too")
    parser.add_argument("--narrow", action="store_true", help="x86_64: a 32-bit kernel for the tests in Bochs, too")
    arguments = parser.parse_args()
    try:
        build(arguments.out.resolve(), TARGETS[arguments.arch], arguments.programs)
        if arguments.more:
            build_machine(arguments.out.resolve(), TARGETS[arguments.arch])
        if arguments.more and arguments.arch == "arm64":
            build_more_kernels(arguments.out.resolve())
        if arguments.narrow and arguments.arch == "x86_64":
            build_narrow(arguments.out.resolve(), TARGETS[arguments.arch])
    except (DebianError, TreeError) as error:
        sys.exit(f"images: {error}")


if __name__ == "__main__":
    main()
