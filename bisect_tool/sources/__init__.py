"""Results that others ran: CI services and files, read into observations."""
