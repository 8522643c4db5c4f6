"""Local doubles of the services: real servers with state, faults and a journal."""
