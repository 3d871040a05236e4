#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a Debian package of the hypervisor: the image where GRUB's scripts look for a Xen, its words for GRUB, and what a dom0 needs for
static domains. Needs no root."""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from imaging.target import TARGETS                  # noqa: E402

ROOT = HERE.parent
IMAGE = "boot/xen-4.17-vinci"
PROGRAMS = {"arm64": ("vinci-partitions", "vinci-arinc653"), "x86_64": ("vinci-arinc653",)}
UNITS, SERVICE = "usr/lib/systemd/system", "vinci-partitions.service"


def version():
    return re.search(r'VINCI_VERSION "([^"]+)"', (ROOT / "config.h").read_text())[1]


def install(source, to, mode):
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    to.chmod(mode)


def install_text(text, to):
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text)
    to.chmod(0o644)


def install_partitions(tree):
    """The service that starts what static domains need; it is enabled as it comes."""
    install(HERE / "overlay/dom0/usr/lib/vinci/partitions", tree / "usr/lib/vinci/partitions", 0o755)
    install(HERE / "package" / SERVICE, tree / UNITS / SERVICE, 0o644)
    wants = tree / UNITS / "multi-user.target.wants"
    wants.mkdir()
    (wants / SERVICE).symlink_to(f"../{SERVICE}")


def control(target, size):
    text = (HERE / "package" / f"control.{target.name}").read_text()
    return text.replace("@VERSION@", version()).replace("@SIZE@", str(size // 1024))


def make(image, out, images, target):
    """Writes vinci_VERSION_ARCHITECTURE.deb into the folder `out`; returns its path. images: the folder with dom0's programs."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        install(image, tree / IMAGE, 0o644)
        install_text((HERE / "package/vinci.cfg").read_text().replace("@WORDS@", target.deb_words), tree / "etc/default/grub.d/vinci.cfg")
        for name in PROGRAMS[target.name]:
            install(images / name, tree / "usr/sbin" / name, 0o755)
        if "vinci-partitions" in PROGRAMS[target.name]:
            install_partitions(tree)
        install(ROOT / "LICENSE", tree / "usr/share/doc/vinci/copyright", 0o644)
        size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        for name in ("postinst", "postrm"):
            install(HERE / "package/update-grub", tree / "DEBIAN" / name, 0o755)
        (tree / "DEBIAN/conffiles").write_text("/etc/default/grub.d/vinci.cfg\n")
        (tree / "DEBIAN/control").write_text(control(target, size))
        for folder in [tree, *tree.rglob("*")]:
            if folder.is_dir():
                folder.chmod(0o755)
        package = out / f"vinci_{version()}_{target.debian}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(package)], check=True, timeout=120,
                       stdout=subprocess.DEVNULL)
    return package


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("images", type=Path, help="where dom0's programs are")
    parser.add_argument("--arch", choices=sorted(TARGETS), default="arm64", help="arm64 (default) or x86_64")
    arguments = parser.parse_args()
    print(f"  PACKAGE {make(arguments.image, arguments.out, arguments.images, TARGETS[arguments.arch])}")


if __name__ == "__main__":
    main()
