"""The pytest plugin: `options` is loaded in every run, `plugin` where a target is judged."""
