"""Finds and reads the bank's files; nothing is booked before all of them have been read to the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from karez.cli.berka.bank_rows import COLUMNS, BankRow, BrokenFields, read_row, split_fields
from karez.cli.berka.words import Words, words_of
from karez.cli.input_lines import Advance, Line, cannot_read, read_lines, unreadable
from karez.cli.output import reading_bar
from karez.core.outcomes import Rejected

_ENCODING = "latin-1"
_SUFFIXES = (".asc", ".csv", ".asc.gz", ".csv.gz")


@dataclass(slots=True)
class BankFile:
    """One file that was read.

    Attributes:
        path: Where it is.
        words: Its vocabulary.
        rows: In the file's order.
        cut_line: The number of the last line if it is cut and was left out.
    """

    path: Path
    words: Words
    rows: list[BankRow] = field(default_factory=list)
    cut_line: int | None = None


def read_bank_files(paths: Sequence[Path]) -> list[BankFile]:
    """Read all files, and refuse them all if one of them cannot be used.

    Args:
        paths: Files of transactions, or directories that hold some.

    Rejections: ``file_unreadable`` with the file and the line.
    """
    files = []
    for path in _find(paths):
        with reading_bar(path) as advance:
            files.append(_read(path, advance))
    _refuse_repeated(files)
    return files


def _find(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            files = _transactions_in(path) if path.is_dir() else [path]
        except OSError as error:
            raise cannot_read(path, error) from error
        if not files:
            raise Rejected(
                "file_unreadable",
                f"{path} holds no file of transactions; give a directory with trans*.asc or a translated"
                f" trans*.csv, of which the first line is {';'.join(COLUMNS)}.",
                file=str(path),
            )
        found |= {file.resolve(): file for file in files}
    return list(found.values())


def _transactions_in(directory: Path) -> list[Path]:
    """The data comes with other tables beside the transactions; the first line tells them apart."""
    files = sorted(path for path in directory.iterdir() if path.name.endswith(_SUFFIXES) and path.is_file())
    return [path for path in files if _is_header(next(read_lines(path, _ENCODING), Line(1, "", True)))]


def _is_header(line: Line) -> bool:
    try:
        return tuple(split_fields(line.text)) == COLUMNS
    except BrokenFields:
        return False


def _read(path: Path, advance: Advance) -> BankFile:
    lines = read_lines(path, _ENCODING, advance)
    if not _is_header(next(lines, Line(1, "", True))):
        raise unreadable(path, 1, f"the columns must be {';'.join(COLUMNS)}; give a file of transactions")
    file: BankFile | None = None
    for line in lines:
        try:
            fields = split_fields(line.text)
        except BrokenFields as error:
            if line.whole:
                raise unreadable(path, line.number, f"{error}; correct the line") from error
            if file is not None:
                file.cut_line = line.number
            break
        if file is None:
            file = BankFile(path, _words(path, line, fields))
        try:
            file.rows.append(read_row(fields, file.words, line.number))
        except Rejected as refusal:
            raise unreadable(path, line.number, refusal.sentence.rstrip(".")) from refusal
    if file is None:
        raise unreadable(path, 1, "no transaction follows the first line; give a file of transactions")
    return file


def _words(path: Path, line: Line, fields: list[str]) -> Words:
    direction = fields[COLUMNS.index("type")]
    words = words_of(direction)
    if words is None:
        reason = f"the column type cannot be {direction[:40]!r}; it is PRIJEM or VYDAJ, credit or withdrawal"
        raise unreadable(path, line.number, reason)
    return words


def _refuse_repeated(files: Sequence[BankFile]) -> None:
    seen: dict[tuple[str, int], tuple[BankFile, BankRow]] = {}
    for file in files:
        for row in file.rows:
            first_file, first = seen.setdefault((file.words.bank, row.transaction), (file, row))
            if first is not row:
                raise unreadable(
                    file.path,
                    row.line,
                    f"the transaction {row.transaction} stands already in {first_file.path}, line"
                    f" {first.line}; remove one of the two, nothing was booked",
                )
