"""The sealed file: whole or not at all, and any change is noticed."""

import errno
import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save, save_file

from retrograd.export.container import ModelFileError, read_container, write_container
from retrograd.rewind.files import check_writable, write_whole
from rights import needs_rights, open_folder, unprivileged

TENSORS = {"b": np.arange(6.0).reshape(2, 3), "a": np.ones(2, dtype=np.float32)}
DOCUMENT = {"pi": 3.14, "names": ["é", "日本"], "nothing": None}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("container") / "m.safetensors"
    write_container(path, TENSORS, DOCUMENT)
    return path.read_bytes()


def test_round_trip_and_any_safetensors_program_can_read_it(tmp_path):
    path = tmp_path / "m.safetensors"
    write_container(path, TENSORS, DOCUMENT)
    tensors, document = read_container(path)
    assert document == DOCUMENT
    assert tensors.keys() == TENSORS.keys()
    for name, array in load_file(path).items():
        assert array.dtype == TENSORS[name].dtype
        np.testing.assert_array_equal(array, TENSORS[name])
    assert os.listdir(tmp_path) == ["m.safetensors"]


def test_same_content_gives_the_same_bytes(tmp_path, content):
    shuffled = dict(reversed(DOCUMENT.items()))
    write_container(tmp_path / "m", dict(reversed(TENSORS.items())), shuffled)
    assert (tmp_path / "m").read_bytes() == content


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_single_damage_is_one_clear_error(tmp_path_factory, content, data):
    kind = data.draw(st.sampled_from(["cut", "flip", "append"]))
    place = data.draw(st.integers(0, len(content) - 1))
    bad = bytearray(content)
    if kind == "cut":
        bad = bad[:place]
    elif kind == "flip":
        bad[place] ^= data.draw(st.integers(1, 255))
    else:
        bad += b"x" * (1 + place)
    path = tmp_path_factory.mktemp("damage") / "m.safetensors"
    path.write_bytes(bad)
    try:
        tensors, document = read_container(path)
    except ModelFileError as error:
        complaint, document = str(error), None
    if document is None:
        assert "\n" not in complaint
        assert "m.safetensors" in complaint
        return
    # Blanks in the header may change and mean the same.
    assert document == DOCUMENT
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], array)


@pytest.mark.parametrize(
    ("old", "new"), [(b"[2,3]", b"[3,2]"), (b'"F64"', b'"I64"'), (b'"a":', b'"c":')]
)
def test_the_seal_covers_names_types_and_shapes(tmp_path, content, old, new):
    """The bytes of all tensors are the same, but they would be taken for something else."""
    assert content.count(old) == 1
    (tmp_path / "m.safetensors").write_bytes(content.replace(old, new))
    with pytest.raises(ModelFileError, match=r"m\.safetensors was changed after it was written"):
        read_container(tmp_path / "m.safetensors")


def test_numbers_that_json_has_not_are_refused(tmp_path):
    seal = '{"format": "retrograd-model-1", "sha256": "x", "document": {"a": NaN}}'
    path = tmp_path / "m.safetensors"
    path.write_bytes(save({"a": np.zeros(2)}, metadata={"retrograd": seal}))
    with pytest.raises(
        ModelFileError, match=r"m\.safetensors is not a model file.*NaN is no number"
    ):
        read_container(path)


def test_facts_too_deep_and_names_of_no_file(tmp_path):
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(ModelFileError, match="the facts cannot be written as JSON"):
        write_container(tmp_path / "m.safetensors", TENSORS, deep)
    for use in (lambda name: write_container(name, TENSORS, {}), read_container):
        with pytest.raises(
            ModelFileError, match=r"must not have a NUL character, as 'x\\x00y' has"
        ):
            use("x\0y")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(ModelFileError, match="does not exist"):
        read_container(path)
    with pytest.raises(ModelFileError, match="is a folder"):
        read_container(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(ModelFileError, match="not a model file"):
        read_container(path)
    path.write_bytes(b"SQLite format 3\0 and so on")
    with pytest.raises(ModelFileError, match="may be one of runs: retrograd runs lists these"):
        read_container(path)
    save_file(TENSORS, path)
    with pytest.raises(ModelFileError, match="not written by retrograd"):
        read_container(path)
    save_file(TENSORS, path, metadata={"retrograd": json.dumps({"format": "retrograd-model-9"})})
    with pytest.raises(ModelFileError, match=r"format 'retrograd-model-9'; this version reads"):
        read_container(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    write_container(path, TENSORS, DOCUMENT)
    before = path.read_bytes()

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_container(path, {}, {})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m.safetensors"]


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_pipes_and_links_stay_what_they_are(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", b"content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["file", "link", "pipe"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be written: No such file or directory"):
        write_container(tmp_path / "no" / "m.safetensors", TENSORS, DOCUMENT)


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_file_that_is_replaced_hands_on_who_may_read_it(tmp_path):
    path = tmp_path / "m.safetensors"
    before = os.umask(0o022)
    try:
        write_whole(path, b"first")
        assert path.stat().st_mode & 0o777 == 0o644
        for mode in (0o600, 0o664):
            path.chmod(mode)
            write_whole(path, b"next")
            assert path.stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_private_file_is_replaced_by_one_that_was_never_open_to_others(tmp_path, monkeypatch):
    path, seen = tmp_path / "m.safetensors", []
    path.write_bytes(b"secret")
    path.chmod(0o600)
    fsync = os.fsync

    def look(handle):
        seen.append(os.fstat(handle).st_mode & 0o077)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", look)
    write_whole(path, b"next secret")
    assert seen == [0]


def refusing(number):
    """A function of the system's that a mount has not."""

    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize(
    ("name", "number"),
    [("chmod", errno.EPERM), ("fsync", errno.EINVAL), ("fsync", errno.ENOSYS)],
)
def test_mounts_that_have_no_rights_or_no_fsync_are_written_to(tmp_path, monkeypatch, name, number):
    path = tmp_path / "m.safetensors"
    monkeypatch.setattr(os, name, refusing(number))
    check_writable(path)
    for content in (b"first", b"next"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_takes_nothing_is_found_before_any_work(tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.raises(OSError, match=os.strerror(number)):
        check_writable(tmp_path / "m.safetensors")
    assert os.listdir(tmp_path) == []


@needs_rights
def test_a_file_that_is_not_to_be_written_is_not_replaced():
    with open_folder() as folder:
        path = folder / "m.safetensors"
        path.write_bytes(b"precious")
        with unprivileged(folder, 0o777), pytest.raises(PermissionError):
            write_whole(path, b"new")
        assert path.read_bytes() == b"precious"


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("m" * 240 + ".safetensors")
    check_writable(path)
    assert os.listdir(tmp_path) == []
    write_whole(path, b"content")
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("kind", "like_it", "others"),
    [
        ("notebook", b' \n{"cells": []}', [b"a,b\n1,2\n", b"<p>", b"SQLite format 3\0"]),
        ("page", b"\xef\xbb\xbf<!doctype html>", [b"a,b\n1,2\n", b"{}", b"PK\3\4"]),
        ("table", b"a,b\n1,2\n", [b"SQLite format 3\0 ", b"\x20\0\0\0{}"]),
    ],
)
def test_what_is_of_another_kind_is_not_replaced(tmp_path, kind, like_it, others):
    """A slip of the finger is not to cost a table, or a recorded training."""
    path = tmp_path / "file"
    for content in (b"", like_it):
        path.write_bytes(content)
        write_whole(path, b"new", kind)
        assert path.read_bytes() == b"new"
    for content in others:
        path.write_bytes(content)
        with pytest.raises(FileExistsError, match=f"a file that is no {kind} is there"):
            write_whole(path, b"new", kind)
        assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
