"""The journal of a review: whole lines or none, whatever happens to the file, and one writer."""

import errno
import os

import pytest

from drumhits.errors import InputError
from drumhits.review.journal import Journal

ENTRIES = [{"format": 1, "audio": "a\nb \U0001f941"}, {"do": "keep", "hit": 5}, {"do": "undo"}]


def write(path, entries=ENTRIES):
    journal = Journal(path)
    for entry in entries:
        journal.append(entry)
    journal.close()


def read(path):
    journal = Journal(path)
    journal.close()
    return journal.entries


def test_what_was_appended_is_read_again(tmp_path):
    path = tmp_path / "folder" / "song.journal"
    write(path)
    write(path, [{"do": "done"}])
    assert read(path) == [*ENTRIES, {"do": "done"}]


def test_a_journal_cut_off_anywhere_keeps_its_whole_lines_and_goes_on(tmp_path):
    path = tmp_path / "song.journal"
    write(path)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        n_whole = whole[:end].count(b"\n")
        assert read(path) == ENTRIES[:n_whole]
        write(path, [{"do": "skip", "hit": 1}])
        assert read(path) == [*ENTRIES[:n_whole], {"do": "skip", "hit": 1}]


def test_a_damaged_line_ends_it(tmp_path):
    path = tmp_path / "song.journal"
    write(path)
    path.write_bytes(path.read_bytes().replace(b'"hit":5', b'"hit":6'))
    assert read(path) == ENTRIES[:1]


@pytest.mark.parametrize("content", [b"MThd\0\0\0\6", b"notes of mine\n", b"\n", b"\xff" * 100])
def test_another_file_is_left_alone(tmp_path, content):
    path = tmp_path / "song.journal"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no journal"):
        Journal(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("n_written", [0, 1, 10])
def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path, monkeypatch, n_written):
    path = tmp_path / "song.journal"
    journal = Journal(path)
    for entry in ENTRIES:
        journal.append(entry)
    before, write_some = path.read_bytes(), os.write

    def full(handle, data):
        if n_written:
            return write_some(handle, data[:n_written])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(InputError, match=r"was not saved \(No space left"):
            journal.append({"do": "keep", "hit": 7})
    assert path.read_bytes() == before
    journal.append({"do": "keep", "hit": 7})
    journal.close()
    assert read(path) == [*ENTRIES, {"do": "keep", "hit": 7}]


def test_a_second_review_is_refused(tmp_path):
    path = tmp_path / "song.journal"
    journal = Journal(path)
    with pytest.raises(InputError, match="another review of this stem is open"):
        Journal(path)
    journal.append(ENTRIES[0])
    journal.close()
    assert read(path) == ENTRIES[:1]


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--training-dir"):
        Journal(tmp_path / "file" / "song.journal")
