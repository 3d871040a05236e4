# SPDX-License-Identifier: Apache-2.0
"""The Debian package's scripts; test_deb_install.py installs it."""

import subprocess
from pathlib import Path

import deb
import pytest
from imaging.target import TARGETS


def unpack(package, root):
    subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, timeout=60)
    subprocess.run(["dpkg-deb", "-e", str(package), str(root / "DEBIAN")], check=True, timeout=60)


@pytest.mark.parametrize("argument", ["configure", "remove"])
def test_the_menu_is_made_again(out, hypervisor, tmp_path, arch, argument, only_vinci):
    """postinst and postrm call update-grub, and do without where there is none."""
    image = out / arch / "vinci" if hypervisor == "vinci" else Path(hypervisor)
    root = tmp_path / "root"
    unpack(deb.make(image, tmp_path, out / TARGETS[arch].images, TARGETS[arch]), root)
    script = root / "DEBIAN" / ("postinst" if argument == "configure" else "postrm")
    update = tmp_path / "bin/update-grub"
    update.parent.mkdir()
    update.write_text(f"#!/bin/sh\necho called > {tmp_path}/mark\n")
    subprocess.run(["/bin/sh", str(script), argument], env={"PATH": "/nonexistent"}, check=True, timeout=30)
    update.chmod(0o755)
    subprocess.run(["/bin/sh", str(script), argument], env={"PATH": str(update.parent)}, check=True, timeout=30)
    assert (tmp_path / "mark").exists()
