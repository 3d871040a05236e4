#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a Debian package of the hypervisor: the image where GRUB's scripts look for a Xen, and its words for GRUB. Needs no root."""

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
IMAGE = "boot/xen-4.17-vinci"


def version():
    return re.search(r'VINCI_VERSION "([^"]+)"', (ROOT / "config.h").read_text())[1]


def install(source, to, mode):
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
    to.chmod(mode)


def make(image, out):
    """Writes vinci_VERSION_arm64.deb into the folder `out`; returns its path."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        install(image, tree / IMAGE, 0o644)
        install(HERE / "package/vinci.cfg", tree / "etc/default/grub.d/vinci.cfg", 0o644)
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
    arguments = parser.parse_args()
    print(f"  PACKAGE {make(arguments.image, arguments.out)}")


if __name__ == "__main__":
    main()
