# SPDX-License-Identifier: Apache-2.0
"""The unpacker of bzImages (guests/x86_64/unpack) on a plain board, which starts it as it starts any PVH kernel."""

import bz2
import functools
import gzip
import lzma
import random
import struct
import subprocess
from pathlib import Path

import pexpect
import pytest
from board import end

HERE = Path(__file__).resolve().parent
MIB = 1 << 20
WORDS = "what the kernel is told"
FORMATS = {
    "gzip": lambda data: gzip.compress(data, 6),
    "XZ": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32) + size_of(data),
    "XZ64": lambda data: lzma.compress(data, check=lzma.CHECK_CRC64) + size_of(data),
    "LZ4": lambda data: filtered(["lz4", "-l", "-9", "-c"], data) + size_of(data),
    "zstd": lambda data: filtered(["zstd", "-19", "--long=27", "-c"], data) + size_of(data),
}


@functools.cache
def compressed(name, data):
    return FORMATS[name](data)


def size_of(data):
    return struct.pack("<I", len(data))


def filtered(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=60).stdout


def bzimage(payload, cut=0):
    """A Linux bzImage as far as its header speaks of the payload."""
    header = bytearray(1024)
    length = len(payload) + -len(payload) % 16
    header[0x1F1] = 1
    struct.pack_into("<I", header, 0x1F4, length // 16)
    struct.pack_into("<H", header, 0x1FE, 0xAA55)
    struct.pack_into("<4sH", header, 0x202, b"HdrS", 0x20F)
    struct.pack_into("<IIQQI", header, 0x248, 0, len(payload), 0, 16 * MIB, 64 * MIB)
    image = bytes(header) + payload.ljust(length, b"\0")
    return image[:len(image) - cut]


@pytest.fixture(scope="module")
def elf(tmp_path_factory):
    """A kernel of 20 MiB: some of it is easy to compress, some is not."""
    folder = tmp_path_factory.mktemp("kernel")
    noise = random.Random(1).randbytes(2 * MIB)
    data = (noise + bytes(7 * MIB) + b"pattern " * (MIB // 8)) * 2
    total = sum(struct.unpack(f"<{len(data) // 4}I", data)) & 0xFFFFFFFF
    (folder / "data").write_bytes(data)
    subprocess.run(["x86_64-linux-gnu-gcc", "-c", f"-DSUM={total:#x}", f'-DDATA="{folder}/data"', "-o", folder / "kernel.o",
                    HERE / "unpacked.S"], check=True, timeout=60)
    subprocess.run(["x86_64-linux-gnu-ld", "-Ttext=0x1000000", "-e", "start", "-o", folder / "kernel", folder / "kernel.o"],
                   check=True, timeout=60)
    return (folder / "kernel").read_bytes()


@pytest.fixture
def boot(out, tmp_path):
    """boot(module, pattern...) starts a board and returns the index of the pattern that came and what was said until then."""
    boards = []

    def start(module, *patterns, mem=256, words=WORDS, timeout=60):
        unpacker = out / "x86_64/unpack/unpack.elf"
        assert unpacker.exists(), f"{unpacker} is missing: say `make unpack`"
        path = tmp_path / "module"
        path.write_bytes(module)
        child = pexpect.spawn("qemu-system-x86_64", ["-M", "q35", "-accel", "tcg,thread=single", "-cpu", "EPYC", "-m", str(mem), "-nodefaults",
                              "-display", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none", "-kernel", str(unpacker),
                              "-initrd", str(path), "-append", words], timeout=timeout, maxread=65536)
        boards.append(child)
        found = child.expect(list(patterns))
        return found, (child.before + child.after).decode(errors="replace").replace("\r", "")

    yield start
    for child in boards:
        end(child)


@pytest.mark.parametrize("name", FORMATS)
def test_format(boot, elf, name):
    """Every byte arrives, zeros are zeroed, the command line and what lies behind the kernel too."""
    _, said = boot(bzimage(compressed(name, elf)) + b"ramdisk\0", r"\nend\r?\n", "unpack: the")
    assert "sum is right\nzeros are zero\n" in said
    assert f"{WORDS}\nmodule: ramdisk\nend" in said


def test_plain_elf(boot, elf):
    _, said = boot(elf, r"\nend\r?\n", "unpack: the")
    assert f"sum is right\nzeros are zero\n{WORDS}\nend" in said


def without_note(elf):
    return elf.replace(struct.pack("<III4s", 4, 4, 18, b"Xen\0"), struct.pack("<III4s", 4, 4, 17, b"Xen\0"))


@pytest.mark.parametrize("make, answer", [
    (lambda elf: b"this is not a kernel\n" * 4096, "neither a bzImage nor a 64-bit ELF"),
    (lambda elf: bzimage(compressed("XZ", elf)[:-4096] + bytes(4092) + size_of(elf)), "the kernel is damaged"),
    (lambda elf: bzimage(compressed("gzip", elf)[:-100] + bytes(96) + size_of(elf)), "the kernel is damaged"),
    (lambda elf: bzimage(compressed("zstd", elf)[:-4] + size_of(elf + b"more")), "the kernel is damaged"),
    (lambda elf: bzimage(compressed("LZ4", elf)[:-5000] + b"\xff" * 4996 + size_of(elf)), "the kernel is damaged"),
    (lambda elf: bzimage(compressed("XZ", elf)[:-4] + b"\xff\xff\xff\xff"), "would have so many bytes: 4294967295"),
    (lambda elf: bzimage(compressed("XZ", elf), cut=64 * 1024), "file is cut off"),
    (lambda elf: bzimage(bz2.compress(elf) + size_of(elf)), "bzip2.*gzip, XZ, LZ4 and zstd are known"),
    (lambda elf: bzimage(b"nobody knows this" * 10), "in a way that is not known"),
    (lambda elf: bzimage(FORMATS["gzip"](without_note(elf))), "no PVH entry"),
    (lambda elf: bzimage(FORMATS["gzip"](elf[:1 << 16])), "goes over its file"),
])
def test_what_is_wrong_is_said(boot, elf, make, answer):
    found, said = boot(make(elf), answer, r"\nend\r?\n")
    assert found == 0, said


def test_too_little_memory(boot, elf):
    found, said = boot(bzimage(compressed("XZ", elf)), "not enough memory", r"\nend\r?\n", mem=36)
    assert found == 0, said


@pytest.mark.parametrize("flavour, mem", [("full", 512), ("cloud", 1536)])
def test_debians_kernels(boot, out, flavour, mem):
    """XZ and LZ4, to the ramdisk's own program; also with memory above the first GiB, where Linux cannot read at its start."""
    images = out / "x86_64/images"
    kernel = images / ("dom0.kernel" if flavour == "full" else "cloud.kernel")
    if not kernel.exists():
        pytest.skip(f"{kernel} is missing: say `make images ARCH=x86_64`")
    found, said = boot(kernel.read_bytes() + (images / f"{flavour}.ramdisk").read_bytes(), "guest: plain ready", "Kernel panic",
                       mem=mem, words="console=ttyS0 panic=-1 vinci.test=1 vinci.name=plain", timeout=120)
    assert found == 0, said[-2000:]
