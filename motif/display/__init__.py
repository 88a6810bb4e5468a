"""How numbers, patterns and reports look to a person; everything here returns, nothing prints."""
