# SPDX-License-Identifier: Apache-2.0
"""Debian packages of a foreign architecture, fetched and unpacked without touching the machine.

apt runs with a state of its own (lists, cache and an empty status file under OUT/debian), so the
person's dpkg knows nothing of it; dpkg -x unpacks, so no maintainer script of a package runs.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

from .progress import step

# The closure of what is asked for, without what a system needs to configure itself, unless it is asked for by name: everything
# here is assembled by hand and nothing of it is ever installed by dpkg.
NOT_NEEDED = re.compile(
    r"^(python3.*|libpython3.*|perl.*|libperl.*|media-types|mailcap|initramfs-tools.*|kmod|libkmod2|"
    r"linux-base|udev|libudev1|systemd.*|libsystemd.*|grub.*|debconf.*|cdebconf|adduser|passwd|"
    r"gcc-12-base|dpkg|tar|klibc-utils|libklibc|cpio|logsave|dmsetup|libdevmapper.*|e2fsprogs|"
    r"init-system-helpers|libpam.*|libsemanage.*|libsepol.*|libaudit-common|login|sensible-utils|"
    r"apparmor|ucf|readline-common|libsqlite.*|libexpat1|libdb5.3|libncursesw6|"
    r"util-linux-.*|libsmartcols1|coreutils|libxentoolcore1-dbg)$")
# These are asked for by name for what they depend on, and hold nothing.
EMPTY = re.compile(r"^linux-image-((6\.12-)?((cloud|rt)-)?(arm64|amd64)|armmp-lpae|686-pae)$")


class DebianError(Exception):
    """A fetch that failed, in one line for the person."""


class Repository:
    """Debian's archive for `arch`, cached under `root`; what a wish resolved to is recorded under `name`."""

    def __init__(self, root, arch, name="resolved"):
        self.root = Path(root)
        self.arch = arch
        self.state = self.root / f"apt-{arch}"
        self.debs = self.root / "debs"
        self.record = self.root / f"{name}-{arch}.json"

    def _options(self):
        state = self.state
        options = {
            "Dir::State": state, "Dir::State::status": state / "status",
            "Dir::State::lists": state / "lists", "Dir::Cache": state / "cache",
            "Dir::Etc::sourcelist": state / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
            "APT::Architecture": self.arch, "APT::Architectures": self.arch,
            "APT::Install-Recommends": "false", "Acquire::Languages": "none",
            "Acquire::http::Timeout": "30", "Acquire::https::Timeout": "30",
            "Acquire::Retries": "2", "APT::Sandbox::User": "",
            "APT::Update::Post-Invoke-Success": "", "DPkg::Post-Invoke": "",
        }
        return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]

    def _apt(self, *words, cwd=None, check=True):
        done = subprocess.run(["apt-get", *self._options(), *words], cwd=cwd, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
        if check and done.returncode:
            tail = "\n".join(done.stdout.strip().splitlines()[-8:])
            raise DebianError(f"apt-get {words[0]} failed (exit {done.returncode}):\n{tail}")
        return done.stdout

    def _prepare(self):
        for folder in (self.state / "lists" / "partial", self.state / "cache" / "archives" / "partial",
                       self.debs):
            folder.mkdir(parents=True, exist_ok=True)
        (self.state / "status").write_text("")
        (self.state / "sources.list").write_text(debian_sources())

    def _update(self):
        """The index. That of the security updates may be out of step on a mirror: then without it, and the person is told."""
        try:
            self._apt("-q", "update")
        except DebianError:
            sources = self.state / "sources.list"
            lines = [line for line in sources.read_text().splitlines() if "-security " not in line]
            sources.write_text("".join(f"{line}\n" for line in lines))
            self._apt("-q", "update")
            print(f"  the index of security updates for {self.arch} is out of step: taking the versions of the release")

    def _closure(self, wanted):
        out = self._apt("-qq", "--print-uris", "install", *wanted)
        uris = {}
        for line in out.splitlines():
            match = re.match(r"'([^']+)' (\S+) (\d+) (\S*)", line)
            if match:
                uris[match[2].split("_")[0]] = (match[1], match[2], int(match[3]), match[4])
        return {name: row for name, row in uris.items()
                if not EMPTY.match(name) and (name in wanted or not NOT_NEEDED.match(name))}

    def _current(self, wanted):
        """The recorded answer for this wish, or None when a file is missing or the wish is new."""
        try:
            record = json.loads(self.record.read_text())
        except (OSError, ValueError):
            return None
        if record["wanted"] != sorted(wanted):
            return None
        files = {name: self.debs / deb for name, deb in record["files"].items()}
        return files if all(path.exists() for path in files.values()) else None

    def fetch(self, wanted):
        """name -> .deb of everything in `wanted` and what it depends on. Offline when nothing changed."""
        files = self._current(wanted)
        if files:
            return files
        self._prepare()
        with step(f"reading Debian's index for {self.arch}"):
            self._update()
        closure = self._closure(wanted)
        todo = [row for row in closure.values() if not (self.debs / row[1]).exists()]
        total = sum(row[2] for row in todo)
        if todo:
            with step(f"downloading {len(todo)} packages, {total / 1e6:.0f} MB") as report:
                done = 0
                for first in range(0, len(todo), 8):
                    batch = todo[first:first + 8]
                    self._download(batch)
                    done += sum(row[2] for row in batch)
                    report(f"{100 * done // total}%")
        files = {name: row[1] for name, row in sorted(closure.items())}
        self.record.write_text(json.dumps({"wanted": sorted(wanted), "files": files}, indent=1))
        return {name: self.debs / deb for name, deb in files.items()}

    def _download(self, batch):
        """A few packages by apt, which checks them against the signed index."""
        archives = self.state / "cache" / "download"
        shutil.rmtree(archives, ignore_errors=True)
        archives.mkdir(parents=True)
        specs = []
        for row in batch:
            name, version = row[1].split("_")[:2]
            specs.append(f"{name}={urllib.parse.unquote(version)}")
        self._apt("-q", "download", *specs, cwd=archives)
        for row in batch:
            if not (archives / row[1]).exists():
                raise DebianError(f"apt-get download did not bring {row[1]}")
            shutil.move(str(archives / row[1]), self.debs / row[1])

    def unpack(self, files, names=None):
        """Unpacks each package into a tree of its own; returns name -> tree."""
        trees = {}
        fresh = []
        for name in sorted(names or files):
            deb = files[name]
            tree = self.root / "trees" / deb.stem
            trees[name] = tree
            if not (tree / ".unpacked").exists():
                fresh.append((deb, tree))
        if fresh:
            with step(f"unpacking {len(fresh)} packages") as report:
                for index, (deb, tree) in enumerate(fresh):
                    report(f"{index + 1}/{len(fresh)}")
                    shutil.rmtree(tree, ignore_errors=True)
                    tree.mkdir(parents=True)
                    subprocess.run(["dpkg", "-x", str(deb), str(tree)], check=True, timeout=300)
                    (tree / ".unpacked").write_text("")
        return trees


def debian_sources():
    """The machine's own mirrors, for bookworm, its updates and, where the machine has them, its security updates."""
    mirror = security = None
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    texts = []
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if path.suffix in (".sources", ".list") and path.is_file():
            texts.append(path.read_text(errors="replace"))
    for uri in re.findall(r"https?://\S+", re.sub(r"(?m)^\s*#.*", "", "\n".join(texts))):
        uri = uri.rstrip("/")
        if uri.endswith("/debian-security"):
            security = uri
        elif uri.endswith("/debian"):
            mirror = uri
    if not mirror:
        raise DebianError("no Debian mirror: neither /etc/apt/sources.list nor a file in /etc/apt/sources.list.d has a URI that "
                          "ends in /debian")
    line = f"deb [signed-by={keyring}] {{}} {{}} main\n"
    lines = line.format(mirror, "bookworm") + line.format(mirror, "bookworm-updates")
    return lines + line.format(security, "bookworm-security") if security else lines


def digest(*parts):
    """A short name for the inputs of a build step: files by size and time, everything else by text."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, os.PathLike):
            info = os.stat(part)
            part = f"{os.fspath(part)} {info.st_size} {info.st_mtime_ns}"
        state.update(str(part).encode() + b"\0")
    return state.hexdigest()[:16]
