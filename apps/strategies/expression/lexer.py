"""Source text to tokens: CEL's lexis without uint, bytes and null literals."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from apps.strategies.expression.errors import ExpressionError
from apps.strategies.expression.literals import decode_string, parse_double

MAX_SOURCE_LENGTH: Final = 2000
"""Characters of one expression; the longest built-in clause has about a tenth of this."""

OPERATORS: Final = (
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%",
    "?", ":", "(", ")", "[", "]", ",", ".",
)  # fmt: skip

# What people write who come from other languages, and what CEL has for it.
_HABITS: Final = {
    "=": "==", "===": "==", "!==": "!=", "<>": "!=", "&": "&&", "|": "||",
    "and": "&&", "or": "||", "not": "!", "True": "true", "False": "false",
}  # fmt: skip

_RESERVED: Final = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "null", "return", "var", "void", "while",
})  # fmt: skip

_TOKEN: Final = re.compile(
    r"""
      (?P<space>   [\t\n\f\r ]+ | //[^\r\n]* )
    | (?P<string>  [rR]? (?: \"{3} | '{3} | \" | ' ) )
    | (?P<bytes>   [bB][rR]?["'] | [rR][bB]["'] )
    | (?P<number>  (?: 0x[0-9a-fA-F]+ | (?: [0-9]+\.[0-9]+ | \.[0-9]+ | [0-9]+ ) (?: [eE][+-]?[0-9]+ )? ) )
    | (?P<name>    [_a-zA-Z][_a-zA-Z0-9]* )
    | (?P<habit>   === | !== | <> | = (?!=) | & (?!&) | \| (?!\|) )
    | (?P<operator>&& | \|\| | [=!<>]= | [-<>!+*/%?:()\[\],.] )
    """,
    re.VERBOSE,
)
_STRING_END: Final = {
    quote: re.compile(rf"(?P<text>(?:{body})*?){quote}")
    for quote, body in {
        '"': r"[^\\\r\n]|\\[^\r\n]",
        "'": r"[^\\\r\n]|\\[^\r\n]",
        '"""': r"[^\\]|\\[\s\S]",
        "'''": r"[^\\]|\\[\s\S]",
    }.items()
}
# In a raw string a backslash is a character like any other: it does not hide the closing quote.
_RAW_STRING_END: Final = {
    quote: re.compile(rf"(?P<text>(?:{body})*?){quote}")
    for quote, body in {'"': r"[^\r\n]", "'": r"[^\r\n]", '"""': r"[\s\S]", "'''": r"[\s\S]"}.items()
}
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class Kind(Enum):
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    NAME = "name"
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """``text`` as written; ``value`` of a string or double (an int's range depends on its sign)."""

    kind: Kind
    position: int
    text: str
    value: str | float = ""

    def describe(self) -> str:
        """How an error names this token."""
        return "the end of the expression" if self.kind is Kind.END else self.text


def tokenize(source: str) -> list[Token]:
    """The tokens of ``source``, the last of kind END. Raises ExpressionError."""
    _check_text(source)
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise ExpressionError(position, f"unexpected character {source[position]!r}", OPERATORS)
        if match.lastgroup == "space":
            position = match.end()
            continue
        token = _token(source, match)
        tokens.append(token)
        position = token.position + len(token.text)
    tokens.append(Token(Kind.END, len(source), ""))
    return tokens


def _check_text(source: str) -> None:
    if len(source) > MAX_SOURCE_LENGTH:
        message = f"the expression has {len(source)} characters, more than the {MAX_SOURCE_LENGTH} allowed"
        raise ExpressionError(MAX_SOURCE_LENGTH, message)
    if unstorable := _UNSTORABLE.search(source):
        message = f"U+{ord(unstorable[0]):04X} cannot be stored as text; write an escape such as \\x00"
        raise ExpressionError(unstorable.start(), message)


def _token(source: str, match: re.Match[str]) -> Token:
    text, position = match[0], match.start()
    match match.lastgroup:
        case "string":
            return _string(source, match)
        case "number":
            return _number(source, match)
        case "name" if text not in _HABITS:
            if text in _RESERVED:
                raise ExpressionError(position, f"{text} is a reserved word", ["a field", "true", "false"])
            return Token(Kind.NAME, position, text)
        case "operator":
            return Token(Kind.OPERATOR, position, text)
        case "bytes":
            raise ExpressionError(position, "bytes are not part of the language", ["a string"])
        case _:
            raise ExpressionError(position, f"found {text}; write {_HABITS[text]}", [_HABITS[text]])


def _string(source: str, match: re.Match[str]) -> Token:
    opening, position = match[0], match.start()
    raw = opening[0] in "rR"
    quote = opening.lstrip("rR")
    end = (_RAW_STRING_END if raw else _STRING_END)[quote].match(source, match.end())
    if end is None:
        raise ExpressionError(position, f"the string that starts here is not closed by {quote}", [quote])
    value = end["text"] if raw else decode_string(end["text"], match.end())
    return Token(Kind.STRING, position, source[position : end.end()], value)


def _number(source: str, match: re.Match[str]) -> Token:
    text, position, end = match[0], match.start(), match.end()
    following = source[end : end + 1]
    if following in ("u", "U"):
        raise ExpressionError(end, "unsigned integers are not part of the language", ["int", "double"])
    if following.isalnum() or following == "_":
        raise ExpressionError(end, f"{following} does not belong to the number {text}", ["int", "double"])
    if text.startswith("0x") or text.isdigit():
        return Token(Kind.INT, position, text)
    return Token(Kind.DOUBLE, position, text, parse_double(text, position))
