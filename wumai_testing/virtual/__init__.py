"""How virtual time is built; `wumai_testing.clock` is its public face."""
