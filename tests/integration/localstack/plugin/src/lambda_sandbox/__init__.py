"""Lambda execution environments as isolated processes, alone or under LocalStack."""
