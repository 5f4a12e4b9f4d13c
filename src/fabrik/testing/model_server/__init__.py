"""A scripted model server: a real HTTP server that plays the models of four APIs, failures included.

It drives the real coding CLIs end to end without a key. See `script` for what can be played, `server` for the
server and `python -m fabrik.testing.model_server --help` for one in a terminal.
"""

from fabrik.testing.model_server.conversation import Conversation, Tool
from fabrik.testing.model_server.failures import (
    Cut,
    Empty,
    Failure,
    Hang,
    HttpError,
    JunkBody,
    JunkStream,
    Refused,
    StreamError,
)
from fabrik.testing.model_server.record import Call
from fabrik.testing.model_server.script import (
    TYPICAL,
    Answer,
    Script,
    Session,
    Shell,
    Text,
    ToolCall,
    WriteFile,
)
from fabrik.testing.model_server.server import ModelServer

__all__ = [
    "TYPICAL",
    "Answer",
    "Call",
    "Conversation",
    "Cut",
    "Empty",
    "Failure",
    "Hang",
    "HttpError",
    "JunkBody",
    "JunkStream",
    "ModelServer",
    "Refused",
    "Script",
    "Session",
    "Shell",
    "StreamError",
    "Text",
    "Tool",
    "ToolCall",
    "WriteFile",
]
