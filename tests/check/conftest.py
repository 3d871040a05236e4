# SPDX-License-Identifier: Apache-2.0
"""vinci-check on trees that are written here."""

import subprocess

import pytest

BOARD = """
/dts-v1/;
/ {{
    #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
    chosen {{ stdout-path = "/pl011@9000000"; #address-cells = <2>; #size-cells = <2>; {chosen} }};
    memory@40000000 {{ device_type = "memory"; reg = <0 0x40000000 0 0x20000000>; }};
    cpus {{ #address-cells = <1>; #size-cells = <0>;
        cpu@0 {{ device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; enable-method = "psci"; }};
        cpu@1 {{ device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <1>; enable-method = "psci"; }}; }};
    psci {{ compatible = "arm,psci-1.0"; method = "smc"; }};
    gic: intc@8000000 {{ compatible = "arm,gic-v3"; interrupt-controller; #interrupt-cells = <3>;
        reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0xf60000>; }};
    pl011@9000000 {{ compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>; }};
    smmu: iommu@9050000 {{ compatible = "arm,smmu-v3"; reg = <0 0x9050000 0 0x20000>; #iommu-cells = <1>; }};
    dma@a000000 {{ compatible = "acme,dma"; reg = <0 0xa000000 0 0x1000>; interrupts = <0 16 1>; xen,passthrough; }};
    safe@a001000 {{ compatible = "acme,dma"; reg = <0 0xa001000 0 0x1000>; interrupts = <0 17 1>; iommus = <&smmu 3>; xen,passthrough; }};
    pcie@10000000 {{ compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>; xen,passthrough;
        reg = <0 0x10000000 0 0x100000>; ranges = <0x02000000 0 0x11000000 0 0x11000000 0 0x1000000>;
        iommu-map = <0 &smmu 0 0x18>, <0x18 &smmu 8 8>; interrupt-map-mask = <0x1800 0 0 7>; #interrupt-cells = <1>;
        interrupt-map = <0x0800 0 0 1 &gic 0 4 4>, <0x1000 0 0 1 &gic 0 5 4>; }};
    pcie@20000000 {{ compatible = "pci-host-ecam-generic"; device_type = "pci"; #address-cells = <3>; #size-cells = <2>;
        reg = <0 0x20000000 0 0x100000>; ranges = <0x02000000 0 0x21000000 0 0x21000000 0 0x1000000>; iommu-map = <0 &smmu 0x100 0x100>; }};
}};
"""

DOMAIN = """
{name} {{
    compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
    {memory} {cpus} {more}
    {kernel}
    {modules}
}};
"""


def domain(name="one", memory="memory = <0 0x10000>;", cpus="cpus = <1>;", more="", modules="", kernel=None, at=0x50000000):
    """A xen,domain node of 64 MiB with a kernel of 1 MiB."""
    if kernel is None:
        kernel = f'kernel@{at:x} {{ compatible = "multiboot,kernel", "multiboot,module"; reg = <0 {at:#x} 0 0x100000>; }};'
    return DOMAIN.format(name=name, memory=memory, cpus=cpus, more=more, modules=modules, kernel=kernel)


def pytest_addoption(parser):
    parser.addoption("--checker", default="build/vinci-check", help="the program")


@pytest.fixture
def check(request, tmp_path):
    """check(domains, *words) -> (exit status, what it printed)"""

    def compile_tree(source, name):
        blob = tmp_path / name
        subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", str(blob), "-"], input=source.encode(), check=True, timeout=30)
        return blob

    def run(domains, *words, partial=None):
        blob = compile_tree(BOARD.format(chosen=domains), "board.dtb")
        words = list(words)
        for at, source in (partial if isinstance(partial, dict) else {0x4f000000: partial} if partial else {}).items():
            words += ["--module", f"{at:#x}={compile_tree(source, f'partial{at:x}.dtb')}"]
        done = subprocess.run([request.config.getoption("--checker"), *words, str(blob)], capture_output=True, text=True, timeout=30)
        assert not done.stderr, done.stderr
        return done.returncode, done.stdout

    return run
