#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a Debian package of the hypervisor: the image where GRUB's scripts look for a Xen, its words for GRUB, and what a dom0 needs for
static domains. Needs no root."""

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
IMAGE = "boot/xen-4.17-vinci"
PROGRAMS = ("vinci-partitions", "vinci-arinc653")
UNITS, SERVICE = "usr/lib/systemd/system", "vinci-partitions.service"


def version():
    return re.search(r'VINCI_VERSION "([^"]+)"', (ROOT / "config.h").read_text())[1]


def install(source, to, mode):
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    to.chmod(mode)


def install_dom0_part(programs, tree):
    """dom0's programs, and the service that starts what static domains need; it is enabled as it comes."""
    for program in programs:
        install(program, tree / "usr/sbin" / program.name, 0o755)
    install(HERE / "overlay/dom0/usr/lib/vinci/partitions", tree / "usr/lib/vinci/partitions", 0o755)
    install(HERE / "package" / SERVICE, tree / UNITS / SERVICE, 0o644)
    wants = tree / UNITS / "multi-user.target.wants"
    wants.mkdir()
    (wants / SERVICE).symlink_to(f"../{SERVICE}")


def make(image, out, images):
    """Writes vinci_VERSION_arm64.deb into the folder `out`; returns its path. images: the folder with dom0's programs."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        install(image, tree / IMAGE, 0o644)
        install(HERE / "package/vinci.cfg", tree / "etc/default/grub.d/vinci.cfg", 0o644)
        install_dom0_part([images / name for name in PROGRAMS], tree)
        install(ROOT / "LICENSE", tree / "usr/share/doc/vinci/copyright", 0o644)
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        for name in ("postinst", "postrm"):
            install(HERE / "package/update-grub", tree / "DEBIAN" / name, 0o755)
        (tree / "DEBIAN/conffiles").write_text("/etc/default/grub.d/vinci.cfg\n")
        control = (HERE / "package/control").read_text()
        (tree / "DEBIAN/control").write_text(control.replace("@VERSION@", version()).replace("@SIZE@", str(size // 1024)))
        for folder in [tree, *tree.rglob("*")]:
            if folder.is_dir():
                folder.chmod(0o755)
        package = out / f"vinci_{version()}_arm64.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(package)], check=True, timeout=120,
                       stdout=subprocess.DEVNULL)
    return package


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("images", type=Path, help="where dom0's programs are")
    arguments = parser.parse_args()
    print(f"  PACKAGE {make(arguments.image, arguments.out, arguments.images)}")


if __name__ == "__main__":
    main()
