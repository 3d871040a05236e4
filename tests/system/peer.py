# SPDX-License-Identifier: Apache-2.0
"""The far end of a test's TCP connection: takes 4 MiB, says their SHA-256, then the SHA-256 of 4 MiB
of its own, then those. Its input and output are the connection."""

import hashlib
import os
import sys

SIZE = 4 << 20

received = sys.stdin.buffer.read(SIZE)
sent = os.urandom(SIZE)
sys.stdout.buffer.write(hashlib.sha256(received).hexdigest().encode() + b"\n")
sys.stdout.buffer.write(hashlib.sha256(sent).hexdigest().encode() + b"\n")
sys.stdout.buffer.write(sent)
sys.stdout.buffer.flush()
