"""Every object in a repository, whether a commit reaches it or not: files, messages, names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from releaseguard.leaks.finding import FoundValue
from releaseguard.leaks.missing import MissingPart
from releaseguard.leaks.worktree import indexed

if TYPE_CHECKING:
    from dulwich.objects import ObjectID
    from dulwich.repo import Repo

    from releaseguard.leaks.report import SearchReport

_COMMIT, _TREE, _BLOB, _TAG = 1, 2, 3, 4
"""Kinds of objects (gitformat-pack, object types)."""
_POINTER = b"version https://git-lfs."


class ObjectHistory:
    """The objects of one repository, and the names of its branches and tags."""

    def __init__(self, repository: Repo, report: SearchReport, prefix: str) -> None:
        self._repository = repository
        self._report = report
        self._prefix = prefix
        self._blobs: dict[bytes, Sequence[FoundValue]] = {}
        self._names: Sequence[FoundValue] = ()
        self._starts: Sequence[ObjectID] = ()
        self._unread = 0
        self._pointers = 0

    def search(self) -> None:
        """Search every object once, then find the commits that introduced those with a value."""
        self._starts = list(self._heads())
        for sha in self._repository.object_store:
            self._look_into(sha)
        self._look_at_refs()
        self._look_into_large_files()
        if self._blobs or self._names:
            self._place_files()
        if self._unread:
            self._missing(f"{self._unread} objects of the repository could not be read", "git fsck")

    def _look_into(self, sha: ObjectID) -> None:
        try:
            kind, content = self._repository.object_store.get_raw(sha)
        except Exception:  # noqa: BLE001 - a broken object shows in a dozen ways; each is counted and told
            self._unread += 1
            return
        if kind == _BLOB:
            self._look_into_blob(sha, content)
        elif kind == _TREE:
            self._names = self._names or self._report.finder.found(content)[0]
        else:
            what = "(commit message)" if kind == _COMMIT else "(message of a tag)"
            self._tell(_in_message(self._report.finder.found(content)[0], content), what, sha)

    def _look_into_blob(self, sha: bytes, content: bytes) -> None:
        self._pointers += content.startswith(_POINTER)
        found = self._report.found(content, f"{self._prefix}(blob {sha[:12].decode()})")
        if found:
            self._blobs[sha] = found

    def _look_at_refs(self) -> None:
        for name in sorted(self._repository.refs.allkeys()):
            self._tell(self._report.finder.found(name)[0], "(name of a branch or tag)", None)

    def _look_into_large_files(self) -> None:
        """Search the files of Git LFS that were fetched; pointers to others are counted (git-lfs, docs/spec.md)."""
        here = [path for path in Path(self._repository.controldir(), "lfs", "objects").rglob("*") if path.is_file()]
        for path in here:
            name = f"{self._prefix}(Git LFS {path.name[:12]})"
            self._report.add(self._report.found(self._report.content(path, name), name), name, "unreachable")
        if self._pointers > len(here):
            self._report.left_out.append(
                f"{self._pointers - len(here)} files of Git LFS are not here (git lfs fetch --all)"
            )

    def _place_files(self) -> None:
        left = dict(self._blobs)
        for path, sha, commit in self._changes():
            if self._names and self._report.finder.holds(path):
                found = self._report.finder.found(path.encode(errors="replace"))[0]
                self._tell(found, "(name of a file)", commit)
            if sha in left:
                self._tell(left.pop(sha), path, commit)
        staged = {entry.sha: path for path, entry in self._index().items()}
        for sha, found in left.items():
            if sha in staged:
                self._report.add(found, f"{self._prefix}{staged[sha]}", "staged")
            else:
                self._report.add(found, f"{self._prefix}(blob {sha[:12].decode()})", "unreachable")

    def _index(self) -> Mapping[str, Any]:
        return {} if self._repository.bare else indexed(self._repository)

    def _changes(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Path, blob and commit of everything that commits introduced, oldest commits first."""
        if not self._starts:
            return
        try:
            for entry in self._repository.get_walker(include=self._starts, reverse=True):
                for change in self._changes_of(entry):
                    if change.new is not None and change.new.path is not None:
                        yield change.new.path.decode(errors="replace"), change.new.sha, entry.commit.id
        except Exception:  # noqa: BLE001 - as above
            self._missing("the history is broken: commits that others name could not be read", "git fsck")

    def _changes_of(self, entry: Any) -> Sequence[Any]:
        try:
            changes = entry.changes()
        except Exception:  # noqa: BLE001 - a tree that was never fetched, or is broken: counted where objects are read
            return []
        # A merge commit's changes come as a list for each parent.
        return [one for change in changes for one in (change if isinstance(change, list) else [change])]

    def _heads(self) -> Iterator[ObjectID]:
        """The commits that branches and tags name. A name without its object is reported, since its history is missing
        here."""
        from dulwich.object_store import peel_sha

        store, refs = self._repository.object_store, self._repository.refs
        for name in sorted(refs.allkeys()):
            try:
                peeled = peel_sha(store, refs[name])[1]
            except Exception:  # noqa: BLE001 - a broken name or object shows in a dozen ways, and each is told
                if name != b"HEAD":  # of an empty repository it names a branch that is yet to be
                    self._missing(f"{os.fsdecode(name)} names a commit that is not here", "git fsck")
                continue
            if peeled.type_num == _COMMIT:
                yield peeled.id

    def _tell(self, found: Sequence[FoundValue], path: str, commit: bytes | None) -> None:
        self._report.add(found, f"{self._prefix}{path}", commit.decode() if commit else "unreachable")

    def _missing(self, what: str, step: str) -> None:
        self._report.missing([MissingPart(what, step)], self._prefix)


def _in_message(found: Sequence[FoundValue], content: bytes) -> Sequence[FoundValue]:
    """The findings with lines counted from the message's first; headers and an empty line precede it
    (https://git-scm.com/docs/git-hash-object)."""
    before = content.partition(b"\n\n")[0].count(b"\n") + 2
    return [replace(one, line=max(1, one.line - before)) for one in found]
