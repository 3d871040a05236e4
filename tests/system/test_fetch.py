# SPDX-License-Identifier: Apache-2.0
"""What of a wish's packages is fetched: not what only dpkg would need, nor packages that hold nothing."""

import pytest
from imaging.debian import Repository
from imaging.target import TARGETS


@pytest.mark.quick
@pytest.mark.parametrize("wanted, fetched", [
    (["linux-image-{}"], {"linux-image-6.1.0-56-{}"}),
    (["linux-image-rt-{}", "coreutils"], {"linux-image-6.1.0-56-{}", "coreutils"}),
])
def test_closure(tmp_path, monkeypatch, arch, wanted, fetched):
    debian = TARGETS[arch].debian
    wanted = [name.format(debian) for name in wanted]
    names = {*wanted, f"linux-image-6.1.0-56-{debian}", "linux-base", "python3"}
    lines = [f"'http://archive/{name}_1_{debian}.deb' {name}_1_{debian}.deb 1000 SHA256:0" for name in sorted(names)]
    repository = Repository(tmp_path, debian)
    monkeypatch.setattr(repository, "_apt", lambda *words, **more: "\n".join(lines))
    assert set(repository._closure(wanted)) == {name.format(debian) for name in fetched}
