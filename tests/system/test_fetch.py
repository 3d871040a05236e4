# SPDX-License-Identifier: Apache-2.0
"""What of a wish's packages is fetched: not what only dpkg would need, nor packages that hold nothing."""

import pytest
from imaging.debian import Repository


@pytest.mark.quick
@pytest.mark.parametrize("wanted, fetched", [
    (["linux-image-arm64"], {"linux-image-6.1.0-56-arm64"}),
    (["linux-image-rt-arm64", "coreutils"], {"linux-image-6.1.0-56-arm64", "coreutils"}),
])
def test_closure(tmp_path, monkeypatch, wanted, fetched):
    names = {*wanted, "linux-image-6.1.0-56-arm64", "linux-base", "python3"}
    lines = [f"'http://archive/{name}_1_arm64.deb' {name}_1_arm64.deb 1000 SHA256:0" for name in sorted(names)]
    repository = Repository(tmp_path, "arm64")
    monkeypatch.setattr(repository, "_apt", lambda *words, **more: "\n".join(lines))
    assert set(repository._closure(wanted)) == fetched
