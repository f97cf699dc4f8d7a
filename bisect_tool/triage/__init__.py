"""What an issue or a build page says about a regression. Pure, but for `fetch` and `resolve`."""
