"""What a run may reach is judged when it is dispatched, not when its first session starts."""

from __future__ import annotations

import pytest

from fabrik.errors import UsageError
from fabrik.workflows.seal_allow import seal_allow


def test_a_list_is_sealed_as_it_is() -> None:
    assert seal_allow(["pypi.org", "10.0.0.0/8:443"]) == ("pypi.org", "10.0.0.0/8:443")
    assert seal_allow([]) == ()


@pytest.mark.parametrize("text", ["169.254.169.254", "metadata.google.internal", "127.1", "10.0.0.0/4"])
def test_what_the_gateway_would_refuse_is_refused_before(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        seal_allow(["pypi.org", text])
    assert text in str(caught.value)
