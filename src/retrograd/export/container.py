"""One file for tensors and a JSON document, sealed by a digest.

The file is a safetensors file. Its metadata has one text, ``retrograd``, which is JSON: ``format``
(name and version), ``document``, and ``sha256``, the digest of the document and of every tensor's
name, type, shape and bytes. Any program that reads safetensors can open it. The same model gives
the same bytes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from retrograd.rewind.connection import MAGIC
from retrograd.rewind.files import write_whole
from retrograd.rewind.schema import parsed, plain_scalar

FORMAT = "retrograd-model-1"
DTYPES = ("float32", "float64", "int64")


class ModelFileError(ValueError):
    """A model cannot be written to, or read from, a file; the message says why."""


def write_container(
    path, tensors: Mapping[str, np.ndarray], document: dict, check: Callable | None = None
) -> None:
    """Write a whole file or none.

    Parameters
    ----------
    path : str or path
    tensors : mapping of arrays of type float32, float64 or int64
    document : dict
        Fit for JSON; NaN and infinity are not.
    check : callable, optional
        Called with tensors and document as a reader will find them. If it raises a
        ``ModelFileError``, nothing is written.

    Raises
    ------
    ModelFileError
        If the document is not fit for JSON or for ``check``, or the folder does not exist or cannot
        be written to.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "m.safetensors"
    >>> write_container(path, {"w": np.zeros(2)}, {"answer": 42})
    >>> read_container(path)
    ({'w': array([0., 0.])}, {'answer': 42})
    """
    path = _place(path)
    whole = {name: np.ascontiguousarray(array) for name, array in sorted(tensors.items())}
    try:
        seal = {"format": FORMAT, "sha256": _digest(whole, document), "document": document}
        # One entry only: safetensors keeps several in no fixed order.
        content = save(whole, metadata={"retrograd": _canonical(seal)})
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"the facts cannot be written as JSON: {error}") from None
    if check is not None:
        try:
            check(whole, json.loads(_canonical(document)))
        except ModelFileError as error:
            raise ModelFileError(f"{path} could not be loaded again: {error}") from None
    try:
        write_whole(path, content)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be written: {error.strerror}") from None


def read_container(path) -> tuple[dict[str, np.ndarray], dict]:
    """Read a file, and check that it is as it was written.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    tensors : dict of arrays
    document : dict

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a retrograd model, or was cut short or edited.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "m.safetensors"
    >>> _ = path.write_bytes(b"something else")
    >>> read_container(path)
    Traceback (most recent call last):
    retrograd.export.container.ModelFileError: m.safetensors is not a model file, or is damaged ...
    """
    path = _place(path)
    if path.is_dir():
        raise ModelFileError(f"{path} is a folder, not a model file")
    if not path.exists():
        raise ModelFileError(f"{path} does not exist")
    try:
        tensors, seal = _read_all(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror or error}") from None
    except (SafetensorError, ValueError, TypeError, RecursionError, OverflowError) as error:
        if _is_sqlite(path):
            raise ModelFileError(
                f"{path.name} is no model file but may be one of runs: retrograd runs lists these, "
                "retrograd resume --out saves the model of one"
            ) from None
        reason = " ".join(str(error).split())
        raise ModelFileError(f"{path.name} is not a model file, or is damaged ({reason})") from None
    if seal.get("format") != FORMAT:
        raise ModelFileError(
            f"{path.name} is of format {seal.get('format')!r}; this version reads {FORMAT!r}"
        )
    document = seal.get("document")
    if not isinstance(document, dict) or seal.get("sha256") != _digest(tensors, document):
        raise ModelFileError(f"{path.name} was changed after it was written: its digest differs")
    return tensors, document


def _place(path) -> Path:
    if "\0" in str(path):
        raise ModelFileError(f"a file's name must not have a NUL character, as {str(path)!r} has")
    return Path(path)


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _read_all(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Read every tensor and the seal."""
    with safe_open(path, framework="numpy") as file:
        seal = parsed((file.metadata() or {}).get("retrograd", "null"))
        if not isinstance(seal, dict):
            raise ValueError("it was not written by retrograd")
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    foreign = sorted({str(array.dtype) for array in tensors.values()} - set(DTYPES))
    if foreign:
        raise ValueError(f"it has tensors of type {foreign[0]}")
    return tensors, seal


def _canonical(document: dict) -> str:
    """Write JSON in the one way that the digest is taken over."""
    text = json.dumps(
        document, sort_keys=True, ensure_ascii=False, allow_nan=False, default=plain_scalar
    )
    # A byte of a file's name that is no text is half a surrogate pair to Python, and has no bytes.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)


def _digest(tensors: Mapping[str, np.ndarray], document: dict) -> str:
    """SHA-256 over the document and every tensor, each part preceded by its length."""
    digest = hashlib.sha256()

    def add(part: bytes) -> None:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)

    add(FORMAT.encode())
    add(_canonical(document).encode("utf-8", "surrogatepass"))
    for name, array in sorted(tensors.items()):
        add(name.encode())
        add(f"{array.dtype.name}{array.shape}".encode())
        add(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
