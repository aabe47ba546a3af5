"""What a typed line asks of the server: the command and its fields. Pure."""

from __future__ import annotations

from bench.outbox import Frame

HELP = """/list                your conversations, with unread counts
/open N              open one, by its number, its id or part of its subject
/who                 who is in this conversation, how they are, and how far they have read
/reply N TEXT        answer message N (the number before its author)
/edit N TEXT         say something else in your own message N
/delete N            take your own message N back
/react N EMOJI       put an emoji to message N; /unreact N EMOJI takes it away
/help                this
/quit                leave (what is not sent yet is kept and goes out next time)
anything else is said; begin with // to say something that begins with /"""
USAGE = {
    "/reply": "/reply N TEXT",
    "/edit": "/edit N TEXT",
    "/delete": "/delete N",
    "/react": "/react N EMOJI",
    "/unreact": "/unreact N EMOJI",
}


class OrderFault(Exception):
    """The line is no command that there is: the message says what would be."""


def order(line: str) -> tuple[str, Frame]:
    """The command's type and fields, without id and conversation. Raises OrderFault."""
    if line.startswith("//"):
        return "send", {"body": line[1:]}
    if not line.startswith("/"):
        return "send", {"body": line}
    word, _, rest = line.partition(" ")
    if word not in USAGE:
        raise OrderFault(f"no such command: {word}; /help shows them")
    number, _, words = rest.strip().partition(" ")
    number, words = number.removeprefix("#"), words.strip()
    if not (number.isascii() and number.isdigit()) or bool(words) != (USAGE[word].count(" ") > 1):
        raise OrderFault(f"it goes like this: {USAGE[word]}")
    return _about(word, int(number), words)


def _about(word: str, seq: int, words: str) -> tuple[str, Frame]:
    match word:
        case "/reply":
            return "send", {"reply_to": seq, "body": words}
        case "/edit":
            return "edit", {"seq": seq, "body": words}
        case "/delete":
            return "delete", {"seq": seq}
        case _:
            return "react", {"seq": seq, "emoji": words, "on": word == "/react"}
