"""What runs inside the pytest process of a trial: fixtures, and the report that is streamed."""
