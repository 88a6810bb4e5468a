"""What travels: events and their envelope, topics, the log's contract, ids and errors."""
