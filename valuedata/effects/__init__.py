"""How two sides of pairs differ: effect sizes, intervals and tests on plain arrays."""
