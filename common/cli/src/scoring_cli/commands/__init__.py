"""The commands, one a module: `command` is run, `SUMMARY` is its line in a list, `EXAMPLES` ends its help."""
