"""The production servers of wumai in virtual time: fixtures, scenarios and simulation."""
