# SPDX-License-Identifier: Apache-2.0
"""What `make run` shows: to a program (its output and exit status) and to a person at a terminal."""

import subprocess
from pathlib import Path

import pexpect
import pytest
from guests import Board

ROOT = Path(__file__).resolve().parents[2]


def launcher(out, arch, hypervisor, log):
    return ["/usr/bin/python3", str(ROOT / "tools/run"), "--out", str(out), "--arch", arch, "--hypervisor", hypervisor,
            "--log", str(log), "--timeout", "120"]


@pytest.mark.quick
def test_for_a_program(out, logs, arch, hypervisor):
    done = subprocess.run(launcher(out, arch, hypervisor, logs / "demo-program.log"), text=True, timeout=600, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    assert "Hello from the guest named web" in done.stdout
    for name in ("Domain-0", "web", "client"):
        assert f"\n{name} " in done.stdout


def test_for_a_person(out, logs, arch, hypervisor):
    words = launcher(out, arch, hypervisor, logs / "demo-person.log")
    limit = Board().scale(120)
    child = pexpect.spawn(words[0], words[1:], timeout=limit, dimensions=(40, 120), encoding="utf-8")
    try:
        child.expect("Five things to try:")
        child.expect("To leave:")
        child.expect("dom0:~# ")
        child.send("xl pause web; xl list web\n")
        # Paused, whether it was waiting for something at that moment or not.
        child.expect(r"web +\d+ +256 +1 +-[-b]p")
        child.expect("dom0:~# ")
        child.send("xl unpause web; wget -qO- http://10.0.0.2/\n")
        child.expect("Hello from the guest named web")
        child.expect("dom0:~# ")
        child.send("xl console client\n")
        child.send("\n")
        child.expect("/ # ")
        child.send("hostname\n")
        child.expect("client")
        child.send("\x1d")
        child.expect("dom0:~# ")
        child.send("\x1c")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0


def test_a_failure_says_which_step_and_where_the_log_is(out, arch, tmp_path):
    nothing = tmp_path / "hypervisor"
    nothing.write_bytes(b"\0" * 4096)
    log = tmp_path / "run.log"
    words = launcher(out, arch, str(nothing), log)
    words[words.index("--timeout") + 1] = "3"
    done = subprocess.run(words, text=True, timeout=120, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 1
    assert "waiting for dom0 to come up" in done.stdout and str(log) in done.stdout
