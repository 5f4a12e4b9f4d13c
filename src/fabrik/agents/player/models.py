"""A model call: apart from the rest, for what it imports takes longer to load than most scripts to play."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from .doing import StepFailed

if TYPE_CHECKING:
    Body = dict[str, Any]

CUT = 599  # told as the status of a model call that was answered with junk or half an answer


def post(url: str, body: Body) -> Body:
    """POST and read the JSON answer, past any proxy: the gateway is on loopback. Raises StepFailed."""
    key = os.environ.get("ANTHROPIC_API_KEY", "")
    headers = {"content-type": "application/json", "anthropic-version": "2023-06-01", "x-api-key": key}
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)  # noqa: S310
        with opener.open(request, timeout=600) as answer:
            return dict(json.loads(answer.read().decode("utf-8", "replace")))
    except urllib.error.HTTPError as problem:
        told = problem.headers.get("retry-after", "")
        words = f"HTTP {problem.code}: {problem.read().decode('utf-8', 'replace')[:500]}"
        after = int(told) if told.isdigit() else None
        raise StepFailed(words, status=problem.code, retry_after=after) from problem
    except urllib.error.URLError as problem:
        raise StepFailed(f"{url} cannot be reached: {problem.reason}", status=0) from problem
    except (OSError, http.client.HTTPException, ValueError, TypeError) as problem:
        raise StepFailed(f"the answer was cut or is junk: {problem}", status=CUT) from problem
