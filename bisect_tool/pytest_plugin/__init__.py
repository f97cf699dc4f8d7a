"""Code that runs inside a trial's pytest process: fixtures that start servers, and the streamed report."""
