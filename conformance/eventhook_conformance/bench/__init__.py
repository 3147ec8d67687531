"""How fast a target is, measured side by side, by what it delivers as owed."""

from eventhook_conformance.bench.result import BenchResult, TargetResult
from eventhook_conformance.bench.running import bench
from eventhook_conformance.bench.shape import Plan, quick_plan

__all__ = ["BenchResult", "Plan", "TargetResult", "bench", "quick_plan"]
