"""The parts of benchmarks/compare.py.

checkouts.py    two folders with a built sigmax, from revisions or folders
operations.py   what is timed, and what it answers
sample.py       a process that times them once
verdicts.py     when a difference is a regression, and when an answer is another one
conditions.py   the machine: load, throttling, what others do
"""
