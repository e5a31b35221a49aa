"""ImageDataGenerator: the affine transform, flips, channel shift, brightness, standardisation, on given parameters.

Keras 3's apply_transform works on swapped axes (keras issue 17398). Transposing a square image before and after, with the two
flips exchanged, gives the documented dialect: tx moves rows, ty moves columns. Every result is checked against
scipy.ndimage.affine_transform with the documented matrix; images that are not square come from that rule alone.
"""
import keras
import numpy as np
import scipy.ndimage

from golden import Numbers

if not hasattr(scipy.ndimage, "interpolation"):                   # an old namespace that Keras's legacy code still names
    scipy.ndimage.interpolation = scipy.ndimage
from keras.src.legacy.preprocessing.image import ImageDataGenerator

NEUTRAL = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0, "flip_horizontal": False, "flip_vertical": False,
           "channel_shift_intensity": None, "brightness": None}
FILLS = ("nearest", "constant", "reflect", "wrap")
EDGE_MARGIN = 1e-4     # a sampled coordinate is an exact edge of the fill's period, or at least this far from one

GEOMETRY = {
    "rotation": {"theta": 17.0},
    "rotation_negative": {"theta": -33.0},
    "rotation_large": {"theta": 120.0},
    "shift": {"tx": 1.375, "ty": -2.625},
    "shift_whole": {"tx": -2.0, "ty": 3.0},
    "shift_beyond": {"tx": 14.3, "ty": -23.7},
    "shear": {"shear": 14.0},
    "zoom_in": {"zx": 0.83, "zy": 0.71},
    "zoom_out": {"zx": 1.19, "zy": 1.43},
    "zoom_far": {"zx": 3.3, "zy": 4.7},
    "all": {"theta": -13.0, "tx": 1.1, "ty": -0.7, "shear": 9.0, "zx": 0.87, "zy": 1.16},
    "all_flipped": {"theta": 19.0, "tx": -1.7, "ty": 0.9, "shear": -11.0, "zx": 1.12, "zy": 0.91, "flip_horizontal": True},
}
GEOMETRY_32 = {"theta": 18.0, "tx": 5.3, "ty": -4.1, "shear": 11.0, "zx": 1.13, "zy": 0.86}


def matrix_of(p, rows, columns):
    """The documented rule: Rotation . Shift . Shear . Zoom about the centre; output to input coordinates (row, column, 1)."""
    theta, shear = np.deg2rad(p["theta"]), np.deg2rad(p["shear"])
    rotation = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    shift = np.array([[1, 0, p["tx"]], [0, 1, p["ty"]], [0, 0, 1]])
    slant = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    zoom = np.diag([p["zx"], p["zy"], 1])
    r, c = (rows - 1) / 2, (columns - 1) / 2
    to, back = np.array([[1, 0, r], [0, 1, c], [0, 0, 1]]), np.array([[1, 0, -r], [0, 1, -c], [0, 0, 1]])
    return to @ rotation @ shift @ slant @ zoom @ back


def moved(p):
    return any(p[key] != NEUTRAL[key] for key in ("theta", "tx", "ty", "shear", "zx", "zy"))


def by_scipy(x, p, fill, cval):
    if moved(p):
        m = matrix_of(p, *x.shape[:2])
        x = np.stack([scipy.ndimage.affine_transform(x[..., c], m[:2, :2], m[:2, 2], order=1, mode=fill, cval=cval)
                      for c in range(x.shape[2])], axis=-1)
    if p["channel_shift_intensity"] is not None:
        x = np.clip(x + p["channel_shift_intensity"], x.min(), x.max())
    if p["flip_horizontal"]:
        x = x[:, ::-1]
    if p["flip_vertical"]:
        x = x[::-1]
    return x


def by_keras(x, p, fill, cval, dtype):
    turned = dict(p, flip_horizontal=p["flip_vertical"], flip_vertical=p["flip_horizontal"])
    generator = ImageDataGenerator(fill_mode=fill, cval=cval, dtype=dtype)
    return generator.apply_transform(x.transpose(1, 0, 2), turned).transpose(1, 0, 2)


def edge_distance(p, rows, columns):
    """How near a sampled coordinate comes to 0 modulo n-1, where constant and wrap jump; exact hits do not count."""
    m = matrix_of(p, rows, columns)
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), axis=-1) @ m[:2, :2].T + m[:2, 2]
    period = np.array([rows - 1, columns - 1])
    off = np.abs(grid - np.round(grid / period) * period)
    return float(off[off > 0].min(initial=np.inf))


def image_case(recorder, name, image, p, fill="nearest", cval=0.0, levels=0.0):
    """`levels`: how far, in levels of 0 to 255, an answer without Keras's cuts to whole levels may lie from Keras's."""
    p = dict(NEUTRAL, **p)
    rows, columns = image.shape[:2]
    if moved(p) and fill in ("constant", "wrap"):
        assert edge_distance(p, rows, columns) > EDGE_MARGIN, (name, edge_distance(p, rows, columns))

    def compute(dtype):
        x = image.astype(dtype)
        if rows != columns:
            return {"output": by_scipy(x, p, fill, cval)}
        y = by_keras(x, p, fill, cval, dtype)
        if p["brightness"] is None:
            assert np.abs(y - by_scipy(x, p, fill, cval)).max() < (1e-9 if dtype == "float64" else 1e-3), name
        return {"output": y}

    tolerance = 1e-5
    if levels:
        tolerance = float(f"{levels / max(1.0, float(compute('float64')['output'].max())):.4f}")
    given = {"input": image, "matrix": matrix_of(p, rows, columns)}
    recorder.case(f"augment/{name}", "augment", dict(p, fill_mode=fill, cval=cval), given, compute, tolerance=tolerance,
                  source="keras, axes swapped" if rows == columns else "scipy.ndimage.affine_transform with the documented matrix")


def pictures(name, *shape):
    return Numbers(name).integers(256, *shape).astype(np.uint8)


def affine(recorder):
    small, even, large, oblong = (pictures(n, *shape, 3) for n, shape in
                                  (("small", (9, 9)), ("even", (8, 8)), ("large", (32, 32)), ("oblong", (7, 12))))
    for fill in FILLS:
        for short, p in GEOMETRY.items():
            # Shear alone leaves the middle line of an odd size exactly on the edge: an even size has no such line.
            image_case(recorder, f"{short}_{fill}", even if short == "shear" else small, p, fill, 0.0)
        image_case(recorder, f"all_32x32_{fill}", large, GEOMETRY_32, fill, 0.0)
        image_case(recorder, f"all_oblong_{fill}", oblong, GEOMETRY["all"], fill, 0.0)
    image_case(recorder, "all_constant_grey", small, GEOMETRY["all"], "constant", 127.5)
    image_case(recorder, "one_channel", pictures("one", 9, 9, 1), GEOMETRY["all"], "nearest")


def simple(recorder):
    small, large = pictures("small", 9, 9, 3), pictures("large", 32, 32, 3)
    image_case(recorder, "nothing", small, {})
    image_case(recorder, "flip_horizontal", small, {"flip_horizontal": True})
    image_case(recorder, "flip_vertical", small, {"flip_vertical": True})
    image_case(recorder, "flip_both_32x32", large, {"flip_horizontal": True, "flip_vertical": True})
    middle = (small // 2 + 40).astype(np.uint8)                   # 40..167: the clip is at the image's own limits
    image_case(recorder, "channel_shift_up", middle, {"channel_shift_intensity": 33.5})
    image_case(recorder, "channel_shift_down", middle, {"channel_shift_intensity": -51.25})
    image_case(recorder, "channel_shift_all", middle, dict(GEOMETRY["all_flipped"], channel_shift_intensity=21.0))
    # Keras goes through Pillow: values are cut down to whole levels before and after the product, which ends at 255.
    for short, factor in (("darker", 0.6), ("brighter", 1.4), ("black", 0.0)):
        image_case(recorder, f"brightness_{short}", small, {"brightness": factor}, levels=1.0)
    image_case(recorder, "brightness_all", small, dict(GEOMETRY["all_flipped"], brightness=1.3), levels=2.5)


def standardise(recorder):
    image, images = pictures("small", 9, 9, 3), pictures("four", 4, 8, 8, 3)
    for short, options in (("rescale", {"rescale": 1 / 255}),
                           ("samplewise_center", {"samplewise_center": True}),
                           ("samplewise_std", {"samplewise_std_normalization": True}),
                           ("samplewise_both_rescale",
                            {"samplewise_center": True, "samplewise_std_normalization": True, "rescale": 1 / 255})):
        recorder.case(f"standardise/{short}", "standardise", options, {"input": image}, lambda dtype: {
            "output": ImageDataGenerator(dtype=dtype, **options).standardize(image.astype(dtype))})
    for short, options in (("featurewise_center", {"featurewise_center": True}),
                           ("featurewise_std", {"featurewise_std_normalization": True, "featurewise_center": True})):
        def compute(dtype):
            generator = ImageDataGenerator(dtype=dtype, **options)
            generator.fit(images.astype(dtype))
            results = {"output": np.stack([generator.standardize(one.astype(dtype)) for one in images])}
            results["mean"] = np.ravel(generator.mean)
            if generator.std is not None:
                results["std"] = np.ravel(generator.std)
            return results

        recorder.case(f"standardise/{short}", "standardise", options, {"input": images}, compute)


def all_cases(recorder):
    for part in (affine, simple, standardise):
        part(recorder)
