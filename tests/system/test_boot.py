# SPDX-License-Identifier: Apache-2.0
"""From reset to dom0 on several boards, and what a bad board, loader or command line gets: one clear line."""

import re
import struct

import pexpect
import pytest

READY = 60


@pytest.mark.arm64
@pytest.mark.quick
def test_dom0_with_kaslr_and_kpti(make_board):
    board = make_board(mem=768, dom0_mem=384).start()
    board.wait_ready(READY)
    log = board.out_of("dmesg | sed 's/^/ /' | grep -i 'kaslr\\|isolation'")
    assert "KASLR enabled" in log
    assert "Kernel page table isolation" in log
    assert "nokaslr" not in board.out_of("cat /proc/cmdline")
    assert board.poweroff() == 0


def test_reboot_ends_the_board(make_board):
    """QEMU runs with -no-reboot: a reset by dom0 ends it."""
    board = make_board(mem=768, dom0_mem=384, store="none").start()
    board.wait_ready(READY)
    board.send("reboot\n")
    board.expect(pexpect.EOF, board.scale(60), "the board after reboot")


@pytest.mark.parametrize("smp", [4])
def test_more_cpus(make_board, smp):
    board = make_board(smp=smp, mem=1024, dom0_mem=384, options="dom0_max_vcpus=1", store="none").start()
    board.wait_ready(READY)
    assert board.info()["nr_cpus"] == str(smp)


@pytest.mark.long
def test_eight_cpus(make_board):
    board = make_board(smp=8, mem=1024, dom0_mem=384, options="dom0_max_vcpus=8", store="none").start()
    board.wait_ready(READY * 2)
    assert board.info()["nr_cpus"] == "8"
    assert board.out_of("grep -c ^processor /proc/cpuinfo").strip() == "8"


def test_cpu_max(make_board, arch):
    """A newer processor: features that are not supported must be hidden, not trip anybody."""
    cpu = {"arm64": "max", "x86_64": "max,+svm,+npt,-rdtscp,-monitor"}[arch]
    board = make_board(mem=768, dom0_mem=384, cpu=cpu, store="none").start()
    board.wait_ready(READY)
    assert board.domains()["Domain-0"]["memory"] == 384


@pytest.mark.usefixtures("only_vinci")
def test_unknown_and_wrong_options_are_named(make_board):
    board = make_board(mem=768, dom0_mem=384, store="none", options="frobnicate=7 sched=fifo").start()
    board.expect(rb"option frobnicate=7 is not known", board.scale(20), "the unknown option's warning")
    board.expect(rb"sched=fifo is not understood: [^\r\n]*credit2", board.scale(20), "the wrong value's warning")
    board.wait_ready(READY)


def test_guests_kernels_in_the_initramfs(make_board):
    board = make_board(mem=1024, dom0_mem=512, store="initrd").start()
    board.wait_ready(READY)
    board.create("small", kernel="nap", memory=16)
    board.destroy("small")


def stops(board, message, last="boot stops: "):
    """The board says the message on a line of its own, then why it stops, and powers itself off."""
    board.start()
    board.expect(message, board.scale(20), f"waiting for {message}")
    said = board.child.match[0].decode()
    if last:
        board.expect(last.encode(), 10, "waiting for the stop")
        board.expect(pexpect.EOF, 10, "waiting for the board to power off")
    return said


@pytest.mark.arm64
@pytest.mark.usefixtures("only_vinci")
class TestBadBoards:
    def test_no_dom0(self, make_board):
        stops(make_board(kernel="", initrd="", store="none"), rb"dom0: no kernel: [^\r\n]+multiboot,module")

    @pytest.mark.quick
    def test_module_that_is_no_kernel(self, make_board, tmp_path):
        module = tmp_path / "module"
        module.write_text("this is no kernel\n" * 1000)
        said = stops(make_board(kernel=module, initrd="", store="none"),
                     rb"dom0: the module at 0x4a000000 is no arm64 Linux Image: [^\r\n]+\r")
        assert "not 0x644d5241" in said

    def test_module_that_is_tiny(self, make_board, tmp_path):
        module = tmp_path / "module"
        module.write_text("tiny")
        stops(make_board(kernel=module, initrd="", store="none"), rb"dom0: the kernel module has only \d+ bytes")

    def test_kernel_that_wants_more_memory_than_there_is(self, make_board, out, tmp_path):
        module = tmp_path / "module"
        data = bytearray((out / "images" / "dom0.kernel").read_bytes()[:1 << 20])
        struct.pack_into("<Q", data, 16, 1 << 44)
        module.write_bytes(data)
        stops(make_board(kernel=module, initrd="", store="none"), rb"dom0: [^\r\n]+ MiB")

    def test_too_little_memory_for_dom0_mem(self, make_board):
        stops(make_board(mem=512, dom0_mem=4096, store="none"), rb"dom0_mem=4096M is more than the \d+ MiB")

    def test_dom0_mem_too_little_for_its_kernel(self, make_board):
        stops(make_board(mem=512, dom0_mem=16, store="none"), rb"dom0: 16 MiB of memory are too little")

    def test_no_el2(self, make_board):
        board = make_board(store="none")
        board.machine = "virt,virtualization=off,gic-version=3"
        stops(board, rb"started at EL1; a hypervisor needs EL2", last=None)


def struct_offset(tree):
    return struct.unpack_from(">I", tree, 8)[0]


def set_word(offset, value):
    def damage(tree):
        struct.pack_into(">I", tree, offset, value)
    return damage


def set_struct_word(offset, value):
    def damage(tree):
        struct.pack_into(">I", tree, struct_offset(tree) + offset, value)
    return damage


def cut_struct(tree):
    """The structure block ends in the middle, without its end mark."""
    begin = struct_offset(tree)
    size = struct.unpack_from(">I", tree, 36)[0]
    struct.pack_into(">I", tree, 36, size // 2 & ~3)
    tree[begin + size // 2:begin + size] = bytes(size - size // 2)


def rename(name, other):
    def damage(tree):
        assert len(name) == len(other) and name in tree
        tree[:] = tree.replace(name, other)
    return damage


DAMAGES = {
    "magic": set_word(0, 0xD00DFEEE),
    "total-size-tiny": set_word(4, 16),
    "struct-outside": set_word(8, 0x7FFFFFF0),
    "strings-outside": set_word(12, 0x7FFFFFF0),
    "unknown-token": set_struct_word(8, 0xDEADBEEF),
    "property-beyond-the-end": set_struct_word(12, 0x7FFFFFFF),
    "cut": cut_struct,
    "no-memory": rename(b"memory@40000000", b"nemory@40000000"),
    "all-zero": lambda tree: tree.__setitem__(slice(None), bytes(len(tree))),
}
ODDITIES = {"total-size-huge": set_word(4, 0xFFFFFFFF), "version": set_word(20, 99)}


@pytest.mark.arm64
@pytest.mark.usefixtures("only_vinci")
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_device_tree(make_board, tmp_path, damage):
    board = make_board(store="none", mem=512, dom0_mem=256)
    path = tmp_path / "tree"
    board.dump_tree(path)
    tree = bytearray(path.read_bytes())
    DAMAGES[damage](tree)
    if damage == "no-memory":
        tree[:] = tree.replace(b"memory\0", b"nemory\0")
    path.write_bytes(tree)
    board.tree = path
    # Without a usable tree the hypervisor cannot know how to power the board off: it says why and halts.
    stops(board, rb"(device tree at 0x48000000 cannot be used: |memory: )[^\r\n]+", last=None)
    board.expect(rb"boot stops: [^\r\n]+", 20, "waiting for the stop")


@pytest.mark.arm64
@pytest.mark.usefixtures("only_vinci")
@pytest.mark.parametrize("oddity", ODDITIES)
def test_odd_device_tree_that_can_be_read(make_board, tmp_path, oddity):
    """QEMU's own tree has a total size of 1 MiB for 7 KB; a later version says itself what it is compatible with."""
    board = make_board(store="none", mem=512, dom0_mem=256)
    path = tmp_path / "tree"
    board.dump_tree(path)
    tree = bytearray(path.read_bytes())
    ODDITIES[oddity](tree)
    path.write_bytes(tree)
    board.tree = path
    board.start()
    board.expect(rb"entering dom0", board.scale(20), "the hypervisor's last line")


@pytest.mark.arm64
def test_own_device_tree_boots(make_board, tmp_path):
    """The same way of starting with nothing damaged: so the tests above fail for the right reason."""
    board = make_board(store="none", mem=768, dom0_mem=384)
    path = tmp_path / "tree"
    board.dump_tree(path)
    board.tree = path
    board.start()
    board.expect(re.compile(rb"(Xen version 4|Vinci \S+, Xen ABI)"), board.scale(20), "the hypervisor's first line")
