"""The cases as pytest tests: the plugin, and the isolated pytest that the command line uses."""
