"""Where records come from and where they stand: the logs, and the sources that feed them."""
