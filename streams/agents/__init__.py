"""What runs inside a Faust worker: the learners, the federator, and what is told of both."""
