"""Commands for people: match, select, nodes, explain, diff, doctor and report. The agent imports none."""
