"""A JSON action API and a job worker on the SQL database that you have."""

__version__ = '0.1.0'
