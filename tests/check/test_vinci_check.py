# SPDX-License-Identifier: Apache-2.0
"""What vinci-check says: every mistake ends in one line that names node, property and value, and in exit status 1."""

import re
import subprocess

import pytest

from conftest import domain

TREE_MODULE = 'tree@4f000000 { compatible = "multiboot,device-tree", "multiboot,module"; reg = <0 0x4f000000 0 0x1000>; };'


def partial(path, registers="0xa000000", more=""):
    return f"""/dts-v1/; / {{ #address-cells = <2>; #size-cells = <2>;
        passthrough {{ compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>;
            device@a000000 {{ compatible = "acme,dma"; reg = <0 0xa000000 0 0x1000>;
                xen,reg = <0 {registers} 0 0x1000 0 0xa000000>; xen,path = "{path}"; {more} }}; }}; }};"""


def test_all_is_well(check):
    status, text = check(domain("camera", more="vinci,priority = <10>; vpl011;") + domain("radio", at=0x51000000))
    assert status == 0
    assert "0 errors, 0 warnings" in text
    assert text.index("camera") < text.index("radio")


def test_order_of_start(check):
    _, text = check(domain("late") + domain("first", more="vinci,priority = <1>;", at=0x51000000))
    assert text.index("first") < text.index("late")


MISTAKES = [
    # node(s), words that one line has
    (domain(memory=""), ["error", "/chosen/one", "memory is missing", "KiB"]),
    (domain(memory="memory = <0x10000>;"), ["error", "memory = <0x10000>", "two cells"]),
    (domain(memory="memory = <0 0x200000>;"), ["error", "need", "the board has 512 MiB"]),
    (domain(cpus=""), ["error", "cpus is missing"]),
    (domain(cpus="cpus = <0>;"), ["error", "cpus = <0x0>", "1 to 64"]),
    (domain(kernel=""), ["error", "/chosen/one", "no kernel"]),
    (domain(at=0x90000000), ["error", "kernel at 0x90000000", "not all memory of this board"]),
    (domain() + domain("two", at=0x50080000), ["error", "/chosen/two", "overlaps a module of /chosen/one"]),
    (domain(more='vinci,name = "a"; ') + domain("two", more='vinci,name = "a";', at=0x51000000), ["error", "/chosen/two", "/chosen/one already"]),
    (domain(more='vinci,on-crash = "reboot";'), ["error", 'vinci,on-crash = "reboot"', '"restart"']),
    (domain(more="vinci,prority = <1>;"), ["warning", "vinci,prority", "did you mean vinci,priority?"]),
    (domain(more="vinci,interrupt-rate = <0>;"), ["error", "vinci,interrupt-rate = <0x0>", "at least 1 a second"]),
    (domain(more="vinci,interupt-rate = <9>;"), ["warning", "vinci,interupt-rate", "did you mean vinci,interrupt-rate?"]),
    (domain(more='vinci,pin = "5";'), ["error", "vinci,pin", "vCPU 0", "which has 2 (0 to 1)"]),
    (domain(more="xen,static-mem = <0 0x90000000 0 0x4000000>; #xen,static-mem-address-cells = <2>; #xen,static-mem-size-cells = <2>;"),
     ["error", "xen,static-mem 0x90000000", "not all memory"]),
    (domain().replace("xen,domain", "xen,domian"), ["warning", "/chosen/one", "xen,domian", 'did you mean "xen,domain"?']),
    (domain(modules='initrd@54000000 { compatible = "multiboot,ramdisc"; reg = <0 0x54000000 0 0x1000>; };'),
     ["warning", "/chosen/one/initrd@54000000", 'did you mean "multiboot,module"?']),
    ("", ["error", "nothing would run"]),
]


@pytest.mark.parametrize("nodes, words", MISTAKES, ids=[" ".join(words[1:3]) for _, words in MISTAKES])
def test_mistake(check, nodes, words):
    status, text = check(nodes)
    lines = [line for line in text.splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, text
    assert status == (1 if words[0] == "error" or "xen,domian" in words else 0), text


def test_device_without_iommu(check):
    status, text = check(domain(modules=TREE_MODULE), partial=partial("/dma@a000000"))
    assert status == 1 and "device /dma@a000000 has no IOMMU before it" in text
    status, text = check(domain(modules=TREE_MODULE), partial=partial("/dma@a000000", more="xen,force-assign-without-iommu;"))
    assert status == 0, text
    status, text = check(domain(modules=TREE_MODULE), partial=partial("/safe@a001000", "0xa001000"))
    assert status == 0, text


def test_device_given_twice(check):
    status, text = check(domain(modules=TREE_MODULE) + domain("two", modules=TREE_MODULE, at=0x51000000), partial=partial("/safe@a001000", "0xa001000"))
    assert status == 1
    assert "interrupt 49 is given to two domains, here and in /chosen/one" in text
    assert "device /safe@a001000 (xen,path) is given to two domains" in text


SECOND_TREE = TREE_MODULE.replace("4f000000", "4e000000")


def functions(names, path="/pcie@10000000", more=""):
    return f"""/dts-v1/; / {{ #address-cells = <2>; #size-cells = <2>;
        passthrough {{ compatible = "simple-bus"; ranges; #address-cells = <2>; #size-cells = <2>;
            pcie@10000000 {{ compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
                reg = <0 0x3f000000 0 0x100000>; ranges = <0x02000000 0 0x10000000 0 0x10000000 0 0x1000000>;
                xen,path = "{path}"; vinci,pci = {names}; {more} }}; }}; }};"""


def test_functions_of_two_domains(check):
    """Each has one of its own of the same bridge."""
    trees = {0x4f000000: functions('"00:01.0"'), 0x4e000000: functions('"00:02.0"')}
    status, text = check(domain(modules=TREE_MODULE) + domain("two", modules=SECOND_TREE, at=0x51000000), partial=trees)
    assert status == 0 and "0 errors, 0 warnings" in text, text


BAD_FUNCTIONS = [
    # the first's functions and the second's, what one line says
    ('"00:01.0"', '"00:01.0"', "/chosen/two: PCI function 00:01.0 of /pcie@10000000 (vinci,pci) is given to two domains, here and in /chosen/one"),
    ('"00:01.0"', '"00:01.0", "00:01.1"', "is given to two domains"),
    ('"00:01.0"', '"00:03.0"', "PCI function 00:03.0 of /pcie@10000000 (vinci,pci) accesses memory under the same number (iommu-map) as one in /chosen/one"),
    ('"00:01.0"', '"00:04.0"', "/chosen/two: PCI function 00:04.0 of /pcie@10000000 has no IOMMU before it"),
    ('"00:01.0"', '"00:02.1"', "lacks function 0 of a device"),
    ('"00:01.0"', '"01:02.0"', "only functions of the bridge's bus 00"),
    ('"00:01.0"', '"00:02.0", "00:02.0"', "names a function twice"),
    ('"00:01.0"', '"00:20.0"', "expects bus:device.function"),
    ('"00:01.0"', '<2>', "expects bus:device.function"),
    ('"00:01.0"', '"00:02.8"', "expects bus:device.function"),
    ('"00:01.0"', ", ".join(f'"00:{n >> 3:02x}.{n & 7}"' for n in range(17)), "more than 16 functions"),
]


@pytest.mark.parametrize("first, second, line", BAD_FUNCTIONS, ids=[words for _, _, words in BAD_FUNCTIONS])
def test_bad_functions(check, first, second, line):
    trees = {0x4f000000: functions(first), 0x4e000000: functions(second)}
    status, text = check(domain(modules=TREE_MODULE) + domain("two", modules=SECOND_TREE, at=0x51000000), partial=trees)
    assert status == 1 and sum(line in said for said in text.splitlines()) == 1, text


def test_lines_of_functions(check):
    """A function has its own line, or none."""
    def with_line(name, line, more=""):
        return functions(f'"{name}"', more=f"interrupt-map = <0x800 0 0 1 0xfde8 0 {line} 4{more}>;")

    for line, more, words in ((4, "", "0 errors"), (5, "", "of no pin of these functions"), (4, " 4", "expects eight cells")):
        status, text = check(domain(modules=TREE_MODULE), partial=with_line("00:01.0", line, more))
        assert status == ("errors" not in words) and words in text, text
    # 00:01.0 and 00:05.0 share one.
    trees = {0x4f000000: with_line("00:01.0", 4), 0x4e000000: with_line("00:05.0", 4, more="").replace("0x800", "0x2800")}
    status, text = check(domain(modules=TREE_MODULE) + domain("two", modules=SECOND_TREE, at=0x51000000), partial=trees)
    assert status == 1 and "interrupt 36 is given to two domains, here and in /chosen/one" in text, text


def test_functions_of_what_is_given_as_a_whole(check):
    whole = partial("/pcie@10000000", "0x12000000")
    for trees in ({0x4f000000: whole, 0x4e000000: functions('"00:01.0"')}, {0x4f000000: functions('"00:01.0"'), 0x4e000000: whole}):
        status, text = check(domain(modules=TREE_MODULE) + domain("two", modules=SECOND_TREE, at=0x51000000), partial=trees)
        assert status == 1 and re.search(r"/chosen/two: .*/pcie@10000000.*(as a whole|single functions)", text), text


@pytest.mark.parametrize("tree, line", [
    (functions('"00:01.0"', path="/safe@a001000"), "is of a node that is no pci-host-ecam-generic"),
    (functions('"00:01.0"', path="/pcie@20000000"), "without xen,passthrough in the board's tree"),
    (functions('"00:01.0"').replace('xen,path = "/pcie@10000000";', ""), "needs xen,path, which names the host bridge"),
    (functions('"00:01.0"', more="xen,reg = <0 0x10000000 0 0x1000 0 0x10000000>;"), "cannot be beside vinci,pci"),
    (functions('"00:01.0"').replace("0x3f000000 0 0x100000", "0x3f000000 0 0x1000"), "needs 1 MiB or more for its configuration space"),
    (functions('"00:01.0"').replace("<0x02000000 0", "<0x01000000 0"), "has no window for memory"),
    (functions('"00:01.0"').replace("0x10000000 0 0x1000000>", "0x10000000 0 0x1000001>"), "expects whole pages"),
], ids=lambda value: value[:40] if "dts" not in value else "tree")
def test_bad_bridges(check, tree, line):
    status, text = check(domain(modules=TREE_MODULE), partial=tree)
    assert status == 1 and sum(line in said for said in text.splitlines()) == 1, text


def test_device_that_is_not_there(check):
    status, text = check(domain(modules=TREE_MODULE), partial=partial("/dam@a000000"))
    assert status == 1 and '"/dam@a000000"' in text and "no node in the board's tree" in text


def test_partial_tree_not_given(check):
    status, text = check(domain(modules=TREE_MODULE))
    assert status == 0 and "--module 0x4f000000=FILE.dtb" in text


def test_kernel_file(check, tmp_path):
    image = tmp_path / "Image"
    image.write_bytes(b"\x1f\x8b" + bytes(100))
    status, text = check(domain(), "--module", f"0x50000000={image}")
    assert status == 1 and "is compressed (gzip)" in text
    image.write_bytes(bytes(100))
    status, text = check(domain(), "--module", f"0x50000000={image}")
    assert status == 1 and "no arm64 Image" in text
    image.write_bytes(bytes(56) + b"ARM\x64" + bytes(0x100000))
    status, text = check(domain(), "--module", f"0x50000000={image}")
    assert status == 1 and "would be cut off" in text
    image.write_bytes(bytes(56) + b"ARM\x64" + bytes(1000))
    status, text = check(domain(), "--module", f"0x50000000={image}")
    assert status == 0, text


@pytest.mark.parametrize("words, says", [
    ([], "expects one device tree"), (["/nonexistent.dtb"], "/nonexistent.dtb"), (["--module", "nonsense", "x.dtb"], "ADDRESS=FILE"),
    (["/dev/null"], "/dev/null"), (["--modul=1"], "modul"),
])
def test_wrong_usage(request, words, says):
    done = subprocess.run([request.config.getoption("--checker"), *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert says in done.stderr


def test_help(request):
    done = subprocess.run([request.config.getoption("--checker"), "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stdout.startswith("Usage: vinci-check")


def test_every_byte_of_a_tree_damaged(check, request, tmp_path):
    """No damage crashes it: the sanitizers of its build would end it with another status."""
    check(domain("camera", modules=TREE_MODULE))
    blob = bytearray((tmp_path / "board.dtb").read_bytes())
    victim = tmp_path / "damaged.dtb"
    for at in range(0, len(blob), 7):
        old = blob[at]
        blob[at] ^= 0xa5
        victim.write_bytes(blob)
        blob[at] = old
        done = subprocess.run([request.config.getoption("--checker"), str(victim)], capture_output=True, timeout=30)
        assert done.returncode in (0, 1, 2), (at, done.stderr)
