"""One trial: prepare, run the suite under the guardian, collect, tear down."""
