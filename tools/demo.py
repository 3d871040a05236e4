# SPDX-License-Identifier: Apache-2.0
"""The demonstration: dom0, a guest that serves a page from a disk, a guest that fetches it."""

import os
import shutil
import sys
from contextlib import contextmanager

from board import BoardError, disk
from imaging.progress import step
from imaging.target import TARGETS

LAST_SCREEN = """
Running now, on an emulated {arch} machine with {cpus} CPU(s) and {mem} MiB:
  {hypervisor}  the hypervisor, and above it
  dom0        Debian's kernel {dom0} and its xl, xenstored, xenconsoled; 10.0.0.1
  web         Debian's kernel and nginx, its root an ext4 disk through blkback/blkfront; 10.0.0.2
  client      Debian's cloud kernel; it has fetched web's page; 10.0.0.3

Five things to try:
  xl list -l web                         what dom0 knows about a guest (xl top shows it live; q ends it)
  xl console client                      the guest's own shell; Ctrl-] comes back
  wget -qO- http://10.0.0.2/             the page again, from dom0
  xl pause web; xl list; xl unpause web  stop a guest and let it go on
  xl destroy client; xl create /etc/xen/client.cfg

To leave: `poweroff`, or at any time Ctrl-\\ . What everything said is in {log}.
"""


@contextmanager
def stage(title):
    """A step that the person sees, and whose name an error carries."""
    with step(title) as report:
        yield report


def boot(board, timeout):
    with stage("booting the hypervisor and dom0") as report:
        board.wait_ready(timeout, progress=report)


# Where no IOMMU follows the grants, the pages that a disk moves its data to are to be dom0's own: those of a loop device's cache.
LOOP = "modprobe loop; losetup /dev/loop0 /dev/vdb"
THROUGH_LOOP = """'disk=["phy:/dev/loop0,xvda,w"]'"""


def create(board, name, more=""):
    with stage(f"xl create {name}"):
        board.run(f"xl create /etc/xen/{name}.cfg {more}", timeout=90, check=True)


def console_log(name):
    return f"/var/log/xen/console/guest-{name}.log"


def wait_console(board, name, words, what):
    """Until the guest's console has said so. When it does not, what it said last and who waits goes to the serial log and is shown."""
    try:
        board.poll(f"grep '{words}' {console_log(name)}", 90, what, interval=1)
    except BoardError as error:
        said = board.out_of(f"tail -n 12 {console_log(name)}; xl vcpu-list")
        raise BoardError(f"{error}\n{name} said last:\n{said}") from None


def wait_web(board):
    with stage("waiting for web to serve its page"):
        wait_console(board, "web", "web serves pages", "waiting for web's nginx")


def wait_page(board):
    """The page as the client printed it on its console."""
    with stage("waiting for client to fetch web's page"):
        wait_console(board, "client", "end of page", "waiting for client to fetch the page")
    text = board.out_of(f"sed -n '/^guest: fetched/,/^guest: end of page/p' {console_log('client')} | tr -d '\\r'")
    lines = text.strip().splitlines()
    return "\n".join(lines[1:-1])


def hand_over(board):
    """Gives the terminal to dom0's shell until the board goes or Ctrl-\\ is pressed."""
    size = shutil.get_terminal_size()
    board.send(f"exec /usr/lib/vinci/console person {size.lines} {size.columns}\n")
    board.child.logfile_read = board.stream
    board.child.interact(escape_character="\x1c")
    print()


def run(arguments, make_board):
    devices = disk(arguments.out / TARGETS[arguments.arch].images / "web.img", name="web")
    board = make_board(arguments, "test", devices)
    try:
        boot(board, arguments.timeout)
        if board.loop_disks:
            board.run(LOOP, check=True)
        create(board, "web", THROUGH_LOOP if board.loop_disks else "")
        wait_web(board)
        create(board, "client")
        page = wait_page(board)
        print("\nclient fetched this from web:\n")
        print("\n".join(f"    {line}" for line in page.splitlines()))
        print("\ndom0# xl list\n" + board.out_of("xl list"))
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            with stage("powering off"):
                board.poweroff()
            return 0
        print(LAST_SCREEN.format(arch=arguments.arch, cpus=board.smp, mem=board.mem, log=os.path.relpath(board.log),
                                 hypervisor=f"{board.hypervisor.name:<10}",
                                 dom0=board.out_of("uname -r").strip()))
        hand_over(board)
        return 0
    finally:
        board.stop()
