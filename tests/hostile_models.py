"""Hand-made model files: name -> (bytes, "refused" or "model"). Large ones are functions.

Those that are sealed have a right checksum, so that it is the reader behind it that is tried.
"""

import pickle
import struct

import joblib
import numpy as np
from fuzz.seeds import forest_of, model_file

from drumhits.analysis import FEATURE_SETS
from drumhits.io.plainpickle import MAX_BYTES, MAX_TOKENS, PREFIX, dumps, loads, with_checksum
from drumhits.models.base import Logistic
from drumhits.models.forest import Forest

REFUSED, MODEL = "refused", "model"
PLAIN = loads(model_file(forest_of()))
MISSING = object()


class Hostile:
    """Runs a command when it is unpickled by `pickle`."""

    def __reduce__(self):
        import os

        return os.system, ("exit 1",)


def altered(**fields):
    """Return a model file with parts of its header replaced, or left out where MISSING."""
    return dumps({key: value for key, value in (PLAIN | fields).items() if value is not MISSING})


def classified(**fields):
    """Return a model file with parts of its classifier replaced."""
    return altered(classifier=PLAIN["classifier"] | fields)


def array(values, dtype, shape=None):
    data = np.asarray(values, dtype)
    return {"dtype": dtype, "shape": [len(data)] if shape is None else shape, "data": data.tobytes()}


def trees(**arrays):
    """Return a forest with arrays replaced, checked by nobody."""
    return classified(**{field: array(values, Forest.DTYPES[field]) for field, values in arrays.items()})


def expit(**arrays):
    sound = {"mean": [0, 0], "scale": [1, 1], "coef": [1, 1], "intercept": [0]}
    parts = {field: array(values, "<f8") for field, values in (sound | arrays).items()}
    return altered(classifier={"kind": "logistic"} | parts)


def blend(**parts):
    return altered(classifier={"kind": "blend", "share": 0.5, "before": PLAIN["classifier"],
                               "learned": PLAIN["classifier"]} | parts)  # fmt: skip


def nested_blend(depth):
    """Return a file of a blend that starts from a blend, and so on."""
    classifier = PLAIN["classifier"]
    for _ in range(depth):
        classifier = {"kind": "blend", "share": 0.5, "before": classifier, "learned": PLAIN["classifier"]}
    return altered(classifier=classifier)


def chain(depth):
    """Return the arrays of one tree in which each right child is split again."""
    inner, n_nodes = np.arange(depth), 2 * depth + 1
    left, right = np.full((2, n_nodes), -1)
    left[2 * inner], right[2 * inner] = 2 * inner + 1, 2 * inner + 2
    zeros = np.zeros(n_nodes)
    return {"tree_sizes": [n_nodes], "left": left, "right": right, "feature": zeros, "threshold": zeros,
            "probability": zeros}  # fmt: skip


def nested(opening, closing, depth):
    return with_checksum(opening * depth + b"N" + closing * depth + b".")


def largest():
    """Return the largest forest that fits: 2000 trees of 350 leaves, as deep as may be."""
    one = chain(64)
    n_trees, n_nodes = 2000, 129
    roots = np.repeat(np.arange(n_trees) * n_nodes, n_nodes)
    tiled = {field: np.tile(one[field], n_trees) for field in ("left", "right")}
    nodes = {field: np.where(child < 0, -1, child + roots) for field, child in tiled.items()}
    zeros = np.zeros(n_trees * n_nodes)
    nodes |= dict.fromkeys(("feature", "threshold", "probability"), zeros)
    return model_file(Forest.of_arrays(2, tree_sizes=[n_nodes] * n_trees, **nodes))


def most_nodes():
    """Return the forest of most nodes: one per leaf, nearly 32 MB."""
    n_nodes, n_trees = 1_440_000, 2000
    sizes = np.full(n_trees, 1)
    sizes[0] = n_nodes - n_trees + 1
    return trees(tree_sizes=sizes, left=np.full(n_nodes, -1), right=np.full(n_nodes, -1), feature=np.zeros(n_nodes),
                 threshold=np.zeros(n_nodes), probability=np.zeros(n_nodes))  # fmt: skip


def widest():
    """Return one complete tree of 2**20 - 1 nodes."""
    n_nodes = 2**20 - 1
    index = np.arange(n_nodes)
    inner = index < n_nodes // 2
    zeros = np.zeros(n_nodes)
    return trees(tree_sizes=[n_nodes], left=np.where(inner, 2 * index + 1, -1),
                 right=np.where(inner, 2 * index + 2, -1), feature=zeros, threshold=zeros,
                 probability=zeros)  # fmt: skip


def repeated(item, count, opening=b"](", closing=b"e."):
    return lambda: with_checksum(opening + item * count + closing)


HOSTILE_MODELS = {
    "no bytes": (b"", REFUSED),
    "prefix alone": (PREFIX, REFUSED),
    "text": (b"this is no model\n" * 99, REFUSED),
    "code in a pickle": (pickle.dumps(Hostile()), REFUSED),
    "code in a pickle of protocol 0": (pickle.dumps(Hostile(), 0), REFUSED),
    "code in a pickle of protocol 5": (pickle.dumps({"classifier": Hostile()}, 5), REFUSED),
    "code in a pickle, sealed": (with_checksum(pickle.dumps(Hostile(), 4)[2:]), REFUSED),
    "code in place of the classifier": (
        with_checksum(b"}(X\x04\0\0\0kindcos\nsystem\n(X\x06\0\0\0exit 1tRu."), REFUSED,
    ),
    "code after a model": (model_file(forest_of()) + pickle.dumps(Hostile()), REFUSED),
    "code behind the STOP of a model": (with_checksum(dumps(PLAIN)[12:] + b"cos\nsystem\n."), REFUSED),
    "numpy array in a pickle": (pickle.dumps(np.zeros(9)), REFUSED),
    "numpy object array in a pickle": (pickle.dumps(np.array([Hostile()], dtype=object)), REFUSED),
    "npy file of objects": (b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", REFUSED),
    "joblib file": (lambda: _joblib_bytes(), REFUSED),
    "class named: GLOBAL": (with_checksum(b"cbuiltins\neval\n."), REFUSED),
    "class named: STACK_GLOBAL": (with_checksum(b"X\x02\0\0\0osX\x06\0\0\0system\x93."), REFUSED),
    "class named: INST": (with_checksum(b"(X\x02\0\0\0idios\nsystem\n."), REFUSED),
    "class named: OBJ": (with_checksum(b"(cos\nsystem\nX\x02\0\0\0ido."), REFUSED),
    "class named: EXT1": (with_checksum(b"\x82\x01."), REFUSED),
    "class named: PERSID": (with_checksum(b"Pkick\n."), REFUSED),
    "REDUCE": (with_checksum(b"](eR."), REFUSED),
    "BUILD": (with_checksum(b"](e](eb."), REFUSED),
    "NEWOBJ": (with_checksum(b"](e](e\x81."), REFUSED),
    "bytes of 8 TiB": (with_checksum(b"\x8e" + (2**43).to_bytes(8, "little") + b"x."), REFUSED),
    "text of 8 TiB": (with_checksum(b"\x8d" + (2**43).to_bytes(8, "little") + b"x."), REFUSED),
    "bytearray of 8 TiB": (with_checksum(b"\x96" + (2**43).to_bytes(8, "little") + b"x."), REFUSED),
    "frame of 8 TiB": (with_checksum(b"\x95" + (2**43).to_bytes(8, "little") + b"N."), REFUSED),
    "bytes of 4 GiB": (with_checksum(b"B\xff\xff\xff\xffx."), REFUSED),
    "memo of 4 billion": (with_checksum(b"Nr\xff\xff\xff\xff."), REFUSED),
    "memo bomb": (with_checksum(b"](](e\x94" + b"h\0" * 9999 + b"e."), REFUSED),
    "billion laughs": (
        with_checksum(b"](e\x94" + b"".join(b"](" + b"h%c" % n * 9 + b"e\x94" for n in range(60)) + b"."), REFUSED,
    ),
    "list in itself": (with_checksum(b"]q\0(h\0e."), REFUSED),
    "DUP bomb": (with_checksum(b"]" + b"2" * 99_999 + b"."), REFUSED),
    "MARK bomb": (repeated(b"(", 10 * 2**20, b""), REFUSED),
    "POP_MARK bomb": (repeated(b"(1", 5 * 2**20, b""), REFUSED),
    "list bomb": (repeated(b"](e", 10 * 2**20), REFUSED),
    "dict bomb": (repeated(b"}(u", 10 * 2**20), REFUSED),
    "None bomb": (repeated(b"N", 31 * 2**20), REFUSED),
    "as many values as are read": (repeated(b"N", MAX_TOKENS - 9), REFUSED),
    "empty keys": (repeated(b"X\0\0\0\0N", 40_000, b"}(", b"u."), REFUSED),
    "text of 31 MiB": (lambda: dumps("x" * (MAX_BYTES - 100)), REFUSED),
    "over 32 MiB": (lambda: model_file(forest_of()) + bytes(MAX_BYTES), REFUSED),
    "lists nested 10,000 deep": (nested(b"](", b"e", 10_000), REFUSED),
    "dicts nested 10,000 deep": (nested(b"}(X\0\0\0\0", b"u", 10_000), REFUSED),
    "lists nested 10,000,000 deep": (lambda: nested(b"](", b"e", 10_000_000), REFUSED),
    "lists nested 32 deep": (nested(b"](", b"e", 32), REFUSED),
    "NaN": (with_checksum(b"G\x7f\xf8\0\0\0\0\0\0."), REFUSED),
    "infinity": (with_checksum(b"G" + struct.pack(">d", float("inf")) + b"."), REFUSED),
    "number of 255 bytes": (with_checksum(b"\x8a\xff" + b"\x7f" * 255 + b"."), REFUSED),
    "text not UTF-8": (with_checksum(b"X\x01\0\0\0\xff."), REFUSED),
    "duplicate key": (with_checksum(b"}(X\x01\0\0\0kNX\x01\0\0\0kNu."), REFUSED),
    "a list for a model": (dumps([]), REFUSED),
    "nothing for a model": (dumps(None), REFUSED),
    "another kind": (altered(kind="oracle"), REFUSED),
    "newer format": (altered(format=2**60), REFUSED),
    "format of text": (altered(format="1"), REFUSED),
    "format true": (altered(format=True), REFUSED),
    "older format": (altered(format=1), REFUSED),
    "other networks": (altered(networks="1a2b3c4d"), REFUSED),
    "networks of text and terminal codes": (altered(networks="\x1b[31m"), REFUSED),
    "networks is a list": (altered(networks=[]), REFUSED),
    "hears networks that it does not name": (altered(features=["Heard", "GeoMean"]), REFUSED),
    "stem with terminal codes": (altered(stem="\x1b[31msnare"), REFUSED),
    "stem is a list": (altered(stem=["snare"]), REFUSED),
    "no features": (altered(features=[]), REFUSED),
    "features twice": (altered(features=["GeoMean", "GeoMean"]), REFUSED),
    "feature with terminal codes": (altered(features=["\x1b]0;owned\x07" * 9999, "GeoMean"]), REFUSED),
    "feature is a list": (altered(features=[[], {}]), REFUSED),
    "more features than the trees know": (altered(features=list(FEATURE_SETS["all"][:-1])), MODEL),
    "features as text": (altered(features="GeoMean"), REFUSED),
    "threshold 1e300": (altered(min_confidence=1e300), REFUSED),
    "threshold true": (altered(min_confidence=True), REFUSED),
    "no detection": (altered(detection={}), REFUSED),
    "detection of text": (altered(detection=PLAIN["detection"] | {"onset_delta": "&a *a"}), REFUSED),
    "detection nested": (altered(detection=PLAIN["detection"] | {"body_band_hz": [[[[1]]]]}), REFUSED),
    "detection huge": (altered(detection=PLAIN["detection"] | {"onset_wait": 2**62}), REFUSED),
    "detection of a long list": (altered(detection=PLAIN["detection"] | {"body_band_hz": [1.0] * 9000}), REFUSED),
    "training with a count of text": (altered(training=PLAIN["training"] | {"kept": "\x1b[2J"}), REFUSED),
    "training with songs of numbers": (altered(training=PLAIN["training"] | {"songs": [1, 2]}), MODEL),
    "training is a list": (altered(training=[]), REFUSED),
    "part missing": (altered(training=MISSING), REFUSED),
    "classifier of an unknown kind": (classified(kind="svm"), REFUSED),
    "classifier is bytes": (altered(classifier=b"forest"), REFUSED),
    "array of 8 TiB": (classified(left=PLAIN["classifier"]["left"] | {"shape": [2**43]}), REFUSED),
    "array of a negative shape": (classified(left=PLAIN["classifier"]["left"] | {"shape": [-1]}), REFUSED),
    "array of objects": (classified(left=PLAIN["classifier"]["left"] | {"dtype": "|O"}), REFUSED),
    "array of a dtype that is code": (classified(left=PLAIN["classifier"]["left"] | {"dtype": "os.system"}), REFUSED),
    "array of other byte order": (classified(left=PLAIN["classifier"]["left"] | {"dtype": ">i4"}), REFUSED),
    "array of a shape of floats": (classified(left=PLAIN["classifier"]["left"] | {"shape": [6.0]}), MODEL),
    "child is itself": (trees(left=[0, -1, -1, 4, -1, -1]), REFUSED),
    "child before its parent": (trees(left=[1, -1, -1, 0, -1, -1]), REFUSED),
    "child far below": (trees(left=[-(2**31), -1, -1, 4, -1, -1]), REFUSED),
    "child out of range": (trees(right=[2, -1, -1, 6, -1, -1]), REFUSED),
    "child huge": (trees(right=[2, -1, -1, 2**31 - 1, -1, -1]), REFUSED),
    "child in the next tree": (trees(left=[4, -1, -1, 1, -1, -1]), REFUSED),
    "child shared": (trees(right=[1, -1, -1, 5, -1, -1]), REFUSED),
    "one child": (trees(right=[-1, -1, -1, 5, -1, -1]), REFUSED),
    "two trees alias": (trees(tree_sizes=[3, 3], left=[1, -1, -1, 1, -1, -1], right=[2, -1, -1, 2, -1, -1]), REFUSED),
    "tree sizes that wrap": (trees(tree_sizes=[2**31 - 1, 2**31 - 1, 8]), REFUSED),
    "tree size negative": (trees(tree_sizes=[7, -1]), REFUSED),
    "no trees": (trees(tree_sizes=[], left=[], right=[], feature=[], threshold=[], probability=[]), REFUSED),
    "tree 64 deep": (trees(**chain(64)), MODEL),
    "tree 65 deep": (trees(**chain(65)), REFUSED),
    "tree 10,000 deep": (trees(**chain(10_000)), REFUSED),
    "tree 500,000 deep": (lambda: trees(**chain(500_000)), REFUSED),
    "feature too high": (trees(feature=[2, 0, 0, 0, 0, 0]), REFUSED),
    "feature negative": (trees(feature=[-1, 0, 0, 0, 0, 0]), REFUSED),
    "threshold NaN": (trees(threshold=[np.nan] + [0] * 5), REFUSED),
    "threshold infinite": (trees(threshold=[np.inf] + [0] * 5), REFUSED),
    "leaf NaN": (trees(probability=[0, np.nan, 0, 0, 0, 0]), REFUSED),
    "leaf above 1": (trees(probability=[0, 1.5, 0, 0, 0, 0]), REFUSED),
    "largest forest": (largest, MODEL),
    "most nodes, none a tree": (most_nodes, REFUSED),
    "a tree of a million nodes": (widest, MODEL),
    "logistic at its limits": (expit(mean=[-1e30, 1e30], scale=[1e-30, 1e30], coef=[1e30, -1e30]), MODEL),
    "logistic of scale 0": (expit(scale=[0, 1]), REFUSED),
    "logistic of NaN": (expit(coef=[np.nan, 1]), REFUSED),
    "logistic of three": (expit(mean=[0, 0, 0]), REFUSED),
    "blend in a blend": (lambda: blend(before=loads(blend())["classifier"]), MODEL),
    "blend in four blends": (lambda: nested_blend(5), REFUSED),
    "blend in 25 blends": (lambda: nested_blend(26), REFUSED),
    "blend of share 2": (blend(share=2.0), REFUSED),
    "blend without a part": (blend(learned=None), REFUSED),
    "blend of a model and a forest of NaN": (
        blend(learned=PLAIN["classifier"] | {"probability": array([np.nan] * 6, "<f8")}), REFUSED,
    ),
}  # fmt: skip


def _joblib_bytes():
    import io

    file = io.BytesIO()
    joblib.dump(Logistic.of_arrays(1, mean=[0], scale=[1], coef=[1], intercept=[0]), file)
    return file.getvalue()
