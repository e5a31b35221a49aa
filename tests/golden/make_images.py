#!/usr/bin/env python3
"""Writes tests/golden/images: image files in every awkward form with the pixels they hold, and what Pillow (resizing) and
torchvision (colour, on floats) make of an image. numpy, Pillow, torch and torchvision are needed.

    python3 tests/golden/make_images.py

Files are small, and the same on every run. Pixels of PNG files are known before they are encoded, by an encoder of our own
(Pillow writes neither interlaced nor 16-bit RGB files), and what Pillow reads is compared with them where it keeps to the
same rules. JPEG pixels are Pillow's, whose libjpeg-turbo is the library's, too.
"""
import io
import os
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images")


def save(name, array):
    np.save(os.path.join(OUT, name + ".npy"), np.ascontiguousarray(array))


def write(name, data):
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(data)


def noise(seed, *shape, top=256):
    return np.random.RandomState(seed).randint(0, top, shape)


def picture(seed, height, width, channels=3):
    """Something that JPEG keeps: slopes and a disc."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = [128 + 100 * np.sin(3 * x + (c + 1) * y + seed) for c in range(channels)]
    image = np.stack(planes, axis=-1)
    image[(x - 0.4) ** 2 + (y - 0.3) ** 2 < 0.05] = [230, 60, 20, 40][:channels]
    return image.round().astype(np.uint8)


# ---- PNG -----------------------------------------------------------------------------------------------------------

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows_of(samples, depth):
    """Packed rows, each after its filter: sub on even rows, none on odd ones."""
    data = b""
    for i, row in enumerate(samples.reshape(len(samples), -1)):
        if depth == 16:
            packed = row.astype(">u2").tobytes()
        elif depth == 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).ravel()
            packed = np.packbits(bits).tobytes()
        step = max(1, samples.shape[2] * depth // 8)
        if i % 2 == 0:
            plain = np.frombuffer(packed, np.uint8).astype(int)
            before = np.concatenate([np.zeros(step, int), plain])[:len(plain)]
            data += b"\1" + ((plain - before) % 256).astype(np.uint8).tobytes()
        else:
            data += b"\0" + packed
    return data


def png(samples, kind, depth, interlaced=False, palette=None, transparent=None, exif=None):
    height, width, channels = samples.shape
    assert channels == CHANNELS[kind]
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced)))
    if exif is not None:
        data += chunk(b"eXIf", exif)
    if palette is not None:
        data += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparent is not None:
        data += chunk(b"tRNS", transparent)
    data += chunk(b"tEXt", b"Comment\0not looked at")
    parts = [samples[r::dr, c::dc] for r, c, dr, dc in ADAM7] if interlaced else [samples]
    packed = zlib.compress(b"".join(rows_of(part, depth) for part in parts if part.size), 9)
    half = len(packed) // 2                                     # the image in two chunks
    return data + chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b"")


def to_grey(rgb):
    r, g, b = (rgb[..., c].astype(np.int64) for c in range(3))
    return ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16).astype(np.uint8)[..., None]


def png_case(name, data, rgb, compare=True):
    write(f"{name}.png", data)
    rgb = rgb.astype(np.uint8)
    if rgb.shape[2] == 1:
        rgb = np.repeat(rgb, 3, axis=2)
    save(f"{name}.png", rgb)
    if compare:
        image = Image.open(io.BytesIO(data))
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(image).convert("RGB")), rgb), name
        grey = np.asarray(ImageOps.exif_transpose(image).convert("L"))
        expected = to_grey(rgb)[..., 0]
        assert np.array_equal(grey, expected), name


def exif_block(orientation, big_endian=False):
    e = ">" if big_endian else "<"
    return ((b"MM" if big_endian else b"II") + struct.pack(e + "HI", 42, 8) + struct.pack(e + "H", 2) +
            struct.pack(e + "HHI4s", 0x010F, 2, 4, b"cnn\0") +
            struct.pack(e + "HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(e + "I", 0))


def png_files():
    h, w = 11, 13
    rgb, rgba = noise(1, h, w, 3), noise(2, h, w, 4)
    for interlaced in (False, True):
        suffix = "_interlaced" if interlaced else ""
        png_case("rgb8" + suffix, png(rgb, RGB, 8, interlaced), rgb)
        png_case("rgba8" + suffix, png(rgba, RGBA, 8, interlaced), rgba[..., :3])
        deep = noise(3, h, w, 3, top=65536)
        png_case("rgb16" + suffix, png(deep, RGB, 16, interlaced), deep >> 8)
        deep = noise(4, h, w, 1, top=65536)
        # Pillow reads 16-bit grey as 32-bit integers and clips them: here it is the upper byte, as for RGB.
        png_case("grey16" + suffix, png(deep, GREY, 16, interlaced), deep >> 8, compare=False)
        for depth in (1, 2, 4, 8):
            grey = noise(5 + depth, h, w, 1, top=1 << depth)
            png_case(f"grey{depth}{suffix}", png(grey, GREY, depth, interlaced), grey * 255 // ((1 << depth) - 1))
            colours = noise(20 + depth, 1 << depth, 3)
            transparent = bytes(noise(40 + depth, 1 << depth).astype(np.uint8))
            png_case(f"palette{depth}{suffix}", png(grey, PALETTE, depth, interlaced, palette=colours), colours[grey[..., 0]])
            png_case(f"palette{depth}_transparent{suffix}",
                     png(grey, PALETTE, depth, interlaced, palette=colours, transparent=transparent), colours[grey[..., 0]])
    grey_alpha = noise(60, h, w, 2)
    png_case("grey_alpha8", png(grey_alpha, GREY_ALPHA, 8), grey_alpha[..., :1])
    grey_alpha = noise(61, h, w, 2, top=65536)
    png_case("grey_alpha16", png(grey_alpha, GREY_ALPHA, 16), grey_alpha[..., :1] >> 8, compare=False)
    png_case("rgb8_key", png(rgb, RGB, 8, transparent=struct.pack(">HHH", *rgb[0, 0])), rgb)
    png_case("one_pixel", png(rgb[:1, :1], RGB, 8), rgb[:1, :1])
    turned = np.rot90(rgb, -1)                                  # orientation 6: to be turned clockwise
    png_case("rgb8_exif6", png(rgb, RGB, 8, exif=exif_block(6, big_endian=True)), turned)


# ---- JPEG ----------------------------------------------------------------------------------------------------------

def jpeg_case(name, image, **options):
    data = io.BytesIO()
    image.save(data, "JPEG", **options)
    write(f"{name}.jpg", data.getvalue())
    read = ImageOps.exif_transpose(Image.open(io.BytesIO(data.getvalue())))
    save(f"{name}.jpg", np.asarray(read.convert("RGB")))


def jpeg_files():
    rgb = Image.fromarray(picture(0, 22, 35))
    jpeg_case("rgb_444", rgb, quality=95, subsampling=0)
    jpeg_case("rgb_420", rgb, quality=80, subsampling=2)
    jpeg_case("rgb_progressive", rgb, quality=80, progressive=True)
    jpeg_case("grey", Image.fromarray(picture(1, 17, 19)[..., 0]), quality=90)
    jpeg_case("cmyk", Image.fromarray(picture(2, 18, 24, 4), mode="CMYK"), quality=95)
    jpeg_case("large", Image.fromarray(picture(3, 120, 160)), quality=70)
    small = Image.fromarray(picture(4, 12, 20))
    for orientation in range(1, 9):
        exif = b"Exif\0\0" + exif_block(orientation, big_endian=orientation % 2 == 0)
        jpeg_case(f"exif{orientation}", small, quality=90, exif=exif)


# ---- Pillow's resizing ---------------------------------------------------------------------------------------------

# Pillow 13 does rows first where an image gets lower and wider, and clips cubic results in between: such sizes are left out.
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "nearest": Image.Resampling.NEAREST, "bicubic": Image.Resampling.BICUBIC}
SIZES = ((9, 7, 5, 4), (9, 7, 20, 17), (32, 32, 8, 8), (32, 32, 48, 40), (7, 5, 7, 10), (31, 17, 3, 12), (1, 6, 4, 1), (40, 40, 41, 39))


def resizing():
    for height, width, to_height, to_width in SIZES:
        image = noise(height * 100 + width, height, width, 3).astype(np.uint8)
        save(f"resize_{height}x{width}", image)
        for name, kind in FILTERS.items():
            size = (to_width, to_height)
            planes = [np.asarray(Image.fromarray(image[..., c].astype(np.float32)).resize(size, kind)) for c in range(3)]
            whole = np.asarray(Image.fromarray(image).resize(size, kind))
            to = f"resize_{height}x{width}_{to_height}x{to_width}_{name}"
            save(to + "_float", np.stack(planes, axis=-1))
            save(to + "_uint8", whole)


# ---- torchvision's colours -----------------------------------------------------------------------------------------

COLOURS = {"brightness": (0.0, 0.6, 1.4), "contrast": (0.0, 0.5, 1.7), "saturation": (0.0, 0.4, 1.8),
           "hue": (-0.5, -0.21, 0.1, 0.37, 0.5)}


def colours():
    import torch
    import torchvision.transforms.v2.functional as functional
    image = noise(70, 9, 8, 3) / 255
    image[0] = np.repeat(np.linspace(0, 1, 8)[:, None], 3, axis=1)              # greys
    image[1] = [[c >> 2 & 1, c >> 1 & 1, c & 1] for c in range(8)]              # corners of the cube
    image = image.astype(np.float32)
    save("colour", image)
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    for name, amounts in COLOURS.items():
        for amount in amounts:
            result = getattr(functional, f"adjust_{name}")(tensor, amount)
            save(f"colour_{name}_{amount:g}", result.permute(1, 2, 0).numpy())


def arrays():
    """What numpy itself writes."""
    for dtype in ("<f4", "|u1", "<i4", "<i8", "<f8", "<u8"):
        save(f"array_{dtype[1:]}", noise(80, 2, 3, 4, top=100).astype(dtype))
    np.save(os.path.join(OUT, "array_scalar.npy"), np.float32(2.5))
    save("array_vector", np.arange(5, dtype="<i4"))
    save("array_big_endian", np.arange(5, dtype=">i4"))
    save("array_bool", np.array([True, False]))
    np.save(os.path.join(OUT, "array_fortran.npy"), np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)))


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    png_files()
    jpeg_files()
    resizing()
    colours()
    arrays()
    import torchvision
    with open(os.path.join(OUT, "VERSIONS"), "w") as file:
        file.write(f"numpy {np.__version__}, pillow {PIL.__version__}, torchvision {torchvision.__version__}\n")
