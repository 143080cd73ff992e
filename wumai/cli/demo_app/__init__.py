"""The app of `wumai demo`, a small instance service. It is an example to read: settings and
table in models.py, what clients ask for in api.py, what takes longer in worker.py.
"""
