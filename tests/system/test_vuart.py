# SPDX-License-Identifier: Apache-2.0
"""`vuart="sbsa_uart"`: Debian's guest kernel on the emulated UART, xenconsoled behind it, a person at `xl console -t vuart`."""

import time

BOARD = {"smp": 1, "mem": 1024, "dom0_mem": 384}


def test_guest_on_the_emulated_uart(dom0):
    dom0.create("serial", more='vuart="sbsa_uart"', extra="console=ttyAMA0 console=hvc0 earlycon=pl011,0x22000000")
    log = "/var/log/xen/console/guest-serial-vuart0.log"
    # The early console polls, the driver proper uses the interrupt.
    dom0.poll(f"grep -a -F 'bootconsole [pl11] enabled' {log}", 10, "the early console on the UART")
    dom0.poll(f"grep -a -F 'ttyAMA0 at MMIO 0x22000000' {log}", 10, "the UART's driver")
    dom0.guest("serial", "for i in $(seq 200); do echo line-$i-of-200; done > /dev/ttyAMA0")
    dom0.poll(f"grep -a -F 'line-200-of-200' {log}", 20, "200 lines written to the UART")
    assert dom0.out_of(f"grep -a -c 'line-[0-9]*-of-200' {log}").strip() == "200"

    dom0.guest("serial", "(stty -F /dev/ttyAMA0 -echo 2>/dev/null; read word < /dev/ttyAMA0; echo heard-$word > /dev/ttyAMA0)"
                         " > /dev/null 2>&1 &")
    dom0.send("xl console -t vuart serial; echo @'C'left\n")
    time.sleep(2)
    dom0.send("marmalade\n")
    dom0.expect(rb"heard-marmalade", dom0.scale(20), "the guest's answer over its UART")
    dom0.send("\x1d")
    dom0.expect(rb"@Cleft", dom0.scale(20), "leaving xl console with Ctrl-]")
    dom0.run("true")
    dom0.destroy("serial")


def test_end_and_again(dom0):
    """Nothing of the UART's page, port or memory is left when its guest goes."""
    before = dom0.free_memory()
    for _ in range(3):
        dom0.create("nap", kernel="nap", memory=16, more='vuart="sbsa_uart"')
        dom0.destroy("nap")
        dom0.gone("nap")
    assert dom0.free_memory() == before
