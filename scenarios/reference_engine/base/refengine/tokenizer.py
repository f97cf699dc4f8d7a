"""A word-level tokenizer: every token decodes to text, so a completion is never empty."""

from __future__ import annotations

import re
import zlib

WORDS = tuple(
    """
    a about above across after again air all along also always an and animal another answer any are around as
    ask at away back be because been before began begin being below between book both boy but by call came can
    change children city close come could country cut day did different do does door down each earth eat end
    enough even every example eye face family far father feet few find first follow food for found four from
    get girl give go good got great group grow had hand hard has have he head hear help her here high him his
    home house how i idea if important in into is it its just keep kind know land language large last later
    learn leave left letter life light like line list little live long look made make man many may me mean men
    might mile model mother mountain move much music must my name near need never new next night no not now
    number of off often old on once one only open or other our out over own page paper part people picture
    place plant play point put question quick read real right river run said same saw say school sea second
    see seem sentence set she should show side small so some something song soon sound spell start state still
    stop story study such take talk tell than that the their them then there these they thing think this
    """.split()
)
_PIECE = re.compile(r"\w+|[^\w\s]")


def encode(text: str) -> list[int]:
    """Token ids; a word which is not in the vocabulary gets the id of its checksum."""
    ids = {word: index for index, word in enumerate(WORDS)}
    pieces = _PIECE.findall(text.lower())
    return [ids.get(piece, zlib.crc32(piece.encode()) % len(WORDS)) for piece in pieces]


def decode(tokens: list[int]) -> str:
    """Text which continues a prompt: a space before every word."""
    return "".join(f" {WORDS[token]}" for token in tokens)
