# SPDX-License-Identifier: Apache-2.0
"""`make demo-ivi`: the camera's partition keeps its display and its frames whatever the infotainment's does (docs/demo-ivi.md)."""

import subprocess
import time
from pathlib import Path

import pytest
from guests import BoardError                          # noqa: F401  (puts tools/ on the path)
from ivi import FRAMES_PER_SECOND, Ivi
from pictures import Picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ivi(out, hypervisor):
    """One board for the tests of this file, which go on from each other."""
    if hypervisor == "xen":
        pytest.skip("Debian's Xen has no restart of static domains")
    subprocess.run(["make", "-s", "-C", str(ROOT), f"O={out}", str(out / "arm64/guests/camera.img")], check=True, timeout=300)
    board = Ivi(out=out, log=out / "logs/system/test_ivi.log", plugin=False,
                hypervisor=out / "arm64/vinci" if hypervisor == "vinci" else hypervisor)
    board.start()
    yield board
    board.stop()


@pytest.fixture
def shot(ivi, out, request):
    """Takes a screenshot and reads it."""
    def take(name):
        path = out / "logs/system" / f"{request.node.name}-{name}.png"
        ivi.screenshot(path)
        return Picture(path)
    return take


def lever(ivi, shot, gear):
    """The gear and the picture that is there when the camera has answered."""
    ivi.gear(gear)
    return shot(f"gear-{gear}")


def test_the_camera_is_first(ivi, shot):
    assert ivi.first_frame() < 100_000_000, "a tenth of a second of board time"
    picture = shot("first")
    assert picture.is_camera() and picture.gear() == "R", picture


def road(picture):
    return picture.image.crop((0, 130, 800, 440)).tobytes()


def test_the_picture_moves(ivi, shot):
    one = road(shot("one"))
    deadline = time.monotonic() + ivi.board.scale(30)
    while road(shot("two")) == one:         # the board's time is slower than the host's
        assert time.monotonic() < deadline
        time.sleep(0.3)


def test_the_gear_lever_shows_the_infotainment_and_the_camera(ivi, shot):
    ivi.infotainment()
    picture = lever(ivi, shot, "d")
    assert picture.is_infotainment() and picture.gear() == "D", picture
    picture = lever(ivi, shot, "r")
    assert picture.is_camera() and picture.gear() == "R", picture


def test_garbage_in_the_shared_memory_neither_covers_nor_stops_the_camera(ivi, shot):
    before = ivi.status()
    ivi.log_in()
    ivi.type("infotainment garble 3 & echo\n")
    for _ in range(3):
        assert shot("garbled").is_camera()
        garbled = lever(ivi, shot, "d")
        assert garbled.gear() == "D"
        assert lever(ivi, shot, "r").is_camera()
    after = ivi.status()
    assert after["frame"] > before["frame"] and after["lost"] == 0, after


def test_a_crash_and_a_restart_cost_the_camera_no_frame(ivi, shot):
    before = ivi.status()
    ivi.crash()
    picture = lever(ivi, shot, "d")
    assert picture.says("Infotainment does not answer", "large", 210, 180) or picture.is_infotainment(), picture
    assert lever(ivi, shot, "r").is_camera()
    ivi.infotainment()
    assert lever(ivi, shot, "n").is_infotainment()
    after = ivi.status()
    assert after["lost"] == 0 and after["frame"] > before["frame"] + FRAMES_PER_SECOND, (before, after)
    assert after["slowest_us"] < 1_000_000 / FRAMES_PER_SECOND
