"""Adding up rows that say the same of the same bucket of time, one `.sql` file for each table."""
