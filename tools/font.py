#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a C header of fonts (struct font of guests/camera/canvas.h) from Debian's fonts-dejavu-core.

  tools/font.py OUT.h small=DejaVuSans:15 large=DejaVuSans-Bold:22
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path("/usr/share/fonts/truetype/dejavu")
FIRST, LAST = 32, 126


def draw(font, character):
    """(left, top, width, height, coverage of 0 to 255) of a character; top counts from the line's top."""
    left, top, right, bottom = font.getbbox(character)
    if right <= left or bottom <= top:
        return 0, 0, 0, 0, b""
    image = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(image).text((-left, -top), character, fill=255, font=font)
    return left, top, image.width, image.height, image.tobytes()


def pack(width, height, coverage):
    """Two pixels a byte, the left one in the low half; a row begins at a byte."""
    rows = (coverage[y * width:(y + 1) * width] for y in range(height))
    return b"".join(bytes((row[x] >> 4) | (row[x + 1] >> 4 << 4 if x + 1 < width else 0)
                          for x in range(0, width, 2)) for row in rows)


def emit(name, face, size):
    font = ImageFont.truetype(str(FOLDER / f"{face}.ttf"), size)
    glyphs, coverage = [], b""
    for code in range(FIRST, LAST + 1):
        left, top, width, height, bits = draw(font, chr(code))
        advance = round(font.getlength(chr(code)))
        glyphs.append(f"    {{ {len(coverage)}, {left}, {top}, {width}, {height}, {advance} }},")
        coverage += pack(width, height, bits)
    lines = [", ".join(map(str, coverage[at:at + 24])) for at in range(0, len(coverage), 24)]
    ascent, descent = font.getmetrics()
    return "\n".join([f"/* {face}, {size} pixels */", f"static const struct glyph {name}_glyphs[] = {{", *glyphs, "};",
                      f"static const uint8_t {name}_coverage[] = {{", *(f"    {line}," for line in lines), "};",
                      f"static const struct font {name} = {{ {name}_glyphs, {name}_coverage, {ascent + descent} }};", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("fonts", nargs="+", metavar="NAME=FACE:SIZE")
    arguments = parser.parse_args()
    parts = ["/* SPDX-License-Identifier: Bitstream-Vera */", "/* Made by tools/font.py from Debian's fonts-dejavu-core. */",
             '#include "guests/camera/canvas.h"', ""]
    for word in arguments.fonts:
        name, face = word.split("=")
        face, size = face.split(":")
        parts.append(emit(name, face, int(size)))
    arguments.out.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
