"""Measures how fast targets are, side by side, and checks every delivery."""

from eventhook_conformance.bench.result import BenchResult, TargetResult
from eventhook_conformance.bench.running import bench
from eventhook_conformance.bench.shape import Plan, quick_plan

__all__ = ["BenchResult", "Plan", "TargetResult", "bench", "quick_plan"]
