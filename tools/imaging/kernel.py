# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel packages: the Image and a chosen few of its modules with what they depend on."""

import subprocess
from pathlib import Path

from .tree import TreeError


class Kernel:
    """One unpacked linux-image package."""

    def __init__(self, package):
        self.package = Path(package)
        images = list((self.package / "boot").glob("vmlinuz-*"))
        if len(images) != 1:
            raise TreeError(f"{package} holds {len(images)} kernels")
        self.image = images[0]
        self.version = images[0].name.removeprefix("vmlinuz-")
        self.modules = self.package / "lib/modules" / self.version
        self._depends = None

    def depends(self):
        """Module path -> paths it depends on, as depmod says."""
        if self._depends is None:
            if not (self.modules / "modules.dep").exists():
                subprocess.run(["/sbin/depmod", "-b", str(self.package), self.version], check=True,
                               stderr=subprocess.DEVNULL, timeout=120)
            rows = (line.split(":", 1) for line in
                    (self.modules / "modules.dep").read_text().splitlines())
            self._depends = {path: words.split() for path, words in rows}
        return self._depends

    def built_in(self):
        names = (self.modules / "modules.builtin").read_text().split()
        return {module_name(path) for path in names}

    def add_modules(self, tree, wanted):
        """Puts the wanted modules, theirs and a modules.dep for them into the tree."""
        depends = self.depends()
        by_name = {module_name(path): path for path in depends}
        chosen = set()
        for name in wanted:
            name = name.replace("-", "_")
            if name in by_name:
                chosen.update([by_name[name], *depends[by_name[name]]])
            elif name not in self.built_in():
                raise TreeError(f"kernel {self.version} has no module {name}")
        folder = f"lib/modules/{self.version}"
        for path in sorted(chosen):
            tree.file(f"{folder}/{path}", self.modules / path, mode=0o644)
        lines = [f"{path}: {' '.join(depends[path])}\n" for path in sorted(chosen)]
        tree.text(f"{folder}/modules.dep", "".join(lines))
        for name in ("modules.builtin", "modules.order"):
            tree.file(f"{folder}/{name}", self.modules / name)


def module_name(path):
    return Path(path).name.split(".ko")[0].replace("-", "_")
