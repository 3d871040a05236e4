# SPDX-License-Identifier: Apache-2.0
"""What is in a screenshot of the camera's display: colours of regions, and text in the fonts of guests/camera."""

from PIL import Image, ImageDraw, ImageFont

FONTS = {"small": ("DejaVuSans", 15), "large": ("DejaVuSans-Bold", 22), "huge": ("DejaVuSans-Bold", 40)}
GREEN, YELLOW, RED = (0x3D, 0xDC, 0x57), (0xFF, 0xD0, 0x2E), (0xFF, 0x3B, 0x30)


class Picture:
    def __init__(self, path):
        self.path = path
        self.image = Image.open(path).convert("RGB")
        self.pixels = self.image.load()

    def __repr__(self):
        return f"Picture({self.path})"

    def share(self, box, colour, tolerance=12):
        """The part (0 to 1) of box = (left, top, right, bottom) that has about this colour."""
        left, top, right, bottom = box
        hits = sum(all(abs(a - b) <= tolerance for a, b in zip(self.pixels[x, y], colour))
                   for x in range(left, right) for y in range(top, bottom))
        return hits / ((right - left) * (bottom - top))

    def says(self, text, font, x, y):
        """Whether this text begins at x, y: bright where its letters are, darker around them."""
        face, size = FONTS[font]
        face = ImageFont.truetype(f"/usr/share/fonts/truetype/dejavu/{face}.ttf", size)
        mask = Image.new("L", (sum(round(face.getlength(c)) for c in text), size + size // 4), 0)
        at = 0
        for letter in text:
            ImageDraw.Draw(mask).text((at, 0), letter, fill=255, font=face)
            at += round(face.getlength(letter))
        ink, ground = [], []
        for column in range(mask.width):
            for row in range(mask.height):
                part = mask.getpixel((column, row))
                bright = sum(self.pixels[x + column, y + row]) / 3
                if part > 230:
                    ink.append(bright)
                elif part == 0:
                    ground.append(bright)
        edge = (min(ink) + max(ground)) / 2
        return len(ink) > 20 and min(ink) > max(ground) and edge > 0

    def is_camera(self):
        """The guide lines in their places by distance, the road between them, and what the picture says of itself."""
        return (self.share((330, 195, 470, 201), GREEN) > 0.9 and self.share((264, 263, 304, 267), YELLOW) > 0.8
                and self.share((500, 263, 536, 267), YELLOW) > 0.8 and self.share((170, 354, 630, 358), RED) > 0.9
                and self.share((430, 290, 560, 340), (0x5F, 0x62, 0x67), 8) > 0.9
                and self.says("Rear view", "large", 48, 18)
                and self.says("generated picture: this board has no camera", "small", 28, 50))

    def is_infotainment(self):
        return (self.says("Infotainment", "large", 190, 14) and self.says("Open Road", "large", 184, 102)
                and self.share((408, 78, 784, 368), (0x22, 0x32, 0x47)) > 0.3 and self.share((38, 337, 42, 341), (0x3A, 0xA0, 0xFF)) > 0.3)

    def gear(self):
        """The letter that the bar shows as engaged; the bar is partition one's and always there."""
        engaged = [letter for number, letter in enumerate("PRND")
                   if self.share((16 + number * 34, 447, 21 + number * 34, 473), RED if letter == "R" else (0x2F, 0x7D, 0xE1)) > 0.7]
        return engaged[0] if len(engaged) == 1 and self.share((400, 442, 440, 478), (0x14, 0x17, 0x1C)) > 0.95 else None
