"""How good evidence is: known logs, collectors' prefixes, generated failures, and the speed."""
