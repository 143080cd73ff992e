"""Fixtures for all tests."""

from tests.mariadb import mysql_database, mysql_url
from tests.postgresql import postgresql_database, postgresql_url
from tests.redis import redis_server

__all__ = [
    'mysql_database',
    'mysql_url',
    'postgresql_database',
    'postgresql_url',
    'redis_server',
]
