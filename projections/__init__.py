"""Tables derived from the log: the store, the projector that fills it, and the questions asked."""
