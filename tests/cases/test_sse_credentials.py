"""Wrong credentials are nobody's: none of them is by chance another tenant's."""

from __future__ import annotations

from uuid import uuid4

from eventhook_conformance.cases._sse import changed
from eventhook_conformance.target import Tenant


def _tenants(*tokens: str) -> list[Tenant]:
    return [Tenant(uuid4(), f"/{one}", {"Authorization": f"Bearer {one}"}) for one in tokens]


def test_nothing_of_it_is_right() -> None:
    for tenants in (_tenants("token-0", "token-1"), _tenants("a", "a0"), _tenants("ab", "a")):
        right = [dict(tenant.headers) for tenant in tenants]
        assert [one for one in changed(tenants).values() if one in right] == []


def test_a_letter_is_changed_where_that_is_nobodys() -> None:
    assert {"Authorization": "Bearer token-1"} in changed(_tenants("token-0", "other")).values()
