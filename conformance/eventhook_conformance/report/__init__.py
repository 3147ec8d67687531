"""Writes reports. `formats` lists them: one module for each, all made from `RunResult`."""
