"""The zoo: believable bugs, each a few lines over a correct implementation, and correct variants."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants.accepting import ACCEPTING
from eventhook_reference.mutants.beside import BESIDE
from eventhook_reference.mutants.caching import CACHING
from eventhook_reference.mutants.cancelled_publishes import CANCELLED_PUBLISHES
from eventhook_reference.mutants.cleaning import CLEANING
from eventhook_reference.mutants.closing import CLOSING
from eventhook_reference.mutants.colliding import COLLIDING
from eventhook_reference.mutants.counting_losses import COUNTING_LOSSES
from eventhook_reference.mutants.filled import FILLED
from eventhook_reference.mutants.filtering import FILTERING
from eventhook_reference.mutants.hasty import HASTY
from eventhook_reference.mutants.identities import IDENTITIES
from eventhook_reference.mutants.idling import IDLING
from eventhook_reference.mutants.lifecycle_sites import LIFECYCLE_SITES
from eventhook_reference.mutants.lifecycles import LIFECYCLES
from eventhook_reference.mutants.lifecycles_composed import LIFECYCLES_COMPOSED
from eventhook_reference.mutants.lifecycles_course import LIFECYCLES_COURSE
from eventhook_reference.mutants.lifecycles_exact import LIFECYCLES_EXACT
from eventhook_reference.mutants.lifecycles_lasting import LIFECYCLES_LASTING
from eventhook_reference.mutants.lifecycles_telling import LIFECYCLES_TELLING
from eventhook_reference.mutants.lifecycles_values import LIFECYCLES_VALUES
from eventhook_reference.mutants.lifetimes import LIFETIMES
from eventhook_reference.mutants.lying import LYING
from eventhook_reference.mutants.meeting import MEETING
from eventhook_reference.mutants.near import NEAR
from eventhook_reference.mutants.neighbours import NEIGHBOURS
from eventhook_reference.mutants.ordering import ORDERING
from eventhook_reference.mutants.overflowing import OVERFLOWING
from eventhook_reference.mutants.packing import PACKING
from eventhook_reference.mutants.patterns import PATTERNS
from eventhook_reference.mutants.payload import PAYLOAD
from eventhook_reference.mutants.publishing import PUBLISHING
from eventhook_reference.mutants.remembering import REMEMBERING
from eventhook_reference.mutants.reordering import REORDERING
from eventhook_reference.mutants.replay_contents import REPLAY_CONTENTS
from eventhook_reference.mutants.replay_cursors import REPLAY_CURSORS
from eventhook_reference.mutants.replay_handovers import REPLAY_HANDOVERS
from eventhook_reference.mutants.replay_histories import REPLAY_HISTORIES
from eventhook_reference.mutants.replay_seldom import REPLAY_SELDOM
from eventhook_reference.mutants.replay_variants import REPLAY_VARIANTS
from eventhook_reference.mutants.serving import SERVING
from eventhook_reference.mutants.serving_access import SERVING_ACCESS
from eventhook_reference.mutants.serving_answers import SERVING_ANSWERS
from eventhook_reference.mutants.serving_away import SERVING_AWAY
from eventhook_reference.mutants.serving_beside import SERVING_BESIDE
from eventhook_reference.mutants.serving_coming_back import SERVING_COMING_BACK
from eventhook_reference.mutants.serving_ends import SERVING_ENDS
from eventhook_reference.mutants.serving_exact import SERVING_EXACT
from eventhook_reference.mutants.serving_feeds import SERVING_FEEDS
from eventhook_reference.mutants.serving_readers import SERVING_READERS
from eventhook_reference.mutants.serving_refusals import SERVING_REFUSALS
from eventhook_reference.mutants.serving_replays import SERVING_REPLAYS
from eventhook_reference.mutants.serving_requests import SERVING_REQUESTS
from eventhook_reference.mutants.serving_seldom import SERVING_SELDOM
from eventhook_reference.mutants.serving_types import SERVING_TYPES
from eventhook_reference.mutants.serving_unusual import SERVING_UNUSUAL
from eventhook_reference.mutants.serving_variants import SERVING_VARIANTS
from eventhook_reference.mutants.serving_waiting import SERVING_WAITING
from eventhook_reference.mutants.streaming import STREAMING
from eventhook_reference.mutants.streaming_lifetimes import STREAMING_LIFETIMES
from eventhook_reference.mutants.tenants import TENANTS
from eventhook_reference.mutants.thresholds import THRESHOLDS
from eventhook_reference.mutants.turns import TURNS
from eventhook_reference.mutants.unseen import UNSEEN
from eventhook_reference.mutants.values import VALUES
from eventhook_reference.mutants.variants import VARIANTS
from eventhook_reference.mutants.variants_late import LATE_VARIANTS


def _over_nats() -> list[Mutant]:
    """Returns those that need the extra `nats`; none if it is not installed."""
    if find_spec("nats") is None:
        return []
    from eventhook_reference.mutants.over_processes import OVER_PROCESSES
    from eventhook_reference.mutants.recovering import RECOVERING  # because: it imports nats-py
    from eventhook_reference.mutants.recovering_deeper import RECOVERING_DEEPER
    from eventhook_reference.mutants.recovering_lasting import RECOVERING_LASTING
    from eventhook_reference.mutants.recovering_nodes import RECOVERING_NODES
    from eventhook_reference.mutants.replay_restarts import REPLAY_RESTARTS
    from eventhook_reference.mutants.wire import WIRE
    from eventhook_reference.mutants.wire_lenient import WIRE_LENIENT
    from eventhook_reference.mutants.wire_server import WIRE_SERVER

    over_nats = [
        *WIRE,
        *WIRE_SERVER,
        *WIRE_LENIENT,
        *OVER_PROCESSES,
        *RECOVERING,
        *RECOVERING_LASTING,
        *RECOVERING_DEEPER,
        *RECOVERING_NODES,
        *REPLAY_RESTARTS,
    ]
    if find_spec("starlette") is None:
        return over_nats
    from eventhook_reference.mutants.serving_replicas import SERVING_REPLICAS

    return [*over_nats, *SERVING_REPLICAS]


ZOO: Final[tuple[Mutant, ...]] = (
    *PUBLISHING,
    *ORDERING,
    *REORDERING,
    *LYING,
    *LIFETIMES,
    *CLOSING,
    *CLEANING,
    *PAYLOAD,
    *ACCEPTING,
    *FILTERING,
    *PATTERNS,
    *TENANTS,
    *OVERFLOWING,
    *FILLED,
    *STREAMING,
    *STREAMING_LIFETIMES,
    *THRESHOLDS,
    *IDLING,
    *IDENTITIES,
    *VALUES,
    *CACHING,
    *COUNTING_LOSSES,
    *NEIGHBOURS,
    *BESIDE,
    *NEAR,
    *UNSEEN,
    *MEETING,
    *HASTY,
    *CANCELLED_PUBLISHES,
    *REMEMBERING,
    *TURNS,
    *COLLIDING,
    *PACKING,
    *_over_nats(),
    *VARIANTS,
    *LATE_VARIANTS,
    *LIFECYCLES,
    *LIFECYCLES_COURSE,
    *LIFECYCLES_TELLING,
    *LIFECYCLES_VALUES,
    *LIFECYCLES_EXACT,
    *LIFECYCLES_COMPOSED,
    *LIFECYCLES_LASTING,
    *LIFECYCLE_SITES,
    *SERVING,
    *SERVING_EXACT,
    *SERVING_FEEDS,
    *SERVING_ANSWERS,
    *SERVING_ACCESS,
    *SERVING_ENDS,
    *SERVING_BESIDE,
    *SERVING_READERS,
    *SERVING_WAITING,
    *SERVING_UNUSUAL,
    *SERVING_REFUSALS,
    *SERVING_REQUESTS,
    *SERVING_SELDOM,
    *SERVING_TYPES,
    *SERVING_REPLAYS,
    *SERVING_COMING_BACK,
    *SERVING_AWAY,
    *SERVING_VARIANTS,
    *REPLAY_CURSORS,
    *REPLAY_HANDOVERS,
    *REPLAY_HISTORIES,
    *REPLAY_CONTENTS,
    *REPLAY_SELDOM,
    *REPLAY_VARIANTS,
)
