# SPDX-License-Identifier: Apache-2.0
"""A file tree in the making, written out as a cpio archive (newc) that Linux takes as initramfs."""

import os
import stat
import subprocess
from pathlib import Path

LIBRARY_FOLDERS = ("usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "lib")
LOADER_FOLDERS = {"ld-linux-x86-64.so.2": "lib64"}
MERGED = ("bin", "sbin", "lib")     # Debian's merged /usr: /bin and friends are links


class TreeError(Exception):
    """Something that a package should hold and does not."""


def normal(path):
    """The path as it is below a merged /usr, without a leading slash."""
    path = str(path).strip("/")
    first = path.split("/")[0]
    return f"usr/{path}" if first in MERGED and "/" in path else path


class Tree:
    """path -> (mode, content): content is a Path to copy, bytes, or a link's target."""

    def __init__(self, packages):
        self.packages = packages        # name -> unpacked tree
        self.entries = {}
        for name in MERGED:
            self.link(name, f"usr/{name}")
        for name in MERGED:
            self.folder(f"usr/{name}")

    def folder(self, path, mode=0o755):
        path = normal(path)
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.folder(parent)
        self.entries.setdefault(path, (stat.S_IFDIR | mode, b""))

    def link(self, path, target):
        self._put(path, stat.S_IFLNK | 0o777, target.encode())

    def text(self, path, text, mode=0o644):
        self._put(path, stat.S_IFREG | mode, text.encode())

    def data(self, path, data):
        self._put(path, stat.S_IFREG | 0o644, data)

    def file(self, path, source, mode=None):
        self._put(path, stat.S_IFREG | (mode or stat.S_IMODE(os.stat(source).st_mode) & 0o755),
                  Path(source))

    def _put(self, path, mode, content):
        path = path.strip("/") if path in MERGED else normal(path)
        if os.path.dirname(path):
            self.folder(os.path.dirname(path))
        self.entries[path] = (mode, content)

    def find(self, path):
        """The file of that path in any of the packages."""
        path = path.strip("/")
        spellings = {path, normal(path), path[4:] if path.startswith("usr/") else path}
        for tree in self.packages.values():
            for spelling in spellings:
                if os.path.lexists(tree / spelling):
                    return tree / spelling
        raise TreeError(f"no package holds {path}")

    def take(self, *paths):
        """Copies files out of the packages to where they were; a link brings its target along."""
        for path in paths:
            source = self.find(path)
            if source.is_symlink():
                target = os.readlink(source)
                self.link(path, target)
                self.take(target if target.startswith("/") else
                          os.path.normpath(os.path.join(os.path.dirname(path), target)))
            else:
                self.file(path, source)

    def package(self, name, skip=("usr/share/doc", "usr/share/man", "usr/share/lintian")):
        """A whole package, without its documentation."""
        self.overlay(self.packages[name], skip)

    def overlay(self, root, skip=(), at=""):
        """Every file below a folder, at the same place below another (the tree's root)."""
        root = Path(root)
        for path in sorted(root.rglob("*")):
            name = os.path.join(at, path.relative_to(root))
            if name == ".unpacked" or any(name.startswith(s) for s in skip):
                continue
            if path.is_symlink():
                self.link(name, os.readlink(path))
            elif path.is_dir():
                if name not in MERGED:
                    self.folder(name)
            else:
                self.file(name, path)

    def libraries(self):
        """Adds what the programs and libraries in the tree are linked to, until nothing is missing."""
        seen = set()
        while True:
            fresh = [content for mode, content in self.entries.values()
                     if isinstance(content, Path) and content not in seen and is_elf(content)]
            if not fresh:
                return
            seen.update(fresh)
            for name in needed(fresh):
                if not any(f"{folder}/{name}" in self.entries for folder in LIBRARY_FOLDERS):
                    self._library(name)

    def _library(self, name):
        if name.startswith("ld-linux"):
            self.take(f"{LOADER_FOLDERS.get(name, 'lib')}/{name}")
            return
        for folder in LIBRARY_FOLDERS:
            try:
                self.take(f"{folder}/{name}")
                return
            except TreeError:
                continue
        raise TreeError(f"no package holds the library {name}")

    def write_cpio(self, out):
        with open(out, "wb") as stream:
            for number, path in enumerate(sorted(self.entries), start=1):
                mode, content = self.entries[path]
                _record(stream, number, path, mode, content)
            _record(stream, 0, "TRAILER!!!", 0, b"")

    def write_folder(self, root):
        """The tree as real files, for mke2fs -d."""
        root = Path(root)
        for path in sorted(self.entries):
            mode, content = self.entries[path]
            target = root / path
            if stat.S_ISDIR(mode):
                target.mkdir(parents=True, exist_ok=True)
            elif stat.S_ISLNK(mode):
                target.symlink_to(content.decode())
            else:
                target.write_bytes(content.read_bytes() if isinstance(content, Path) else content)
            if not stat.S_ISLNK(mode):
                target.chmod(stat.S_IMODE(mode))


def _record(stream, number, path, mode, content):
    data = content.read_bytes() if isinstance(content, Path) else content
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    stream.write(header + b"\0" * (-len(header) % 4))
    stream.write(data + b"\0" * (-len(data) % 4))


def is_elf(path):
    with open(path, "rb") as stream:
        head = stream.read(18)
    return head[:4] == b"\x7fELF" and head[16:18] in (b"\x02\0", b"\x03\0")     # program, library


def needed(paths):
    """The libraries and the loader that these ELF files name."""
    done = subprocess.run(["readelf", "-d", "-l", *map(str, paths)], text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    names = set()
    for line in done.stdout.splitlines():
        if "(NEEDED)" in line:
            names.add(line.split("[")[1].split("]")[0])
        elif "Requesting program interpreter" in line:
            names.add(line.rsplit("/", 1)[1].rstrip("]"))
    return names
