"""Small pictures drawn with whole numbers: shapes, lines and a 5 x 7 dot font on a canvas of RGB bytes.

The same calls give the same bytes on every machine: no floating-point result is stored, only compared.
"""

import math
import struct
import zlib

import numpy as np

COLOURS = {"red": (214, 40, 40), "blue": (30, 90, 200), "green": (40, 150, 70), "yellow": (235, 195, 30),
           "purple": (130, 60, 170), "orange": (240, 130, 30), "black": (20, 20, 20), "pink": (240, 140, 190)}
SHAPES = ("circle", "square", "triangle", "diamond", "star", "cross", "ring")
WHITE = (255, 255, 255)
INK = (40, 40, 40)
PALE = (205, 205, 205)

# Rows of five dots, from the top; a set bit is ink, the highest of five is the leftmost.
_FONT = {
    "0": (14, 17, 19, 21, 25, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14), "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (30, 1, 1, 14, 1, 1, 30), "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8), "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12), "A": (14, 17, 17, 31, 17, 17, 17), "B": (30, 17, 17, 30, 17, 17, 30),
    "C": (14, 17, 16, 16, 16, 17, 14), "D": (30, 17, 17, 17, 17, 17, 30), "E": (31, 16, 16, 30, 16, 16, 31),
    "F": (31, 16, 16, 30, 16, 16, 16), "G": (14, 17, 16, 23, 17, 17, 14), "H": (17, 17, 17, 31, 17, 17, 17),
    "I": (14, 4, 4, 4, 4, 4, 14), "J": (7, 2, 2, 2, 2, 18, 12), "K": (17, 18, 20, 24, 20, 18, 17),
    "L": (16, 16, 16, 16, 16, 16, 31), "M": (17, 27, 21, 21, 17, 17, 17), "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14), "P": (30, 17, 17, 30, 16, 16, 16), "Q": (14, 17, 17, 17, 21, 18, 13),
    "R": (30, 17, 17, 30, 20, 18, 17), "S": (15, 16, 16, 14, 1, 1, 30), "T": (31, 4, 4, 4, 4, 4, 4),
    "U": (17, 17, 17, 17, 17, 17, 14), "V": (17, 17, 17, 17, 17, 10, 4), "W": (17, 17, 17, 21, 21, 27, 17),
    "X": (17, 17, 10, 4, 10, 17, 17), "Y": (17, 17, 10, 4, 4, 4, 4), "Z": (31, 1, 2, 4, 8, 16, 31),
    "?": (14, 17, 1, 2, 4, 0, 4),
}


class Canvas:
    """An RGB picture, x to the right and y down."""

    def __init__(self, width, height, background=WHITE):
        self.pixels = np.empty((height, width, 3), np.uint8)
        self.pixels[:] = background
        self._y, self._x = np.mgrid[0:height, 0:width]

    def rectangle(self, left, top, right, bottom, colour):
        """Fills the half-open rectangle; what lies outside the canvas is cut off."""
        self.pixels[max(top, 0):max(bottom, 0), max(left, 0):max(right, 0)] = colour

    def disc(self, cx, cy, radius, colour, hole=0):
        away = (self._x - cx) ** 2 + (self._y - cy) ** 2
        self.pixels[(away <= radius * radius) & (away >= hole * hole)] = colour

    def polygon(self, corners, colour):
        """Fills a polygon by the even-odd rule."""
        inside = np.zeros(self._x.shape, bool)
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1]):
            if y1 == y2:
                continue
            crosses = (self._y >= min(y1, y2)) & (self._y < max(y1, y2))
            # The edge is right of the pixel: compared in whole numbers.
            side = (self._x - x1) * (y2 - y1) - (self._y - y1) * (x2 - x1)
            inside ^= crosses & ((side < 0) if y2 > y1 else (side > 0))
        self.pixels[inside] = colour

    def line(self, x1, y1, x2, y2, colour, thickness=2):
        steps = max(abs(x2 - x1), abs(y2 - y1), 1)
        for i in range(steps + 1):
            x = x1 + (2 * (x2 - x1) * i + steps) // (2 * steps)
            y = y1 + (2 * (y2 - y1) * i + steps) // (2 * steps)
            half = thickness // 2
            self.rectangle(x - half, y - half, x - half + thickness, y - half + thickness, colour)

    def arrow(self, x1, y1, x2, y2, colour, head=6, thickness=2):
        self.line(x1, y1, x2, y2, colour, thickness)
        length = math.hypot(x2 - x1, y2 - y1)
        ux, uy = (x2 - x1) / length, (y2 - y1) / length
        base = (x2 - head * ux, y2 - head * uy)
        wing = head * 0.6
        self.polygon([(round(x2 + 2 * ux), round(y2 + 2 * uy)), (round(base[0] - wing * uy), round(base[1] + wing * ux)),
                      (round(base[0] + wing * uy), round(base[1] - wing * ux))], colour)

    def text(self, x, y, text, colour=INK, scale=1):
        """Capital letters and digits, their upper left corner at (x, y); a character is 6 * scale wide."""
        for char in text:
            for row, bits in enumerate(_FONT.get(char, (0,) * 7)):
                for column in range(5):
                    if bits >> (4 - column) & 1:
                        left, top = x + column * scale, y + row * scale
                        self.rectangle(left, top, left + scale, top + scale, colour)
            x += 6 * scale

    def centred_text(self, cx, cy, text, colour=INK, scale=1):
        self.text(cx - (6 * len(text) - 1) * scale // 2, cy - 7 * scale // 2, text, colour, scale)

    def shape(self, name, cx, cy, radius, colour):
        """One of SHAPES around (cx, cy)."""
        r = radius
        if name == "circle":
            self.disc(cx, cy, r, colour)
        elif name == "ring":
            self.disc(cx, cy, r, colour, hole=(3 * r + 2) // 5)
        elif name == "square":
            side = (9 * r) // 10
            self.rectangle(cx - side, cy - side, cx + side + 1, cy + side + 1, colour)
        elif name == "triangle":
            self.polygon([(cx, cy - r), (cx + r, cy + r), (cx - r, cy + r)], colour)
        elif name == "diamond":
            self.polygon([(cx, cy - r - 1), (cx + r + 1, cy), (cx, cy + r + 1), (cx - r - 1, cy)], colour)
        elif name == "cross":
            arm = max(1, r // 3)
            self.rectangle(cx - arm, cy - r, cx + arm + 1, cy + r + 1, colour)
            self.rectangle(cx - r, cy - arm, cx + r + 1, cy + arm + 1, colour)
        elif name == "star":
            corners = []
            for i in range(10):
                reach = (r + 1) if i % 2 == 0 else (r + 1) * 0.42
                angle = math.pi * (i / 5 - 0.5)
                corners.append((round(cx + reach * math.cos(angle)), round(cy + reach * math.sin(angle))))
            self.polygon(corners, colour)
        else:
            raise ValueError(name)


def png(pixels):
    """An 8-bit PNG of [height, width, 3] bytes: with a palette where 16 colours do, else RGB."""
    height, width, _ = pixels.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colours, index = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) <= 16:
        index = index.reshape(height, width).astype(np.uint8)
        if width % 2:
            index = np.hstack([index, np.zeros((height, 1), np.uint8)])
        rows = (index[:, 0::2] << 4 | index[:, 1::2]).astype(np.uint8)
        depth, colour_type = 4, 3
        palette = chunk(b"PLTE", colours.astype(np.uint8).tobytes())
    else:
        rows, depth, colour_type, palette = pixels.reshape(height, -1), 8, 2, b""
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)) +
            palette + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))
