"""What wumai keeps in a SQL database: the table `job`, and the journal `operation`."""
