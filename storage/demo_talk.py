"""What the demo people say. Text only: how it is stored stands in demo.py."""

from __future__ import annotations

from typing import NamedTuple

PASSWORD = "demo"  # noqa: S105 — printed by `make run`, and only made where HOST is a loopback address


class Person(NamedTuple):
    """Someone to sign in as."""

    email: str
    name: str
    role: str


class Line(NamedTuple):
    """A message; `reply_to` is the seq of an earlier one (the first message has seq 2)."""

    by: str
    text: str
    reply_to: int | None = None


class Talk(NamedTuple):
    """A conversation, begun by the first member; `unread` is how many of its last events a member has not read."""

    subject: str
    project: str | None
    members: tuple[str, ...]
    lines: tuple[Line, ...]
    unread: dict[str, int]


CLIENT = "client@demo.example"
AGENT = "agent@demo.example"
ADMIN = "admin@demo.example"
LENA = "lena.okafor@demo.example"
MATEO = "mateo.rinaldi@demo.example"
PRIYA = "priya.nair@demo.example"
JONAS = "jonas.weber@demo.example"

PEOPLE = (
    Person(CLIENT, "Clara Jensen", "client"),
    Person(AGENT, "Amir Haddad", "agent"),
    Person(ADMIN, "Ada Lindqvist", "admin"),
    Person(LENA, "Lena Okafor", "client"),
    Person(MATEO, "Mateo Rinaldi", "client"),
    Person(PRIYA, "Priya Nair", "agent"),
    Person(JONAS, "Jonas Weber", "agent"),
)

PROJECTS = {
    "Harbour Bridge": (CLIENT, LENA, AGENT, PRIYA, ADMIN),
    "Mill Lane Studios": (CLIENT, MATEO, AGENT, JONAS),
}

_TEAM = (AGENT, PRIYA)

TALKS = (
    Talk(
        "Night works on the east span",
        "Harbour Bridge",
        (AGENT, CLIENT, LENA, PRIYA),
        (
            Line(AGENT, "Evening both. The resurfacing of the east span is down for Thursday, 22:00 to 05:00."),
            Line(CLIENT, "Thursday is the night of the ferry festival. Could it be Wednesday instead?"),
            Line(PRIYA, "Asphalt plant says Wednesday works if we confirm by noon tomorrow.", 3),
            Line(LENA, "Fine by the port authority. They only ask that one lane stays open for ambulances."),
            Line(AGENT, "One lane stays open all night, that's already in the traffic plan."),
            Line(CLIENT, "Perfect 👍"),
            Line(
                PRIYA,
                "Then this is the plan:\n\n1. 21:30 barriers and signs\n2. 22:00 northern lane closes\n"
                "3. 01:30 swap lanes, ten minutes of single-file traffic\n4. 04:30 sweep and markings\n"
                "5. 05:00 open\n\nI have the crew list and will send it round in the morning.",
            ),
            Line(LENA, "Who is the person to call on site that night?"),
            Line(AGENT, "Priya until 01:00, me after that. Both numbers are on the permit.", 9),
            Line(CLIENT, "Thank you. I'll tell the residents on Quay Street today."),
            Line(PRIYA, "Confirmed with the plant. Wednesday it is."),
        ),
        {CLIENT: 1, LENA: 3, AGENT: 1, PRIYA: 0},
    ),
    Talk(
        "Invoice 2291: a line we don't recognise",
        "Harbour Bridge",
        (CLIENT, AGENT),
        (
            Line(CLIENT, "Hello, invoice 2291 lists “temporary lighting, 14 days”. We had lights for nine days."),
            Line(AGENT, "Let me check the delivery notes."),
            Line(AGENT, "You're right. They were picked up on the 10th; the invoice counts to the end of the rental."),
            Line(CLIENT, "That happens. Can you send a corrected one before Friday? Our books close then."),
            Line(AGENT, "It's with accounts, you'll have it tomorrow.", 5),
            Line(CLIENT, "Great, thanks for the quick answer."),
            Line(AGENT, "Credit note went out this morning: 5 days at 48.00 make 240.00."),
        ),
        {CLIENT: 1, AGENT: 0},
    ),
    Talk(
        "Colour of the railings",
        "Harbour Bridge",
        (PRIYA, CLIENT, LENA, AGENT),
        (
            Line(
                PRIYA,
                "The paint samples are on the railing by the west stairs: 1 is slate, 2 is deep green, 3 is oxide red.",
            ),
            Line(LENA, "2! It goes with the old lamps."),
            Line(CLIENT, "I walked past at dusk, and 2 looks almost black then. Is there one a shade lighter?"),
            Line(PRIYA, "There is: RAL 6007 instead of 6009. I can have it up by Monday.", 4),
            Line(LENA, "Worth a look."),
            Line(CLIENT, "And how does it wear? The railings on Mill Lane were chalky after two winters."),
            Line(
                AGENT,
                "Those had a single coat. Here it is zinc primer, an epoxy layer and polyurethane on top, with a "
                "guarantee of ten years against chalking. The salt comes off with a hose twice a year; the cleaning "
                "crew has that in their calendar.",
                7,
            ),
            Line(CLIENT, "Good. Then 6007, if Monday agrees."),
            Line(PRIYA, "Sample 4 is up!"),
            Line(LENA, "Went by on my way to work. Lovely in the morning sun."),
        ),
        {CLIENT: 2, LENA: 0, PRIYA: 1, AGENT: 4},
    ),
    Talk(
        "Studio B: echo on the left wall",
        "Mill Lane Studios",
        (AGENT, CLIENT, MATEO, JONAS),
        (
            Line(
                MATEO,
                "We recorded a cello in B yesterday, and there is a flutter echo from the left wall, around 1.2 kHz.",
            ),
            Line(
                JONAS, "Panels on that side are the flat ones, aren't they? I'd swap every second one for a diffuser."
            ),
            Line(MATEO, "How long would that take? We have a quartet in on the 3rd."),
            Line(JONAS, "Half a day. The frames stay, only the fronts change.", 4),
            Line(CLIENT, "Please do. What does it cost?"),
            Line(AGENT, "Nothing: it's within the acceptance tests, and those aren't signed yet."),
            Line(MATEO, "Even better."),
            Line(JONAS, "Friday at eight, then. I'll bring the measurement microphone and we sweep before and after."),
            Line(MATEO, "Coffee is on us."),
            Line(JONAS, "Before: decay 0.61 s with three clear peaks. After: 0.42 s, smooth. Curves come by mail."),
            Line(MATEO, "You can hear it. Clapped in every corner, nothing rings any more. Thank you!"),
        ),
        {CLIENT: 5, MATEO: 0, AGENT: 2, JONAS: 1},
    ),
    Talk(
        "Keys and access cards",
        "Mill Lane Studios",
        (CLIENT, MATEO, JONAS),
        (
            Line(CLIENT, "Two of our people start on Monday and need cards for the side entrance."),
            Line(JONAS, "Names and the hours they need, please."),
            Line(CLIENT, "Ines Duarte 7 to 19, Tom Brandt 12 to 24, both on weekdays."),
            Line(JONAS, "Ready at the desk from 8 on Monday. They should bring an ID."),
        ),
        {CLIENT: 1, MATEO: 4, JONAS: 0},
    ),
    Talk(
        "Rota for the week",
        None,
        (ADMIN, *_TEAM, JONAS),
        (
            Line(ADMIN, "Who takes the early shift on Thursday? Priya is on site all night."),
            Line(JONAS, "I can, if somebody covers my afternoon."),
            Line(AGENT, "I have the afternoon.", 3),
            Line(PRIYA, "You're both heroes. Back on Friday, with cake."),
            Line(ADMIN, "Noted, and the cake is in the minutes."),
        ),
        {ADMIN: 0, AGENT: 2, PRIYA: 0, JONAS: 2},
    ),
)
